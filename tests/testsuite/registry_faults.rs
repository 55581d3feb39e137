//! What a person sees when a registry was damaged, tampered with, or is offered unfit lines.

use std::fs;
use std::path::Path;

use crate::support::folder::copy;
use crate::support::place::Place;

const WALLS: &str = "index/python/ac/me/acme-walls";
const REVIT: &str = "index/host/re/vi/revit";

/// Compares with what was shown before, but for what differs from run to run.
macro_rules! assert_shown {
    ($shown:expr) => {
        insta::with_settings!({
            omit_expression => true,
            filters => [
                (r"\S+[/\\]\.tmp\w+[/\\]", "[FOLDER]/"),
                (r"registries[/\\][0-9a-f]{64}", "registries/[PLACE]"),
                (r"evidence[/\\]vectors-\S+\.txt", "evidence/[FILE]"),
                (r"[A-Za-z0-9+/]{43}=", "[ROOT]"),
                (r"signed at \S+,", "signed at [TIME],"),
            ],
        }, {
            insta::assert_snapshot!($shown);
        })
    };
}

type Fault = (&'static str, fn(&Place));

/// Runs `rvp registry verify` after each fault, by a client that has seen the registry whole before.
fn verify_after(faults: &[Fault]) -> String {
    let mut shown = String::new();
    for (title, fault) in faults {
        let place = Place::new();
        assert!(place.verify().ends_with("exit 0\n"));
        fault(&place);
        shown.push_str(&format!("# {title}\n{}\n", place.verify()));
    }
    shown
}

fn edit(place: &Place, path: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let path = place.registry().join(path);
    let mut bytes = fs::read(&path).unwrap();
    edit(&mut bytes);
    fs::write(&path, bytes).unwrap();
}

fn flip(place: &Place, path: &str) {
    edit(place, path, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
}

fn cut(place: &Place, path: &str) {
    edit(place, path, |bytes| bytes.truncate(bytes.len() / 2));
}

fn remove(place: &Place, path: &str) {
    fs::remove_file(place.registry().join(path)).unwrap();
}

/// The node at the root of the snapshot.
fn snapshot_root(place: &Place) -> String {
    let checkpoint = fs::read_to_string(place.registry().join("log/checkpoint")).unwrap();
    let line = checkpoint.lines().find_map(|line| line.strip_prefix("snapshot ")).unwrap();
    format!("snapshot/{line}")
}

/// The only blob.
fn blob(place: &Place) -> String {
    let registry = place.registry();
    let file = walkdir::WalkDir::new(registry.join("blobs")).into_iter().map(Result::unwrap);
    let file = file.filter(|item| item.file_type().is_file()).last().unwrap().into_path();
    file.strip_prefix(&registry).unwrap().to_str().unwrap().replace('\\', "/")
}

/// The same registry as it would have gone on without what happened to it since.
fn branch(place: &Place, name: &str, change: impl FnOnce(&Place)) {
    let other = Place::new();
    change(&other);
    copy(&other.registry(), &place.folder.path().join(name));
}

fn replace_registry(place: &Place, name: &str) {
    fs::remove_dir_all(place.registry()).unwrap();
    fs::rename(place.folder.path().join(name), place.registry()).unwrap();
}

fn yank(place: &Place, reason: &str) {
    let line = r#"{"kind":"yank","family":"python","name":"acme-walls","version":"1.0","yanked":true,"reason":"REASON"}"#;
    place.propose(WALLS, &line.replace("REASON", reason));
    assert!(place.seal().ends_with("exit 0\n"));
}

#[test]
fn damaged_files() {
    let shown = verify_after(&[
        ("a snapshot node altered", |place| flip(place, &snapshot_root(place))),
        ("a snapshot node cut", |place| cut(place, &snapshot_root(place))),
        ("a snapshot node missing", |place| remove(place, &snapshot_root(place))),
        ("a snapshot node of 1 MB", |place| {
            edit(place, &snapshot_root(place), |bytes| bytes.resize(1 << 20, b' '));
        }),
        ("each other snapshot node altered", |place| {
            let root = snapshot_root(place);
            for node in fs::read_dir(place.registry().join("snapshot")).unwrap() {
                let path = format!("snapshot/{}", node.unwrap().file_name().to_str().unwrap());
                if path != root {
                    // The end of the last cell: few paths are looked up there, if any.
                    edit(place, &path, |bytes| *bytes.last_mut().unwrap() ^= 1);
                }
            }
        }),
        ("an index file altered", |place| flip(place, WALLS)),
        ("an index file cut", |place| cut(place, WALLS)),
        ("an index file missing", |place| remove(place, WALLS)),
        ("an index file swapped with another package's", |place| {
            let (one, two) = (place.registry().join(WALLS), place.registry().join(REVIT));
            let bytes = fs::read(&one).unwrap();
            fs::copy(&two, &one).unwrap();
            fs::write(&two, bytes).unwrap();
        }),
        ("a tile altered", |place| flip(place, "log/tile/0/000.p/10")),
        ("a tile cut", |place| cut(place, "log/tile/0/000.p/10")),
        ("a tile missing", |place| remove(place, "log/tile/0/000.p/10")),
        ("a bundle altered", |place| flip(place, "log/tile/entries/000.p/10")),
        ("a bundle cut", |place| cut(place, "log/tile/entries/000.p/10")),
        ("a bundle missing", |place| remove(place, "log/tile/entries/000.p/10")),
        ("config.json altered", |place| {
            edit(place, "config.json", |bytes| {
                *bytes = String::from_utf8(bytes.clone()).unwrap().replace("36500", "99999").into_bytes();
            });
        }),
        ("config.json missing", |place| remove(place, "config.json")),
        ("a blob altered", |place| flip(place, &blob(place))),
        ("a blob cut", |place| cut(place, &blob(place))),
        ("a blob missing", |place| remove(place, &blob(place))),
    ]);
    assert_shown!(shown);
}

#[test]
fn uncommitted_bytes_do_no_harm() {
    let shown = verify_after(&[
        ("garbage behind the committed bytes", |place| {
            edit(place, WALLS, |bytes| bytes.extend_from_slice(b"\xff\x00 not a record\n\n"));
        }),
        ("a torn last line", |place| {
            edit(place, WALLS, |bytes| bytes.extend_from_slice(br#"{"kind":"release","fam"#));
        }),
        ("100 MB of garbage", |place| {
            edit(place, WALLS, |bytes| bytes.resize(100_000_000, b'x'));
        }),
        ("a file that nothing names", |place| place.propose("index/python/no/ne/none", "{}")),
        ("a tile that was never committed", |place| {
            fs::write(place.registry().join("log/tile/0/000.p/11"), b"torn").unwrap();
        }),
        ("the lock of a dead writer", |place| fs::write(place.registry().join(".lock"), b"").unwrap()),
    ]);
    assert_shown!(shown);
}

#[test]
fn checkpoints_that_lie() {
    let shown = verify_after(&[
        ("altered", |place| {
            edit(place, "log/checkpoint", |bytes| {
                *bytes =
                    String::from_utf8(bytes.clone()).unwrap().replacen("\n10\n", "\n9\n", 1).into_bytes();
            });
        }),
        ("cut", |place| cut(place, "log/checkpoint")),
        ("empty", |place| edit(place, "log/checkpoint", Vec::clear)),
        ("missing", |place| remove(place, "log/checkpoint")),
        ("of 1 MB", |place| edit(place, "log/checkpoint", |bytes| bytes.resize(1 << 20, b'\n'))),
        ("a web page", |place| {
            fs::write(place.registry().join("log/checkpoint"), "<html>Please log in</html>\n").unwrap();
        }),
        ("older: the whole registry is rolled back", |place| {
            copy(&place.registry(), &place.folder.path().join("old"));
            yank(place, "seen");
            assert!(place.verify().ends_with("exit 0\n"));
            replace_registry(place, "old");
        }),
        ("of another history of the same length", |place| {
            branch(place, "other", |other| yank(other, "one"));
            yank(place, "two");
            assert!(place.verify().ends_with("exit 0\n"));
            replace_registry(place, "other");
        }),
        ("of another history that is longer", |place| {
            branch(place, "other", |other| {
                ["one", "more"].into_iter().for_each(|reason| yank(other, reason))
            });
            yank(place, "two");
            assert!(place.verify().ends_with("exit 0\n"));
            replace_registry(place, "other");
        }),
        ("of another registry", |place| {
            let made = place.command(&["registry", "init", "other"]).output().unwrap();
            assert!(made.status.success());
            let checkpoint = place.folder.path().join("other/log/checkpoint");
            fs::copy(checkpoint, place.registry().join("log/checkpoint")).unwrap();
        }),
        ("too old", |place| {
            let made = place.command(&["registry", "init", "other", "--max-age-days", "0"]).output().unwrap();
            assert!(made.status.success());
            std::thread::sleep(std::time::Duration::from_secs(2));
            fs::remove_dir_all(place.folder.path().join("home/state")).unwrap();
            replace_registry(place, "other");
        }),
        ("signed by another key of the same name, with a config.json to match", |place| {
            let made = place.command(&["registry", "init", "other", "--name", "vectors"]).output().unwrap();
            assert!(made.status.success());
            replace_registry(place, "other");
        }),
    ]);
    assert_shown!(shown);
}

#[test]
fn proposals_that_are_not_fit() {
    let long = format!(r#"{{"kind":"later","text":"{}"}}"#, "x".repeat(65_535));
    let lines = [
        "not JSON",
        r#"{"kind":"release","family":"python","name":"acme-walls","version":"2.0","version":"3.0"}"#,
        r#"{"kind":"grant","critical":true}"#,
        r#"{"kind":"grant"}"#,
        r#"{"kind":"release","family":"host","name":"acme-walls","version":"2.0"}"#,
        r#"{"kind":"release","family":"python","name":"acme-doors","version":"2.0"}"#,
        &long,
        r#"{"kind":"release","family":"python","name":"acme-walls","version":"1.0.0"}"#,
        r#"{"kind":"release","family":"python","name":"acme-walls","version":"2.0","artifacts":[{"file":"acme_walls-2.0.tar.gz","size":1,"blake3":"0000000000000000000000000000000000000000000000000000000000000000","sha256":"0000000000000000000000000000000000000000000000000000000000000000"}]}"#,
        r#"{"kind":"release","family":"python","name":"acme-walls","version":"2.0","artifacts":[{"file":"../../config.json","size":1,"blake3":"0000000000000000000000000000000000000000000000000000000000000000","sha256":"0000000000000000000000000000000000000000000000000000000000000000"}]}"#,
        r#"{"kind":"file","path":"config.json","length":0,"blake3":"0000000000000000000000000000000000000000000000000000000000000000"}"#,
    ];
    let place = Place::new();
    for line in lines {
        place.propose(WALLS, line);
    }
    let before = fs::read(place.registry().join(WALLS)).unwrap();
    let mut shown = format!("# nothing is fit\n{}\n", place.seal());
    assert_eq!(fs::read(place.registry().join(WALLS)).unwrap(), before, "left for their owner to mend");
    place.propose(WALLS, r#"{"kind":"release","family":"python","name":"acme-walls","version":"2.0"}"#);
    let torn = [fs::read(place.registry().join(WALLS)).unwrap(), br#"{"kind":"rel"#.to_vec()].concat();
    fs::write(place.registry().join(WALLS), torn).unwrap();
    shown.push_str(&format!("# one is fit, and the last is torn\n{}{}\n", place.seal(), place.verify()));
    shown.push_str(&format!("# and then nothing is left\n{}{}", place.seal(), place.verify()));
    assert_shown!(shown);
}

/// A listed file that a reader could not find, or whose path a snapshot leaf could not hold, would end the registry.
#[test]
fn listed_files_that_would_break_the_registry() {
    let digest = "0000000000000000000000000000000000000000000000000000000000000000";
    let place = Place::new();
    for path in ["config.json", "a b", "../up", "index/python/x", "LOG/checkpoint", "mirror.json", "nul", ""]
    {
        let line = format!(r#"{{"kind":"file","path":"{path}","length":1,"blake3":"{digest}"}}"#);
        place.propose("index/files", &line);
    }
    assert_shown!(format!("{}{}", place.seal(), place.verify()));
}

#[test]
fn proposals_behind_100_mb_of_garbage() {
    let place = Place::new();
    edit(&place, WALLS, |bytes| bytes.resize(100_000_000, b'x'));
    place.propose(REVIT, r#"{"kind":"release","family":"host","name":"revit","version":"2026.1"}"#);
    let sealed = place.seal();
    assert!(sealed.contains("sealed 1 record in registry"), "{sealed}");
    assert!(place.verify().contains("sound: 12 log entries"));
}

/// A place that was never a registry is not made into one, not even by a lock.
#[test]
fn not_a_registry() {
    let place = Place::new();
    fs::create_dir(place.folder.path().join("empty")).unwrap();
    let shown = [
        place.run(&["registry", "verify", "empty"]),
        place.run(&["registry", "seal", "empty"]),
        place.run(&["registry", "verify", "nowhere"]),
        place.run(&["registry", "seal", "registry"]),
    ];
    assert_eq!(fs::read_dir(Path::new(place.folder.path()).join("empty")).unwrap().count(), 0);
    assert_shown!(shown.concat());
}
