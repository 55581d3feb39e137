//! Editing the dependencies of a project, and what is left when that fails half-way.

use crate::support::{Wheel, World, buildings};
use insta::assert_snapshot;

#[test]
fn a_change_that_cannot_be_locked_is_taken_back() {
    let world = World::with_registry(&buildings());
    world.project(&["acme-walls"], "");
    world.done_in("app", "sync");
    let files = || (world.read("app/pyproject.toml"), world.read("app/rvp.lock"), world.app("list"));
    let before = files();
    assert_snapshot!(world.app("add acme-doors"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for [PYTHON]:
      the project asks for `acme-doors`
      acme-doors 1.0 needs `acme-absent`
      there is no package `acme-absent` in acme
    ");
    assert_snapshot!(world.app("add acme-walls>5"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for [PYTHON]:
      the project asks for `acme-walls>5`
      acme has no acme-walls >5; it has 1.0 and 1.1
      hint: acme-walls 1.1 works with [PYTHON]: ask for `acme-walls>=1.1`
    ");
    assert_snapshot!(world.app("add 'not a requirement'"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value 'not a requirement' for '<REQUIREMENT>...': `not a requirement` is not a PEP 508 requirement: Expected one of `@`, `(`, `<`, `=`, `>`, `~`, `!`, `;`, found `a`

    For more information, try '--help'.
    ");
    assert_snapshot!(world.app("remove acme-roofs"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `acme-roofs` is not in the dependencies of [TEMP]/app/pyproject.toml
      hint: known: acme-walls
    ");
    assert_eq!(files(), before);
}

#[test]
fn what_is_added_without_a_version_gets_the_locked_one_as_its_lower_bound() {
    let world = World::with_registry(&buildings());
    world.publish("acme", &[Wheel::new("acme-stairs", "2.0+local.1").extra("plot", "acme-units")]);
    world.write("app/pyproject.toml", "[project]\nname = \"app\"\nversion = \"0.1.0\"\n");
    assert_snapshot!(world.app("add --no-sync acme-walls acme-units<2"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no registry is set
      hint: name one under [tool.rvp] as `registries = [{ name = "acme", url = "../registry" }]`, or for this user with `rvp config set registries.acme.url DIR-or-URL`
    "#);
    assert_snapshot!(world.app("add --no-sync --registry ../acme acme-walls acme-units<2"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-units 1.0
    + acme-walls 1.1
    locked 2 packages for 1 target
    ");
    let added = "add --no-sync --registry ../acme --dev 'acme-stairs[plot] ; python_version >= \"3\"'";
    world.done_in("app", added);
    world.done_in("app", "add --no-sync --registry ../acme --dev 'acme-roofs ; python_version < \"3\"'");
    assert_snapshot!(world.read("app/pyproject.toml"), @r#"
    [project]
    name = "app"
    version = "0.1.0"
    dependencies = [
        "acme-units<2",
        "acme-walls>=1.1",
    ]

    [dependency-groups]
    dev = [
        'acme-roofs ; python_version < "3"',
        'acme-stairs[plot]>=2.0 ; python_version >= "3"',
    ]
    "#);
    let lock = world.read("app/rvp.lock");
    assert_snapshot!(world.app("lock --check"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    rvp.lock is up to date
    ");
    assert_snapshot!(world.app("lock -U --registry ../acme"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    locked 3 packages for 1 target
    ");
    assert_eq!(world.read("app/rvp.lock"), lock);
}

#[test]
fn a_sync_that_fails_says_what_is_changed_and_what_is_not() {
    let world = World::with_registry(&buildings());
    world.project(&["acme-units"], "targets = [{ python = '3.99' }]");
    let failed = "pyproject.toml and rvp.lock are changed, and the environment is as it was";
    assert_snapshot!(world.app("add acme-walls"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    + acme-units 1.0
    + acme-walls 1.1
    locked 2 packages for 1 target
    error: pyproject.toml and rvp.lock are changed, and the environment is as it was
      cause: no Python 3.99 on this machine
      looked at: [PATHS]
      hint: install it, or set RVP_PYTHON to the path of one
      hint: run `rvp sync` when this is mended
    ");
    assert!(world.read("app/pyproject.toml").contains("acme-walls>=1.1"));
    assert!(world.app("remove acme-walls").contains(failed));
    assert_snapshot!(world.app("update"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    locked 1 package for 1 target
    error: rvp.lock is changed, and the environment is as it was
      cause: no Python 3.99 on this machine
      looked at: [PATHS]
      hint: install it, or set RVP_PYTHON to the path of one
      hint: run `rvp sync` when this is mended
    ");
}

#[test]
fn a_dependency_of_another_list_is_pointed_at() {
    let world = World::with_registry(&buildings());
    world.project(&["acme-units"], "");
    world.done_in("app", "add --no-sync --dev acme-roofs");
    world.done_in("app", "add --no-sync --group docs acme-roofs");
    world.done_in("app", "add --no-sync --optional full acme-walls");
    assert_snapshot!(world.app("remove acme-roofs"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `acme-roofs` is not in the dependencies of [TEMP]/app/pyproject.toml
      hint: it is in the dependency group `dev`: run this with --dev
      hint: it is in the dependency group `docs`: run this with --group docs
    ");
    assert_snapshot!(world.app("remove acme-walls"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `acme-walls` is not in the dependencies of [TEMP]/app/pyproject.toml
      hint: it is in the optional dependencies `full`: run this with --optional full
    ");
    assert_snapshot!(world.app("remove --dev acme-units"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `acme-units` is not in the dependency group `dev` of [TEMP]/app/pyproject.toml
      hint: it is in the dependencies: run this without --dev, --group and --optional
    ");
}
