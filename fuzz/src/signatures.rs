//! What is signed, and by whom.

use std::sync::LazyLock;

use rvp::model::{PublicKey, matches_pattern};
use rvp::registry::{Checkpoint, LogKey};
use signed_note::{Note, StandardSigner};

/// A checkpoint that verifies is written as it is read, whoever signed its body.
pub fn checkpoint(data: &[u8]) {
    static KEY: LazyLock<(LogKey, String)> =
        LazyLock::new(|| LogKey::generate("acme").expect("a key is made"));
    let (key, verifier) = &*KEY;
    assert!(Checkpoint::verify("", data, verifier).is_err(), "nobody can sign without the key");
    if let Ok(text) = std::str::from_utf8(data) {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let _ = Checkpoint::verify("", rest.as_bytes(), first);
    }

    let signer = StandardSigner::new(key.to_text()).expect("a signer");
    let Ok(mut note) = Note::new(data, &[]) else { return };
    if note.add_sigs(&[&signer]).is_err() {
        return;
    }
    let Ok(read) = Checkpoint::verify("", &note.to_bytes(), verifier) else { return };
    assert_eq!(read.origin, "acme");
    let written = read.sign(key).expect("a checkpoint that was read is written");
    assert_eq!(Checkpoint::verify("", &written, verifier).expect("it is read back"), read);
}

/// A key that is read is written in both forms, and read back the same.
pub fn public_key(data: &[u8]) {
    if let Ok(key) = PublicKey::from_der(data) {
        assert_eq!(key.as_der(), data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(key) = PublicKey::parse(text) else { return };
    assert_eq!(PublicKey::parse(&key.to_pem()).expect("PEM is read back"), key);
    assert_eq!(PublicKey::from_der(key.as_der()).expect("DER is read back"), key);
}

/// Patterns match as the plain definition of them says. The first line is the pattern.
pub fn pattern(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, text) = text.split_once('\n').unwrap_or((text, ""));
    let found = matches_pattern(pattern, text);
    if pattern.len().saturating_mul(text.len()) <= 1 << 14 {
        assert_eq!(found, matches_by_definition(pattern.as_bytes(), text.as_bytes()), "{pattern:?} {text:?}");
    }
}

/// For each end of the pattern, whether it matches each end of the text: the definition, without choices.
fn matches_by_definition(pattern: &[u8], text: &[u8]) -> bool {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let [first, after @ ..] = rest {
        let two = rest.starts_with(b"**");
        tokens.push(if two { &rest[..2] } else { std::slice::from_ref(first) });
        rest = if two { &after[1..] } else { after };
    }
    let mut matched: Vec<bool> = (0..=text.len()).map(|end| end == text.len()).collect();
    for token in tokens.into_iter().rev() {
        let mut longer = vec![false; text.len() + 1];
        for start in (0..=text.len()).rev() {
            let first = text.get(start);
            longer[start] = match token {
                b"**" => matched[start] || first.is_some() && longer[start + 1],
                b"*" => matched[start] || first.is_some_and(|c| *c != b'/') && longer[start + 1],
                literal => first == literal.first() && matched[start + 1],
            };
        }
        matched = longer;
    }
    matched[0]
}
