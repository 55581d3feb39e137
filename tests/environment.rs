//! Environments: what is installed, what is left alone, and that Python and pip see the same.

mod support;

use std::fs;
use std::process::Command;

use insta::assert_snapshot;
use support::{Wheel, World, text};

fn buildings() -> Vec<Wheel> {
    vec![
        Wheel::new("acme-walls", "1.0").requires("acme-units>=1").script("walls"),
        Wheel::new("acme-walls", "1.1").requires("acme-units>=1").script("walls"),
        Wheel::new("acme-units", "1.0").file("acme_units/data/table.txt", "mm\n"),
        Wheel::new("acme-doors", "1.0").requires("acme-absent"),
        Wheel::new("acme-roofs", "1.0"),
    ]
}

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
    registries = [{ name = "registry", url = "../acme" }]
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
    [TEMP]/app/.venv is up to date
    ");
    assert_snapshot!(world.app("run python -c 'import sys; sys.exit(7)'"), @r"
    exit code: 7
    ----- stdout -----
    ----- stderr -----
    [TEMP]/app/.venv is up to date
    ");
    assert_snapshot!(world.app("run no-such-program"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    [TEMP]/app/.venv is up to date
    error: cannot run no-such-program
      hint: is it installed in [TEMP]/app/.venv, or on PATH?
      cause: No such file or directory (os error 2)
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
    registries = [{ name = "registry", url = "../acme" }]
    "#);
}

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
    error: invalid value 'not a requirement' for '<REQUIREMENTS>...': `not a requirement` is not a PEP 508 requirement: Expected one of `@`, `(`, `<`, `=`, `>`, `~`, `!`, `;`, found `a`

    For more information, try '--help'.
    ");
    assert_snapshot!(world.app("remove acme-roofs"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `acme-roofs` is not in the dependencies of [TEMP]/app/pyproject.toml
      hint: did you mean `acme-walls`?
    ");
    assert_eq!(files(), before);
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
      hint: did you mean `acme-units`?
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
fn environments_have_names_and_need_no_project() {
    let world = World::with_registry(&buildings());
    assert_snapshot!(world.rvp("env list"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("env create tools"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    made the environment [TEMP]/home/environments/tools for [PYTHON]
    ");
    assert_snapshot!(world.rvp("env create tools"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/home/environments/tools is in the way: it is an environment already
      hint: use it as it is, or remove the folder first
    ");
    assert_snapshot!(world.rvp("install --env tools acme-walls<1.1 --registry acme"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-units 1.0
    + acme-walls 1.0
    installed 2 packages: 2 added, 0 changed, 0 removed
    ");
    assert_snapshot!(world.rvp("install --env tools acme-roofs"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no registry is set
      hint: name one under [tool.rvp] as `registries = [{ name = "acme", url = "../registry" }]`, or for this user with `rvp config set registries`
    "#);
    world.write(
        "home/config.toml",
        &format!("registries = [{{ name = 'registry', url = '{}' }}]\n", world.path("acme").display()),
    );
    assert_snapshot!(world.rvp("install --env tools acme-roofs"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-roofs 1.0
    installed 3 packages: 1 added, 0 changed, 0 removed
    ");
    assert_snapshot!(world.rvp("update --env tools"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    [TEMP]/home/environments/tools is up to date
    ");
    assert_snapshot!(world.rvp("run --env tools walls"), @r"
    exit code: 0
    ----- stdout -----
    acme-walls 1.0 speaking
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("remove --env tools acme-roofs"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    - acme-roofs 1.0
    installed 2 packages: 0 added, 0 changed, 1 removed
    ");
    assert_snapshot!(world.rvp("remove --env tools acme-units"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: nobody asked for `acme-units` in tools
      hint: `rvp list --env tools` shows what is there
    ");
    assert_snapshot!(world.rvp("list --env tools"), @r"
    exit code: 0
    ----- stdout -----
    acme-units 1.0
    acme-walls 1.0
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("rollback --env tools"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    [TEMP]/home/environments/tools is at generation 3 again, with 3 packages
    ");
    assert_snapshot!(world.rvp("list --env tools"), @r"
    exit code: 0
    ----- stdout -----
    acme-roofs 1.0
    acme-units 1.0
    acme-walls 1.0
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("install --env tols acme-roofs"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/home/environments/tols is not an environment of rvp: it does not exist
      hint: make one with `rvp env create`
    ");
    assert_snapshot!(world.rvp("list"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: which environment?
      hint: name one with --env NAME or --env ./PATH, or go into a project
    ");
    assert_snapshot!(world.rvp("env list"), @r"
    exit code: 0
    ----- stdout -----
    tools  [PYTHON]  3 packages
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("env remove tools"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    removed [TEMP]/home/environments/tools
    ");
    assert_snapshot!(world.rvp("env list"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("env remove tools"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/home/environments/tools is not an environment of rvp: it does not exist
      hint: make one with `rvp env create`
    ");
    world.write("precious/file", "");
    assert_snapshot!(world.rvp("env remove ./precious"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/precious is not an environment of rvp: it has no environment.json
      hint: make one with `rvp env create`
    ");
    assert_snapshot!(world.rvp("env create ./precious"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/precious is in the way: it is a folder that is not empty
      hint: choose another path, or move its content away
    ");
}

#[test]
fn an_environment_for_revit_is_laid_out_on_any_machine() {
    let world = World::with_registry(&buildings());
    world.project(&["acme-walls"], "targets = ['revit==2025', 'revit==2027']");
    assert_snapshot!(world.app("sync"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    + acme-units 1.0
    + acme-walls 1.1
    locked 2 packages for 2 targets
    error: none of the lock's targets is for this machine
      hint: choose one with --target: revit==2025, revit==2027
    ");
    assert_snapshot!(world.app("sync --target revit==2025"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    made the environment [TEMP]/app/.venv for revit==2025
    installed 2 packages: 2 added, 0 changed, 0 removed
    ");
    assert_snapshot!(world.app("sync"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    [TEMP]/app/.venv is up to date
    ");
    let site_packages = world.path("app/.venv/Lib/site-packages");
    let mut names: Vec<_> = fs::read_dir(site_packages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_snapshot!(names.join("\n"), @r"
    acme_units
    acme_units-1.0.dist-info
    acme_walls
    acme_walls-1.1.dist-info
    ");
    assert_snapshot!(world.app("run walls"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    [TEMP]/app/.venv is up to date
    error: cannot run walls
      hint: is it installed in [TEMP]/app/.venv, or on PATH?
      cause: No such file or directory (os error 2)
    ");
    assert_snapshot!(world.rvp("env create fleet --revit 2027"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    made the environment [TEMP]/home/environments/fleet for revit==2027, Python 3.11 on win_amd64
    ");
    assert_snapshot!(world.app("sync --env fleet"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    installed 2 packages: 2 added, 0 changed, 0 removed
    ");
    assert_snapshot!(world.app("sync --env fleet --target revit==2025"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    [TEMP]/home/environments/fleet is up to date
    ");
    assert_snapshot!(world.rvp("env create old --revit 2019"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: revit 2019 is not known
      hint: known releases: 2021, 2022, 2023, 2024, 2025, 2025.4, 2026, 2026.3, 2026.5, 2027
    ");
}

#[test]
fn a_python_that_is_not_there_is_missed() {
    let world = World::with_registry(&buildings());
    assert_snapshot!(world.rvp("env create future --python 3.99"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no Python 3.99 on this machine
      looked at: /usr/bin/python3
      hint: install it, or name one with `--python PATH` or RVP_PYTHON
    ");
    assert_snapshot!(world.rvp("env create future --python snake"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `snake` is not a Python version; write it as `3.12` or `3.12.4`
    ");
    world.project(&["acme-walls"], "targets = [{ python = '3.99' }]");
    assert_snapshot!(world.app("sync"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    + acme-units 1.0
    + acme-walls 1.1
    locked 2 packages for 1 target
    error: no Python 3.99 on this machine
      looked at: /usr/bin/python3
      hint: install it, or name one with `--python PATH` or RVP_PYTHON
    ");
    let output = world.command(".", "env create here").env("RVP_PYTHON", "/no/python").output().unwrap();
    assert_snapshot!(text(&output), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: this machine has no Python that the target could take: /no/python does not work as a Python interpreter: No such file or directory (os error 2)
      hint: name another one with `--python PATH` or RVP_PYTHON
    ");
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
