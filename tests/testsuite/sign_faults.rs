//! `rvp sign` with keys, tokens and services that are not what they should be: a clear error, and nothing is left behind.

use std::fs;

use insta::assert_snapshot;

use crate::keygen::{keygen, openssl};
use crate::support::World;
use crate::support::sigstore::{Rekor, Sigstore};

/// Runs commands that must fail, and gives what each says.
fn failures(world: &World, commands: &[&str]) -> String {
    let before = listing(world);
    let said =
        commands.iter().map(|arguments| format!("> {arguments}\n{}\n", world.fails_in(".", arguments)));
    let said = said.collect::<String>();
    assert_eq!(listing(world), before);
    assert!(!said.contains("eyJ") && !said.contains("horse"), "{said}");
    said
}

fn listing(world: &World) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(world.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn keys_that_cannot_sign() {
    let world = World::new();
    world.write("walls.whl", "walls");
    keygen(&world, "ed25519", "key");
    let whole = world.read("key");
    world.write("cut", &whole[..whole.len() / 2]);
    world.write("empty", "");
    world.write("text", "not a key");
    world.write("wrong", "battery staple");
    world.write("large", &"x".repeat(70_000));
    let make = |arguments: &str| openssl(&world.path("."), arguments).unwrap();
    make("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa");
    make("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384");
    make("ecparam -genkey -name prime256v1 -noout -out sec1");
    let said = failures(
        &world,
        &[
            "sign walls.whl --key absent",
            "sign walls.whl --key key",
            "sign walls.whl --key key --passphrase-file wrong",
            "sign walls.whl --key key --passphrase-file absent",
            "sign walls.whl --key key.pub",
            "sign walls.whl --key cut",
            "sign walls.whl --key empty",
            "sign walls.whl --key text",
            "sign walls.whl --key large",
            "sign walls.whl --key rsa",
            "sign walls.whl --key p384",
            "sign walls.whl --key sec1",
            "sign absent.whl --key key --passphrase-file passphrase",
            "sign walls.whl text --bundle both --key key --passphrase-file passphrase",
        ],
    );
    assert_snapshot!(said);
}

#[test]
fn a_bundle_is_replaced_only_when_that_is_said() {
    let world = World::new();
    world.write("walls.whl", "walls");
    world.write("walls.whl.sigstore.json", "something dear");
    keygen(&world, "ed25519", "key");
    let sign = "sign walls.whl --key key --passphrase-file passphrase";
    let said = failures(&world, &[sign]);
    assert_snapshot!(said, @"
    > sign walls.whl --key key --passphrase-file passphrase
    error: walls.whl.sigstore.json exists
      hint: --force replaces it
    ");
    assert_eq!(world.read("walls.whl.sigstore.json"), "something dear");
    world.done(&format!("{sign} --force"));
    world.done(&format!("{sign} --bundle other"));
    assert!(world.read("other").contains("messageSignature"));
}

#[test]
fn tokens_and_configurations_that_cannot_be_used() {
    let (services, world) = (Sigstore::start(), World::new());
    world.write("walls.whl", "walls");
    world.write("expired", &services.token(r#"{"sub":"ana","exp":1700000000}"#));
    world.write("other-audience", &services.token(r#"{"sub":"ana","aud":"elsewhere"}"#));
    world.write("token", &services.token_of_ana());
    world.write("cut", &services.token_of_ana()[..100]);
    world.write("empty", "");
    world.write("config", &fs::read_to_string(services.trust_config(Rekor::V1)).unwrap());
    world.write("media", &world.read("config").replace("clienttrustconfig.v0.1", "clienttrustconfig.v9"));
    world.write("no-fulcio", &world.read("config").replace("caUrls", "caUrlz"));
    let direct = format!("sign walls.whl --trust-config config --identity-token {}", &world.read("cut"));
    let error = world.fails_in(".", &direct);
    assert!(!error.contains("eyJ"), "{error}");
    let said = failures(
        &world,
        &[
            "sign walls.whl --trust-config config",
            "sign walls.whl --trust-config config --offline",
            "sign walls.whl --trust-config config --oob",
            "sign walls.whl --trust-config config --identity-token expired",
            "sign walls.whl --trust-config config --identity-token other-audience",
            "sign walls.whl --trust-config config --identity-token cut",
            "sign walls.whl --trust-config config --identity-token empty",
            "sign walls.whl --trust-config config --identity-token absent",
            "sign walls.whl --trust-config absent --identity-token token",
            "sign walls.whl --trust-config empty --identity-token token",
            "sign walls.whl --trust-config media --identity-token token",
            "sign walls.whl --trust-config no-fulcio --identity-token token",
        ],
    );
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"state=[\w-]+|code_challenge=[\w-]+", "[RANDOM]");
    settings.bind(|| assert_snapshot!(said));
}

#[test]
fn services_that_are_down_or_hostile() {
    let (services, other, world) = (Sigstore::start(), Sigstore::start(), World::new());
    world.write("walls.whl", "walls");
    world.write("token", &services.token_of_ana());
    let url = services.url();
    let config = fs::read_to_string(services.trust_config(Rekor::V1)).unwrap();
    let alter = |name: &str, section: &str, to: &str| {
        let (before, after) = config.split_once(&format!("\"{section}\"")).unwrap();
        world.write(name, &format!("{before}\"{section}\"{}", after.replacen(&url, to, 1)));
    };
    for (service, section) in [("fulcio", "caUrls"), ("rekor", "rekorTlogUrls"), ("tsa", "tsaUrls")] {
        // Nothing listens at this port, and nothing can.
        alter(&format!("{service}-down"), section, "http://127.0.0.1:1");
        alter(&format!("{service}-garbage"), section, &format!("{url}/garbage"));
    }
    // One sends the token back, in an error; the other sends it somewhere else.
    alter("fulcio-echo", "caUrls", &format!("{url}/echo"));
    alter("fulcio-away", "caUrls", &format!("{url}/away"));
    // The trusted root of another instance.
    let root = fs::read_to_string(other.trust_config(Rekor::V1)).unwrap();
    let mut mixed: serde_json::Value = serde_json::from_str(&config).unwrap();
    mixed["trustedRoot"] = serde_json::from_str::<serde_json::Value>(&root).unwrap()["trustedRoot"].take();
    world.write("other-root", &mixed.to_string());
    let names = [
        "fulcio-down",
        "rekor-down",
        "tsa-down",
        "fulcio-garbage",
        "rekor-garbage",
        "tsa-garbage",
        "fulcio-echo",
        "fulcio-away",
        "other-root",
    ];
    let commands = names.map(|name| format!("sign walls.whl --identity-token token --trust-config {name}"));
    let said = failures(&world, &commands.each_ref().map(String::as_str));
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("BEGIN PUBLIC KEY.*", "BEGIN PUBLIC KEY[RANDOM]");
    settings.bind(|| assert_snapshot!(said));
}

#[test]
fn jobs_that_get_no_token() {
    let world = World::new();
    world.write("walls.whl", "walls");
    let refusals = ["GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI"].map(|variable| {
        let mut sign = world.command(".", "sign walls.whl");
        let output = sign.env(variable, "true").env("PATH", "").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    });
    let said = refusals.concat();
    assert_snapshot!(said);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_no_half_of_a_bundle() {
    let world = World::new();
    let Some(disk) = crate::support::mount::Mount::small(&world.path("disk"), 64) else { return };
    keygen(&world, "ed25519", "key");
    world.write("disk/walls.whl", "walls");
    disk.fill_but(0);
    let error = world.fails_in(".", "sign disk/walls.whl --key key --passphrase-file passphrase");
    assert!(error.contains("cannot write the bundle disk/walls.whl.sigstore.json"), "{error}");
    assert!(error.contains("No space left on device"), "{error}");
    assert_eq!(fs::read_dir(world.path("disk")).unwrap().count(), 2);
}
