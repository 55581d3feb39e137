//! Import where only pip knows the way to packages: here, to a folder.

use crate::support::{WINDOWS, Wheel, World, text};
use insta::assert_snapshot;

/// A registry, and a folder of wheels that pip looks into.
fn world(wheels: &[Wheel]) -> World {
    let world = World::with_registry(&[]);
    for wheel in wheels {
        wheel.write(&world.path("links"));
    }
    world
}

fn import(world: &World, names: &str) -> String {
    let mut command =
        world.command(".", &format!("registry import acme {names} --python 3.11 --platform win_amd64"));
    for (variable, _) in std::env::vars().filter(|(variable, _)| variable.starts_with("PIP_")) {
        command.env_remove(variable);
    }
    let links = world.path("links");
    command.env("PIP_CONFIG_FILE", "/dev/null").env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", links);
    text(&command.output().unwrap())
}

#[test]
fn the_closure_is_that_of_the_target() {
    let world = world(&[
        Wheel::new("acme-walls", "1.0")
            .requires("acme-colour; sys_platform == 'win32'")
            .requires("acme-posix; sys_platform != 'win32'")
            .extra("plot", "acme-plot"),
        Wheel::new("acme-colour", "1.0").tag("cp311-cp311-win_amd64"),
        Wheel::new("acme-colour", "1.1").tag("cp311-cp311-manylinux2014_x86_64"),
        Wheel::new("acme-posix", "1.0"),
        Wheel::new("acme-plot", "1.0"),
    ]);
    assert_snapshot!(import(&world, "acme-walls"), @r"
    exit code: 0
    ----- stdout -----
    + acme-colour 1.0
    + acme-walls 1.0
    ----- stderr -----
    sealed 2 releases with 2 files; the log has 17 entries
    ");
    assert_snapshot!(import(&world, "acme-walls[plot]"), @r"
    exit code: 0
    ----- stdout -----
    + acme-plot 1.0
    ----- stderr -----
    2 files already there
    sealed 1 release with 1 file; the log has 19 entries
    ");
    world.done("registry verify acme");
}

#[test]
fn an_older_version_takes_the_place_of_one_that_another_package_forbids() {
    let world = world(&[
        Wheel::new("acme-walls", "1.0").requires("acme-roofs").requires("acme-units"),
        Wheel::new("acme-roofs", "1.0").requires("acme-units<2"),
        Wheel::new("acme-units", "1.0"),
        Wheel::new("acme-units", "2.0"),
    ]);
    assert_snapshot!(import(&world, "acme-walls"), @r"
    exit code: 0
    ----- stdout -----
    + acme-roofs 1.0
    + acme-units 1.0
    + acme-walls 1.0
    ----- stderr -----
    sealed 3 releases with 3 files; the log has 19 entries
    ");
}

#[test]
fn an_older_version_takes_the_place_of_one_that_needs_what_is_nowhere() {
    let world = world(&[
        Wheel::new("acme-walls", "1.0").requires("acme-driver").requires("acme-certificates>=1"),
        Wheel::new("acme-driver", "1.0").requires("acme-certificates>=1"),
        Wheel::new("acme-driver", "2.0").requires("acme-certificates>=2"),
        Wheel::new("acme-driver", "3.0").requires("acme-native"),
        Wheel::new("acme-certificates", "1.0"),
        Wheel::new("acme-native", "1.0").tag("cp311-cp311-manylinux2014_x86_64"),
    ]);
    assert_snapshot!(import(&world, "acme-walls"), @r"
    exit code: 0
    ----- stdout -----
    + acme-certificates 1.0
    + acme-driver 1.0
    + acme-walls 1.0
    ----- stderr -----
    sealed 3 releases with 3 files; the log has 19 entries
    ");
    world.project(&["acme-walls"], WINDOWS);
    world.done_in("app", "lock");
}

#[test]
fn what_no_version_can_have_is_said_as_pip_says_it_first() {
    let world = world(&[
        Wheel::new("acme-walls", "1.0").requires("acme-absent>=4"),
        Wheel::new("acme-walls", "2.0").requires("acme-absent>=5"),
    ]);
    assert_snapshot!(import(&world, "acme-walls"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: pip has no wheel that runs on the target and is asked for:
      ERROR: Could not find a version that satisfies the requirement acme-absent>=5 (from versions: none)
      ERROR: No matching distribution found for acme-absent>=5
      hint: check the name, the version and the target
    ");
    assert_snapshot!(import(&world, "acme-none"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: pip has no wheel that runs on the target and is asked for:
      ERROR: Could not find a version that satisfies the requirement acme-none (from versions: none)
      ERROR: No matching distribution found for acme-none
      hint: check the name, the version and the target
    ");
}
