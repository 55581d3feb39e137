// The part of GitHub's own description of its REST API that the tests use, as a file of its own: all of it takes ten times as long to
// load, and half a gigabyte of disk.
//
// Use: node describe-api.mjs MODULES
//
// MODULES is the folder in which `npm ci` was run. It receives `api.json`; the descriptions themselves are removed from it.

import fs from "node:fs";
import path from "node:path";

const [modules] = process.argv.slice(2);
const generated = path.join(modules, "node_modules/@octokit/openapi/generated");
const whole = JSON.parse(fs.readFileSync(path.join(generated, "api.github.com.json"), "utf8"));

const wanted = ["pulls", "pulls/{pull_number}", "pages", "rulesets"].map((name) => `/repos/{owner}/{repo}/${name}`);
const paths = Object.fromEntries(wanted.map((name) => [name, whole.paths[name]]));

// What the paths refer to, and what that refers to.
const components = {};
const waiting = [paths];
while (waiting.length > 0) {
    const value = waiting.pop();
    if (value === null || typeof value !== "object") continue;
    waiting.push(...Object.values(value));
    const place = typeof value.$ref === "string" && value.$ref.match(/^#\/components\/([^/]+)\/([^/]+)$/);
    if (!place) continue;
    const [, kind, name] = place;
    components[kind] ??= {};
    if (name in components[kind]) continue;
    components[kind][name] = whole.components[kind][name];
    waiting.push(components[kind][name]);
}

const { openapi, info, servers } = whole;
fs.writeFileSync(path.join(modules, "api.json"), JSON.stringify({ openapi, info, servers, paths, components }));
for (const name of fs.readdirSync(generated)) {
    if (name.endsWith(".json")) fs.rmSync(path.join(generated, name));
}
