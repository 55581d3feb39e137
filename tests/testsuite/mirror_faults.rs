//! What no mirror is made of, what it never becomes, and how damage is found and mended.

use std::fs;
use std::path::{Path, PathBuf};

use rvp::model::Blake3;
use rvp::registry::LogKey;
use rvp::registry::snapshot::Entry;

use crate::mirror::same_files;
use crate::support::folder::{copy, tree};
use crate::support::forge::Forge;
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World, walls};

/// Compares what was shown with what is expected.
macro_rules! assert_shown {
    ($shown:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.add_filter(r"\b[0-9a-f]{2}/\[DIGEST\]", "[DIGEST]");
        settings.add_filter(r"[A-Za-z0-9+/]{43}=", "[ROOT]");
        // Blobs are copied in parallel: any of them can be the first that is not there.
        settings.add_filter(
            r"does not have blobs/\[DIGEST\]/\S+: it is",
            "does not have blobs/[DIGEST]/[FILE]: it is",
        );
        settings.bind(|| insta::assert_snapshot!($shown))
    }};
}

/// What a host writes into `mirror.json` reaches nobody's terminal as it is.
#[test]
fn a_hostile_mirror_file() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    world.project(&["acme-walls"], "");
    world.done_in("app", "lock");
    fs::remove_dir_all(world.path("acme/blobs")).unwrap();
    let mut shown = String::new();
    let long = "x".repeat(100_000);
    for text in [
        "{",
        r#"{"holds":{}}"#,
        r#"{"holds":{"include":["\u001b]0;owned\u0007"]},"source":"https://\u001b[31mevil"}"#,
        &format!(r#"{{"holds":{{"include":["{long}"]}},"source":"https://{long}"}}"#),
        &" ".repeat(17 << 20),
    ] {
        world.write("acme/mirror.json", text);
        shown.push_str(&format!("# {}\n{}", &text[..text.len().min(100)].trim(), world.app("sync")));
    }
    world.write("acme/mirror.json", "{");
    shown.push_str(&world.rvp("mirror verify acme"));
    assert!(!shown.contains('\u{1b}'));
    assert_shown!(shown);
}

#[test]
fn what_no_mirror_is_made_of() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    let nginx = Nginx::start("");
    world.write("full/file", "of mine");
    world.write("file", "");
    fs::create_dir(world.path("empty")).unwrap();
    let mut shown = String::new();
    let mut show = |title: &str, arguments: &str| {
        shown.push_str(&format!("# {title}\n{}", world.rvp(&format!("mirror {arguments}"))));
    };
    show("no source", "nowhere copy");
    show("no registry", "empty copy");
    show("no registry on a server", &format!("{} copy", nginx.http()));
    show("no server", "http://127.0.0.1:1/acme copy");
    show("a folder of other things", "acme full");
    show("a file", "acme file");
    show("verifying no mirror", "verify empty");
    assert!(!world.path("copy").exists());
    assert_eq!(world.read("full/file"), "of mine");
    assert_eq!(fs::read_dir(world.path("full")).unwrap().count(), 1);

    // A version to come, signed as it should be.
    world.done("registry init newer");
    world.done("mirror newer copy");
    let before = tree(&world.path("copy"));
    let keys = fs::read_dir(world.path("home/keys")).unwrap().map(|item| item.unwrap().path());
    let key = keys.map(|path| fs::read_to_string(path).unwrap()).find(|key| key.contains("+newer+")).unwrap();
    let mut forge = Forge::new(&world.path("newer"), LogKey::parse(&key).unwrap());
    let config = world.read("newer/config.json").replace("\"format\": 1", "\"format\": 2");
    world.write("newer/config.json", &config);
    let entry = Entry { length: config.len() as u64, digest: Blake3::of(config.as_bytes()) };
    let (length, digest) = (entry.length, entry.digest);
    let record = format!(r#"{{"kind":"file","path":"config.json","length":{length},"blake3":"{digest}"}}"#);
    forge.seal("index/files", &[&record]);
    forge.cover("config.json", entry);
    show("a newer version of the format", "newer copy");
    show("a newer version of the format, repaired", "newer copy --repair");
    assert!(tree(&world.path("copy")) == before);
    assert_shown!(shown);
}

#[test]
fn a_mirror_never_goes_back_nor_aside() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    world.done("mirror acme old");
    copy(&world.path("acme"), &world.path("aside"));
    world.publish("acme", &[Wheel::new("acme-walls", "1.1")]);
    world.forget_sealed();
    world.publish("aside", &[Wheel::new("acme-walls", "1.2")]);
    copy(&world.path("aside"), &world.path("further-aside"));
    world.forget_sealed();
    world.publish("further-aside", &[Wheel::new("acme-walls", "1.3")]);
    world.done("mirror acme copy");
    world.done("registry init other --name acme");
    let before = tree(&world.path("copy"));
    let mut shown = String::new();
    for source in ["old", "aside", "further-aside", "other"] {
        for option in ["", " --repair"] {
            // What this machine has seen of the registry would be enough; here it is the mirror itself that refuses.
            fs::remove_dir_all(world.path("home/state")).unwrap_or_default();
            let said = world.rvp(&format!("mirror {source} copy{option}"));
            shown.push_str(&format!("# {source}{option}\n{said}"));
        }
    }
    assert!(tree(&world.path("copy")) == before);
    assert_shown!(shown);
}

