// Verifies a bundle that was signed with a key, by the JavaScript implementation of Sigstore, and prints the bundle's hint to the key.
//
// Use: node verify-with-key.mjs MODULES PUBLIC-KEY BUNDLE FILE

import crypto from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [modules, publicKey, bundle, file] = process.argv.slice(2);
const require = createRequire(path.resolve(modules, "package.json"));
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const nobody = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const key = crypto.createPublicKey(fs.readFileSync(publicKey));
const trusted = toTrustMaterial(nobody, (hint) => {
  console.log(hint);
  return { publicKey: key, validFor: () => true };
});
const entity = toSignedEntity(bundleFromJSON(JSON.parse(fs.readFileSync(bundle))), fs.readFileSync(file));
new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 }).verify(entity);
