//! Signatures with keys, and what only someone with a key can make. Real bundles of identities are in `tests/testsuite`.

use std::time::Instant;

use data_encoding::BASE64;
use ed25519_dalek::Signer as _;
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;

use super::*;

/// A key of each kind, which signs what it is given.
enum Key {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    P256(KeyPair),
}

impl Key {
    fn both() -> [Self; 2] {
        [
            Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&[7; 32]))),
            Self::P256(KeyPair::generate_ecdsa_p256().unwrap()),
        ]
    }

    fn public(&self) -> PublicKey {
        match self {
            Self::Ed25519(key) => {
                let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
                PublicKey::from_der(&[head.as_slice(), key.verifying_key().as_bytes()].concat()).unwrap()
            }
            Self::P256(key) => PublicKey::from_der(key.public_key_der().unwrap().as_bytes()).unwrap(),
        }
    }

    fn sign(&self, bytes: &[u8]) -> String {
        match self {
            Self::Ed25519(key) => BASE64.encode(&key.sign(bytes).to_bytes()),
            Self::P256(key) => key.sign(bytes).unwrap().to_base64(),
        }
    }

    fn sign_file(&self, bytes: &[u8]) -> Bundle {
        let digest = BASE64.encode(&Sha256::of(bytes).0);
        bundle(json!({ "messageSignature": {
            "messageDigest": { "algorithm": "SHA2_256", "digest": digest },
            "signature": self.sign(bytes),
        }}))
    }

    fn sign_payload(&self, payload_type: &str, payload: &[u8]) -> Bundle {
        let signature = self.sign(&sigstore_types::pae(payload_type, payload));
        bundle(json!({ "dsseEnvelope": {
            "payload": BASE64.encode(payload),
            "payloadType": payload_type,
            "signatures": [{ "sig": signature }],
        }}))
    }
}

fn bundle(content: Value) -> Bundle {
    let mut bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "publicKey": { "hint": "ours" } },
    });
    bundle.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
    Bundle::parse(bundle.to_string().as_bytes()).unwrap()
}

fn statement(kind: &str, digest: Value) -> Vec<u8> {
    let subject = json!([{ "name": "walls.whl", "digest": digest }]);
    json!({ "_type": kind, "subject": subject, "predicateType": "urn:x" }).to_string().into_bytes()
}

fn verifier() -> Verifier {
    Verifier::new(&TrustedRoot::embedded().unwrap()).unwrap()
}

const IN_TOTO: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

#[test]
fn a_file_signed_with_a_key_verifies_with_that_key_and_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, b"content").unwrap();
    let other = PublicKey::from_der(
        &[&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &[9; 32]].concat(),
    )
    .unwrap();
    for key in Key::both() {
        let (bundle, keys) = (key.sign_file(b"content"), [other.clone(), key.public()]);
        let verified = verifier().verify_file(&bundle, &path, &keys).unwrap();
        assert_eq!(verified.signer, Signer::Key { key: key.public() });
        assert!(!verified.logged() && verified.times.is_empty());
        let refused = |keys: &[PublicKey]| verifier().verify_file(&bundle, &path, keys).unwrap_err();
        assert!(matches!(refused(&keys[..1]), TrustError::NotByKey { .. }));
        assert!(matches!(refused(&[]), TrustError::NoKey { hint } if hint == "ours"));
        std::fs::write(folder.path().join("other"), b"contents").unwrap();
        let other = verifier().verify_file(&bundle, &folder.path().join("other"), &keys).unwrap_err();
        assert!(matches!(other, TrustError::OtherFile { .. }));
    }
}

#[test]
fn ed25519_over_a_file_needs_the_file() {
    let [ed25519, p256] = Key::both();
    let digest = Sha256::of(b"content");
    verifier().verify_artifact(&p256.sign_file(b"content"), digest, &[p256.public()]).unwrap();
    let refused = verifier().verify_artifact(&ed25519.sign_file(b"content"), digest, &[ed25519.public()]);
    assert!(matches!(refused, Err(TrustError::NeedsFile)));
}

