//! What an environment tells of itself: its graph, its generations, and what killed commands left.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::support::{World, buildings};
use insta::assert_snapshot;

#[test]
fn the_tree_of_an_environment_needs_no_project() {
    let world = World::with_registry(&buildings());
    world.done("config set registries.acme.url acme");
    world.done("env create fleet --revit 2025");
    assert_snapshot!(world.rvp("tree --env fleet"), @r"
    exit code: 0
    ----- stdout -----
    revit==2025, Python 3.11 on win_amd64
    ----- stderr -----
    ");
    world.done("install --env fleet acme-walls acme-units");
    assert_snapshot!(world.rvp("tree --env fleet"), @r"
    exit code: 0
    ----- stdout -----
    revit==2025, Python 3.11 on win_amd64
    acme-units 1.0
    acme-walls 1.1
    └── acme-units 1.0
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("why --env fleet acme-units"), @r"
    exit code: 0
    ----- stdout -----
    revit==2025, Python 3.11 on win_amd64: the environment needs acme-units 1.0
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("tree --env fleet --json"), @r#"
    exit code: 0
    ----- stdout -----
    {
      "revit==2025, Python 3.11 on win_amd64": [
        {
          "dependencies": [],
          "direct": true,
          "name": "acme-units",
          "version": "1.0"
        },
        {
          "dependencies": [
            "acme-units"
          ],
          "direct": true,
          "name": "acme-walls",
          "version": "1.1"
        }
      ]
    }
    ----- stderr -----
    "#);
    world.project(&["acme-walls"], "targets = ['revit==2025']");
    world.done_in("app", "sync");
    assert_snapshot!(world.app("why --env ./.venv acme-units"), @r"
    exit code: 0
    ----- stdout -----
    revit==2025, Python 3.11 on win_amd64: the environment needs acme-walls 1.1, which needs acme-units 1.0
    ----- stderr -----
    ");
}

#[test]
fn the_generations_of_an_environment_are_listed_and_gone_to() {
    let world = World::with_registry(&buildings());
    world.done("config set registries.acme.url acme");
    world.done("env create fleet --revit 2025");
    world.done("install --env fleet acme-walls<1.1");
    assert_snapshot!(world.rvp("env history --env fleet"), @r"
    exit code: 0
    ----- stdout -----
    2  [TIME]  2 packages  (current)
      + acme-units 1.0
      + acme-walls 1.0
    1  [TIME]  0 packages
    ----- stderr -----
    ");
    world.done("install --env fleet acme-walls acme-roofs -q");
    world.done("update --env fleet");
    world.done("remove --env fleet acme-roofs");
    assert_snapshot!(world.rvp("env history --env fleet"), @r"
    exit code: 0
    ----- stdout -----
    5  [TIME]  2 packages  (current)
      - acme-roofs 1.0
    4  [TIME]  3 packages
      ~ acme-walls 1.0 -> 1.1
    3  [TIME]  3 packages
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("rollback --env fleet --to 2"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the environment [TEMP]/home/environments/fleet has no generation 2
      hint: it has 3, 4, 5; `rvp env history` shows what they hold
    ");
    assert_snapshot!(world.rvp("env history --env fleet --json"), @r#"
    exit code: 0
    ----- stdout -----
    [
      {
        "number": 5,
        "current": true,
        "time": "[TIME]",
        "packages": 2,
        "changes": [
          {
            "name": "acme-roofs",
            "before": "1.0",
            "after": null
          }
        ]
      },
      {
        "number": 4,
        "current": false,
        "time": "[TIME]",
        "packages": 3,
        "changes": [
          {
            "name": "acme-walls",
            "before": "1.0",
            "after": "1.1"
          }
        ]
      },
      {
        "number": 3,
        "current": false,
        "time": "[TIME]",
        "packages": 3,
        "changes": null
      }
    ]
    ----- stderr -----
    "#);
    assert_snapshot!(world.rvp("rollback --env fleet --to 3"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    [TEMP]/home/environments/fleet is at generation 3 again, with 3 packages
    ");
    assert_snapshot!(world.rvp("rollback --env fleet --to 5"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    [TEMP]/home/environments/fleet is at generation 5 again, with 2 packages
    ");
}

#[test]
fn what_killed_commands_left_is_cleaned_up() {
    let world = World::with_registry(&[]);
    let hours = |hours: u64| SystemTime::now() - Duration::from_secs(hours * 3600);
    let left = |folder: &str, time: SystemTime| {
        world.write(&format!("{folder}/environment/file"), "");
        fs::File::open(world.path(folder)).unwrap().set_modified(time).unwrap();
    };
    let folders = || {
        let names = fs::read_dir(world.path("work")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names.join(" ")
    };
    let old = |kind: &str| left(&format!("work/.rvp-{kind}-aB3x9Z"), hours(2));
    old("new-environment");
    left("work/.rvp-new-environment-young1", hours(0));
    left("work/.rvp-new-environment-of-mine", hours(2));
    left("work/.rvp-notes", hours(2));
    world.done("env create ./work/one --revit 2025");
    assert_snapshot!(folders(), @r"
    .rvp-new-environment-of-mine .rvp-new-environment-young1 .rvp-notes one
    ");
    old("removed-environment");
    world.done("env remove ./work/one");
    assert_snapshot!(folders(), @r"
    .rvp-new-environment-of-mine .rvp-new-environment-young1 .rvp-notes
    ");
    old("new-registry");
    world.done("registry init work/two");
    assert_snapshot!(folders(), @r"
    .rvp-new-environment-of-mine .rvp-new-environment-young1 .rvp-notes two
    ");
}
