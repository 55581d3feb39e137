//! `rvp verify`, on bundles that real signers made.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::World;

const WHEEL: &str = "sha256:c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201";
const WHEEL_SIGNER: &str =
    "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2";
const ACTIONS: &str = "https://token.actions.githubusercontent.com";
const ANYONE: &str = "--identity-pattern ** --issuer-pattern **";

/// A world with the real bundles in its folder.
fn world() -> World {
    let world = World::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sigstore");
    for folder in [PathBuf::new(), PathBuf::from("refused")] {
        for entry in fs::read_dir(data.join(&folder)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                let to = world.path(folder.join(entry.file_name()).to_str().unwrap());
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    world
}

/// What `rvp verify` says, for each of its arguments.
fn report(world: &World, arguments: impl IntoIterator<Item = String>) -> String {
    let each =
        |arguments: String| format!("== verify {arguments}\n{}\n", world.rvp(&format!("verify {arguments}")));
    arguments.into_iter().map(each).collect()
}

#[test]
fn a_wheel_of_pypi_is_signed_by_its_project() {
    let world = world();
    let bundle = "--bundle rfc8785-0.1.2-py3-none-any.whl.sigstore.json";
    let signer = format!("--identity {WHEEL_SIGNER} --issuer {ACTIONS}");
    assert_snapshot!(world.rvp(&format!("verify {WHEEL} {bundle} {signer}")), @"
    exit code: 0
    ----- stdout -----
    sha256:[DIGEST] is verified
    signed by https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2 (of https://token.actions.githubusercontent.com)
    signed at [TIME]
    in the log https://rekor.sigstore.dev, entry 79605083
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp(&format!("verify {WHEEL} {bundle} {signer} --json")), @r#"
    exit code: 0
    ----- stdout -----
    {
      "logs": [
        {
          "index": 79605083,
          "log": "https://rekor.sigstore.dev",
          "time": "[TIME]"
        }
      ],
      "signer": {
        "identity": "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2",
        "issuer": "https://token.actions.githubusercontent.com"
      },
      "times": [
        "[TIME]"
      ],
      "verified": "sha256:[DIGEST]"
    }
    ----- stderr -----
    "#);
    let pattern = "--identity-pattern https://github.com/trailofbits/rfc8785.py/**@refs/tags/*";
    world.done(&format!("verify {WHEEL} {bundle} {pattern} --issuer {ACTIONS}"));
    world.done(&format!("verify {WHEEL} {bundle} {pattern} --issuer-pattern https://token.actions.*"));
}

#[test]
fn every_version_of_the_format_and_of_the_log_verifies() {
    let world = world();
    let npm = "sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c";
    let staging = "--trusted-root staging-trusted-root.json";
    let user = "sha256:bc103b4a84971ef6459b294a2b98568a2bfb72cded09d4acd1e16366a401f95b";
    let arguments = [
        format!("{npm} --bundle npm-sigstore-2.0.0.sigstore.json {ANYONE}"),
        format!("signed-package.conda {ANYONE}"),
        format!("cosign-blob.txt {ANYONE}"),
        format!("rekor-v2.txt {ANYONE} {staging}"),
        format!(
            "signed-package.conda --bundle signed-package.conda.rekor-v2.sigstore.json {ANYONE} {staging}"
        ),
        "managed-key.txt --key managed-key.pub".to_owned(),
        format!(
            "{user} --bundle user-name.sigstore.json {ANYONE} --trusted-root user-name-trusted-root.json"
        ),
    ];
    assert_snapshot!(report(&world, arguments));
}

#[test]
fn another_signer_than_expected_is_named() {
    let world = world();
    let verify = format!("verify {WHEEL} --bundle rfc8785-0.1.2-py3-none-any.whl.sigstore.json");
    assert_snapshot!(world.rvp(&format!("{verify} --identity ana@acme.example --issuer {ACTIONS}")), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: sha256:[DIGEST] is not verified
      cause: it is signed by https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2 (of https://token.actions.githubusercontent.com), and ana@acme.example (of https://token.actions.githubusercontent.com) was expected
    ");
    // An exact identity is no pattern, and the issuer counts as much as the name.
    world.fails_in(".", &format!("{verify} --identity ** --issuer {ACTIONS}"));
    world.fails_in(".", &format!("{verify} --identity {WHEEL_SIGNER} --issuer https://accounts.example"));
    world.fails_in(".", &format!("{verify} --identity-pattern https://*/trailofbits --issuer-pattern **"));
    assert_snapshot!(world.rvp(&format!("{verify} --key managed-key.pub")), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: sha256:[DIGEST] is not verified
      cause: it is signed by https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2 (of https://token.actions.githubusercontent.com), and the key in managed-key.pub was expected
    ");
    assert_snapshot!(world.rvp(&format!("verify managed-key.txt {ANYONE}")), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: managed-key.txt is not verified
      cause: the bundle was signed with a key, and no key was given to check it with; the bundle calls it `TLMsSDfG3ajPsWge+z/vX5T/zluXnmvbkTkwLIV68Tk=`
    ");
    assert_snapshot!(world.rvp(&verify), @"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the following required arguments were not provided:
      <--identity <IDENTITY>|--identity-pattern <PATTERN>|--key <FILE>>

    Usage: rvp verify [OPTIONS] FILE-or-sha256:HEX {--identity NAME --issuer URL | --key FILE}

    For more information, try '--help'.
    ");
    assert_snapshot!(world.rvp(&format!("{verify} --identity {WHEEL_SIGNER}")), @"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the following required arguments were not provided:
      <--issuer <URL>|--issuer-pattern <PATTERN>>

    Usage: rvp verify [OPTIONS] FILE-or-sha256:HEX {--identity NAME --issuer URL | --key FILE}

    For more information, try '--help'.
    ");
}

#[test]
fn another_file_than_the_signed_one_is_not_verified() {
    let world = world();
    let bundle = "--bundle rfc8785-0.1.2-py3-none-any.whl.sigstore.json";
    assert_snapshot!(world.rvp(&format!("verify cosign-blob.txt {bundle} {ANYONE}")), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cosign-blob.txt is not verified
      cause: the bundle signs another file: it is for SHA-256 [DIGEST], and the file has [DIGEST]
      hint: the file was changed after it was signed, or the bundle belongs to another version of it
    ");
    let statement = "--bundle signed-package.conda.sigstore.json";
    assert_snapshot!(world.rvp(&format!("verify cosign-blob.txt {statement} {ANYONE}")), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cosign-blob.txt is not verified
      cause: the statement is about other files: signed-package-2.1.0-hb0f4dca_0.conda; none has SHA-256 [DIGEST]
    ");
    assert_snapshot!(world.rvp(&format!("verify absent.whl {bundle} {ANYONE}")), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: absent.whl is not verified
      cause: cannot read absent.whl: No such file or directory (os error 2)
    ");
    assert_snapshot!(world.rvp(&format!("verify rekor-v2.txt {ANYONE}")), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: rekor-v2.txt is not verified
      cause: a timestamp of the bundle does not hold: invalid RFC 3161 timestamp: TSA timestamp verification failed: Failed to verify timestamp signature: CMS signer does not match any trusted TSA certificate
      hint: where the signer used another Sigstore service than the trusted root's, give its root with --trusted-root; `rvp trust refresh` brings the public one up to date
    ");
    world.write("no.pub", "ssh-ed25519 AAAA ana");
    assert_snapshot!(world.rvp("verify managed-key.txt --key no.pub"), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cannot use no.pub
      cause: `ssh-ed25519 AAAA ana` is not a public key: it is neither PEM nor base64
    ");
    let other = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr\nkBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==\n-----END PUBLIC KEY-----\n";
    world.write("other.pub", other);
    assert_snapshot!(world.rvp("verify managed-key.txt --key other.pub"), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: managed-key.txt is not verified
      cause: the signature is not by key SHA256:c0d23d6ad406973f
      hint: it was made with another key, or what is signed was changed afterwards
    ");
}

#[test]
fn bundles_that_prove_too_little_are_refused() {
    let world = world();
    let digests = [
        ("cve-2022-36056", "c87b5b213ab08b32970c106d0c7e4423e67f5449c2fd2d1e9b4ea6cc43b6ee7c"),
        ("no-certificate", "1bc37d4fed3fd960bdf9d095f87283ba8ad1ab4481f38a34e8004f0c56ffe78d"),
        ("no-checkpoint", "802dd60ff88333802f2585e73043bd21c341285e1992fe5b31755e1cadeae30e"),
        ("no-log-entry", "9b469fc9761e8b933073b62725fbc98b549c3314199ded71cc8b286ef2c6fb9b"),
        ("no-signed-time", "ca6de99a11d3d38056d838c7dc9a23a11a0c81bcace0d11eaa301a2ffb482c42"),
        ("no-log", "76f1fe8593bf227cca2c089e3c16dc95014a8d3e89c5dd220530469ca043c428"),
        ("two-signatures", WHEEL.trim_start_matches("sha256:")),
        ("unknown-version", WHEEL.trim_start_matches("sha256:")),
    ];
    let of_digest =
        |(name, digest)| format!("sha256:{digest} --bundle refused/{name}.sigstore.json {ANYONE}");
    let mut arguments: Vec<String> = digests.into_iter().map(of_digest).collect();
    let npm = "sha512:bbfd372fc9beeb777fe35d05bb10c0c70a9733d366a75fed7dd18866c7391de3ee7e88ba74dd47abf3e15c845e547fcf0e5c3da80854c751554224d3a6d4e55f";
    arguments.push(format!("{npm} --bundle refused/root-in-chain.sigstore.json {ANYONE}"));
    let other = "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";
    let root = "--trusted-root refused/other-ct-log-trusted-root.json";
    arguments.push(format!("{other} --bundle refused/other-ct-log.sigstore.json {ANYONE} {root}"));
    assert_snapshot!(report(&world, arguments));
}

#[test]
fn files_that_are_no_bundles_say_so() {
    let world = world();
    world.write("empty.json", "");
    world.write("other.json", "{\"mediaType\": \"text/plain\"}");
    fs::write(world.path("binary.json"), [b'{', 0xff, 0xfe]).unwrap();
    fs::write(world.path("huge.json"), vec![b' '; (4 << 20) + 1]).unwrap();
    fs::write(world.path("deep.json"), "[".repeat(100_000)).unwrap();
    let whole = world.read("cosign-blob.txt.sigstore.json");
    world.write("cut.json", &whole[..whole.len() / 2]);
    let files = ["absent", "empty", "other", "binary", "huge", "deep", "cut"];
    let arguments = files.map(|file| format!("cosign-blob.txt {ANYONE} --bundle {file}.json"));
    assert_snapshot!(report(&world, arguments));
}

/// What the specification forbids and a careless verifier takes: each from a bundle that is right.
#[test]
fn the_forms_that_the_specification_forbids_are_refused() {
    let world = world();
    let read = |name: &str| serde_json::from_str::<Value>(&world.read(name)).unwrap();
    let entry = "/verificationMaterial/tlogEntries/0";
    let mut cases: Vec<(&str, Value)> = Vec::new();
    let mut case = |name, from: &str, change: &dyn Fn(&mut Value)| {
        let mut bundle = read(from);
        change(&mut bundle);
        cases.push((name, bundle));
    };
    let blob = "cosign-blob.txt.sigstore.json";
    case("chain in version 0.3", blob, &|bundle| {
        let material = bundle["verificationMaterial"].as_object_mut().unwrap();
        let certificate = material.remove("certificate").unwrap();
        material.insert("x509CertificateChain".into(), json!({ "certificates": [certificate] }));
    });
    case("certificate in version 0.2", blob, &|bundle| {
        bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.2");
    });
    case("version 0.1 without a promise", "npm-sigstore-2.0.0.sigstore.json", &|bundle| {
        bundle.pointer_mut(entry).unwrap().as_object_mut().unwrap().remove("inclusionPromise");
    });
    case("no media type", blob, &|bundle| {
        bundle.as_object_mut().unwrap().remove("mediaType");
    });
    case("the same entry twice", blob, &|bundle| {
        let entries = bundle["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap();
        entries.push(entries[0].clone());
    });
    case("many entries", blob, &|bundle| {
        let entries = bundle["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap();
        let first = entries[0].clone();
        entries.resize(33, first);
    });
    case("many signatures of a checkpoint", blob, &|bundle| {
        let at = &mut bundle.pointer_mut(entry).unwrap()["inclusionProof"]["checkpoint"]["envelope"];
        let envelope = at.as_str().unwrap();
        let line = envelope.lines().last().unwrap();
        *at = json!(format!("{envelope}{}", format!("{line}\n").repeat(100)));
    });
    case("many certificates", "rfc8785-0.1.2-py3-none-any.whl.sigstore.json", &|bundle| {
        let chain = &mut bundle["verificationMaterial"]["x509CertificateChain"]["certificates"];
        let first = chain[0].clone();
        chain.as_array_mut().unwrap().resize(33, first);
    });
    case("a key and a certificate", blob, &|bundle| {
        bundle["verificationMaterial"]["publicKey"] = json!({ "hint": "x" });
    });
    case("a signature and a statement", blob, &|bundle| {
        bundle["dsseEnvelope"] = read("signed-package.conda.sigstore.json")["dsseEnvelope"].clone();
    });
    case("the entry of another bundle", blob, &|bundle| {
        let other = read("rfc8785-0.1.2-py3-none-any.whl.sigstore.json");
        bundle["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"].clone();
    });
    case("a certificate of no use", "rfc8785-0.1.2-py3-none-any.whl.sigstore.json", &|bundle| {
        let other = read("npm-sigstore-2.0.0.sigstore.json");
        let other = &other["verificationMaterial"]["x509CertificateChain"]["certificates"][0];
        let chain = &mut bundle["verificationMaterial"]["x509CertificateChain"]["certificates"];
        chain.as_array_mut().unwrap().push(other.clone());
    });
    case("the entry of a later bundle", "rfc8785-0.1.2-py3-none-any.whl.sigstore.json", &|bundle| {
        let later = read(blob);
        bundle["verificationMaterial"]["tlogEntries"] = later["verificationMaterial"]["tlogEntries"].clone();
    });
    case("a time that Rekor v2 does not give", "rekor-v2.txt.sigstore.json", &|bundle| {
        bundle.pointer_mut(entry).unwrap()["integratedTime"] = json!("1749470258");
    });
    let mut refusals = String::new();
    for (name, bundle) in &cases {
        world.write("bundle.json", &bundle.to_string());
        // The file that the bundle is for, where it is for another.
        let digest = bundle.pointer("/messageSignature/messageDigest/digest").and_then(Value::as_str);
        let digest = digest.map(|base64| data_encoding::BASE64.decode(base64.as_bytes()).unwrap());
        let file = digest.map_or("cosign-blob.txt".to_owned(), |bytes| {
            format!("sha256:{}", data_encoding::HEXLOWER.encode(&bytes))
        });
        let refusal = world.fails_in(".", &format!("verify {file} --bundle bundle.json {ANYONE}"));
        let cause = refusal.lines().find(|line| line.contains("cause: ")).unwrap_or(&refusal);
        refusals.push_str(&format!("{name}: {}\n", cause.trim_start_matches("  cause: ")));
    }
    assert_snapshot!(refusals, @"
    chain in version 0.3: the bundle breaks its format: version 0.3 has one certificate, and not a chain of them
    certificate in version 0.2: the bundle breaks its format: a certificate that is not in a chain came with version 0.3
    version 0.1 without a promise: the bundle breaks its format: a log entry has no inclusion promise, which version 0.1 demands
    no media type: this is not a Sigstore bundle: missing field `mediaType` at line 1 column 6114
    the same entry twice: the bundle breaks its format: it has the same log entry twice
    many entries: the bundle breaks its format: it has more than 32 log entries
    many signatures of a checkpoint: the bundle breaks its format: it has a checkpoint of more than 8192 bytes
    many certificates: the bundle breaks its format: it has more than 32 certificates
    a key and a certificate: the bundle breaks its format: it must have one of certificate, x509CertificateChain and publicKey
    a signature and a statement: the bundle breaks its format: it must have one of messageSignature and dsseEnvelope
    the entry of another bundle: the certificate was not valid yet when it signed: it is valid from [TIME], and the signature is of [TIME]
    a certificate of no use: the bundle breaks its format: it has a certificate that is no part of the chain
    the entry of a later bundle: the certificate had expired when it signed: it was valid until [TIME], and the signature is of [TIME]
    a time that Rekor v2 does not give: the bundle breaks its format: a log entry of Rekor v2 has a time or a promise, which that log does not give
    ");
}

/// The keys of logs and authorities count for the logs and the times that the trusted root names, and for no others.
#[test]
fn each_authority_of_the_root_counts_in_its_own_place_and_time() {
    let world = world();
    let root = |change: &dyn Fn(&mut Value)| {
        let mut root = serde_json::from_str(&world.read("staging-trusted-root.json")).unwrap();
        change(&mut root);
        world.write("root.json", &root.to_string());
    };
    let verify = format!("verify rekor-v2.txt {ANYONE} --trusted-root root.json");
    root(&|_| ());
    world.done(&verify);

    // The log's key was retired before the signature was made.
    root(&|root| {
        let valid = "/tlogs/1/publicKey/validFor/end";
        *root.pointer_mut(valid).unwrap() = json!("2025-06-09T11:57:37Z");
    });
    assert_snapshot!(world.rvp(&verify), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: rekor-v2.txt is not verified
      cause: the log entry of the bundle does not hold: it was signed at [TIME], when the key of https://log2025-alpha1.rekor.sigstage.dev was not valid
      hint: where the signer used another Sigstore service than the trusted root's, give its root with --trusted-root; `rvp trust refresh` brings the public one up to date
    ");
    // So was the timestamp authority's.
    root(&|root| {
        root["timestampAuthorities"][0]["validFor"]["end"] = json!("2025-06-09T11:57:37Z");
    });
    assert_snapshot!(world.rvp(&verify), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: rekor-v2.txt is not verified
      cause: a timestamp of the bundle does not hold: RFC 3161 timestamp [TIME] is outside the validity period of the authority that signed it
      hint: where the signer used another Sigstore service than the trusted root's, give its root with --trusted-root; `rvp trust refresh` brings the public one up to date
    ");
    root(&|root| root["certificateAuthorities"] = json!([]));
    assert_snapshot!(world.rvp(&verify), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: rekor-v2.txt is not verified
      cause: no certificate authority of the trusted root was valid at [TIME], when it was signed
      hint: where the signer used another Sigstore service than the trusted root's, give its root with --trusted-root; `rvp trust refresh` brings the public one up to date
    ");

    // Another log of the same root is named, whose key has not signed the checkpoint.
    root(&|_| ());
    let mut bundle: Value = serde_json::from_str(&world.read("rekor-v2.txt.sigstore.json")).unwrap();
    let trusted: Value = serde_json::from_str(&world.read("root.json")).unwrap();
    let id = "/verificationMaterial/tlogEntries/0/logId/keyId";
    assert_eq!(bundle.pointer(id), trusted.pointer("/tlogs/1/logId/keyId"));
    *bundle.pointer_mut(id).unwrap() = trusted["tlogs"][0]["logId"]["keyId"].clone();
    world.write("rekor-v2.txt.sigstore.json", &bundle.to_string());
    assert_snapshot!(world.rvp(&verify), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: rekor-v2.txt is not verified
      cause: the log entry of the bundle does not hold: its checkpoint is not signed by https://rekor.sigstage.dev, the log that it names
      hint: where the signer used another Sigstore service than the trusted root's, give its root with --trusted-root; `rvp trust refresh` brings the public one up to date
    ");
}
