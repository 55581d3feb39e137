// Sigstore's services on loopback, for tests: Fulcio, Rekor (v1 and v2), a timestamp authority, and an OpenID Connect issuer
// whose tokens Fulcio takes. They are those of `@sigstore/mock`; this server gives them HTTP, and does what they leave out:
//
//   - Fulcio verifies tokens, and puts the identity into the certificate that the public instance would.
//   - Rekor writes the canonical entry of a DSSE envelope, and of the second version of the log, as the real ones do.
//   - The timestamp authority reads requests in DER.
//
// Use: node server.mjs MODULES FOLDER
//
// MODULES is the folder in which `npm ci` was run, beside a copy of package.json. FOLDER receives `trust-config.json`, a client
// trust configuration (signing configuration with Rekor v1, and trusted root), and `trust-config-v2.json`, the same with Rekor
// v2. When both are written, the server prints its address, and it ends when its standard input does.

import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const [modules, folder] = process.argv.slice(2);
const require = createRequire(path.resolve(modules, "package.json"));
const { initializeCA, initializeCTLog, fulcioHandler, initializeTLog, initializeTSA } = require("@sigstore/mock");
const x509 = require("@peculiar/x509");
const names = x509.SubjectAlternativeNameExtension;
const canonicalize = require("canonicalize");
const jose = require("jose");
const pkijs = require("pkijs");

const sha256 = (bytes) => crypto.createHash("sha256").update(bytes).digest();
const newKey = () => crypto.generateKeyPairSync("ec", { namedCurve: "prime256v1" });

// Fulcio's certificates name an e-mail address as one; those of `@sigstore/mock` name everything as a URL.
class Names extends names {
  constructor(list, critical) {
    super(list.map((name) => (/^[^/]+@[^/]+$/.test(name.value) ? { ...name, type: "email" } : name)), critical);
  }
}

// The identity that goes into a certificate, and the issuer, by the claims of a token: those of the public instance's
// configuration (sigstore/fulcio, config/identity/config.yaml).
function subject(claims) {
  const circleci = (name) => claims[`oidc.circleci.com/${name}`];
  if (claims.job_workflow_ref) return `https://github.com/${claims.job_workflow_ref}`;
  if (claims.ci_config_ref_uri) return `https://${claims.ci_config_ref_uri}`;
  if (claims.organization_slug) return `https://buildkite.com/${claims.organization_slug}/${claims.pipeline_slug}`;
  if (circleci("project-id"))
    return `https://circleci.com/api/v2/projects/${circleci("project-id")}/pipeline-definitions/${circleci("pipeline-definition-id")}`;
  return claims.email ?? claims.sub;
}

async function services() {
  const [ctKey, caKey, logKey, log2Key, tsaKey, issuerKey] = Array.from({ length: 6 }, newKey);
  const ctLog = await initializeCTLog(ctKey);
  const ca = await initializeCA(caKey, ctLog);
  return {
    ctLog,
    ca,
    fulcio: fulcioHandler(ca).fn,
    log: await initializeTLog("http://rekor.test", logKey),
    log2: await initializeTLog("http://rekor-v2.test", log2Key),
    tsa: await initializeTSA(tsaKey),
    issuerKey,
    // Codes of logins under way: what was asked for.
    logins: new Map(),
  };
}

// A token of the issuer, which is valid for ten minutes unless `claims` says otherwise.
function token(state, base, claims) {
  const now = Math.floor(Date.now() / 1000);
  const all = { iss: base, aud: "sigstore", iat: now, exp: now + 600, ...claims };
  return new jose.SignJWT(all).setProtectedHeader({ alg: "ES256", kid: "1" }).sign(state.issuerKey.privateKey);
}

async function signingCertificate(state, body, name = subject) {
  const request = JSON.parse(body);
  const verified = await jose.jwtVerify(request.credentials.oidcIdentityToken, state.issuerKey.publicKey, {
    audience: "sigstore",
    clockTolerance: 0,
  });
  const claims = verified.payload;
  const { publicKey, proofOfPossession } = request.publicKeyRequest;
  const challenge = Buffer.from(claims.email ?? claims.sub);
  if (!crypto.verify("sha256", challenge, publicKey.content, Buffer.from(proofOfPossession, "base64")))
    throw new Error("the key that signed the challenge is another one");
  // The handler takes the identity from `sub`, and verifies nothing.
  const taken = { ...claims, sub: name(claims), iss: claims.federated_claims?.connector_id ?? claims.iss };
  request.credentials.oidcIdentityToken = new jose.UnsecuredJWT(taken).encode();
  return state.fulcio(JSON.stringify(request));
}

