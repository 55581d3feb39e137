//! One log, shown to one client by several places, of which some lag behind and some lie; and the evidence of it.

use std::fs;
use std::path::{Path, PathBuf};

use rvp::registry::Evidence;

use crate::support::folder::copy;
use crate::support::forge::Forge;
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World};

/// Another release, sealed by whoever has the log's key. Each adds two entries.
fn grow(world: &World, registry: &Path, name: &str) {
    let line = format!(r#"{{"kind":"release","family":"python","name":"{name}","version":"1.0"}}"#);
    let path = format!("index/python/{}/{}/{name}", &name[..2], &name[2..4]);
    Forge::new(registry, world.key()).seal(&path, &[&line]);
}

/// A registry, and copies of it to go on from.
fn mirrors<const N: usize>(names: [&str; N]) -> World {
    let world = World::with_registry(&[]);
    world.publish("acme", &[Wheel::new("acme-walls", "1.0")]);
    for name in names {
        copy(&world.path("acme"), &world.path(name));
    }
    world
}

fn visit(world: &World, place: &str) {
    world.done(&format!("registry verify {place} --allow-missing-blobs"));
}

#[track_caller]
fn refused(world: &World, place: &str) -> String {
    world.fails_in(".", &format!("registry verify {place} --allow-missing-blobs"))
}

/// How many states of the one log are remembered.
fn remembered(world: &World) -> usize {
    let state: serde_json::Value = serde_json::from_slice(&fs::read(only_log(world)).unwrap()).unwrap();
    state["states"].as_array().unwrap().len()
}

fn only_log(world: &World) -> PathBuf {
    let mut files = fs::read_dir(world.path("home/state/logs")).unwrap().map(|file| file.unwrap().path());
    files.find(|path| path.extension().is_some_and(|end| end == "json")).unwrap()
}

fn only_evidence(world: &World) -> PathBuf {
    let mut files = fs::read_dir(world.path("home/evidence")).unwrap();
    let path = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    path
}

/// Two places show two histories: whatever their sizes, whoever comes second is refused, and the file proves it alone.
#[test]
fn two_mirrors_cannot_show_two_logs() {
    for (first, second) in [(1, 1), (1, 2), (2, 3)] {
        let world = mirrors(["one", "two"]);
        (0..first).for_each(|number| grow(&world, &world.path("one"), &format!("doors-{number}")));
        (0..second).for_each(|number| grow(&world, &world.path("two"), &format!("floors-{number}")));
        visit(&world, "one");
        let said = refused(&world, "two");
        assert!(said.contains("shows two histories (a fork)"), "{said}");
        let evidence = only_evidence(&world);
        assert!(said.contains(evidence.to_str().unwrap()), "{said}");
        assert_eq!(said, refused(&world, "two"), "found again, it is the same file");
        assert_eq!(only_evidence(&world), evidence);

        fs::copy(&evidence, world.path("evidence.txt")).unwrap();
        fs::remove_dir_all(world.path("home")).unwrap();
        for place in ["one", "two", "acme"] {
            fs::remove_dir_all(world.path(place)).unwrap();
        }
        let said = world.rvp("registry evidence evidence.txt");
        assert!(
            said.contains("PROVEN: the log `acme` was forked") && said.starts_with("exit code: 0"),
            "{said}"
        );
        check_that_nothing_can_be_altered(&world.read("evidence.txt"));
    }
}

/// Only who has shown a view may be said in another way.
fn check_that_nothing_can_be_altered(text: &str) {
    let check = |text: &str| Evidence::parse(text).and_then(|evidence| evidence.check());
    check(text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for number in 0..lines.len() {
        if lines[number].starts_with("view ") {
            continue;
        }
        let mut without = lines.clone();
        without.remove(number);
        assert!(check(&without.join("\n")).is_err(), "without {}", lines[number]);
        let middle = lines[number].char_indices().nth(lines[number].chars().count() / 2);
        let Some((at, c)) = middle.filter(|(_, c)| *c != '|') else { continue };
        let other = if c == 'A' { 'B' } else { 'A' };
        let line = [&lines[number][..at], &other.to_string(), &lines[number][at + c.len_utf8()..]].concat();
        let mut altered = lines.clone();
        altered[number] = &line;
        assert!(check(&altered.join("\n")).is_err(), "{line} for {}", lines[number]);
    }
}

/// The vectors of `index-schema/vectors`, which `make.py` writes from the specification alone.
#[test]
fn evidence_is_that_of_the_vectors() {
    #[derive(serde::Deserialize)]
    struct Case {
        case: String,
        proves: bool,
        text: String,
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("index-schema/vectors/evidence.json");
    for Case { case, proves, text } in serde_json::from_slice::<Vec<Case>>(&fs::read(path).unwrap()).unwrap()
    {
        let found = Evidence::parse(&text).and_then(|evidence| evidence.check().map(|_| evidence));
        assert_eq!(found.is_ok(), proves, "{case}: {found:?}");
        if let Ok(evidence) = found {
            assert_eq!(evidence.to_text(), text, "{case}");
        }
    }
}

#[test]
fn what_proves_nothing_is_not_evidence() {
    let world = mirrors(["one"]);
    visit(&world, "one");
    let key = world.read("one/config.json");
    let key = key.split('"').find(|part| part.starts_with("acme+")).unwrap().to_owned();
    let note: String = world.read("one/log/checkpoint").lines().map(|line| format!("| {line}\n")).collect();
    let title = "rvp evidence: two states of one log";
    let cases = [
        ("the same state twice", format!("{title}\nkey {key}\nview a\n{note}view b\n{note}")),
        ("one view", format!("{title}\nkey {key}\nview a\n{note}")),
        ("three views", format!("{title}\nkey {key}\nview a\n{note}view b\n{note}view c\n{note}")),
        ("no key", format!("{title}\nview a\n{note}view b\n{note}")),
        ("another key", format!("{title}\nkey acme+00000000+AAAA\nview a\n{note}view b\n{note}")),
        ("control characters", format!("{title}\nkey {key}\r\r\nview a\n{note}view b\n{note}")),
        ("something else", "%PDF-1.7".into()),
        ("nothing", String::new()),
        ("endless proof", format!("{title}\nkey {key}\n{}", "proof AAAA\n".repeat(10_000))),
        ("far too large", "| x\n".repeat(1 << 19)),
    ];
    for (case, text) in cases {
        world.write("file", &text);
        let said = world.fails_in(".", "registry evidence file");
        assert!(said.contains("is not evidence of a fork") || said.contains("larger than"), "{case}: {said}");
    }
}

#[test]
fn a_mirror_that_lags_waits_for_its_proof() {
    let world = mirrors(["one", "two"]);
    grow(&world, &world.path("one"), "doors");
    visit(&world, "one");
    visit(&world, "two");
    assert_eq!(remembered(&world), 2);
    grow(&world, &world.path("one"), "floors");
    visit(&world, "one");
    assert_eq!(remembered(&world), 1, "the larger log has proven both");
    visit(&world, "two");
    assert_eq!(remembered(&world), 1, "the mirror has shown nothing new");

    // And it goes back at no place that has shown more.
    copy(&world.path("two"), &world.path("one"));
    let said = refused(&world, "one");
    assert!(said.contains("an older state than it showed before") && said.contains("rollback"), "{said}");
}

#[test]
fn a_fork_that_lags_is_found_when_the_log_grows() {
    let world = mirrors(["one", "two"]);
    grow(&world, &world.path("one"), "doors");
    grow(&world, &world.path("one"), "stairs");
    grow(&world, &world.path("two"), "floors");
    visit(&world, "one");
    visit(&world, "two");
    grow(&world, &world.path("one"), "roofs");
    let said = refused(&world, "one");
    assert!(said.contains("shows two histories (a fork)"), "{said}");
    check_that_nothing_can_be_altered(&fs::read_to_string(only_evidence(&world)).unwrap());
}

/// Where the tiles of the larger log are in the cache, a smaller one is proven, or refused, at once.
#[test]
fn a_fork_that_lags_is_found_at_once_from_the_cache() {
    let nginx = Nginx::start("");
    let world = mirrors(["one", "lagging", "forked"]);
    grow(&world, &world.path("one"), "doors");
    copy(&world.path("one"), &world.path("lagging"));
    grow(&world, &world.path("forked"), "floors");
    let visit = |name: &str| {
        copy(&world.path(name), &nginx.root().join(name));
        world.rvp(&format!("info acme-walls --registry {}/{name}", nginx.http()))
    };
    assert!(visit("one").starts_with("exit code: 0"));
    grow(&world, &world.path("one"), "stairs");
    // The consistency proof has the client fetch the tiles.
    assert!(visit("one").starts_with("exit code: 0"));
    assert!(visit("lagging").starts_with("exit code: 0"));
    assert_eq!(remembered(&world), 1);
    let said = visit("forked");
    assert!(said.contains("shows two histories (a fork)"), "{said}");
}

#[test]
fn a_state_that_is_known_costs_nothing() {
    let world = mirrors(["one"]);
    visit(&world, "one");
    fs::remove_dir_all(world.path("home/state/logs")).unwrap();
    visit(&world, "one");
    assert!(!world.path("home/state/logs").exists(), "it was neither read nor written");
}

#[test]
fn processes_at_the_same_time_lose_no_state() {
    let world = mirrors([]);
    let names: Vec<String> = (0..6).map(|number| format!("mirror-{number}")).collect();
    for name in &names {
        grow(&world, &world.path("acme"), &format!("pack-{name}"));
        copy(&world.path("acme"), &world.path(name));
    }
    for _ in 0..3 {
        let _ = fs::remove_dir_all(world.path("home/state"));
        let all: Vec<_> = names
            .iter()
            .map(|name| {
                let mut command =
                    world.command(".", &format!("-q registry verify {name} --allow-missing-blobs"));
                command.stdout(std::process::Stdio::null()).spawn().unwrap()
            })
            .collect();
        for mut process in all {
            assert!(process.wait().unwrap().success());
        }
        let state = fs::read_to_string(only_log(&world)).unwrap();
        let state: serde_json::Value = serde_json::from_str(&state).unwrap();
        let newest = state["states"].as_array().unwrap().last().unwrap()["note"].as_str().unwrap();
        assert_eq!(newest, world.read("mirror-5/log/checkpoint"));
        // What was not compared with the newest then is when the log grows.
        visit(&world, "mirror-5");
    }
}

/// A registry that was restored from an old copy is not sealed: that would fork its log.
#[test]
fn an_old_copy_is_not_sealed() {
    let world = mirrors(["old"]);
    world.publish("acme", &[Wheel::new("acme-doors", "1.0")]);
    let before = world.read("old/log/checkpoint");
    let said = world.fails_in(".", "registry seal old");
    assert!(said.contains("old was restored from an old copy: the key has sealed 17 log entries"), "{said}");
    assert!(said.contains("to seal it would fork the log"), "{said}");
    assert_eq!(world.read("old/log/checkpoint"), before);
    world.done("registry seal old --accept-loss");
    world.publish("old", &[Wheel::new("acme-floors", "1.0")]);
    let said = world.fails_in(".", "registry seal acme");
    assert!(said.contains("and the log there has 17 others"), "{said}");
}

/// Another machine with the key has gone on: this one continues its work.
#[test]
fn what_another_sealer_has_added_is_continued() {
    let world = mirrors([]);
    grow(&world, &world.path("acme"), "doors");
    world.done("registry seal acme");
    world.publish("acme", &[Wheel::new("acme-floors", "1.0")]);
}
