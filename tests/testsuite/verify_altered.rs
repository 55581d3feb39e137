//! Nothing in a bundle may be altered: real bundles, with each of their parts changed in turn.

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use proptest::prelude::*;
use rvp::model::PublicKey;
use rvp::trust::{Artifact, Bundle, TrustedRoot, Verifier};
use serde_json::{Value, json};

struct Case {
    bundle: &'static str,
    file: &'static str,
    staging: bool,
    /// The changes that do no harm, each with a reason in `harmless`.
    harmless: &'static [Harmless],
}

/// Changes that leave a bundle valid, because the specifications say that nobody may rely on the part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Harmless {
    /// The digest only says which file was meant, and "clients must not attempt to use it to verify" (protobuf-specs, `MessageSignature`):
    /// so it may be missing. A wrong one is refused.
    NoMessageDigest,
    /// "The key ID is unauthenticated, and a hint" (DSSE protocol).
    EnvelopeKeyId,
    /// "The hint is not authenticated" (protobuf-specs, `PublicKeyIdentifier`): the key comes from whoever verifies.
    KeyHint,
    /// Several proofs of time, of which one suffices: what is left is still proved.
    OneTimestampLess,
    OnePromiseLess,
    /// Version 0.1 demands the promise, and not the proof.
    NoProof,
    /// A signature with a key needs no log.
    NoLog,
    /// Empty parts say nothing.
    NoEmptyPart,
    /// "Verifiers must ignore signatures of unknown keys" (C2SP signed-note), as those of witnesses, which stand after the log's.
    Witnesses,
}

use Harmless::{
    EnvelopeKeyId, KeyHint, NoEmptyPart, NoLog, NoMessageDigest, NoProof, OnePromiseLess, OneTimestampLess,
    Witnesses,
};

const CASES: [Case; 7] = [
    Case {
        bundle: "rfc8785-0.1.2-py3-none-any.whl.sigstore.json",
        file: "sha256:c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201",
        staging: false,
        harmless: &[NoMessageDigest],
    },
    Case {
        bundle: "npm-sigstore-2.0.0.sigstore.json",
        file: "sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c",
        staging: false,
        harmless: &[EnvelopeKeyId, NoProof, NoEmptyPart],
    },
    Case {
        bundle: "signed-package.conda.sigstore.json",
        file: "signed-package.conda",
        staging: false,
        harmless: &[EnvelopeKeyId, NoEmptyPart],
    },
    Case {
        bundle: "signed-package.conda.rekor-v2.sigstore.json",
        file: "signed-package.conda",
        staging: true,
        harmless: &[EnvelopeKeyId, Witnesses],
    },
    Case {
        bundle: "cosign-blob.txt.sigstore.json",
        file: "cosign-blob.txt",
        staging: false,
        harmless: &[NoMessageDigest, OneTimestampLess, OnePromiseLess],
    },
    Case {
        bundle: "rekor-v2.txt.sigstore.json",
        file: "rekor-v2.txt",
        staging: true,
        harmless: &[NoMessageDigest],
    },
    Case {
        bundle: "managed-key.txt.sigstore.json",
        file: "managed-key.txt",
        staging: false,
        harmless: &[NoMessageDigest, KeyHint, OneTimestampLess, OnePromiseLess, NoLog],
    },
];

impl Case {
    fn json(&self) -> Value {
        serde_json::from_slice(&fs::read(data().join(self.bundle)).unwrap()).unwrap()
    }

    fn verifier(&self) -> Verifier {
        let root = match self.staging {
            true => TrustedRoot::read(&data().join("staging-trusted-root.json")),
            false => TrustedRoot::embedded(),
        };
        Verifier::new(&root.unwrap()).unwrap()
    }

