//! `rvp sign`: bundles that other programs verify.

use std::fs;
use std::path::Path;
use std::process::Command;

use data_encoding::BASE64;
use rvp::model::{PublicKey, Signer};
use rvp::trust::sign::{Keyless, Services, Signatory, Token};
use serde_json::Value;
use sigstore_types::{Bundle, Sha256Hash};
use sigstore_verify::{VerificationPolicy, Verifier};

use crate::keygen::{keygen, openssl};
use crate::support::sigstore::{Rekor, Sigstore, javascript_verifies};
use crate::support::{World, text};

const MESSAGE: &str = "walls, and what holds them up\n";

/// Whether the Rust family of Sigstore crates takes the bundle as a signature of `file` by `identity` of `issuer`.
fn rust_verifies(services: &Sigstore, file: &Path, bundle: &Path, identity: &str, issuer: &str) -> bool {
    let bundle = Bundle::from_json(&fs::read_to_string(bundle).unwrap()).unwrap();
    let digest = Sha256Hash::new(rvp::model::Sha256::of(&fs::read(file).unwrap()).0);
    let policy = VerificationPolicy::new(identity, issuer);
    Verifier::new(&services.trusted_root()).unwrap().verify(digest, &bundle, &policy).is_ok()
}

/// Signs `walls.whl` with an identity, and has the result verified by all. Gives what is said.
fn signed_by(services: &Sigstore, sign: &mut Command, world: &World, identity: &str, issuer: &str) -> String {
    let _ = fs::remove_file(world.path("walls.whl.sigstore.json"));
    let said = text(&sign.output().unwrap());
    assert!(said.starts_with("exit code: 0\n"), "{said}");
    assert!(!said.contains("eyJ"), "{said}");
    let (file, bundle) = (world.path("walls.whl"), world.path("walls.whl.sigstore.json"));
    services.python_verifies(&file, &bundle, identity, issuer).unwrap();
    assert!(rust_verifies(services, &file, &bundle, identity, issuer));
    assert!(!rust_verifies(services, &file, &bundle, "eve@acme.example", issuer));
    said
}

/// `rvp sign walls.whl` with the services, in a world that has that file.
fn sign(services: &Sigstore, world: &World, rekor: Rekor) -> Command {
    world.write("walls.whl", MESSAGE);
    let mut command = world.command(".", "sign walls.whl --trust-config");
    command.arg(services.trust_config(rekor));
    command
}

