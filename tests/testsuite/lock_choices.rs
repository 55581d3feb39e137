//! Which versions `rvp lock` chooses, and for which targets.

use crate::support::{WINDOWS, Wheel, World, walls};
use insta::assert_snapshot;

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
    size = 1044
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
    size = 1070
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
    size = 1070
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
      hint: it resolves for a target with Revit >=2025
    ");
}