    fn check_changes(&self) {
        let (bundle, verifier) = (self.json(), self.verifier());
        assert!(self.verifies(&verifier, bundle.to_string().as_bytes()), "{}", self.bundle);
        let changes = changes(&bundle);
        assert!(changes.len() > 800, "{} has only {} changes", self.bundle, changes.len());
        let surprise = |change: &Change| {
            let harmless = change.harmless.is_some_and(|reason| self.harmless.contains(&reason));
            let verifies = self.verifies(&verifier, change.bundle.to_string().as_bytes());
            (verifies != harmless).then(|| format!("{}, {}: {verifies}", self.bundle, change.what))
        };
        let surprises: Vec<String> = changes.iter().filter_map(surprise).collect();
        assert!(
            surprises.is_empty(),
            "verifies, or does not, against expectation:\n{}",
            surprises.join("\n")
        );
    }

    fn verifies(&self, verifier: &Verifier, bytes: &[u8]) -> bool {
        let key = PublicKey::parse(&fs::read_to_string(data().join("managed-key.pub")).unwrap()).unwrap();
        let content = fs::read(data().join(self.file)).unwrap_or_default();
        let hex = |hex: &str| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
        let artifact = match self.file.split_once(':') {
            Some(("sha256", digest)) => Artifact::Sha256(digest.parse().unwrap()),
            Some((_, digest)) => Artifact::Sha512(hex(digest).try_into().unwrap()),
            None => Artifact::Bytes(&content),
        };
        Bundle::parse(bytes).is_ok_and(|bundle| verifier.verify(&bundle, artifact, &[key]).is_ok())
    }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sigstore")
}

/// One change of a bundle.
struct Change {
    /// Where, as a JSON pointer, and what was done there.
    what: String,
    harmless: Option<Harmless>,
    bundle: Value,
}

/// Every change of every part of a bundle.
fn changes(bundle: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    walk(bundle, "", bundle, &mut changes);
    changes
}

fn walk(whole: &Value, at: &str, part: &Value, changes: &mut Vec<Change>) {
    let mut push = |what: &str, path: &str, harmless: Option<Harmless>, new: Value| {
        let mut bundle = whole.clone();
        *bundle.pointer_mut(at).unwrap() = new;
        let harmless = harmless.or_else(|| reason(path, what));
        changes.push(Change { what: format!("{path}: {what}"), harmless, bundle });
    };
    match part {
        Value::Null => push("filled", at, None, json!("AAAA")),
        Value::Bool(value) => push("turned", at, None, json!(!value)),
        Value::Number(number) => push("one more", at, None, json!(number.as_u64().unwrap() + 1)),
        Value::String(text) => alter_text(at, text, &mut push),
        Value::Array(items) => {
            for number in 0..items.len() {
                let mut fewer = items.clone();
                fewer.remove(number);
                push("removed", &format!("{at}/{number}"), None, fewer.into());
            }
            let mut more = items.clone();
            more.push(items.last().cloned().unwrap_or(json!({})));
            push("one item more", at, None, more.into());
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let mut fewer = fields.clone();
                fewer.remove(name);
                let empty = value.is_null() || *value == json!([]) || *value == json!({});
                let harmless = (empty || *value == json!({ "rfc3161Timestamps": [] })).then_some(NoEmptyPart);
                push("removed", &format!("{at}/{name}"), harmless, fewer.into());
            }
            let mut more = fields.clone();
            more.insert("unknown".into(), json!("x"));
            push("unknown field", at, None, more.into());
        }
    }
    match part {
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                walk(whole, &format!("{at}/{number}"), item, changes);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                walk(whole, &format!("{at}/{name}"), value, changes);
            }
        }
        _ => {}
    }
}

