//! Several processes at once, and processes that are killed at any moment.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Wheel, World, text};

/// Kills of each kind: enough to hit each stage of a run several times.
const KILLS: u32 = 40;

/// Two packages that are of use only at the same version, with files enough for a kill to fall between them.
fn pair(version: u32) -> [Wheel; 2] {
    ["acme-walls", "acme-units"].map(|name| {
        let module = name.replace('-', "_");
        let mut wheel = Wheel::new(name, &version.to_string());
        for number in 0..50 {
            let code = format!("VERSION = \"{version}\"\n# {}\n", "x".repeat(2000));
            wheel = wheel.file(&format!("{module}/part{number}.py"), &code);
        }
        match name {
            "acme-walls" => wheel.requires(&format!("acme-units=={version}")).script("walls"),
            _ => wheel,
        }
    })
}

/// The version that Python finds in the environment of `app`, which it must find in every file of both packages.
fn installed(world: &World, environment: &str) -> u32 {
    let ask = "import importlib, importlib.metadata as m\n\
               found = {m.version('acme-walls'), m.version('acme-units')}\n\
               for package in ('acme_walls', 'acme_units'):\n    \
                   for n in range(50):\n        \
                       found.add(importlib.import_module(f'{package}.part{n}').VERSION)\n\
               print(*found)\n";
    let python = world.path(environment).join("bin/python");
    // Without bytecode, which would be written into the store.
    let output = Command::new(python).args(["-B", "-c", ask]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap().trim().parse().expect("one version in all files")
}

fn spawn(world: &World, folder: &str, arguments: &str) -> Child {
    world.command(folder, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// Kills `child` after a random part of `full`, the time of a whole run. Whether it was still running: if not, runs are
/// quicker now than the one that was measured, beside other tests, and the next kill comes sooner.
fn kill(mut child: Child, full: &mut Duration) -> bool {
    std::thread::sleep(full.mul_f64(rand::random()));
    let running = child.try_wait().unwrap().is_none();
    *full = full.mul_f64(if running { 1.05 } else { 0.7 });
    // It may end between the question and the signal.
    let _ = child.kill();
    child.wait().unwrap();
    running
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

#[test]
fn a_killed_sync_leaves_the_old_environment_or_the_new_one() {
    let world = World::with_registry(&(0..=KILLS + 1).flat_map(pair).collect::<Vec<_>>());
    let lock = |version: u32| {
        world.project(&[&format!("acme-walls=={version}")], "");
        world.done_in("app", "lock");
    };
    lock(0);
    world.done_in("app", "sync");
    lock(1);
    let mut full = timed(|| world.done_in("app", "sync"));
    let mut killed = 0;
    for version in 2..=KILLS + 1 {
        lock(version);
        killed += u32::from(kill(spawn(&world, "app", "sync"), &mut full));
        let found = installed(&world, "app/.venv");
        assert!(found == version || found == version - 1, "{found} after a sync to {version}");
        world.done_in("app", "sync");
        assert_eq!(installed(&world, "app/.venv"), version);
    }
    assert!(killed > KILLS / 4, "only {killed} of {KILLS} runs were killed");
}

#[test]
fn a_killed_creation_is_not_in_the_way() {
    let world = World::with_registry(&pair(1));
    world.project(&["acme-walls"], "");
    world.done_in("app", "sync");
    let fresh = || {
        std::fs::remove_dir_all(world.path("app/.venv")).unwrap();
        world.path("app/.venv")
    };
    fresh();
    let mut full = timed(|| world.done_in("app", "sync"));
    for _ in 0..KILLS {
        fresh();
        kill(spawn(&world, "app", "sync"), &mut full);
        world.done_in("app", "sync");
        assert_eq!(installed(&world, "app/.venv"), 1);
    }
}

#[test]
fn a_killed_publish_leaves_a_sound_registry() {
    let world = World::with_registry(&pair(0));
    let publish = |version: u32| {
        let files = pair(version).map(|wheel| wheel.write(&world.path("wheels")).display().to_string());
        format!("publish --registry acme {}", files.join(" "))
    };
    let command = publish(1);
    let mut full = timed(|| world.done(&command));
    let mut killed = 0;
    for version in 2..=KILLS + 1 {
        let command = publish(version);
        killed += u32::from(kill(spawn(&world, ".", &command), &mut full));
        world.done("registry verify acme");
        world.done(&command);
        world.done("registry verify acme");
        let walls = world.read("acme/index/python/ac/me/acme-walls");
        let lines = walls.lines().filter(|line| line.contains(&format!("\"version\":\"{version}\"")));
        assert_eq!(lines.filter(|line| line.contains("\"kind\":\"release\"")).count(), 1);
    }
    assert!(killed > KILLS / 4, "only {killed} of {KILLS} runs were killed");
    world.project(&["acme-walls"], "");
    world.done_in("app", "sync");
    assert_eq!(installed(&world, "app/.venv"), KILLS + 1);
}

#[test]
fn a_killed_seal_loses_no_proposal() {
    let versions = 0..=KILLS;
    let wheels: Vec<Wheel> =
        versions.clone().map(|version| Wheel::new("acme-walls", &version.to_string())).collect();
    let world = World::with_registry(&wheels);
    let propose = |version: u32| {
        let index = world.path("acme/index/python/ac/me/acme-walls");
        let mut file = std::fs::File::options().append(true).open(index).unwrap();
        writeln!(
            file,
            r#"{{"kind":"yank","family":"python","name":"acme-walls","version":"{version}","yanked":true}}"#
        )
        .unwrap();
    };
    propose(0);
    let mut full = timed(|| world.done("registry seal acme"));
    for version in 1..=KILLS {
        propose(version);
        kill(spawn(&world, ".", "registry seal acme"), &mut full);
        world.done("registry verify acme");
        world.done("registry seal acme");
        let text = world.rvp(&format!("yank acme-walls=={version} --registry acme --reason again"));
        assert!(text.contains("already yanked"), "{text}");
    }
    world.done("registry verify acme");
}

#[test]
fn two_syncs_into_one_environment_take_turns() {
    let world = World::with_registry(&[pair(1), pair(2)].into_iter().flatten().collect::<Vec<_>>());
    for version in [1, 2] {
        world.project(&[&format!("acme-walls=={version}")], "");
        let syncs = [0; 4].map(|_| spawn(&world, "app", "sync"));
        syncs.into_iter().for_each(finish);
        assert_eq!(installed(&world, "app/.venv"), version);
    }
}

#[test]
fn installs_at_once_into_one_environment_all_count() {
    let names = ["acme-walls", "acme-roofs", "acme-doors", "acme-units"];
    let world = World::with_registry(&names.map(|name| Wheel::new(name, "1.0")));
    world.done("config set registries.acme.url acme");
    world.done("env create tools");
    let installs = names.map(|name| spawn(&world, ".", &format!("install --env tools {name}")));
    installs.into_iter().for_each(finish);
    insta::assert_snapshot!(world.rvp("list --env tools"), @r"
    exit code: 0
    ----- stdout -----
    acme-doors 1.0
    acme-roofs 1.0
    acme-units 1.0
    acme-walls 1.0
    ----- stderr -----
    ");
}

#[test]
fn publishes_at_once_lose_nothing() {
    let world = World::with_registry(&[]);
    let publishes: Vec<Child> = (0..6)
        .map(|number| {
            // Each is published by two processes.
            let wheel = Wheel::new("acme-walls", &format!("1.{}", number / 2)).write(&world.path("wheels"));
            spawn(&world, ".", &format!("publish --registry acme {}", wheel.display()))
        })
        .collect();
    publishes.into_iter().for_each(finish);
    insta::assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 0
    ----- stdout -----
    sound: 19 log entries, 2 packages, 13 releases, 3 blobs (3.06 KiB)
    ----- stderr -----
    ");
}

#[test]
fn environments_that_share_the_store_do_not_disturb_each_other() {
    let world = World::with_registry(&[pair(1), pair(2)].into_iter().flatten().collect::<Vec<_>>());
    world.project(&["acme-walls"], "");
    world.done_in("app", "lock");
    let make = ["one", "two", "three"].map(|name| spawn(&world, "app", &format!("sync --env ./{name}")));
    make.into_iter().for_each(finish);
    for name in ["one", "two", "three"] {
        assert_eq!(installed(&world, &format!("app/{name}")), 2);
    }
    // One changes and one goes away; the third stays what it is.
    world.project(&["acme-walls==1"], "");
    world.done_in("app", "sync --env ./one");
    world.done_in("app", "env remove ./two");
    assert_eq!(installed(&world, "app/one"), 1);
    assert_eq!(installed(&world, "app/three"), 2);
}
