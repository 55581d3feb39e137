//! `rvp lock`: what is chosen, what is written, and what is said when nothing fits.

mod support;

use std::fs;

use insta::assert_snapshot;
use support::nginx::Nginx;
use support::{Wheel, World};

/// A target that needs no interpreter of this machine.
const WINDOWS: &str = "targets = [{ python = '3.11', platform = 'win_amd64' }]";

fn walls() -> Vec<Wheel> {
    vec![
        Wheel::new("acme-walls", "1.0").requires("acme-units>=1"),
        Wheel::new("acme-walls", "2.0").requires("acme-units>=2").extra("plot", "acme-plot"),
        Wheel::new("acme-units", "1.0"),
        Wheel::new("acme-units", "2.0"),
        Wheel::new("acme-plot", "0.5"),
    ]
}

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

    [inputs.options]

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
    size = 1094
    blake3 = "[DIGEST]"
    sha256 = "[DIGEST]"

    [[package]]
    name = "acme-units"
    version = "2.0"
    registry = "acme"

    [[package.artifact]]
    file = "acme_units-2.0-py3-none-any.whl"
    size = 1108
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
    size = 1201
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
    world.copy("acme", &other.path("share/acme"));
    other.project(
        &["acme-walls[plot]"],
        &format!("registries = [{{ name = 'acme', url = '../share/acme' }}]\n{WINDOWS}"),
    );
    other.done_in("app", "lock");
    assert_eq!(other.read("app/rvp.lock"), lock);

    // A third, over HTTP.
    let nginx = Nginx::start("");
    world.copy("acme", &nginx.root().join("acme"));
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
fn releases_after_a_moment_are_passed_over() {
    let world = World::with_registry(&walls());
    world.project(&["acme-walls"], &format!("exclude-newer = '2020-01-01'\n{WINDOWS}"));
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `acme-walls`
      acme-walls 1.0 and 2.0 are newer than `exclude-newer` admits ([TIME])
    hint: it resolves without `exclude-newer`
    ");
    assert_snapshot!(world.app("lock --exclude-newer 2100-01-01"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-units 2.0
    + acme-walls 2.0
    locked 2 packages for 1 target
    ");
    assert_snapshot!(world.app("lock --exclude-newer yesterday"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `yesterday` is not a date or time such as "2026-01-31" or "[TIME]"
    "#);
}

#[test]
fn pre_releases_are_for_those_who_ask() {
    let world = World::with_registry(&[
        Wheel::new("acme-walls", "1.0"),
        Wheel::new("acme-walls", "2.0rc1"),
        Wheel::new("acme-only-early", "0.1a1"),
    ]);
    world.project(&["acme-walls", "acme-only-early"], WINDOWS);
    assert_snapshot!(world.app("lock"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-only-early 0.1a1
    + acme-walls 1.0
    locked 2 packages for 1 target
    ");
    assert_snapshot!(world.app("lock -U --prerelease allow"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    ~ acme-walls 1.0 -> 2.0rc1
    locked 2 packages for 1 target
    ");
    assert_snapshot!(world.app("lock -U --prerelease disallow"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `acme-only-early`
      acme-only-early 0.1a1 is a pre-release, which the setting `prerelease` leaves out
    hint: it resolves with pre-releases: set `prerelease = "allow"`, or require one by name
    "#);
    assert_snapshot!(world.app("lock -U --prerelease sometimes"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value 'sometimes' for '--prerelease <MODE>'
      [possible values: disallow, allow, if-necessary, explicit, if-necessary-or-explicit]

    For more information, try '--help'.
    ");
    world.project(&["acme-walls>=2.0rc1"], WINDOWS);
    assert_snapshot!(world.app("lock"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    - acme-only-early 0.1a1
    locked 1 package for 1 target
    ");
}

#[test]
fn the_resolution_may_be_highest_lowest_or_lowest_direct() {
    let world = World::with_registry(&walls());
    world.project(&["acme-walls"], WINDOWS);
    world.done_in("app", "lock --resolution lowest");
    assert_snapshot!(world.app("tree"), @r"
    exit code: 0
    ----- stdout -----
    python==3.11 win_amd64
    acme-walls 1.0
    └── acme-units 1.0
    ----- stderr -----
    ");
    world.done_in("app", "lock --resolution lowest-direct");
    assert_snapshot!(world.app("tree"), @r"
    exit code: 0
    ----- stdout -----
    python==3.11 win_amd64
    acme-walls 1.0
    └── acme-units 2.0
    ----- stderr -----
    ");
    world.done_in("app", "lock");
    assert_snapshot!(world.app("tree"), @r"
    exit code: 0
    ----- stdout -----
    python==3.11 win_amd64
    acme-walls 2.0
    └── acme-units 2.0
    ----- stderr -----
    ");
}

#[test]
fn constraints_and_overrides_of_the_project_hold() {
    let world = World::with_registry(&walls());
    world.project(
        &["acme-walls"],
        &format!("constraint-dependencies = ['acme-units<2', 'acme-absent<1']\n{WINDOWS}"),
    );
    world.done_in("app", "lock");
    assert_snapshot!(world.app("tree"), @r"
    exit code: 0
    ----- stdout -----
    python==3.11 win_amd64
    acme-walls 1.0
    └── acme-units 1.0
    ----- stderr -----
    ");
    world.project(&["acme-walls"], &format!("override-dependencies = ['acme-units==1.0']\n{WINDOWS}"));
    world.done_in("app", "lock -U");
    assert_snapshot!(world.app("tree"), @r"
    exit code: 0
    ----- stdout -----
    python==3.11 win_amd64
    acme-walls 2.0
    └── acme-units 1.0
    ----- stderr -----
    ");
}

#[test]
fn one_lock_holds_two_releases_of_revit() {
    let world = World::with_registry(&[Wheel::new("acme-units", "1.0")]);
    for (version, host) in [("1.0", "revit>=2021,<2025"), ("2.0", "revit>=2025")] {
        let wheel = Wheel::new("acme-walls", version).requires("acme-units").write(&world.path("wheels"));
        world.done(&format!("publish {} --registry acme --host '{host}'", wheel.display()));
    }
    world.project(&["acme-walls"], "targets = ['revit==2024', 'revit==2026.5']");
    assert_snapshot!(world.app("lock"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-units 1.0
    + acme-walls 1.0, 2.0
    locked 3 packages for 2 targets
    ");
    assert_snapshot!(world.read("app/rvp.lock"), @r#"
    # Written by `rvp lock`. To change it, change the project and lock again.
    version = 1

    [inputs]
    requirements = ["acme-walls"]

    [inputs.options]

    [[inputs.targets]]
    host = "revit==2024"

    [[inputs.targets]]
    host = "revit==2026.5"

    [[target]]
    name = "revit==2024"
    host = "revit==2024"
    python = "3.11"
    platform = "win_amd64"

    [target.provides]
    dotnet = "4.8"
    dynamo = "2.17.0"
    platform = "win_amd64"
    python = "3.11"

    [[target]]
    name = "revit==2026.5"
    host = "revit==2026.5"
    python = "3.11"
    platform = "win_amd64"

    [target.provides]
    dotnet = "10.0"
    platform = "win_amd64"
    python = "3.11"

    [[registry]]
    name = "acme"
    key = "acme+[KEY]"
    size = 19
    root = "[DIGEST]"
    snapshot = "[DIGEST]"

    [[package]]
    name = "acme-units"
    version = "1.0"
    registry = "acme"

    [[package.artifact]]
    file = "acme_units-1.0-py3-none-any.whl"
    size = 1108
    blake3 = "[DIGEST]"
    sha256 = "[DIGEST]"

    [[package]]
    name = "acme-walls"
    version = "1.0"
    registry = "acme"
    direct = true
    dependencies = ["acme-units"]
    targets = ["revit==2024"]

    [[package.artifact]]
    file = "acme_walls-1.0-py3-none-any.whl"
    size = 1134
    blake3 = "[DIGEST]"
    sha256 = "[DIGEST]"

    [[package]]
    name = "acme-walls"
    version = "2.0"
    registry = "acme"
    direct = true
    dependencies = ["acme-units"]
    targets = ["revit==2026.5"]

    [[package.artifact]]
    file = "acme_walls-2.0-py3-none-any.whl"
    size = 1134
    blake3 = "[DIGEST]"
    sha256 = "[DIGEST]"
    "#);
    assert_snapshot!(world.app("tree"), @r"
    exit code: 0
    ----- stdout -----
    revit==2024
    acme-walls 1.0
    └── acme-units 1.0
    revit==2026.5
    acme-walls 2.0
    └── acme-units 1.0
    ----- stderr -----
    ");
    assert_snapshot!(world.app("why acme-units --target revit==2024"), @r"
    exit code: 0
    ----- stdout -----
    revit==2024: the project needs acme-walls 1.0, which needs acme-units 1.0
    ----- stderr -----
    ");
    world.project(&["acme-walls==2.0"], "targets = ['revit==2024']");
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for Revit 2024:
      the project asks for `acme-walls==2.0`
      acme-walls 2.0 needs Revit >=2025; the target is Revit 2024
    hint: acme-walls 1.0 works with Revit 2024: ask for `acme-walls<2.0`
    ");
}

#[test]
fn a_target_must_be_known() {
    let world = World::with_registry(&[]);
    let lock_for = |target: &str| {
        world.project(&[], &format!("targets = [{target}]"));
        world.app("lock")
    };
    assert_snapshot!(lock_for("'revit==2019'"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: revit 2019 is not known
      hint: known releases: 2021, 2022, 2023, 2024, 2025, 2025.4, 2026, 2026.3, 2026.5, 2027
    ");
    assert_snapshot!(lock_for("'revit'"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:8:12: `revit` does not name a host release; write it as `revit==2025.4`
    ");
    assert_snapshot!(lock_for("'rhino==8'"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no registry here knows host:rhino
      hint: add a registry that has its releases; `rvp registry init --with revit` makes one for Revit
    ");
    assert_snapshot!(lock_for("{ python = '3' }"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `3` is not a Python version; write it as `3.12` or `3.12.4`
    ");
    assert_snapshot!(lock_for("{ python = '3.11', platform = 'amiga' }"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:8:12: `amiga` is not a platform that rvp knows; examples: win_amd64, win_arm64, manylinux_2_28_x86_64, musllinux_1_2_x86_64, macosx_11_0_arm64
    ");
}

#[test]
fn a_conflict_says_which_package_asks_for_what() {
    let world = World::with_registry(&[
        Wheel::new("acme-walls", "1.0").requires("acme-units<2"),
        Wheel::new("acme-roofs", "1.0").requires("acme-units>=2"),
        Wheel::new("acme-units", "1.0"),
        Wheel::new("acme-units", "2.0"),
        Wheel::new("acme-native", "1.0").tag("cp312-cp312-manylinux2014_x86_64"),
        Wheel::new("acme-young", "1.0").requires_python(">=3.12"),
    ]);
    world.project(&["acme-walls", "acme-roofs"], WINDOWS);
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `acme-roofs`
      the project asks for `acme-walls`
      acme-roofs 1.0 needs `acme-units>=2`
      acme-walls 1.0 needs `acme-units<2`
    ");
    assert!(!world.path("app/rvp.lock").exists());
    world.project(&["acme-wals"], WINDOWS);
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `acme-wals`
      there is no package `acme-wals` in acme
    ");
    world.project(&["acme-units>=3"], WINDOWS);
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `acme-units>=3`
      acme has no acme-units >=3; it has 1.0 and 2.0
    hint: acme-units 2.0 works with Python 3.11 on win_amd64: ask for `acme-units>=2.0`
    ");
    world.project(&["acme-native"], WINDOWS);
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `acme-native`
      acme-native 1.0 has wheels for cp312 only; the target is Python 3.11 on win_amd64
    ");
    world.project(&["acme-young"], WINDOWS);
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `acme-young`
      acme-young 1.0 needs Python >=3.12; the target has Python 3.11
    ");
}

#[test]
fn names_belong_to_the_registries_that_their_prefixes_say() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    world.done("registry init public");
    world.publish("public", &[Wheel::new("acme-walls", "99.0"), Wheel::new("plotting", "1.0")]);
    let registries = |prefixes: &str, name: &str| {
        format!(
            "registries = [{{ name = 'acme', url = '../acme'{prefixes} }}, {{ name = '{name}', url = '../public' }}]\n{WINDOWS}"
        )
    };
    let dependencies = ["acme-walls", "plotting"];
    world.project(&dependencies, &registries(", prefixes = ['acme-']", "public"));
    world.done_in("app", "lock");
    assert_snapshot!(world.app("tree"), @r"
    exit code: 0
    ----- stdout -----
    python==3.11 win_amd64
    acme-walls 1.0
    plotting 1.0
    ----- stderr -----
    ");
    world.project(&["acme-doors"], &registries(", prefixes = ['acme-']", "public"));
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `acme-doors`
      there is no package `acme-doors` in acme
    ");
    world.project(&dependencies, &registries("", "public"));
    assert_snapshot!(world.app("lock -U"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cannot read the package `acme-walls`: the registries `acme` and `public` both have `acme-walls`
      hint: bind the name to one of them, so that nobody can put a package in its place: give that registry a prefix, as in `prefixes = ["acme-walls"]`
    "#);
    world.project(&dependencies, &registries("", "acme"));
    assert_snapshot!(world.app("lock -U"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:7:14: two registries have the name `acme`; give each its own
    ");
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
    ");
    world.write("app/rvp.lock", "version = 99\n");
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the lock [TEMP]/app/rvp.lock has format 99, and this version of rvp reads format 1; update rvp, or make it anew with `rvp lock`
    ");
}
