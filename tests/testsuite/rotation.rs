//! A registry that gets a new key: its clients follow, whatever they knew, and nobody else can lead them.

use std::fs;
use std::process::Stdio;
use std::time::Instant;

use rvp::model::Blake3;
use rvp::registry::snapshot::Entry;
use rvp::registry::{Evidence, LogKey, layout};

use crate::support::folder::copy;
use crate::support::forge::Forge;
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World};

const DOORS: &str = r#"{"kind":"release","family":"python","name":"acme-doors","version":"1.0"}"#;
const ROTATE: &str = "registry rotate-key acme --new-key new.key";

fn world() -> World {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    copy(&world.path("acme"), &world.path("before"));
    world
}

fn key_of(world: &World, registry: &str) -> String {
    let config: serde_json::Value =
        serde_json::from_str(&world.read(&format!("{registry}/config.json"))).unwrap();
    config["key"].as_str().unwrap().to_owned()
}

fn new_key(world: &World) -> LogKey {
    LogKey::parse(&world.read("new.key")).unwrap()
}

fn verify(world: &World, place: &str) -> String {
    world.rvp(&format!("registry verify {place} --allow-missing-blobs"))
}

#[track_caller]
fn sound(world: &World, place: &str) {
    let said = verify(world, place);
    assert!(said.starts_with("exit code: 0"), "{said}");
}

#[test]
fn clients_follow_from_the_key_that_they_trust() {
    let nginx = Nginx::start("");
    let world = world();
    let served = nginx.root().join("acme");
    copy(&world.path("acme"), &served);
    let old = key_of(&world, "acme");
    let url = format!("{}/acme", nginx.http());
    world.project(
        &["acme-walls"],
        &format!("registries = [{{ name = \"acme\", url = \"{url}\", key = \"{old}\" }}]"),
    );
    world.done_in("app", "lock");
    sound(&world, "acme");

    // Twice, so that one client follows two handovers at once.
    world.done(ROTATE);
    world.done("registry rotate-key acme --key new.key --new-key newer.key");
    assert_ne!(key_of(&world, "acme"), old);
    copy(&world.path("acme"), &served);
    sound(&world, "acme");
    // A lock from before pins the first key.
    fs::remove_dir_all(world.path("home/state")).unwrap();
    assert!(world.read("app/rvp.lock").contains(&old));
    world.done_in("app", "sync");
    world.done_in("app", "lock --upgrade");
    assert!(world.read("app/rvp.lock").contains(&key_of(&world, "acme")));

    // A machine that knows nothing but the first key, and one that knows nothing at all.
    for settings in [format!("key = \"{old}\""), "prefixes = []".into()] {
        fs::remove_dir_all(world.path("home/state")).unwrap();
        world.project(
            &["acme-walls"],
            &format!("registries = [{{ name = \"acme\", url = \"{url}\", {settings} }}]"),
        );
        world.done_in("app", "lock --upgrade");
        world.done_in("app", "--offline lock --upgrade");
    }
    // It goes on with the new key, and with no other.
    let said = world.fails_in(".", "registry seal acme");
    assert!(said.contains("no private key for"), "{said}");
    world.done("registry seal acme --key newer.key");
    sound(&world, "acme");
    // Neither does a key come back.
    let again = world.fails_in(".", "registry rotate-key acme --key newer.key --new-key new.key");
    assert!(again.contains("the log has or had this key"), "{again}");
}

#[test]
fn a_mirror_from_before_still_serves_and_one_with_the_old_key_does_not_grow() {
    let world = world();
    let old = world.key();
    sound(&world, "acme");
    world.done(ROTATE);
    sound(&world, "acme");
    sound(&world, "before");
    // Whoever has the old key goes on in secret.
    Forge::new(&world.path("before"), old).seal("index/python/ac/me/acme-doors", &[DOORS]);
    let said = verify(&world, "before");
    assert!(said.contains("a key that was replaced signs again, as one that was stolen would"), "{said}");
}

/// The evidence of a fork that began under the old key brings the handover along.
#[test]
fn a_fork_on_both_sides_of_a_handover_is_proven() {
    let world = world();
    for (place, name) in [("acme", "acme-doors"), ("before", "acme-roofs")] {
        let line = DOORS.replace("acme-doors", name);
        Forge::new(&world.path(place), world.key()).seal(&format!("index/python/ac/me/{name}"), &[&line]);
    }
    sound(&world, "acme");
    world.done(ROTATE);
    sound(&world, "acme");
    sound(&world, "before");
    world.done("registry rotate-key acme --key new.key --new-key newer.key");
    let said = verify(&world, "acme");
    assert!(said.contains("shows two histories (a fork)"), "{said}");
    let evidence = fs::read_dir(world.path("home/evidence")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&evidence).unwrap();
    assert_eq!(text.matches("\nhandover\n").count(), 2, "{text}");
    let said = world.rvp(&format!("registry evidence {}", evidence.display()));
    assert!(said.contains("PROVEN"), "{said}");
    assert!(fs::read_to_string(&evidence).unwrap().contains(&key_of(&world, "before")), "{text}");
    let missing = text.replacen("\nhandover\n| rvp log key handover\n", "\n", 1);
    assert!(Evidence::parse(&missing).and_then(|evidence| evidence.check()).is_err());
}

