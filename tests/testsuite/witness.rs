//! Witnesses, and clients that ask for their word.

use std::fs;

use crate::support::folder::copy;
use crate::support::forge::Forge;
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World};

/// A witness of this name: its public key. The private one is in `<name>.key`.
fn witness(world: &World, name: &str) -> String {
    let output =
        world.command(".", &format!("registry witness keygen {name} --key {name}.key")).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn cosign(world: &World, place: &str, name: &str) {
    world.done(&format!("registry witness {place} --key {name}.key --state {name}"));
}

fn release(name: &str) -> String {
    format!(r#"{{"kind":"release","family":"python","name":"{name}","version":"1.0"}}"#)
}

#[test]
fn a_quorum_of_witnesses_must_have_cosigned() {
    let nginx = Nginx::start("");
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    let keys = ["w1", "w2", "w3"].map(|name| witness(&world, name));
    let serve = || copy(&world.path("acme"), &nginx.root().join("acme"));
    let registries = |key: &str| {
        let witnesses = keys.join("', '");
        let url = format!("{}/acme", nginx.http());
        format!(
            "registries = [{{ name = 'acme', url = '{url}', witnesses = ['{witnesses}'], quorum = 2{key} }}]"
        )
    };
    world.project(&["acme-walls"], &registries(""));
    cosign(&world, "acme", "w1");
    // One witness under two names would be two.
    cosign(&world, "acme", "w1");
    serve();
    let said = world.fails_in("app", "lock");
    assert!(
        said.contains("too few witnesses have seen: 2 of w1, w2, w3 must have cosigned it, and w1 did"),
        "{said}"
    );
    cosign(&world, "acme", "w2");
    serve();
    world.done_in("app", "lock");

    // A newer state is not believed before it is cosigned. Until then the last one that was is used.
    world.publish("acme", &[Wheel::new("acme-walls", "2.0")]);
    assert!(!world.read("acme/log/checkpoint").contains("— w1 "));
    serve();
    world.done_in("app", "lock --upgrade");
    assert!(world.read("app/rvp.lock").contains("version = \"1.0\""));
    cosign(&world, "acme", "w2");
    cosign(&world, "acme", "w3");
    serve();
    world.done_in("app", "lock --upgrade");
    assert!(world.read("app/rvp.lock").contains("version = \"2.0\""));
    // A client that never saw a cosigned state has nothing to fall back on.
    world.done("registry seal acme");
    serve();
    fs::remove_dir_all(world.path("home/state")).unwrap();
    fs::remove_file(world.path("app/rvp.lock")).unwrap();
    let said = world.fails_in("app", "lock");
    assert!(said.contains("and nobody did") && said.contains("fork"), "{said}");
}

#[test]
fn a_witness_cosigns_one_history_only() {
    let world = World::with_registry(&[]);
    witness(&world, "w");
    copy(&world.path("acme"), &world.path("one"));
    copy(&world.path("acme"), &world.path("two"));
    cosign(&world, "acme", "w");
    Forge::new(&world.path("one"), world.key()).seal("index/python/do/or/doors", &[&release("doors")]);
    Forge::new(&world.path("two"), world.key()).seal("index/python/fl/oo/floors", &[&release("floors")]);
    cosign(&world, "one", "w");
    cosign(&world, "one", "w");
    let before = world.read("two/log/checkpoint");
    let said = world.fails_in(".", "registry witness two --key w.key --state w");
    assert!(said.contains("two histories (a fork)"), "{said}");
    assert_eq!(world.read("two/log/checkpoint"), before);
    // A place that lags is read by a client, and not cosigned: a witness says what the newest state is.
    let said = world.fails_in(".", "registry witness acme --key w.key --state w");
    assert!(said.contains("older state than it showed before"), "{said}");
    // The log stays the same under a new key, and is another under another's of the same name.
    world.done("registry rotate-key one --new-key new.key");
    cosign(&world, "one", "w");
    fs::rename(world.path("home/keys"), world.path("keys")).unwrap();
    world.done("registry init other --name acme");
    let said = world.fails_in(".", "registry witness other --key w.key --state w");
    assert!(said.contains("this witness has cosigned another log that is named `acme`"), "{said}");
}

#[test]
fn a_host_adds_the_line_that_a_witness_sends() {
    let nginx = Nginx::start("");
    let world = World::with_registry(&[]);
    let key = witness(&world, "w");
    copy(&world.path("acme"), &nginx.root().join("acme"));
    let url = format!("{}/acme", nginx.http());
    world.done(&format!("registry witness {url} --key w.key --state w --out line"));
    let output =
        world.command(".", &format!("registry witness {url} --key w.key --state w")).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("— w "));
    world.done("registry witness add acme line");
    let name = key.split('+').next().unwrap();
    assert_eq!(world.read("acme/log/checkpoint").matches(&format!("— {name} ")).count(), 1);
    world.done("registry verify acme");

    let own =
        world.read("acme/log/checkpoint").lines().find(|line| line.starts_with("— acme")).unwrap().to_owned();
    for (line, reason) in [
        ("nonsense", "is not a signature line"),
        ("— w AAAAAAAA", "it has not 72 bytes"),
        (own.as_str(), "in the name of the log's own key"),
    ] {
        world.write("bad", &format!("{line}\n"));
        let said = world.fails_in(".", "registry witness add acme bad");
        assert!(said.contains(reason), "{said}");
    }
    world.done("registry verify acme");
}

#[test]
fn settings_ask_for_no_more_witnesses_than_they_name() {
    let world = World::with_registry(&[]);
    let key = witness(&world, "w");
    world.project(
        &[],
        &format!("registries = [{{ name = 'acme', url = '../acme', witnesses = ['{key}'], quorum = 2 }}]"),
    );
    let said = world.fails_in("app", "lock");
    assert!(said.contains("the registry `acme` asks for 2 witnesses, and names 1"), "{said}");
    world.project(
        &["acme-walls"],
        "registries = [{ name = 'acme', url = '../acme', witnesses = ['w+00000000+AAAA'] }]",
    );
    let said = world.fails_in("app", "lock");
    assert!(said.contains("is not the key of a witness"), "{said}");
    // The key of a log is none of a witness.
    let said = world.fails_in(".", "registry witness acme --key home/config.toml");
    assert!(said.contains("cannot read"), "{said}");
}
