//! `rvp lock`: what is written, and when.

use std::fs;

use crate::support::folder::copy;
use crate::support::nginx::Nginx;
use crate::support::{WINDOWS, Wheel, World, walls};
use insta::assert_snapshot;

#[test]
fn a_lock_says_all_and_is_left_alone_while_it_fits() {
    let world = World::with_registry(&walls());
    world.project(&["acme-walls[plot]"], WINDOWS);
    assert_snapshot!(world.app("lock --check"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no rvp.lock
      hint: run `rvp lock`, and commit the result
    ");
    assert_snapshot!(world.app("lock"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-plot 0.5
    + acme-units 2.0
    + acme-walls 2.0
    locked 3 packages for 1 target
    ");
    assert_snapshot!(world.read("app/rvp.lock"), @r#"
    # Written by `rvp lock`. To change it, change the project and lock again.
    version = 1

    [inputs]
    requirements = ["acme-walls[plot]"]

    [[inputs.targets]]
    python = "3.11"
    platform = "win_amd64"

    [[target]]
    name = "python==3.11 win_amd64"
    python = "3.11"
    platform = "win_amd64"

    [[registry]]
    name = "acme"
    key = "acme+[KEY]"
    size = 21
    root = "[DIGEST]"
    snapshot = "[DIGEST]"

    [[package]]
    name = "acme-plot"
    version = "0.5"
    registry = "acme"

    [[package.artifact]]
    file = "acme_plot-0.5-py3-none-any.whl"
    size = 1030
    blake3 = "[DIGEST]"
    sha256 = "[DIGEST]"

    [[package]]
    name = "acme-units"
    version = "2.0"
    registry = "acme"

    [[package.artifact]]
    file = "acme_units-2.0-py3-none-any.whl"
    size = 1044
    blake3 = "[DIGEST]"
    sha256 = "[DIGEST]"

    [[package]]
    name = "acme-walls"
    version = "2.0"
    registry = "acme"
    direct = true
    extras = ["plot"]
    dependencies = [
        "acme-plot",
        "acme-units",
    ]

    [[package.artifact]]
    file = "acme_walls-2.0-py3-none-any.whl"
    size = 1137
    blake3 = "[DIGEST]"
    sha256 = "[DIGEST]"
    "#);
    assert_snapshot!(world.app("lock --check"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    rvp.lock is up to date
    ");
    assert_snapshot!(world.app("lock"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    rvp.lock is up to date
    ");
    world.project(&["acme-walls<2"], WINDOWS);
    assert_snapshot!(world.app("lock --check"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: rvp.lock is not up to date: the project requires `acme-walls<2`, the lock `acme-walls[plot]`
      hint: run `rvp lock`, and commit the result
    ");
    assert_snapshot!(world.app("lock"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    - acme-plot 0.5
    ~ acme-walls 2.0 -> 1.0
    locked 2 packages for 1 target
    ");
}

#[test]
fn an_upgrade_moves_what_it_is_asked_to_move() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0"), Wheel::new("acme-roofs", "1.0")]);
    world.project(&["acme-walls", "acme-roofs"], WINDOWS);
    world.done_in("app", "lock");
    world.publish("acme", &[Wheel::new("acme-walls", "1.1"), Wheel::new("acme-roofs", "1.1")]);
    world.project(&["acme-walls>=1", "acme-roofs"], WINDOWS);
    assert_snapshot!(world.app("lock"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    locked 2 packages for 1 target
    ");
    assert_snapshot!(world.app("lock -P acme-roofs"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    ~ acme-roofs 1.0 -> 1.1
    locked 2 packages for 1 target
    ");
    assert_snapshot!(world.app("lock -U"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    ~ acme-walls 1.0 -> 1.1
    locked 2 packages for 1 target
    ");
    assert_snapshot!(world.app("lock -P acme-doors"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `acme-doors` is not in the lock, so there is nothing to upgrade
      hint: `rvp tree` shows what is in it
    ");
}

#[test]
fn the_same_question_gives_the_same_bytes_wherever_the_registry_is() {
    let world = World::with_registry(&walls());
    world.project(&["acme-walls[plot]"], WINDOWS);
    world.done_in("app", "lock");
    let lock = world.read("app/rvp.lock");

    // Another machine, with a copy of the registry at another path.
    let other = World::new();
    copy(&world.path("acme"), &other.path("share/acme"));
    other.project(
        &["acme-walls[plot]"],
        &format!("registries = [{{ name = 'acme', url = '../share/acme' }}]\n{WINDOWS}"),
    );
    other.done_in("app", "lock");
    assert_eq!(other.read("app/rvp.lock"), lock);

    // A third, over HTTP.
    let nginx = Nginx::start("");
    copy(&world.path("acme"), &nginx.root().join("acme"));
    let third = World::new();
    let url = nginx.http();
    third.project(
        &["acme-walls[plot]"],
        &format!("registries = [{{ name = 'acme', url = '{url}/acme' }}]\n{WINDOWS}"),
    );
    third.done_in("app", "lock");
    assert_eq!(third.read("app/rvp.lock"), lock);

    // And the first once more, from nothing.
    fs::remove_file(world.path("app/rvp.lock")).unwrap();
    world.done_in("app", "lock");
    assert_eq!(world.read("app/rvp.lock"), lock);
}

#[test]
fn a_publish_elsewhere_in_the_registry_does_not_make_a_lock_stale() {
    let world = World::with_registry(&walls());
    world.project(&["acme-walls"], WINDOWS);
    world.done_in("app", "lock");
    let lock = world.read("app/rvp.lock");
    world.publish("acme", &[Wheel::new("acme-doors", "1.0")]);
    world.done_in("app", "lock --check");
    world.done_in("app", "lock");
    assert_eq!(world.read("app/rvp.lock"), lock);
}

#[test]
fn a_lock_that_cannot_be_read_is_said_to_be_so() {
    let world = World::with_registry(&walls());
    world.project(&["acme-walls"], WINDOWS);
    world.write("app/rvp.lock", "version = 1\n<<<<<<< ours\n");
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: line 2 of the lock [TEMP]/app/rvp.lock: key with no value, expected `=`
      hint: if git left a conflict in it, take either side whole, or delete the file, and run `rvp lock`
    ");
    world.write("app/rvp.lock", "version = 99\n");
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the lock [TEMP]/app/rvp.lock has format 99, and this version of rvp reads format 1; update rvp, or delete the file and run `rvp lock`
    ");
}