/// What a stranger writes into `index/keys` leads nowhere, and what the old key wrote leads nowhere until it is sealed.
#[test]
fn nobody_else_leads_to_another_key() {
    let world = world();
    sound(&world, "acme");
    world.done(ROTATE);
    let handover = world.read("acme/index/keys");
    let forged = handover.replacen("size 1", "size 2", 1);
    assert_ne!(forged, handover);
    let said = seize_with(&world, &forged, true);
    assert!(said.contains("is not signed by the key that this machine trusts"), "{said}");
    let said = seize_with(&world, &handover, false);
    assert!(said.contains("the new key of") && said.contains("cannot be believed"), "{said}");
}

/// Has the new key sign the state of before, under a `config.json` that names it, with `lines` in `index/keys`.
fn seize_with(world: &World, lines: &str, covered: bool) -> String {
    copy(&world.path("before"), &world.path("acme"));
    let new = new_key(world);
    let config =
        world.read("before/config.json").replace(&key_of(world, "before"), &new.verifier_key().unwrap());
    let mut forge = Forge::new(&world.path("acme"), world.key());
    forge.seal("index/python/ac/me/acme-doors", &[DOORS]);
    let entry = |text: &str| Entry { length: text.len() as u64, digest: Blake3::of(text.as_bytes()) };
    forge.cover(layout::CONFIG, entry(&config));
    if covered {
        forge.cover(layout::KEYS_INDEX, entry(lines));
    }
    let signed = forge.checkpoint.sign(&new).unwrap();
    fs::write(world.path("acme/index/keys"), lines).unwrap();
    fs::write(world.path("acme/config.json"), config).unwrap();
    fs::write(world.path("acme/log/checkpoint"), signed).unwrap();
    verify(world, "acme")
}

/// A writer that died between `config.json` and the checkpoint: readers find the file of their state beside it, those that
/// never saw the registry too, and the next writer puts it back.
#[test]
fn a_writer_that_dies_before_the_checkpoint_is_not_noticed() {
    let world = world();
    sound(&world, "acme");
    let (old_config, old_checkpoint) = (world.read("acme/config.json"), world.read("acme/log/checkpoint"));
    world.done(ROTATE);
    fs::write(world.path("acme/log/checkpoint"), &old_checkpoint).unwrap();
    assert_ne!(world.read("acme/config.json"), old_config);
    let nginx = Nginx::start("");
    copy(&world.path("acme"), &nginx.root().join("acme"));
    for forget in ["home/cache", "home/state"] {
        world.done(&format!("info acme-walls --registry {}/acme", nginx.http()));
        fs::remove_dir_all(world.path(forget)).unwrap();
    }
    sound(&world, "acme");
    sound(&world, "acme");
    // What the dead writer has put behind the committed lines is refused, and goes.
    assert!(world.rvp("registry seal acme --drop-refused").contains("refused: index/keys"));
    world.done("registry seal acme");
    assert_eq!(world.read("acme/config.json"), old_config);
    sound(&world, "acme");
    fs::remove_file(world.path("new.key")).unwrap();
    world.done(ROTATE);
    sound(&world, "acme");
}

#[test]
fn a_rotation_killed_at_any_moment_is_done_or_not() {
    let world = world();
    let begin = Instant::now();
    world.done(ROTATE);
    let whole = begin.elapsed();
    copy(&world.path("before"), &world.path("acme"));
    let (mut done, rounds) = (0, 25);
    for round in 0..rounds {
        copy(&world.path("before"), &world.path("acme"));
        let _ = fs::remove_dir_all(world.path("home/state"));
        sound(&world, "acme");
        let command = format!("registry rotate-key acme --new-key killed-{round}.key");
        let mut process =
            world.command(".", &command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(rand::random_range(0.0..1.3)));
        process.kill().unwrap();
        process.wait().unwrap();
        // By a client that knew the old key, and by one that knew nothing.
        sound(&world, "acme");
        fs::remove_dir_all(world.path("home/state")).unwrap();
        sound(&world, "acme");
        let rotated = world.read("acme/log/checkpoint") != world.read("before/log/checkpoint");
        done += u32::from(rotated);
        let key = if rotated { format!(" --key killed-{round}.key") } else { String::new() };
        world.rvp(&format!("registry seal acme --drop-refused{key}"));
        world.done(&format!("registry seal acme{key}"));
        sound(&world, "acme");
    }
    eprintln!("{done} of {rounds} rotations were done before they were killed");
}