type Damage = (&'static str, fn(&Path));

pub fn the_file(folder: &Path, part: &str) -> PathBuf {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    let mut files = files.filter(|item| item.file_type().is_file()).map(walkdir::DirEntry::into_path);
    files.find(|path| path.to_str().unwrap().contains(part)).unwrap()
}

pub fn alter(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn damage_is_found_and_mended() {
    let world = World::with_registry(&walls());
    world.done("mirror acme copy");
    copy(&world.path("copy"), &world.path("whole"));
    let damages: &[Damage] = &[
        ("a blob altered", |copy| alter(&the_file(copy, "acme_walls-2.0"))),
        ("a blob missing", |copy| fs::remove_file(the_file(copy, "acme_walls-2.0")).unwrap()),
        ("all blobs missing", |copy| fs::remove_dir_all(copy.join("blobs")).unwrap()),
        ("an index file altered", |copy| alter(&copy.join("index/python/ac/me/acme-walls"))),
        ("an index file missing", |copy| {
            fs::remove_file(copy.join("index/python/ac/me/acme-walls")).unwrap()
        }),
        ("a node altered", |copy| alter(&the_file(copy, "snapshot"))),
        ("the nodes missing", |copy| fs::remove_dir_all(copy.join("snapshot")).unwrap()),
        ("a tile altered", |copy| alter(&the_file(copy, "log/tile/0"))),
        ("the log missing", |copy| fs::remove_dir_all(copy.join("log/tile")).unwrap()),
        ("config.json missing", |copy| fs::remove_file(copy.join("config.json")).unwrap()),
        ("the checkpoint missing", |copy| fs::remove_file(copy.join("log/checkpoint")).unwrap()),
        ("the checkpoint altered", |copy| alter(&copy.join("log/checkpoint"))),
    ];
    let mut shown = String::new();
    for (title, damage) in damages {
        copy(&world.path("whole"), &world.path("copy"));
        damage(&world.path("copy"));
        let verified = world.rvp("mirror verify copy");
        assert!(verified.starts_with("exit code: 1"), "{title}: {verified}");
        shown.push_str(&format!("# {title}\n{verified}"));
        world.done("mirror acme copy --repair");
        world.done("mirror verify copy");
        assert_eq!(tree(&world.path("copy")), tree(&world.path("whole")), "{title}");
    }
    // What is new cannot be built on what is damaged, and that is said.
    world.publish("acme", &[Wheel::new("acme-walls", "3.0")]);
    for (title, damage) in damages
        .iter()
        .filter(|(title, _)| title.contains("index") || title.contains("log") || title.contains("tile"))
    {
        copy(&world.path("whole"), &world.path("copy"));
        damage(&world.path("copy"));
        shown.push_str(&format!("# {title}, and something new\n{}", world.rvp("mirror acme copy")));
    }
    world.done("mirror acme copy --repair");
    same_files(&world.path("acme"), &world.path("copy"));
    assert_shown!(shown);
}

/// A source that is damaged or lies is not copied, and the mirror stays as it was.
#[test]
fn a_damaged_source_is_not_copied() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    world.done("mirror acme copy");
    world.publish("acme", &[Wheel::new("acme-walls", "1.1")]);
    copy(&world.path("acme"), &world.path("whole"));
    let nginx = Nginx::start("");
    let served = nginx.root().join("acme");
    let before = world.read("copy/log/checkpoint");
    let damages: &[Damage] = &[
        ("the blob altered", |acme| alter(&the_file(acme, "acme_walls-1.1"))),
        ("the blob missing", |acme| fs::remove_file(the_file(acme, "acme_walls-1.1")).unwrap()),
        ("the entries altered", |acme| alter(&the_file(acme, "entries/000.p/17"))),
        ("the entries missing", |acme| fs::remove_file(the_file(acme, "entries/000.p/17")).unwrap()),
        ("the tile altered", |acme| alter(&the_file(acme, "tile/0/000.p/17"))),
    ];
    let mut shown = String::new();
    for (title, damage) in damages {
        for source in ["acme", &format!("{}/acme", nginx.http())] {
            copy(&world.path("whole"), &world.path("acme"));
            damage(&world.path("acme"));
            copy(&world.path("acme"), &served);
            fs::remove_dir_all(world.path("home/cache")).unwrap_or_default();
            let said = world.rvp(&format!("mirror {source} copy"));
            assert!(said.starts_with("exit code: 1"), "{title}: {said}");
            shown.push_str(&format!("# {title}\n{said}"));
            assert_eq!(world.read("copy/log/checkpoint"), before);
            world.done("mirror verify copy");
        }
    }
    copy(&world.path("whole"), &world.path("acme"));
    world.done("mirror acme copy");
    same_files(&world.path("acme"), &world.path("copy"));
    assert_shown!(shown);
}
