//! Environments that have a name, or are for another machine.

use std::fs;

use crate::support::{Wheel, World, buildings, text};
use insta::assert_snapshot;

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
      hint: name one under [tool.rvp] as `registries = [{ name = "acme", url = "../registry" }]`, or for this user with `rvp config set registries.acme.url DIR-or-URL`
    "#);
    world.done("config set registries.acme.url acme");
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
      hint: `rvp env list` shows those that have a name; make one with `rvp env create`
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
      hint: `rvp env list` shows those that have a name; make one with `rvp env create`
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
fn what_an_environment_was_asked_for_goes_back_with_it() {
    let world = World::with_registry(&buildings());
    world.done("config set registries.acme.url acme");
    world.done("env create tools");
    world.done("install --env tools acme-walls<1.1");
    world.done("install --env tools acme-roofs acme-walls");
    world.done("remove --env tools acme-roofs");
    world.done("rollback --env tools");
    world.done("rollback --env tools");
    assert_snapshot!(world.rvp("install --env tools acme-units"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    installed 2 packages: 0 added, 0 changed, 0 removed
    ");
    assert_snapshot!(world.rvp("list --env tools"), @r"
    exit code: 0
    ----- stdout -----
    acme-units 1.0
    acme-walls 1.0
    ----- stderr -----
    ");
    world.publish("acme", &[Wheel::new("acme-windows", "1.0")]);
    assert_snapshot!(world.rvp("update --env tools"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    [TEMP]/home/environments/tools is up to date
    ");
}

#[test]
fn an_environment_of_a_project_is_not_filled_by_hand() {
    let world = World::with_registry(&buildings());
    world.project(&["acme-units"], "");
    world.done_in("app", "sync");
    assert_snapshot!(world.app("install --env ./.venv acme-roofs"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the packages of [TEMP]/app/.venv come from a project
      hint: change them there, with `rvp add`, `rvp remove`, `rvp update` and `rvp sync --env`
    ");
    assert_snapshot!(world.app("list"), @r"
    exit code: 0
    ----- stdout -----
    acme-units 1.0
    ----- stderr -----
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
    error: [TEMP]/app/.venv is for revit==2025, Python 3.11 on win_amd64: its programs do not run on this machine
      hint: `rvp sync` lays it out; copy it to a machine that runs them
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
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the environment [TEMP]/home/environments/fleet is for revit==2027, Python 3.11 on win_amd64, and not for revit==2025
      hint: make another environment for it with `rvp env create`, and choose that with --env
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
      looked at: [PATHS]
      hint: install it, or set RVP_PYTHON to the path of one
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
      looked at: [PATHS]
      hint: install it, or set RVP_PYTHON to the path of one
    ");
    let output = world.command(".", "env create here").env("RVP_PYTHON", "/no/python").output().unwrap();
    assert_snapshot!(text(&output), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: this machine has no Python that the target could take: /no/python does not work as a Python interpreter: No such file or directory (os error 2)
      hint: set RVP_PYTHON to the path of another one
    ");
}

#[test]
fn a_conflict_in_an_environment_names_the_environment() {
    let world = World::with_registry(&buildings());
    world.done("config set registries.acme.url acme");
    world.done("env create fleet --revit 2025");
    assert_snapshot!(world.rvp("install --env fleet acme-walls>3"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no set of versions for Revit 2025:
      the environment asks for `acme-walls>3`
      acme has no acme-walls >3; it has 1.0 and 1.1
      hint: acme-walls 1.1 works with Revit 2025: ask for `acme-walls>=1.1`
    ");
}
