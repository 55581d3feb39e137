//! Whole files: what is refused, what is said of them, and that each can only forbid more.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::model::{PackageName, Signer, Version};

const KEY: &str = "vectors+fb778859+AXrywzkHsLWB3nBEBL+v5Y/a+Ua8aKH72P805FG72E3c";
/// Of a witness; the key is that of the first test of RFC 8032.
const WITNESS: &str = "tower+bbc423de+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
const ANA: &str = "identity = 'ana@acme.example', issuer = 'https://login.example'";

fn parse(level: Level, text: &str) -> Result<PolicyFile, PolicyError> {
    PolicyFile::parse(level, Path::new("policy.toml"), text.as_bytes().to_vec())
}

/// A file with every table.
fn everything() -> String {
    format!(
        r#"
[registries]
allow = [
    {{ key = "{KEY}" }},
    {{ url = "https://packages.acme.example/**" }},
]

[[publishers]]
packages = ["acme-*"]
except = ["acme-old<2"]
allow = [{{ {ANA} }}]

[signatures]
required = ["*"]
unsigned = ["numpy", "scipy<1.12"]

[licenses]
allow = ["MIT", "BSD-*"]
deny = ["AGPL-*"]
except = ["acme-*"]

[age]
min-days = 7
except = ["acme-*"]

[[deny]]
packages = ["requests<2.32", "left-pad"]
reason = "CVE-2024-35195"

[[approvals]]
packages = ["*"]
count = 2
reviewers = [{{ identity = "*@acme.example", issuer = "https://login.example" }}]

[witnesses]
quorum = 1
keys = ["{WITNESS}"]

[checkpoint]
max-age-days = 14

[trust]
root = "trusted_root.json"
"#
    )
}