/// Numbers one more; base64 with each of its bytes altered, but of long ones about a hundred; other texts with each of their
/// characters altered.
fn alter_text(at: &str, text: &str, push: &mut impl FnMut(&str, &str, Option<Harmless>, Value)) {
    if let Ok(number) = text.parse::<u64>() {
        return push("one more", at, None, json!((number + 1).to_string()));
    }
    let base64 = BASE64.decode(text.as_bytes()).ok().filter(|bytes| bytes.len() > 8);
    let witnesses = text.match_indices("\n— ").nth(1).map_or(text.len(), |(start, _)| start + 1);
    if at.ends_with("/checkpoint/envelope") && witnesses < text.len() {
        push("without witnesses", at, Some(Witnesses), json!(text[..witnesses]));
    }
    let bytes = base64.as_deref().unwrap_or(&text.as_bytes()[..witnesses]);
    for position in (0..bytes.len()).step_by(if base64.is_some() { 1 + bytes.len() / 100 } else { 1 }) {
        let mut altered = bytes.to_vec();
        altered[position] ^= 1;
        let new = match base64 {
            Some(_) => BASE64.encode(&altered),
            // A byte of a character of several: its change is no longer text.
            None => match String::from_utf8(altered) {
                Ok(new) => new + &text[witnesses..],
                Err(_) => continue,
            },
        };
        push(&format!("byte {position}"), at, None, json!(new));
    }
    push("emptied", at, None, json!(""));
    push("longer", at, None, json!(format!("{text}A")));
}

/// Why a change does no harm, where it does none.
fn reason(path: &str, what: &str) -> Option<Harmless> {
    let is_removal = what == "removed";
    Some(match path {
        "/messageSignature/messageDigest" if is_removal => NoMessageDigest,
        "/dsseEnvelope/signatures/0/keyid" => EnvelopeKeyId,
        "/verificationMaterial/publicKey/hint" => KeyHint,
        "/verificationMaterial/timestampVerificationData"
        | "/verificationMaterial/timestampVerificationData/rfc3161Timestamps"
        | "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0"
            if is_removal =>
        {
            OneTimestampLess
        }
        "/verificationMaterial/tlogEntries/0/inclusionPromise" if is_removal => OnePromiseLess,
        "/verificationMaterial/tlogEntries/0/inclusionProof" if is_removal => NoProof,
        "/verificationMaterial/tlogEntries" | "/verificationMaterial/tlogEntries/0" if is_removal => NoLog,
        _ => return None,
    })
}

#[test]
fn real_bundles_verify_and_none_of_their_parts_can_be_altered() {
    std::thread::scope(|scope| {
        for case in &CASES {
            scope.spawn(|| case.check_changes());
        }
    });
}

#[test]
fn a_cut_bundle_is_refused_wherever_it_is_cut() {
    let bytes = fs::read(data().join(CASES[0].bundle)).unwrap();
    let end = bytes.iter().rposition(|byte| *byte == b'}').unwrap();
    for length in 0..=end {
        assert!(Bundle::parse(&bytes[..length]).is_err(), "cut after {length} bytes");
    }
}

/// A later verifier that lets another of two equal keys win would see another bundle.
#[test]
fn a_key_twice_is_refused_in_every_object() {
    for case in &CASES {
        let text = fs::read_to_string(data().join(case.bundle)).unwrap();
        let compact = serde_json::from_str::<Value>(&text).unwrap().to_string();
        for (position, _) in compact.match_indices('{') {
            let rest = &compact[position + 1..];
            let Some((name, _)) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) else {
                continue;
            };
            for value in ["null", "\"AAAA\"", "{}", "[]"] {
                let twice = format!("{}\"{name}\":{value},{rest}", &compact[..=position]);
                assert!(Bundle::parse(twice.as_bytes()).is_err(), "{}: {name} twice", case.bundle);
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Bundle::parse(&bytes);
    }

    #[test]
    fn no_altered_bytes_make_the_verifier_panic(position in any::<prop::sample::Index>(), byte: u8) {
        let case = &CASES[3];
        let mut bytes = fs::read(data().join(case.bundle)).unwrap();
        let position = position.index(bytes.len());
        bytes[position] = byte;
        let _ = case.verifies(&case.verifier(), &bytes);
    }
}