#[test]
fn a_statement_signed_with_a_key_comes_back_whole() {
    let payload = statement(STATEMENT, json!({ "sha256": Sha256::of(b"content").to_string() }));
    for key in Key::both() {
        let bundle = key.sign_payload(IN_TOTO, &payload);
        let (verified, read) = verifier().verify_statement(&bundle, &[key.public()]).unwrap();
        assert_eq!((verified.signer, read), (Signer::Key { key: key.public() }, payload.clone()));
        verifier().verify_artifact(&bundle, Sha256::of(b"content"), &[key.public()]).unwrap();
        let other = verifier().verify_artifact(&bundle, Sha256::of(b"other"), &[key.public()]).unwrap_err();
        assert!(matches!(&other, TrustError::OtherSubjects { subjects, .. } if *subjects == ["walls.whl"]));
        let file = key.sign_file(b"content");
        assert!(matches!(verifier().verify_statement(&file, &[key.public()]), Err(TrustError::NoStatement)));
    }
}

/// Their signatures are right, and what they sign is no statement about the file.
#[test]
fn a_signed_payload_that_is_no_statement_about_the_file_is_refused() {
    let key = Key::P256(KeyPair::generate_ecdsa_p256().unwrap());
    let digest = Sha256::of(b"content");
    let hex = digest.to_string();
    let right = json!({ "sha256": hex });
    for (payload_type, payload) in [
        ("application/json", statement(STATEMENT, right.clone())),
        ("application/vnd.in-toto+JSON", statement(STATEMENT, right.clone())),
        (IN_TOTO, statement("https://in-toto.io/Statement/v2", right.clone())),
        (IN_TOTO, statement(STATEMENT, json!({ "sha1": hex }))),
        (IN_TOTO, statement(STATEMENT, json!({ "sha256": hex.to_uppercase() }))),
        (IN_TOTO, statement(STATEMENT, json!({ "sha256": hex[..62] }))),
        (IN_TOTO, statement(STATEMENT, json!({}))),
        (IN_TOTO, b"{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[]}".to_vec()),
        (IN_TOTO, b"content".to_vec()),
    ] {
        let bundle = key.sign_payload(payload_type, &payload);
        let shown = String::from_utf8_lossy(&payload).into_owned();
        let refused = verifier().verify_artifact(&bundle, digest, &[key.public()]).unwrap_err();
        assert!(
            matches!(refused, TrustError::Statement { .. } | TrustError::OtherSubjects { .. }),
            "{shown}: {refused}"
        );
        assert!(verifier().verify_statement(&bundle, &[key.public()]).is_err(), "{shown}");
    }
}

/// Of entries of the kind `intoto`, the crate compares only the keys of the two certificates.
#[test]
fn an_entry_is_of_the_kind_and_the_certificate_that_the_bundle_names() {
    let read = |bytes: &[u8]| Bundle::parse(bytes).unwrap();
    let mut npm = read(include_bytes!("../../../tests/data/sigstore/npm-sigstore-2.0.0.sigstore.json"));
    let wheel =
        read(include_bytes!("../../../tests/data/sigstore/rfc8785-0.1.2-py3-none-any.whl.sigstore.json"));
    let entry = npm.inner.verification_material.tlog_entries[0].clone();
    let verifier = verifier();
    log::check(&verifier.logs, &npm, &entry, &[]).unwrap();
    npm.inner.verification_material.content = wheel.inner.verification_material.content;
    let refused = log::check(&verifier.logs, &npm, &entry, &[]).unwrap_err();
    assert_eq!(refused, "the log has another certificate than the bundle");
    let mut entry = wheel.inner.verification_material.tlog_entries[0].clone();
    entry.kind_version = sigstore_types::KindVersion::DsseV001;
    let refused = log::check(&verifier.logs, &npm, &entry, &[]).unwrap_err();
    assert_eq!(refused, "the log has an entry of another kind than the bundle says");
}

#[test]
fn a_verifier_is_shared_between_threads_and_takes_milliseconds() {
    fn shared<T: Send + Sync>(value: T) -> T {
        value
    }
    let verifier = shared(verifier());
    let bundle = Bundle::read(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/sigstore/signed-package.conda.sigstore.json"
    )));
    let bundle = bundle.unwrap();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| drop(verifier.verify_statement(&bundle, &[]).unwrap())));
        }
    });
    // A generous limit: what it guards against is work that grows, such as parsing the trusted root each time.
    assert!(start.elapsed().as_secs() < 10);
}
