//! Attestations that come with files (PEP 740): real ones hold, and are kept; what does not hold is refused.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use rvp::trust::RecordVerifier;

use crate::support::World;
use crate::support::nginx::Nginx;

const WHEEL: &str = "rfc8785-0.1.2-py3-none-any.whl";
const SHA256: &str = "c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201";

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pep740").join(file)
}

fn attestation() -> String {
    fs::read_to_string(data(&format!("{WHEEL}.publish.attestation"))).unwrap()
}

/// The provenance object that an index would serve for the wheel.
fn provenance(attestation: &str) -> String {
    format!(
        r#"{{"version":1,"attestation_bundles":[{{"publisher":{{"kind":"GitHub"}},"attestations":[{attestation}]}}]}}"#
    )
}

/// A registry on a machine that trusts the service of the wheel's attestation: Sigstore's own for trials.
fn world() -> World {
    let world = World::new();
    world.write("root.json", sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT);
    world.done("config set trusted-root root.json");
    world.done("registry init acme");
    world
}

/// An index with the wheel, which links this provenance object.
fn index(provenance: &str) -> (Nginx, World) {
    let nginx = Nginx::start("index index.html; types { text/html html; application/json json; }");
    nginx.write("simple/rfc8785/provenance.json", provenance);
    nginx.write(&format!("simple/rfc8785/{WHEEL}"), fs::read(data(WHEEL)).unwrap());
    let page = format!(r#"<a href="{WHEEL}#sha256={SHA256}" data-provenance="provenance.json">{WHEEL}</a>"#);
    nginx.write("simple/rfc8785/index.html", page);
    (nginx, world())
}

fn import(nginx: &Nginx, world: &World) -> String {
    world.rvp(&format!("registry import acme --index-url {}/simple/ rfc8785 --python 3.11", nginx.http()))
}

#[test]
fn a_real_provenance_object_holds() {
    let bytes = fs::read(data("pypi_attestations-0.0.19.tar.gz.provenance")).unwrap();
    let digest = "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3";
    let attesters =
        |file: &str, digest: &str| RecordVerifier::default().attesters(&bytes, file, digest.parse().unwrap());
    let signers = attesters("pypi_attestations-0.0.19.tar.gz", digest).unwrap();
    assert_snapshot!(signers[0], @"https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19 (of https://token.actions.githubusercontent.com)");
    assert!(attesters("pypi_attestations-0.0.20.tar.gz", digest).is_err());
    assert!(attesters("pypi_attestations-0.0.19.tar.gz", SHA256).is_err());
}

#[test]
fn an_index_s_attestations_are_checked_and_kept() {
    let (nginx, world) = index(&provenance(&attestation()));
    assert_snapshot!(import(&nginx, &world), @r#"
    exit code: 0
    ----- stdout -----
    + rfc8785 0.1.2
    ----- stderr -----
    sealed 1 release with 1 file; the log has 4 entries
    "#);
    let line = world.read("acme/index/python/rf/c8/rfc8785").lines().next().unwrap().to_owned();
    let release: serde_json::Value = serde_json::from_str(&line).unwrap();
    let digest = release["artifacts"][0]["provenance"]["blake3"].as_str().unwrap();
    let blob = world.read(&format!("acme/blobs/{}/{digest}/provenance.json", &digest[..2]));
    assert_eq!(blob, provenance(&attestation()));
}

#[test]
fn what_does_not_hold_is_refused() {
    let mut report = String::new();
    let mut add = |case: &str, provenance: &str| {
        let (nginx, world) = index(provenance);
        report.push_str(&format!("--- {case}\n{}", import(&nginx, &world)));
        assert!(!world.path("acme/index/python/rf/c8/rfc8785").exists(), "{case}");
    };
    let good = provenance(&attestation());
    let statement = &attestation()[attestation().find("\"statement\": \"").unwrap() + 14..][..200].to_owned();
    let other = statement.replace(&statement[100..104], "AAAA");
    add("an altered statement", &good.replace(statement, &other));
    add("of another file", &fs::read_to_string(data("pypi_attestations-0.0.19.tar.gz.provenance")).unwrap());
    add("none in it", r#"{"version":1,"attestation_bundles":[]}"#);
    add("of a later version", &good.replacen("\"version\":1", "\"version\":2", 1));
    add("truncated", &good[..good.len() / 2]);
    assert_snapshot!(report, @r#"
    --- an altered statement
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    refused: the attestations of rfc8785-0.1.2-py3-none-any.whl do not hold: the statement in the bundle cannot be read: control character (\u0000-\u001F) found while parsing a string at line 1 column 76
      hint: the file or its attestations were altered on the way, or do not belong together; do not use it, and tell its publisher
    --- of another file
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    refused: the attestations of rfc8785-0.1.2-py3-none-any.whl do not hold: the log entry of the bundle does not hold: invalid inclusion promise: No log key valid at integrated time 2024-12-04T23:14:01Z for log ID wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=
      hint: where the signer used another Sigstore service than the trusted root's, give its root with --trusted-root; `rvp trust refresh` brings the public one up to date
      hint: the file or its attestations were altered on the way, or do not belong together; do not use it, and tell its publisher
    --- none in it
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    refused: the attestations of rfc8785-0.1.2-py3-none-any.whl do not hold: this is no provenance object of PEP 740 for the file: it holds 0 attestations
      hint: the file or its attestations were altered on the way, or do not belong together; do not use it, and tell its publisher
    --- of a later version
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    refused: the attestations of rfc8785-0.1.2-py3-none-any.whl do not hold: this is no provenance object of PEP 740 for the file: its version is 2, and rvp knows version 1
      hint: the file or its attestations were altered on the way, or do not belong together; do not use it, and tell its publisher
    --- truncated
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    refused: the attestations of rfc8785-0.1.2-py3-none-any.whl do not hold: this is no provenance object of PEP 740 for the file: EOF while parsing a string at line 43 column 20
      hint: the file or its attestations were altered on the way, or do not belong together; do not use it, and tell its publisher
    "#);
}

#[test]
fn an_attestation_beside_a_file_is_taken_along() {
    let world = world();
    fs::create_dir(world.path("dist")).unwrap();
    for file in [WHEEL.to_owned(), format!("{WHEEL}.publish.attestation")] {
        fs::copy(data(&file), world.path("dist").join(file)).unwrap();
    }
    assert_snapshot!(world.rvp("registry import acme --from dist"), @r#"
    exit code: 0
    ----- stdout -----
    + rfc8785 0.1.2
    ----- stderr -----
    sealed 1 release with 1 file; the log has 4 entries
    "#);
    assert!(world.read("acme/index/python/rf/c8/rfc8785").contains("provenance"));
    world.done("registry verify acme");
}
