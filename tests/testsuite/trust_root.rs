//! The trusted root: which one is in use, and its renewal from a TUF repository that python-tuf made.

use std::fs;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;

use crate::support::World;
use crate::support::nginx::Nginx;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sigstore");

/// A world with the states that `tools/generate-tuf-repository` makes in `tuf`, and a server that can show each of them.
fn repository() -> (World, Nginx) {
    let world = World::new();
    let target = Path::new(env!("CARGO_BIN_EXE_rvp")).ancestors().nth(2).unwrap();
    let status = Command::new(target.join("tools/tuf/bin/python"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tools/generate-tuf-repository"))
        .arg(world.path("tuf"))
        .arg(format!("{DATA}/user-name-trusted-root.json"))
        .arg(format!("{DATA}/staging-trusted-root.json"))
        .status()
        .expect("these tests need python-tuf: tools/install-prerequisites installs it");
    assert!(status.success());
    (world, Nginx::start(""))
}

/// Lets the server show one state, and no other.
fn serve(world: &World, nginx: &Nginx, state: &str) {
    fs::remove_dir_all(nginx.root()).unwrap();
    let mut open = vec![world.path("tuf").join(state)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => open.push(entry.path()),
                false => {
                    let path = entry.path();
                    let path = path.strip_prefix(world.path("tuf").join(state)).unwrap();
                    nginx.write(path.to_str().unwrap(), fs::read(entry.path()).unwrap());
                }
            }
        }
    }
}

fn refresh(world: &World, nginx: &Nginx) -> String {
    world.rvp(&format!("trust refresh --url {} --root tuf/root.json", nginx.http()))
}

