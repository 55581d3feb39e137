//! Clocks that disagree: the machine that seals, the machine that reads, and the one that seals next.

use std::path::Path;

use insta::assert_snapshot;

use crate::support::folder::tree;
use crate::support::forge::Forge;
use crate::support::{WINDOWS, Wheel, World};

/// A registry that keeps to `days`, last sealed at this many seconds from now.
fn sealed_at(seconds: i64, options: &str) -> World {
    let world = World::new();
    world.done(&format!("registry init acme {options}"));
    world.publish("acme", &[Wheel::new("acme-walls", "1.0")]);
    world.project(&["acme-walls"], WINDOWS);
    let mut forge = Forge::new(&world.path("acme"), world.key());
    let time = jiff::Timestamp::now().as_second() + seconds;
    forge.checkpoint.time = jiff::Timestamp::from_second(time).unwrap();
    forge.sign();
    world
}

const HOUR: i64 = 3600;

#[test]
fn a_reader_whose_clock_is_behind() {
    // Within a day it is taken for a clock that was set to another time zone.
    sealed_at(23 * HOUR, "").done_in("app", "lock");
    let world = sealed_at(25 * HOUR, "");
    assert_snapshot!(world.fails_in("app", "lock"));
    assert!(!world.path("app/rvp.lock").exists());
}

#[test]
fn a_reader_whose_clock_is_ahead() {
    sealed_at(-23 * HOUR, "--max-age-days 1").done_in("app", "lock");
    let world = sealed_at(-25 * HOUR, "--max-age-days 1");
    assert_snapshot!(world.fails_in("app", "lock"));
    // A registry that promises nothing may be of any age.
    sealed_at(-10_000 * HOUR, "").done_in("app", "lock");
}

#[test]
fn a_writer_whose_clock_is_behind() {
    let world = sealed_at(HOUR, "");
    let before = tree(&world.path("acme"));
    Wheel::new("acme-walls", "2.0").write(&world.path("wheels"));
    let mut shown = String::new();
    for command in [
        "publish wheels/acme_walls-2.0-py3-none-any.whl --registry acme",
        "yank acme-walls==1.0 --registry acme --reason no",
        "registry seal acme",
    ] {
        shown.push_str(&format!("$ rvp {command}\n{}", world.rvp(command)));
    }
    assert_snapshot!(shown);
    let after = tree(&world.path("acme"));
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert!(new.iter().all(|path| path.starts_with("blobs")), "nothing but the blob was written: {new:?}");
    let checkpoint = Path::new("log/checkpoint");
    assert_eq!(after.get(checkpoint), before.get(checkpoint));

    // Once the clock is right, the same command works.
    let mut forge = Forge::new(&world.path("acme"), world.key());
    forge.checkpoint.time = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
    forge.sign();
    world.done("publish wheels/acme_walls-2.0-py3-none-any.whl --registry acme");
    world.done("registry verify acme");
}
