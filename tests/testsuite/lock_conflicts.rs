//! What `rvp lock` says when nothing fits.

use crate::support::{WINDOWS, Wheel, World};
use insta::assert_snapshot;

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
fn a_registry_of_the_command_line_stands_beside_those_of_the_project() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    world.done("registry init lab");
    world.publish("lab", &[Wheel::new("plotting", "1.0")]);
    world.project(&["acme-walls", "plotting"], WINDOWS);
    assert_snapshot!(world.app("lock"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `plotting`
      there is no package `plotting` in acme
    ");
    assert_snapshot!(world.app("lock --registry ../lab"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-walls 1.0
    + plotting 1.0
    locked 2 packages for 1 target
    ");
    world.publish("lab", &[Wheel::new("acme-walls", "99.0")]);
    assert_snapshot!(world.app("lock -U --registry ../lab"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cannot read the package `acme-walls`: the registries `lab` and `acme` both have `acme-walls`
      hint: bind the name to one of them, so that nobody can put a package in its place: give that registry a prefix, as in `prefixes = ["acme-walls"]`
    "#);
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
