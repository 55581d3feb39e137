//! The registries of a user, and how their keys come to be trusted.

use insta::assert_snapshot;

use crate::support::World;

fn key(world: &World, registry: &str) -> String {
    let config: serde_json::Value =
        serde_json::from_str(&world.read(&format!("{registry}/config.json"))).unwrap();
    config["key"].as_str().unwrap().to_owned()
}

#[test]
fn the_key_that_is_shown_is_trusted_where_none_is_given() {
    let world = World::with_registry(&[]);
    assert_snapshot!(world.rvp("registry add tools acme --prefix acme-"), @r"
    exit code: 0
    ----- stdout -----
    [FINGERPRINT]
    ----- stderr -----
    added the registry `tools`, [TEMP]/acme
    its key was taken as the registry shows it, and nobody vouches for that (trust on first use)
    compare its fingerprint with whoever runs the registry:
    ");
    let config = world.read("home/config.toml");
    assert!(config.contains(&key(&world, "acme")) && config.contains("prefixes = [\"acme-\"]"), "{config}");
    assert_snapshot!(world.rvp("registry list"), @r"
    exit code: 0
    ----- stdout -----
    tools  [TEMP]/acme
      [FINGERPRINT]
    ----- stderr -----
    ");
    world.done("registry add tools acme");
    world.done("registry init other");
    assert_snapshot!(world.rvp("registry add tools other"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is a registry `tools` already, [TEMP]/acme
      hint: choose another name, or remove that one with `rvp registry remove tools`
    ");
    world.done("registry remove tools");
    assert_snapshot!(world.rvp("registry remove tools"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/home/config.toml names no registry `tools`
      hint: `rvp registry list` shows all; those of a project stand in its pyproject.toml
    ");
    assert_snapshot!(world.rvp("registry list"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    ");
}

#[test]
fn a_key_that_is_given_must_be_the_registry_s() {
    let world = World::with_registry(&[]);
    world.done("registry init other");
    let (own, other) = (key(&world, "acme"), key(&world, "other"));
    world.write("own.key", &format!("{own}\n"));
    let link = |key: &str| format!("acme#key={}", key.replace('+', "%2B").replace('/', "%2F"));
    for wrong in [
        format!("registry add tools acme --key {other}"),
        format!("registry add tools {}", link(&other)),
        format!("registry add tools {} --key-file own.key", link(&other)),
        "registry add tools acme --key nonsense".to_owned(),
    ] {
        let said = world.fails_in(".", &wrong);
        assert!(said.contains("key"), "{said}");
        assert!(!world.path("home/config.toml").exists(), "{wrong}");
    }
    for right in [
        format!("registry add tools acme --key {own}"),
        format!("registry add tools {}", link(&own)),
        format!("registry add tools acme#key={own}"),
        format!("registry add tools {} --key-file own.key", link(&own)),
    ] {
        let said = world.rvp(&right);
        assert!(said.contains("its key is the one that was given"), "{said}");
        world.done("registry remove tools");
    }
}

/// What `init` prints is what `add` takes, and both show the same fingerprint.
#[test]
fn the_link_of_a_new_registry_brings_its_key_along() {
    let world = World::new();
    let output = world.command(".", "registry init acme").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let link = said.lines().find_map(|line| line.trim().strip_prefix("#key=")).unwrap();
    let fingerprint = said.lines().find(|line| line.trim().split(' ').count() == 16).unwrap().trim();
    let output = world.command(".", &format!("registry add acme acme#key={link}")).output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), fingerprint);
}