#[test]
fn every_rule_is_told_with_its_line() {
    let file = parse(Level::Machine, &everything()).unwrap();
    let policies = Policies::new(vec![file], jiff::Timestamp::UNIX_EPOCH);
    let said: Vec<String> =
        policies.describe().iter().map(|one| format!("{}: {}", one.origin, one.text)).collect();
    insta::assert_snapshot!(said.join("\n"));
    assert_eq!(policies.witnesses().len(), 1);
    assert_eq!(policies.max_checkpoint_age().unwrap().0, 14);
    assert_eq!(policies.trusted_root().unwrap().0, Path::new("trusted_root.json"));
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_line() {
    let mut said = String::new();
    for text in [
        "[registries]\nallow = []",
        "[registries]\nallow = [{}]",
        "[registries]\nallow = ['https://example.org']",
        "[registries]\nallow = [{ key = 'acme+00000000+AAAA' }]",
        "\n[registry]\nallow = []",
        "[age]\nmin_days = 7",
        "[age]\nmin-days = 0",
        "[age]\nmin-days = 'a week'",
        "[age]\nmin-days = 99999999999",
        "age = 7",
        "[publishers]\npackages = ['*']",
        "[[publishers]]\npackages = ['*']",
        "[[publishers]]\npackages = ['*']\nallow = [{ identity = 'ana@acme.example' }]",
        "[[publishers]]\npackages = ['*']\nallow = [{ key = 'AAAA' }]",
        "[[publishers]]\npackages = ['*']\nallow = [{ mail = 'ana@acme.example' }]",
        "[signatures]\nrequired = true",
        "[signatures]\nrequired = ['a b']",
        "[licenses]",
        "[licenses]\nallow = ['MIT', 'GLP-3.0']",
        "[licenses]\nallow = ['MIT OR Apache-2.0']",
        "[licenses]\nallow = ['GLP-*']",
        "[licenses]\nallow = ['MIT', 'GPL-3.0-or-later']\ndeny = ['GPL-*']",
        "[[deny]]\nreason = 'x'",
        "[[deny]]\npackages = ['requests<']",
        "[[approvals]]\npackages = ['*']\ncount = 2\nreviewers = [{ identity = 'ana@acme.example', issuer = 'https://login.example' }]",
        "[witnesses]\nquorum = 0\nkeys = []",
        "[age]\nmin-days = 7\n[age]\nmin-days = 8",
        "[age]\nmin-days = ",
        "[age",
        "\"\\u001b[2J\" = 1",
        &format!("deny = {}", "[".repeat(100_000)),
    ] {
        said.push_str(&format!("{}\n", parse(Level::User, text).unwrap_err()));
    }
    let witnesses = |quorum: u32, keys: &str| format!("[witnesses]\nquorum = {quorum}\nkeys = [{keys}]");
    for text in [
        witnesses(2, &format!("'{WITNESS}'")),
        witnesses(1, &format!("'{WITNESS}', '{WITNESS}'")),
        witnesses(1, &format!("'{KEY}'")),
    ] {
        said.push_str(&format!("{}\n", parse(Level::User, &text).unwrap_err()));
    }
    for (level, text) in [
        (Level::Project, "[trust]\nroot = 'root.json'"),
        (Level::Registry("acme".into()), "[registries]\nallow = [{ url = '/srv/**' }]"),
    ] {
        said.push_str(&format!("{}\n", parse(level, text).unwrap_err()));
    }
    let bytes =
        |bytes: Vec<u8>| PolicyFile::parse(Level::Machine, Path::new("policy.toml"), bytes).unwrap_err();
    said.push_str(&format!("{}\n{}\n", bytes(b"[age]\n\xff".to_vec()), bytes(vec![b'\n'; 10 << 20])));
    insta::assert_snapshot!(said);
}

fn signer(name: &str) -> Signer {
    Signer::Identity { identity: format!("{name}@acme.example"), issuer: "https://login.example".into() }
}

/// A policy, a release and its signatures, each out of few so that they meet.
fn rule() -> impl Strategy<Value = String> {
    let pattern =
        prop::sample::select(vec!["*", "acme-*", "acme-walls", "acme-walls<2", "vitte:**", "numpy"]);
    let except = prop::sample::select(vec!["", "except = ['acme-walls']\n", "except = ['acme-*>=2']\n"]);
    let who = prop::sample::select(vec!["ana", "ben", "*"]);
    (0..7_u8, pattern, except, who).prop_map(|(kind, pattern, except, who)| {
        let who = format!("[{{ identity = '{who}@acme.example', issuer = 'https://login.example' }}]");
        match kind {
            0 => format!("[[publishers]]\npackages = ['{pattern}']\n{except}allow = {who}\n"),
            1 => format!("[signatures]\nrequired = ['{pattern}']\n{}", except.replace("except", "unsigned")),
            2 => format!("[licenses]\nallow = ['MIT']\n{except}"),
            3 => format!("[licenses]\ndeny = ['GPL-*']\n{except}"),
            4 => format!("[age]\nmin-days = 7\n{except}"),
            5 => format!("[[deny]]\npackages = ['{pattern}']\n"),
            _ => format!("[[approvals]]\npackages = ['{pattern}']\n{except}count = 1\nreviewers = {who}\n"),
        }
    })
}

proptest! {
    /// Whatever is added to policies, what they refused stays refused, by the same rules.
    #[test]
    fn a_further_policy_only_forbids_more(
        (first, more) in (prop::collection::vec(rule(), 0..4), rule()),
        at in 0..4_usize,
        name in prop::sample::select(vec!["acme-walls", "acme-doors", "numpy", "vitte:acme/math", "host:revit"]),
        version in prop::sample::select(vec!["1.0.0", "2.0.0"]),
        license in prop::sample::select(vec![None, Some("MIT"), Some("GPL-3.0-only"), Some("MIT OR GPL-3.0-only"), Some("free")]),
        age_days in 0..14_i64,
        signers in prop::collection::vec(prop::collection::vec(prop::sample::select(vec!["ana", "ben", "eve"]), 0..2), 0..3),
        approvals in prop::collection::vec(prop::sample::select(vec!["ana", "ben", "eve"]), 0..2),
    ) {
        let now: jiff::Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let registry = RegistryFacts { name: "acme".into(), key: KEY.into(), location: "/acme".into() };
        let name: PackageName = name.parse().unwrap();
        let version = Version::parse(name.family(), version).unwrap();
        let sealed = now - jiff::SignedDuration::from_hours(24 * age_days);
        let release = ReleaseFacts { registry: &registry, name: &name, version: &version, license, sealed };
        let signatures = Signatures {
            records: signers.iter().map(|signers| signers.iter().map(|name| signer(name)).collect()).collect(),
            approvals: approvals.iter().map(|name| signer(name)).collect(),
        };
        let judged = |rules: &[String]| {
            let files = rules.iter().enumerate().map(|(number, rule)| {
                // Each a file of its own, told apart by where it stands.
                let path = format!("{}", rule.len() * 1000 + number % 1000);
                PolicyFile::parse(Level::User, Path::new(&path), rule.clone().into_bytes()).unwrap()
            });
            let policies = Policies::new(files.collect(), now);
            let mut all = policies.against(&release);
            if policies.ask_for_signatures(&release) {
                all.extend(policies.against_signatures(&release, &signatures));
            } else {
                prop_assert!(policies.against_signatures(&release, &signatures).is_empty());
            }
            Ok(all.into_iter().map(|one| one.reason).collect::<Vec<_>>())
        };
        let before = judged(&first)?;
        let mut with_more = first.clone();
        with_more.insert(at.min(first.len()), more);
        let after = judged(&with_more)?;
        prop_assert!(before.iter().all(|reason| after.contains(reason)), "{before:?} {after:?}");
    }
}
