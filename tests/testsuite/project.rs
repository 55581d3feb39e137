//! A project and its own environment, from the first command to a program that runs.

use std::process::Command;

use crate::support::{World, buildings, text};
use insta::assert_snapshot;

#[test]
fn a_new_project_comes_to_run() {
    let world = World::with_registry(&buildings());
    assert_snapshot!(world.rvp("init app --registry acme"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    made app/pyproject.toml
    ");
    assert_snapshot!(world.read("app/pyproject.toml"), @r#"
    [project]
    name = "app"
    version = "0.1.0"
    requires-python = ">=3.11"
    dependencies = []

    [tool.rvp]
    registries = [{ name = "acme", url = "../acme" }]
    "#);
    assert_snapshot!(world.rvp("init app"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: app/pyproject.toml is there already
      hint: `rvp add` adds dependencies to it
    ");
    assert_snapshot!(world.app("add acme-walls<1.1 acme-roofs"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-roofs 1.0
    + acme-units 1.0
    + acme-walls 1.0
    locked 3 packages for 1 target
    made the environment [TEMP]/app/.venv for [PYTHON]
    installed 3 packages: 3 added, 0 changed, 0 removed
    ");
    assert_snapshot!(world.app("sync"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    [TEMP]/app/.venv is up to date
    ");
    assert_snapshot!(world.app("list"), @r"
    exit code: 0
    ----- stdout -----
    acme-roofs 1.0
    acme-units 1.0
    acme-walls 1.0
    ----- stderr -----
    ");
    assert_snapshot!(world.app("tree"), @r"
    exit code: 0
    ----- stdout -----
    [PYTHON]
    acme-roofs 1.0
    acme-walls 1.0
    └── acme-units 1.0
    ----- stderr -----
    ");
    assert_snapshot!(world.app("why acme-units"), @r"
    exit code: 0
    ----- stdout -----
    [PYTHON]: the project needs acme-walls 1.0, which needs acme-units 1.0
    ----- stderr -----
    ");
    assert_snapshot!(world.app("why acme-doors"), @r"
    exit code: 1
    ----- stdout -----
    [PYTHON]: nothing needs acme-doors
    ----- stderr -----
    ");
    assert_snapshot!(world.app("run walls"), @r"
    exit code: 0
    ----- stdout -----
    acme-walls 1.0 speaking
    ----- stderr -----
    ");
    assert_snapshot!(world.app("run python -c 'import sys; sys.exit(7)'"), @r"
    exit code: 7
    ----- stdout -----
    ----- stderr -----
    ");
    assert_snapshot!(world.app("run no-such-program"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cannot run no-such-program
      cause: No such file or directory (os error 2)
      hint: is it installed in [TEMP]/app/.venv, or on PATH?
    ");
    assert_snapshot!(world.app("remove acme-roofs"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    - acme-roofs 1.0
    locked 2 packages for 1 target
    installed 2 packages: 0 added, 0 changed, 1 removed
    ");
    assert_snapshot!(world.read("app/pyproject.toml"), @r#"
    [project]
    name = "app"
    version = "0.1.0"
    requires-python = ">=3.11"
    dependencies = [
        "acme-walls<1.1",
    ]

    [tool.rvp]
    registries = [{ name = "acme", url = "../acme" }]
    "#);
}

#[test]
fn groups_and_extras_are_installed_when_asked_for() {
    let world = World::with_registry(&buildings());
    world.project(&["acme-units"], "");
    assert_snapshot!(world.app("add --dev acme-roofs"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-roofs 1.0
    + acme-units 1.0
    locked 2 packages for 1 target
    made the environment [TEMP]/app/.venv for [PYTHON]
    installed 2 packages: 2 added, 0 changed, 0 removed
    ");
    assert_snapshot!(world.app("add --optional full acme-walls"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-walls 1.1
    locked 3 packages for 1 target
    [TEMP]/app/.venv is up to date
    ");
    assert_snapshot!(world.app("sync --extra full"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    installed 3 packages: 1 added, 0 changed, 0 removed
    ");
    assert_snapshot!(world.app("sync --no-dev"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    installed 1 package: 0 added, 0 changed, 2 removed
    ");
    assert_snapshot!(world.app("sync --extra fuller"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the project has no extra `fuller`
    ");
    assert_snapshot!(world.app("sync --group docs"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the project has no dependency group `docs`
    ");
    assert_snapshot!(world.app("remove acme-roofs"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `acme-roofs` is not in the dependencies of [TEMP]/app/pyproject.toml
      hint: it is in the dependency group `dev`: run this with --dev
    ");
    assert_snapshot!(world.app("remove --dev acme-roofs"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    - acme-roofs 1.0
    locked 2 packages for 1 target
    [TEMP]/app/.venv is up to date
    ");
}

#[test]
fn an_environment_goes_back_to_what_it_was() {
    let world = World::with_registry(&buildings());
    world.project(&["acme-walls<1.1"], "");
    world.done_in("app", "sync");
    world.project(&["acme-walls"], "");
    assert_snapshot!(world.app("update"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    ~ acme-walls 1.0 -> 1.1
    locked 2 packages for 1 target
    installed 2 packages: 0 added, 1 changed, 0 removed
    ");
    assert_snapshot!(world.app("rollback"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    [TEMP]/app/.venv is at generation 1 again, with 2 packages
    ");
    assert_snapshot!(world.app("list"), @r"
    exit code: 0
    ----- stdout -----
    acme-units 1.0
    acme-walls 1.0
    ----- stderr -----
    ");
    assert_snapshot!(world.app("run --no-sync walls"), @r"
    exit code: 0
    ----- stdout -----
    acme-walls 1.0 speaking
    ----- stderr -----
    ");
    assert_snapshot!(world.app("sync"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    installed 2 packages: 0 added, 1 changed, 0 removed
    ");
    assert_snapshot!(world.app("update acme-doors"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `acme-doors` is not in the lock, so there is nothing to upgrade
      hint: `rvp tree` shows what is in it
    ");
}

#[test]
fn sync_can_refuse_to_lock() {
    let world = World::with_registry(&buildings());
    world.project(&["acme-units"], "");
    assert_snapshot!(world.app("sync --locked"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no rvp.lock
      hint: run `rvp lock`
    ");
    world.done_in("app", "lock");
    world.project(&["acme-walls"], "");
    assert_snapshot!(world.app("sync --locked"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: rvp.lock is not up to date: the project requires `acme-walls`, the lock `acme-units`
      hint: run `rvp lock`
    ");
    assert!(!world.path("app/.venv").exists());
}

#[test]
fn python_and_pip_agree_with_what_is_installed() {
    let world = World::with_registry(&buildings());
    world.project(&["acme-walls", "acme-roofs"], "");
    world.done_in("app", "sync");
    let python = world.path("app/.venv/bin/python");
    let ask = "import importlib.metadata as m\n\
               for d in sorted(m.distributions(), key=lambda d: d.name):\n    \
                   print(d.name, d.version, d.read_text('INSTALLER'), all(f.locate().exists() for f in d.files))\n\
               print(m.entry_points(group='console_scripts'))\n\
               from importlib.resources import files\n\
               print(files('acme_units').joinpath('data/table.txt').read_text().strip())\n";
    let output = Command::new(&python).args(["-c", ask]).output().unwrap();
    assert_snapshot!(text(&output), @r"
    exit code: 0
    ----- stdout -----
    acme-roofs 1.0 rvp
     True
    acme-units 1.0 rvp
     True
    acme-walls 1.1 rvp
     True
    [EntryPoint(name='walls', value='acme_walls:main', group='console_scripts')]
    mm
    ----- stderr -----
    ");
    let output = Command::new(&python)
        .args(["-I", world.path("app/.venv/bin/walls").to_str().unwrap()])
        .output()
        .unwrap();
    assert_snapshot!(text(&output), @r"
    exit code: 0
    ----- stdout -----
    acme-walls 1.1 speaking
    ----- stderr -----
    ");
    let output = Command::new(world.path("app/.venv/bin/walls")).output().unwrap();
    assert_snapshot!(text(&output), @r"
    exit code: 0
    ----- stdout -----
    acme-walls 1.1 speaking
    ----- stderr -----
    ");

    // An interpreter's own pip, told to look into the environment.
    let base =
        Command::new(&python).args(["-c", "import sys; print(sys._base_executable)"]).output().unwrap();
    let base = String::from_utf8(base.stdout).unwrap();
    let pip = |arguments: &[&str]| {
        let mut command = Command::new(base.trim());
        command.args(["-m", "pip", "--python"]).arg(&python).args(arguments);
        text(&command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").output().unwrap())
    };
    assert_snapshot!(pip(&["check"]), @r"
    exit code: 0
    ----- stdout -----
    No broken requirements found.
    ----- stderr -----
    ");
    assert_snapshot!(pip(&["freeze"]), @r"
    exit code: 0
    ----- stdout -----
    acme-roofs==1.0
    acme-units==1.0
    acme-walls==1.1
    ----- stderr -----
    ");
}
