//! Registries that were copied by other programs: elsewhere, without a network, by half, of two moments, or of a later format.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rvp::model::Blake3;
use rvp::registry::layout;
use rvp::registry::snapshot::Entry;

use crate::mirror_faults::the_file;
use crate::support::folder::{copy, tree};
use crate::support::forge::Forge;
use crate::support::signer::Person;
use crate::support::{WINDOWS, Wheel, World, text};

/// Compares what was shown with what is expected.
macro_rules! assert_shown {
    ($shown:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.add_filter(r"\b[0-9a-f]{2}/\[DIGEST\]", "[DIGEST]");
        settings.add_filter(r"[A-Za-z0-9+/]{43}=", "[ROOT]");
        settings.bind(|| insta::assert_snapshot!($shown))
    }};
}

/// A registry with a policy, and with a package that is signed and owned; its blobs, index files and listed files are of each kind.
fn world() -> World {
    let world = World::new();
    world.done("registry init acme");
    let ana = Person::new(&world, "ana");
    ana.published(&world, &Wheel::new("acme-units", "1.0"));
    ana.published(&world, &Wheel::new("acme-walls", "1.0").requires("acme-units"));
    world.write("policy.toml", "[signatures]\nrequired = ['acme-*']\n");
    world.done("registry policy acme policy.toml");
    world
}

fn use_registry(world: &World, location: &str) {
    world.project(
        &["acme-walls"],
        &format!("registries = [{{ name = 'acme', url = '{location}' }}]\n{WINDOWS}"),
    );
}

/// Forgets what this machine knows of registries and what the project has.
fn forget(world: &World) {
    for part in ["home/state", "home/cache", "home/store", "app"] {
        let _ = fs::remove_dir_all(world.path(part));
    }
}

/// Runs `rvp` where there is no network, not even to this machine itself. None, said on stderr, where that cannot be had.
#[cfg(target_os = "linux")]
fn without_network(world: &World, arguments: &str) -> Option<String> {
    use std::io::Write as _;
    let isolated = || {
        let mut command = Command::new("unshare");
        command.args(["--net", "--map-root-user"]);
        command
    };
    if !isolated().arg("true").output().is_ok_and(|output| output.status.success()) {
        // Not by `eprintln!`, which the test runner keeps to itself.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no process can be cut off from the network here");
        return None;
    }
    let rvp = world.command("app", arguments);
    let mut command = isolated();
    command.arg(rvp.get_program()).args(rvp.get_args()).current_dir(world.path("app"));
    for (name, value) in rvp.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Some(text(&command.output().unwrap()))
}

#[cfg(target_os = "linux")]
#[test]
fn a_copy_elsewhere_without_a_network() {
    let world = world();
    use_registry(&world, "../acme");
    world.done_in("app", "lock");
    let lock = world.read("app/rvp.lock");
    let copies = [("cp", vec!["-r"]), ("rsync", vec!["--recursive"])];
    for (program, options) in copies {
        let stick = world.path(&format!("Stick von Änne/{program}"));
        fs::create_dir_all(stick.parent().unwrap()).unwrap();
        let copied = Command::new(program).args(options).arg(world.path("acme")).arg(&stick).output();
        // rsync makes the folder in the one that it is given.
        let registry = if program == "cp" { stick } else { stick.join("acme") };
        let copied = copied.unwrap_or_else(|error| panic!("these tests need {program}: {error}"));
        assert!(copied.status.success(), "{}", text(&copied));
        fs::rename(world.path("acme"), world.path("away")).unwrap();
        let places =
            [registry.to_str().unwrap().to_owned(), url::Url::from_file_path(&registry).unwrap().to_string()];
        for place in places {
            forget(&world);
            use_registry(&world, &place);
            for command in ["lock", "sync --env ./env"] {
                let Some(said) = without_network(&world, command) else { return };
                assert!(said.starts_with("exit code: 0"), "{place}: {command}: {said}");
            }
            assert_eq!(world.read("app/rvp.lock"), lock);
        }
        let verify = format!("mirror verify '{}'", registry.display());
        let said = without_network(&world, &verify).unwrap();
        assert!(said.contains("complete: "), "{said}");
        fs::rename(world.path("away"), world.path("acme")).unwrap();
    }
}

