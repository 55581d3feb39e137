//! For how long the state of a registry is used before its server is asked again.

use std::fs;

use crate::support::folder::copy;
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World};

/// A registry on a server that sends `Cache-Control` with its checkpoint, and a project that uses it.
fn served(cache_control: &str) -> (World, Nginx) {
    let nginx = Nginx::start(&format!(
        "location ~ /log/checkpoint$ {{ add_header Cache-Control \"{cache_control}\"; }}"
    ));
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    copy(&world.path("acme"), &nginx.root().join("registry"));
    require(&world, &nginx, "acme-walls");
    (world, nginx)
}

fn require(world: &World, nginx: &Nginx, name: &str) {
    let registries = format!("registries = [{{ name = \"acme\", url = \"{}/registry\" }}]", nginx.http());
    world.project(&[name], &registries);
}

/// The paths that a command asks for.
fn asked(world: &World, nginx: &Nginx, command: &str) -> Vec<String> {
    let before = nginx.requests().len();
    world.done_in("app", command);
    let requests = nginx.requests().split_off(before);
    requests.iter().filter_map(|request| request.split(' ').nth(1)).map(str::to_owned).collect()
}

fn forget_lock(world: &World) {
    fs::remove_file(world.path("app/rvp.lock")).unwrap();
}

const CHECKPOINT: &str = "/registry/log/checkpoint";

#[test]
fn a_state_is_used_for_as_long_as_its_server_says() {
    let (world, nginx) = served("max-age=60");
    let ask = |command: &str| asked(&world, &nginx, command);
    let locked = |version: &str| {
        let lock = fs::read_to_string(world.path("app/rvp.lock")).unwrap();
        assert!(lock.contains(&format!("version = \"{version}\"")), "{lock}");
    };
    assert!(ask("lock").iter().any(|path| path == CHECKPOINT));
    forget_lock(&world);
    assert_eq!(ask("lock"), [""; 0]);

    world.publish("acme", &[Wheel::new("acme-walls", "1.1")]);
    copy(&world.path("acme"), &nginx.root().join("registry"));
    forget_lock(&world);
    assert_eq!(ask("lock"), [""; 0]);
    locked("1.0");
    // Who wants newer versions wants the newest state.
    assert_eq!(ask("lock --upgrade")[0], CHECKPOINT);
    locked("1.1");
    forget_lock(&world);
    assert_eq!(ask("lock --refresh"), [CHECKPOINT]);

    // What the known state does not have may have come since.
    world.publish("acme", &[Wheel::new("acme-doors", "2.0")]);
    copy(&world.path("acme"), &nginx.root().join("registry"));
    require(&world, &nginx, "acme-doors");
    assert!(ask("lock").iter().any(|path| path == CHECKPOINT));
    locked("2.0");
}

#[test]
fn a_server_cannot_have_its_state_used_for_long() {
    let (world, nginx) = served("max-age=31536000");
    let start = jiff::Timestamp::now();
    asked(&world, &nginx, "lock");
    let seen = fs::read_dir(world.path("home/state/registries"))
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .find(|text| text.contains(&nginx.http()))
        .unwrap();
    let seen: serde_json::Value = serde_json::from_str(&seen).unwrap();
    let until: jiff::Timestamp = seen["fresh-until"].as_str().unwrap().parse().unwrap();
    assert!((590..=610).contains(&(until.as_second() - start.as_second())), "{until}");
}

#[test]
fn a_server_that_says_nothing_is_asked_each_time() {
    for cache_control in ["no-cache", "no-store, max-age=60", "public"] {
        let (world, nginx) = served(cache_control);
        asked(&world, &nginx, "lock");
        forget_lock(&world);
        assert_eq!(asked(&world, &nginx, "lock"), [CHECKPOINT], "{cache_control}");
    }
}
