//! Bundles, statements, policies, and the word of witnesses.

use std::path::Path;
use std::sync::LazyLock;

use rvp::model::Sha256;
use rvp::registry::{Evidence, WitnessKey, cosignatures};
use rvp::trust::policy::{Level, PolicyFile};
use rvp::trust::{Bundle, RecordLine, Statement, TrustedRoot, Verifier};

/// No bundle is a signature of bytes that nobody has signed.
pub fn bundle(data: &[u8]) {
    static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
        let root = TrustedRoot::embedded().expect("the embedded root is read");
        Verifier::new(&root).expect("the embedded root is sound")
    });
    let Ok(bundle) = Bundle::parse(data) else { return };
    let nothing = Sha256::of(b"signed by nobody");
    assert!(VERIFIER.verify_artifact(&bundle, nothing, &[]).is_err(), "nobody has signed this");
    if let Ok((_, payload)) = VERIFIER.verify_statement(&bundle, &[]) {
        assert!(bundle.is_statement() && !bundle.is_by_key());
        serde_json::from_slice::<serde_json::Value>(&payload).expect("a verified statement is JSON");
    }
}

/// What is read as a statement covers the records that a statement is made of, and no others. The input is a record, or a payload.
pub fn statement(data: &[u8]) {
    let _ = Statement::parse(data);
    let Ok(line) = std::str::from_utf8(data) else { return };
    let record = RecordLine { path: "index/python/ac/me/acme-walls", line };
    let Ok(payload) = Statement::payload("acme", &[record]) else { return };
    let statement = Statement::parse(&payload).expect("a payload that was written is read");
    statement.covers("acme", record).expect("the record is covered");
    assert!(statement.covers("other", record).is_err(), "of this registry only");
    let other = RecordLine { line: r#"{"kind":"other"}"#, ..record };
    assert!(statement.covers("acme", other).is_err() || line.contains("other"), "no other record is covered");
}

/// Bytes of a policy that are read are kept as they are, whoever wrote them; and what is wrong is fit for a terminal.
pub fn policy(data: &[u8]) {
    let path = Path::new("policy.toml");
    for level in [Level::Machine, Level::Project, Level::Registry("acme".to_owned())] {
        match PolicyFile::parse(level, path, data.to_owned()) {
            Ok(policy) => assert_eq!(policy.bytes(), data),
            Err(error) => {
                let shown = error.to_string();
                assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
            }
        }
    }
}

/// Evidence is the same when it is written and read again, and nobody makes any without the key.
pub fn evidence(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(evidence) = Evidence::parse(text) else { return };
    let written = evidence.to_text();
    let again = Evidence::parse(&written).expect("evidence that was written is read");
    assert_eq!(again.to_text(), written);
    let _ = evidence.check();
}

/// No bytes bear the word of a witness that has not given it. The first line may be a verifier key.
pub fn cosignature(data: &[u8]) {
    static KEY: LazyLock<String> =
        LazyLock::new(|| WitnessKey::generate("witness.example").expect("a key is made").verifier_key());
    let found = cosignatures(data, std::slice::from_ref(&*KEY)).expect("the key is one of a witness");
    assert!(found.is_empty(), "nobody can sign without the key");
    if let Ok(text) = std::str::from_utf8(data) {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let _ = cosignatures(rest.as_bytes(), &[first.to_owned()]);
    }
}