/// What each kind of file is there for is said when it is not there.
#[test]
fn half_a_copy() {
    let world = world();
    copy(&world.path("acme"), &world.path("whole"));
    let bundles = fs::read_to_string(world.path("acme/index/python/ac/me/acme-walls")).unwrap();
    let bundle = bundles.split("\"signatures\":").nth(1).unwrap().split("\"blake3\":\"").nth(1).unwrap()
        [..64]
        .to_owned();
    let root = Forge::new(&world.path("acme"), world.key()).checkpoint.snapshot;
    let size = Forge::new(&world.path("acme"), world.key()).checkpoint.size;
    let missing: [(&str, String); 12] = [
        ("everything but the blobs", "config.json index log snapshot policy.toml".into()),
        ("the blobs", "blobs".into()),
        ("the blob of a package", the_path(&world, "acme_walls-1.0")),
        ("a bundle of signatures", layout::blob_of(bundle.parse().unwrap(), "bundle.sigstore.json")),
        ("the index", "index".into()),
        ("an index file", "index/python/ac/me/acme-units".into()),
        ("the root of the snapshot", layout::snapshot_node(root)),
        ("the newest tile", format!("log/tile/0/000.p/{size}")),
        ("the newest entries", format!("log/tile/entries/000.p/{size}")),
        ("the policy", "policy.toml".into()),
        ("the configuration", "config.json".into()),
        ("the checkpoint", "log/checkpoint".into()),
    ];
    let mut shown = String::new();
    for (title, paths) in missing {
        forget(&world);
        use_registry(&world, "../copy");
        copy(&world.path("whole"), &world.path("copy"));
        for path in paths.split(' ') {
            let path = world.path("copy").join(path);
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
        shown.push_str(&format!("# without {title}\n"));
        for command in ["lock", "sync --env ./env", "mirror verify ../copy"] {
            let said = world.app(command);
            shown.push_str(&format!("$ rvp {command}\n{said}"));
        }
    }
    assert_shown!(shown);
}

fn the_path(world: &World, part: &str) -> String {
    let path = the_file(&world.path("acme"), part);
    path.strip_prefix(world.path("acme")).unwrap().to_str().unwrap().to_owned()
}

/// Wherever a copy was broken off, it gives what the registry has, or an error with something to try: each prefix of the files in
/// the order of their names, in which most programs copy.
#[test]
fn a_copy_that_was_broken_off_anywhere() {
    let world = world();
    use_registry(&world, "../copy");
    copy(&world.path("acme"), &world.path("copy"));
    world.done_in("app", "lock");
    let lock = world.read("app/rvp.lock");
    let files: Vec<PathBuf> = tree(&world.path("acme"))
        .into_iter()
        .filter_map(|(path, what)| (what != "folder").then_some(path))
        .collect();
    let mut worked = 0;
    for copied in 0..files.len() {
        forget(&world);
        use_registry(&world, "../copy");
        let _ = fs::remove_dir_all(world.path("copy"));
        fs::create_dir(world.path("copy")).unwrap();
        for path in &files[..copied] {
            put(&world.path("acme").join(path), &world.path("copy").join(path));
        }
        let said = world.app("sync --env ./env");
        if said.starts_with("exit code: 0") {
            worked += 1;
            assert_eq!(world.read("app/rvp.lock"), lock);
            continue;
        }
        assert!(said.starts_with("exit code: 1") && said.contains("hint: "), "{copied} files: {said}");
        assert!(!world.path("app/env").exists() || !world.path("app/rvp.lock").exists(), "{said}");
        assert!(world.app("mirror verify ../copy").starts_with("exit code: 1"), "{copied} files");
    }
    // Nothing is missed that is not needed: the nodes of older states are the last files.
    assert!(worked < files.len() / 4, "{worked} of {}", files.len());
}

fn put(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

/// A copy that took part of the files before a seal and part after it.
#[test]
fn a_copy_of_two_moments() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    copy(&world.path("acme"), &world.path("old"));
    world.publish("acme", &[Wheel::new("acme-walls", "2.0")]);
    use_registry(&world, "../copy");

    // The checkpoint first, as it should be: the old state, whole.
    copy(&world.path("acme"), &world.path("copy"));
    put(&world.path("old/log/checkpoint"), &world.path("copy/log/checkpoint"));
    world.done_in("app", "lock");
    assert!(world.read("app/rvp.lock").contains("version = \"1.0\""));
    world.done("mirror verify copy");

    // The checkpoint last, and the rest from before.
    forget(&world);
    use_registry(&world, "../copy");
    copy(&world.path("old"), &world.path("copy"));
    put(&world.path("acme/log/checkpoint"), &world.path("copy/log/checkpoint"));
    let mut shown = world.app("lock");
    shown.push_str(&world.rvp("mirror verify copy"));
    world.done("mirror acme copy --repair");
    world.done_in("app", "lock");
    assert!(world.read("app/rvp.lock").contains("version = \"2.0\""));
    assert_shown!(shown);
}

/// What a later version of rvp will have made is left alone by every command.
#[test]
fn a_copy_of_a_later_format() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    let mut forge = Forge::new(&world.path("acme"), world.key());
    let config = world.read("acme/config.json").replace("\"format\": 1", "\"format\": 2");
    world.write("acme/config.json", &config);
    let entry = Entry { length: config.len() as u64, digest: Blake3::of(config.as_bytes()) };
    let (length, digest) = (entry.length, entry.digest);
    let record = format!(r#"{{"kind":"file","path":"config.json","length":{length},"blake3":"{digest}"}}"#);
    forge.seal("index/files", &[&record]);
    forge.cover("config.json", entry);
    copy(&world.path("acme"), &world.path("copy"));
    use_registry(&world, "../copy");
    let wheel = Wheel::new("acme-walls", "2.0").write(&world.path("wheels"));
    let wheel = wheel.strip_prefix(world.path("")).unwrap().display().to_string();
    let before = tree(&world.path("copy"));
    let mut shown = String::new();
    for command in [
        "lock",
        "info acme-walls",
        "registry verify ../copy",
        "mirror verify ../copy",
        "registry seal ../copy",
        "registry views ../copy",
        "yank acme-walls==1.0 --registry ../copy --reason no",
        &format!("publish ../{wheel} --registry ../copy"),
    ] {
        let said = world.app(command);
        assert!(said.starts_with("exit code: 1"), "{command}: {said}");
        shown.push_str(&format!("$ rvp {command}\n{said}"));
    }
    let mut after = tree(&world.path("copy"));
    after.retain(|path, _| path != Path::new(layout::LOCK) || before.contains_key(path));
    assert_eq!(after, before);
    assert_shown!(shown);
}