// Rekor v1 writes certificates in one form of PEM, and keeps digests and signatures of an envelope, not the envelope.
function entryV1({ apiVersion, kind, spec }) {
  const certificate = (base64) =>
    Buffer.from(new crypto.X509Certificate(Buffer.from(base64, "base64")).toString()).toString("base64");
  if (kind === "hashedrekord") {
    const publicKey = { content: certificate(spec.signature.publicKey.content) };
    return { apiVersion, kind, spec: { ...spec, signature: { ...spec.signature, publicKey } } };
  }
  const { envelope, verifiers } = spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope);
  const hash = (bytes) => ({ algorithm: "sha256", value: sha256(bytes).toString("hex") });
  return {
    apiVersion,
    kind,
    spec: {
      envelopeHash: hash(envelope),
      payloadHash: hash(Buffer.from(payload, "base64")),
      signatures: signatures.map(({ sig }, number) => ({ signature: sig, verifier: certificate(verifiers[number]) })),
    },
  };
}

function entryV2(log, request) {
  const { digest, signature } = request.hashedRekordRequestV002;
  const spec = { hashedRekordV002: { data: { algorithm: "SHA2_256", digest }, signature } };
  const body = Buffer.from(canonicalize({ apiVersion: "0.0.2", kind: "hashedrekord", spec }));
  const logID = sha256(log.publicKey);
  const proof = log.calculateInclusionProof({ body, logID, timestamp: Math.floor(Date.now() / 1000) });
  return {
    logIndex: "0",
    logId: { keyId: logID.toString("base64") },
    kindVersion: { kind: "hashedrekord", version: "0.0.2" },
    integratedTime: "0",
    inclusionProof: {
      logIndex: "0",
      treeSize: String(proof.treeSize),
      rootHash: Buffer.from(proof.rootHash, "hex").toString("base64"),
      hashes: [],
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: body.toString("base64"),
  };
}

async function timestamp(tsa, body) {
  const request = pkijs.TimeStampReq.fromBER(body);
  const { hashAlgorithm, hashedMessage } = request.messageImprint;
  // A nonce is larger than a number of JavaScript can be. The time has whole seconds, as the public instance's has.
  const { tstInfo } = Object.getPrototypeOf(tsa);
  const genTime = new Date(Math.floor(Date.now() / 1000) * 1000);
  const exact = Object.create(tsa, {
    tstInfo: { value: (from) => Object.assign(tstInfo.call(tsa, from), { nonce: request.nonce, genTime }) },
  });
  return exact.timestamp({
    artifactHash: Buffer.from(hashedMessage.valueBlock.valueHexView),
    hashAlgorithmOID: hashAlgorithm.algorithmId,
    policyOID: "1.3.6.1.4.1.57264.2",
    nonce: 0,
    certReq: request.certReq ?? false,
  });
}

// OAuth's authorization code flow with PKCE (RFC 7636), for a user who always agrees.
function authorize(state, url) {
  const code = crypto.randomBytes(16).toString("hex");
  const query = Object.fromEntries(url.searchParams);
  state.logins.set(code, query);
  if (query.redirect_uri.startsWith("urn:")) return { body: code };
  const back = new URL(query.redirect_uri);
  back.searchParams.set("code", code);
  back.searchParams.set("state", query.state);
  return { status: 302, headers: { location: back.href } };
}

async function exchange(state, base, body) {
  const form = new URLSearchParams(body.toString());
  const login = state.logins.get(form.get("code"));
  state.logins.delete(form.get("code"));
  const challenge = sha256(form.get("code_verifier") ?? "").toString("base64url");
  if (!login || login.code_challenge !== challenge || login.redirect_uri !== form.get("redirect_uri"))
    return { status: 400, body: "invalid_grant" };
  const claims = {
    sub: "ana",
    email: "ana@acme.example",
    email_verified: true,
    federated_claims: { connector_id: "https://login.acme.example", user_id: "ana" },
  };
  return { json: { token_type: "bearer", access_token: "-", id_token: await token(state, base, claims) } };
}

const configuration = (base) => ({
  issuer: base,
  jwks_uri: `${base}/jwks`,
  authorization_endpoint: `${base}/auth`,
  token_endpoint: `${base}/token`,
  response_types_supported: ["code"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["ES256"],
});

const fromHandler = ({ statusCode, response, contentType }) => ({
  status: statusCode,
  body: response,
  headers: { "content-type": contentType ?? "text/plain" },
});

async function answer(state, base, request, url, body) {
  switch (`${request.method} ${url.pathname}`) {
    case "POST /api/v2/signingCert":
      return fromHandler(await signingCertificate(state, body));
    case "POST /api/v1/log/entries":
      return { status: 201, json: await state.log.log(entryV1(JSON.parse(body))) };
    case "POST /api/v2/log/entries":
      return { status: 201, json: entryV2(state.log2, JSON.parse(body)) };
    case "POST /api/v1/timestamp":
      return {
        status: 201,
        body: await timestamp(state.tsa, body),
        headers: { "content-type": "application/timestamp-reply" },
      };
    case "GET /.well-known/openid-configuration":
      return { json: configuration(base) };
    case "GET /jwks":
      return { json: { keys: [{ ...state.issuerKey.publicKey.export({ format: "jwk" }), kid: "1", alg: "ES256" }] } };
    case "GET /auth":
      return authorize(state, url);
    case "POST /token":
      return exchange(state, base, body);
    // A token with the claims of the request.
    case "POST /tokens":
      return { body: await token(state, base, JSON.parse(body)) };
    // What a job of GitHub asks for its token; the claims stand in the URL that the job is given.
    case "GET /github":
      if (request.headers.authorization !== "Bearer of-the-job")
        return { status: 401, body: "bad credentials" };
      return {
        json: {
          value: await token(state, base, {
            ...JSON.parse(url.searchParams.get("claims")),
            aud: url.searchParams.get("audience"),
          }),
        },
      };
    // A service that names signers in its own way.
    case "POST /renamed/api/v2/signingCert":
      return fromHandler(await signingCertificate(state, body, (claims) => `https://people.example/${claims.sub}`));
    // Services as they should not be.
    case "POST /garbage/api/v2/signingCert":
    case "POST /garbage/api/v1/log/entries":
    case "POST /garbage/api/v1/timestamp":
      return { status: 201, body: "<html>It works!</html>" };
    case "POST /echo/api/v2/signingCert":
      return { status: 400, body };
    case "POST /away/api/v2/signingCert":
      return { status: 307, headers: { location: "/echo/api/v2/signingCert" } };
    default:
      return { status: 404, body: `nothing at ${url.pathname}` };
  }
}

function trustConfig(state, base, rekor) {
  const from = { start: new Date(Date.now() - 3_600_000).toISOString() };
  const key = (bytes) => ({
    rawBytes: Buffer.from(bytes).toString("base64"),
    keyDetails: "PKIX_ECDSA_P256_SHA_256",
    validFor: from,
  });
  const log = (publicKey, baseUrl) => ({
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: key(publicKey),
    logId: { keyId: sha256(publicKey).toString("base64") },
  });
  const authority = (uri, ...certificates) => ({
    subject: { organization: "sigstore.mock", commonName: "sigstore" },
    uri,
    certChain: { certificates: certificates.map((bytes) => ({ rawBytes: Buffer.from(bytes).toString("base64") })) },
    validFor: from,
  });
  const service = (url, majorApiVersion) => ({ url, majorApiVersion, validFor: from, operator: "sigstore.mock" });
  return {
    mediaType: "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
    trustedRoot: {
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [log(state.log.publicKey, "http://rekor.test"), log(state.log2.publicKey, "http://rekor-v2.test")],
      certificateAuthorities: [authority(base, state.ca.rootCertificate)],
      ctlogs: [log(state.ctLog.publicKey, base)],
      timestampAuthorities: [authority(base, state.tsa.intCertificate, state.tsa.rootCertificate)],
    },
    signingConfig: {
      mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
      caUrls: [service(base, 1)],
      oidcUrls: [service(base, 1)],
      rekorTlogUrls: [service(base, rekor)],
      rekorTlogConfig: { selector: "ANY" },
      tsaUrls: [service(`${base}/api/v1/timestamp`, 1)],
      tsaConfig: { selector: "ANY" },
    },
  };
}

x509.SubjectAlternativeNameExtension = Names;
const state = await services();
const server = http.createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const url = new URL(request.url, base);
  const result = await answer(state, base, request, url, Buffer.concat(chunks)).catch((error) => ({
    status: 400,
    body: error.message,
  }));
  const headers = result.json ? { "content-type": "application/json" } : {};
  response.writeHead(result.status ?? 200, { ...headers, ...result.headers });
  response.end(result.json ? JSON.stringify(result.json) : result.body);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const base = `http://127.0.0.1:${server.address().port}`;
for (const [rekor, name] of [[1, "trust-config.json"], [2, "trust-config-v2.json"]])
  fs.writeFileSync(path.join(folder, name), JSON.stringify(trustConfig(state, base, rekor), null, 2));
console.log(base);
process.stdin.on("end", () => process.exit()).resume();