#[test]
fn the_root_inside_the_program_is_in_use_until_another_is_fetched() {
    let world = World::new();
    assert_snapshot!(world.rvp("trust show"), @"
    exit code: 0
    ----- stdout -----
    the trusted root inside rvp 0.1.0
      certificates https://fulcio.sigstore.dev: from [TIME] until [TIME]
      certificates https://fulcio.sigstore.dev: from [TIME] until [TIME]
      log https://rekor.sigstore.dev: from [TIME]
      log https://log2025-1.rekor.sigstore.dev: from [TIME]
      certificate log https://ctfe.sigstore.dev/test: from [TIME] until [TIME]
      certificate log https://ctfe.sigstore.dev/2022: from [TIME]
      timestamps https://timestamp.sigstore.dev/api/v1/timestamp: from [TIME] until [TIME]
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("trust show --trusted-root absent.json"), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cannot read absent.json: No such file or directory (os error 2)
    ");
    world.write("damaged.json", "{\"mediaType\": \"application/json\"}");
    assert_snapshot!(world.rvp("trust show --trusted-root damaged.json"), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the trusted root damaged.json cannot be used: its media type is `application/json`, which is not a trusted root's
      hint: a trusted root is the file trusted_root.json of a Sigstore service
    ");
    world.write("home/trust/trusted_root.json", "{");
    assert_snapshot!(world.rvp("trust show"), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the trusted root [TEMP]/home/trust/trusted_root.json cannot be used: failed to parse JSON: EOF while parsing an object at line 1 column 1
      hint: `rvp trust refresh` fetches it again; without the file, the root inside rvp is used
    ");
    assert_snapshot!(world.rvp("--offline trust refresh"), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: a trusted root cannot be fetched offline
      hint: without --offline; or copy a trusted_root.json here, and give it with --trusted-root
    ");
}

#[test]
fn a_refreshed_root_takes_the_place_of_the_one_inside() {
    let (world, nginx) = repository();
    let verify = format!(
        "verify {DATA}/rekor-v2.txt --identity jku@goto.fi --issuer https://github.com/login/oauth --quiet"
    );
    serve(&world, &nginx, "first");
    assert_snapshot!(refresh(&world, &nginx), @"
    exit code: 0
    ----- stdout -----
    the trusted root in [TEMP]/home/trust/trusted_root.json
      certificates http://fulcio.fulcio-system.172.18.255.1.sslip.io: from [TIME] until [TIME]
      log http://rekor.rekor-system.172.18.255.1.sslip.io: from [TIME]
      certificate log http://ctlog.ctlog-system.172.18.255.1.sslip.io: from [TIME]
    ----- stderr -----
    ");
    world.fails_in(".", &verify);
    // The keys of the root have changed in between, and the old ones vouch for the new.
    serve(&world, &nginx, "second");
    assert_snapshot!(refresh(&world, &nginx), @"
    exit code: 0
    ----- stdout -----
    the trusted root in [TEMP]/home/trust/trusted_root.json
      certificates https://fulcio.sigstage.dev: from [TIME] until [TIME]
      certificates https://fulcio.sigstage.dev: from [TIME] until [TIME]
      log https://rekor.sigstage.dev: from [TIME]
      log https://log2025-alpha1.rekor.sigstage.dev: from [TIME] until [TIME]
      log https://log2025-alpha2.rekor.sigstage.dev: from [TIME] until [TIME]
      log https://log2025-alpha3.rekor.sigstage.dev: from [TIME]
      log https://log2026-1.us-east4.rekor.sigstage.dev: from [TIME]
      certificate log https://ctfe.sigstage.dev/test: from [TIME] until [TIME]
      certificate log https://ctfe.sigstage.dev/2022: from [TIME] until [TIME]
      certificate log https://ctfe.sigstage.dev/2022-2: from [TIME]
      certificate log https://log2026-1.ctfe.sigstage.dev: from [TIME]
      certificate log https://log2026-1.us-east4.ctfe.sigstage.dev: from [TIME]
      timestamps https://timestamp.sigstage.dev/api/v1/timestamp: from [TIME] until [TIME]
      timestamps https://timestamp.sigstage.dev/api/v1/timestamp: from [TIME] until [TIME]
    ----- stderr -----
    ");
    assert_eq!(
        world.read("home/trust/trusted_root.json"),
        fs::read_to_string(format!("{DATA}/staging-trusted-root.json")).unwrap()
    );
    world.done(&verify);
    // Nothing has changed since.
    let again = refresh(&world, &nginx);
    assert_eq!(again, world.rvp("trust show"));
}

#[test]
fn a_repository_that_lies_changes_nothing() {
    let (world, nginx) = repository();
    serve(&world, &nginx, "altered");
    assert_snapshot!(refresh(&world, &nginx), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no trusted root from http://[HOST]/: integrity check failed: trusted_root.json: sha256 mismatch
      hint: the root in use stays as it was; check the URL and the root.json, or try again later
    ");
    assert!(!world.path("home/trust/trusted_root.json").exists());

    serve(&world, &nginx, "third");
    let show = refresh(&world, &nginx);
    serve(&world, &nginx, "second");
    assert_snapshot!(refresh(&world, &nginx), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no trusted root from http://[HOST]/: rollback detected for timestamp: trusted version 3 > new version 2
      hint: the root in use stays as it was; check the URL and the root.json, or try again later
    ");
    serve(&world, &nginx, "expired");
    assert_snapshot!(refresh(&world, &nginx), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no trusted root from http://[HOST]/: timestamp metadata expired at [TIME]
      hint: the root in use stays as it was; check the URL and the root.json, or try again later
    ");
    serve(&world, &nginx, "stranger");
    assert_snapshot!(refresh(&world, &nginx), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no trusted root from http://[HOST]/: signature threshold not met for role root: 0/1 valid signatures
      hint: the root in use stays as it was; check the URL and the root.json, or try again later
    ");
    nginx.write("timestamp.json", vec![b' '; 1 << 20]);
    fs::remove_file(nginx.root().join("3.root.json")).unwrap();
    assert_snapshot!(refresh(&world, &nginx), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no trusted root from http://[HOST]/: transport error: http://[HOST]/timestamp.json: response exceeds max length 16384
      hint: the root in use stays as it was; check the URL and the root.json, or try again later
    ");
    drop(nginx);
    assert_eq!(world.rvp("trust show"), show);
}