#[test]
fn the_holder_of_a_token_signs_with_both_versions_of_the_log() {
    let (services, world) = (Sigstore::start(), World::new());
    for rekor in [Rekor::V1, Rekor::V2] {
        let mut command = sign(&services, &world, rekor);
        command.args(["--identity-token", &services.token_of_ana()]);
        let said = signed_by(&services, &mut command, &world, "ana@acme.example", &services.url());
        insta::allow_duplicates! { insta::assert_snapshot!(said, @"
        exit code: 0
        ----- stdout -----
        walls.whl.sigstore.json
        ----- stderr -----
        signed walls.whl as ana@acme.example (of http://[HOST])
        ") }
        // Another file is not signed by it.
        world.write("walls.whl", "doors");
        let (file, bundle) = (world.path("walls.whl"), world.path("walls.whl.sigstore.json"));
        services.python_verifies(&file, &bundle, "ana@acme.example", &services.url()).unwrap_err();
    }
}

#[test]
fn a_token_is_taken_from_a_file_and_from_the_environment() {
    let (services, world) = (Sigstore::start(), World::new());
    world.write("token", &format!("{}\n", services.token_of_ana()));
    let mut by_file = sign(&services, &world, Rekor::V1);
    by_file.args(["--identity-token", "token"]);
    signed_by(&services, &mut by_file, &world, "ana@acme.example", &services.url());
    let mut by_variable = sign(&services, &world, Rekor::V1);
    by_variable.env("SIGSTORE_IDENTITY_TOKEN", services.token_of_ana());
    signed_by(&services, &mut by_variable, &world, "ana@acme.example", &services.url());
}

/// Puts a program into the folder `bin` of a world: a shell script.
#[cfg(unix)]
fn program(world: &World, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    world.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(world.path(&format!("bin/{name}")), fs::Permissions::from_mode(0o755)).unwrap();
}

/// The search path, with the folder `bin` of a world before all others.
#[cfg(unix)]
fn search_path(world: &World) -> String {
    format!("{}:{}", world.path("bin").display(), std::env::var("PATH").unwrap())
}

#[cfg(unix)]
#[test]
fn jobs_of_four_services_sign_as_what_they_are() {
    let (services, world) = (Sigstore::start(), World::new());
    let url = services.url();
    let command = || sign(&services, &world, Rekor::V1);

    let workflow = "acme/walls/.github/workflows/release.yml@refs/tags/v1";
    let claims = format!(r#"{{"sub":"repo:acme/walls:ref:refs/tags/v1","job_workflow_ref":"{workflow}"}}"#);
    let claims = percent_encoding::utf8_percent_encode(&claims, percent_encoding::NON_ALPHANUMERIC);
    let mut github = command();
    github.env("GITHUB_ACTIONS", "true").env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-job");
    github.env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{url}/github?claims={claims}"));
    signed_by(&services, &mut github, &world, &format!("https://github.com/{workflow}"), &url);

    let pipeline = "gitlab.example/acme/walls//.gitlab-ci.yml@refs/tags/v1";
    let claims = format!(r#"{{"sub":"project_path:acme/walls","ci_config_ref_uri":"{pipeline}"}}"#);
    let mut gitlab = command();
    gitlab.env("GITLAB_CI", "true").env("SIGSTORE_ID_TOKEN", services.token(&claims));
    signed_by(&services, &mut gitlab, &world, &format!("https://{pipeline}"), &url);

    let claims = r#"{"sub":"organization:acme","organization_slug":"acme","pipeline_slug":"walls"}"#;
    let request = "[ \"$*\" = 'oidc request-token --audience sigstore' ] || exit 9";
    program(&world, "buildkite-agent", &format!("{request}\necho {}", services.token(claims)));
    let mut buildkite = command();
    buildkite.env("BUILDKITE", "true").env("PATH", search_path(&world));
    signed_by(&services, &mut buildkite, &world, "https://buildkite.com/acme/walls", &url);

    let claims = r#"{"sub":"org/o/project/p","oidc.circleci.com/project-id":"p","oidc.circleci.com/pipeline-definition-id":"d"}"#;
    let request = r#"[ "$*" = 'run oidc get --root-issuer --claims {"aud":"sigstore"}' ] || exit 9"#;
    program(&world, "circleci", &format!("{request}\necho {}", services.token(claims)));
    let mut circleci = command();
    circleci.env("CIRCLECI", "true").env("PATH", search_path(&world));
    let identity = "https://circleci.com/api/v2/projects/p/pipeline-definitions/d";
    signed_by(&services, &mut circleci, &world, identity, &url);
}

#[cfg(target_os = "linux")]
#[test]
fn a_person_logs_in_with_a_browser_here_or_elsewhere() {
    use crate::support::terminal::at_terminal;
    let (services, world) = (Sigstore::start(), World::new());
    let (file, bundle) = (world.path("walls.whl"), world.path("walls.whl.sigstore.json"));
    let verifies = || {
        let issuer = "https://login.acme.example";
        services.python_verifies(&file, &bundle, "ana@acme.example", issuer).unwrap();
    };
    // A browser that does as it is told, and opens pages in the background as browsers do.
    program(&world, "xdg-open", "curl --silent --location --output page.html \"$1\" &");
    let mut here = sign(&services, &world, Rekor::V1);
    here.env("PATH", search_path(&world));
    let (code, shown) = at_terminal(&here, &[]);
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("signed walls.whl as ana@acme.example (of https://login.acme.example)"),
        "{shown}"
    );
    assert!(world.read("page.html").contains("Authentication Successful"));
    verifies();

    fs::remove_file(&bundle).unwrap();
    // The user, who goes to the address that is shown, and types in the code.
    let command = sign(&services, &world, Rekor::V1);
    let config = command.get_args().last().unwrap().to_str().unwrap();
    let user = format!(
        "{} sign walls.whl --oob --trust-config {config} < answer 2> shown & \
         exec 3> answer; until grep -q code shown; do sleep 0.05; done; \
         curl --silent \"$(grep -o 'http.*' shown)\" >&3; echo >&3; wait $!",
        env!("CARGO_BIN_EXE_rvp")
    );
    let user = format!("mkfifo answer; {user}");
    let mut shell = Command::new("bash");
    shell.args(["-c", &user]).current_dir(world.path(".")).env("RVP_HOME", world.path("home"));
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}{}", text(&output), world.read("shown"));
    verifies();
}

/// The signature in the bundle of `walls.whl`, and the hint to its key.
fn signature(world: &World) -> (Vec<u8>, String) {
    let bundle: Value = serde_json::from_str(&world.read("walls.whl.sigstore.json")).unwrap();
    let material = &bundle["verificationMaterial"];
    assert_eq!(bundle["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
    assert!(material.get("tlogEntries").is_none_or(|entries| entries.as_array().unwrap().is_empty()));
    let signature = bundle["messageSignature"]["signature"].as_str().unwrap();
    let hint = material["publicKey"]["hint"].as_str().unwrap();
    (BASE64.decode(signature.as_bytes()).unwrap(), hint.to_owned())
}

#[test]
fn what_a_key_signs_openssl_verifies() {
    let world = World::new();
    for (kind, verify) in [
        ("ed25519", "pkeyutl -verify -rawin -in walls.whl -pubin -inkey ed25519.pub -sigfile signature"),
        ("ecdsa-p256", "dgst -sha256 -verify ecdsa-p256.pub -signature signature walls.whl"),
    ] {
        keygen(&world, kind, kind);
        world.write("walls.whl", MESSAGE);
        world.done(&format!("sign walls.whl --force --key {kind} --passphrase-file passphrase"));
        let (signature, hint) = signature(&world);
        fs::write(world.path("signature"), signature).unwrap();
        assert!(openssl(&world.path("."), verify).is_some());
        let key = PublicKey::parse(&world.read(&format!("{kind}.pub"))).unwrap();
        assert_eq!(hint, BASE64.encode(&key.fingerprint().0));
        cosign_verifies(&world, &format!("{kind}.pub"));
        world.write("walls.whl", "doors");
        assert!(openssl(&world.path("."), verify).is_none());
    }
}

#[test]
fn what_a_key_signs_another_client_verifies() {
    let world = World::new();
    keygen(&world, "ecdsa-p256", "key");
    world.write("walls.whl", MESSAGE);
    world.done("sign walls.whl --key key --passphrase-file passphrase");
    let verifies = || {
        let paths = ["key.pub", "walls.whl.sigstore.json", "walls.whl"].map(|path| world.path(path));
        javascript_verifies(&paths[0], &paths[1], &paths[2])
    };
    assert_eq!(verifies(), Some(signature(&world).1));
    world.write("walls.whl", "doors");
    assert_eq!(verifies(), None);
}

/// Has cosign verify the bundle of `walls.whl`, where it is installed.
fn cosign_verifies(world: &World, key: &str) {
    let verify = "verify-blob --insecure-ignore-tlog --bundle walls.whl.sigstore.json --key";
    let mut cosign = Command::new("cosign");
    match cosign.args(verify.split(' ')).args([key, "walls.whl"]).current_dir(world.path(".")).output() {
        Ok(output) => assert!(output.status.success(), "{}", text(&output)),
        // Not by `eprintln!`, which the test runner keeps to itself.
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "SKIPPED: no cosign to verify the bundle with: {error}");
        }
    }
}

#[test]
fn keys_of_openssl_sign_too() {
    let world = World::new();
    world.write("walls.whl", MESSAGE);
    for (algorithm, protection) in [
        ("-algorithm ed25519", ""),
        ("-algorithm ed25519", " -aes-256-cbc -pass pass:horse"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", " -aes-128-cbc -pass pass:horse"),
    ] {
        openssl(&world.path("."), &format!("genpkey {algorithm}{protection} -out key")).unwrap();
        let mut sign = world.command(".", "sign walls.whl --force --key key");
        let output = sign.env("RVP_KEY_PASSPHRASE", "horse").output().unwrap();
        assert!(output.status.success(), "{algorithm}{protection}: {}", text(&output));
    }
}

/// A signatory with a token of Ana, and the services that `config` names.
fn ana(services: &Sigstore, config: &Path, runtime: &tokio::runtime::Runtime) -> Signatory {
    let config = Services::read_trust_config(config).unwrap();
    let token = Token::parse(&services.token_of_ana()).unwrap();
    Signatory::Keyless(Box::new(Keyless::new(config, token, runtime.handle().clone())))
}

fn statement() -> String {
    let digest = rvp::model::Sha256::of(MESSAGE.as_bytes());
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"walls.whl","digest":{{"sha256":"{digest}"}}}}],"predicateType":"urn:rvp:records:v1","predicate":{{}}}}"#
    )
}

#[test]
fn a_statement_is_signed_by_whom_the_signatory_names() {
    let (services, world) = (Sigstore::start(), World::new());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    world.write("walls.whl", MESSAGE);
    for rekor in [Rekor::V1, Rekor::V2] {
        let signatory = ana(&services, &services.trust_config(rekor), &runtime);
        let expected = Signer::Identity { identity: "ana@acme.example".to_owned(), issuer: services.url() };
        assert_eq!(signatory.signer(), expected);
        let bundle = signatory.sign_statement(statement().as_bytes()).unwrap();
        let parsed: Value = serde_json::from_slice(&bundle).unwrap();
        let payload = parsed["dsseEnvelope"]["payload"].as_str().unwrap();
        assert_eq!(BASE64.decode(payload.as_bytes()).unwrap(), statement().as_bytes());
        let (file, path) = (world.path("walls.whl"), world.path("bundle"));
        fs::write(&path, bundle).unwrap();
        services.python_verifies(&file, &path, "ana@acme.example", &services.url()).unwrap();
        assert!(rust_verifies(&services, &file, &path, "ana@acme.example", &services.url()));
    }
}

#[test]
fn of_services_that_name_signers_otherwise_no_statement_is_taken() {
    let (services, world) = (Sigstore::start(), World::new());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut config: Value =
        serde_json::from_slice(&fs::read(services.trust_config(Rekor::V1)).unwrap()).unwrap();
    config["signingConfig"]["caUrls"][0]["url"] = format!("{}/renamed", services.url()).into();
    world.write("config", &config.to_string());
    let signatory = ana(&services, &world.path("config"), &runtime);
    let error = signatory.sign_statement(statement().as_bytes()).unwrap_err();
    insta::assert_snapshot!(error, @"
    the certificate names https://people.example/ana (of http://[HOST]), and the token ana@acme.example (of http://[HOST]), whom the statement may name
      hint: this Sigstore instance names signers in a way that rvp does not know; sign with a key
    ");
    // Of a file, it is said who has signed it.
    world.write("walls.whl", MESSAGE);
    let signed = signatory.sign_file(&world.path("walls.whl")).unwrap();
    let expected =
        Signer::Identity { identity: "https://people.example/ana".to_owned(), issuer: services.url() };
    assert_eq!(signed.signer, expected);
}

#[test]
fn a_log_that_states_the_time_needs_no_timestamp_authority() {
    let (services, world) = (Sigstore::start(), World::new());
    let mut config: Value =
        serde_json::from_slice(&fs::read(services.trust_config(Rekor::V1)).unwrap()).unwrap();
    let mut signing = config["signingConfig"].take();
    signing["tsaUrls"] = Value::Array(Vec::new());
    world.write("signing", &signing.to_string());
    world.write("walls.whl", MESSAGE);
    let mut command = world.command(".", "sign walls.whl --signing-config signing --identity-token");
    command.arg(services.token_of_ana());
    signed_by(&services, &mut command, &world, "ana@acme.example", &services.url());
}
