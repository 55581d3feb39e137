//! Mirrors: what they hold, how they follow, and what they refuse.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use rvp::model::{Blake3, Sha256};
use rvp::registry::layout;

use crate::mirror_faults::{alter, the_file};
use crate::support::folder::{copy, tree};
use crate::support::forge::Forge;
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World, noise, walls};

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

/// What a mirror has besides files of its source.
const OWN: [&str; 2] = ["mirror.json", ".lock"];

/// The files of a mirror, each of which must be the source's.
#[track_caller]
pub fn same_files(source: &Path, mirror: &Path) -> BTreeMap<PathBuf, String> {
    let (source, mut mirror) = (tree(source), tree(mirror));
    mirror.retain(|path, what| what != "folder" && !OWN.iter().any(|own| path == Path::new(own)));
    for (path, digest) in &mirror {
        assert_eq!(source.get(path), Some(digest), "{}", path.display());
    }
    mirror
}

/// Checks a text against a schema of the format.
#[track_caller]
pub fn fits_schema(schema: &str, text: &str) {
    let path = format!("{}/index-schema/schemas/{schema}.json", env!("CARGO_MANIFEST_DIR"));
    let schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let text = serde_json::from_str(text).unwrap();
    jsonschema::validator_for(&schema).unwrap().validate(&text).unwrap();
}

/// The names of the blobs in a folder.
fn blobs(world: &World, folder: &str) -> Vec<String> {
    let files = tree(&world.path(folder)).into_keys().filter(|path| path.starts_with("blobs"));
    let files = files.filter(|path| path.iter().count() == 4);
    let mut names: Vec<String> =
        files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// A registry with wheels for several targets and a source distribution.
fn several_targets() -> World {
    let world = World::with_registry(&[
        Wheel::new("acme-walls", "1.0"),
        Wheel::new("acme-walls", "1.1"),
        Wheel::new("acme-walls", "2.0"),
        Wheel::new("acme-mesh", "1.0").tag("cp311-cp311-win_amd64"),
        Wheel::new("acme-mesh", "1.0").tag("cp312-cp312-win_amd64"),
        Wheel::new("acme-mesh", "1.0").tag("cp311-cp311-manylinux_2_28_x86_64"),
        Wheel::new("units", "1.0"),
    ]);
    // Not compressed: how long compressed bytes are depends on the machine.
    let to = fs::File::create(world.path("units-1.1.tar.gz")).unwrap();
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(to, flate2::Compression::none()));
    let metadata = "Metadata-Version: 2.2\nName: units\nVersion: 1.1\n";
    let mut header = tar::Header::new_gnu();
    header.set_size(metadata.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "units-1.1/PKG-INFO", metadata.as_bytes()).unwrap();
    archive.into_inner().unwrap().finish().unwrap();
    world.done("publish --registry acme units-1.1.tar.gz");
    world
}

#[test]
fn a_mirror_is_its_source_byte_for_byte_and_follows_it() {
    let world = World::with_registry(&walls());
    let nginx = Nginx::start("");
    let served = nginx.root().join("acme");
    copy(&world.path("acme"), &served);
    let (from_url, from_folder) = (format!("mirror {}/acme copy", nginx.http()), "mirror acme other");
    let mut shown = world.rvp(&from_url);
    shown.push_str(&world.rvp("mirror verify copy"));
    assert_snapshot!(shown, @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    copied 21 new entries of the log and 5 blobs (5.20 KiB) to copy; the log has 21 entries
    exit code: 0
    ----- stdout -----
    complete: 21 log entries, 4 packages, 15 releases, 5 blobs (5.20 KiB)
    ----- stderr -----
    ");
    assert_snapshot!(world.read("copy/mirror.json"), @r#"
    {
      "source": "http://[HOST]/acme",
      "holds": {}
    }
    "#);
    world.done(from_folder);
    let files = same_files(&world.path("acme"), &world.path("copy"));
    assert_eq!(files, same_files(&world.path("acme"), &world.path("other")));
    world.done("registry verify copy");

    // With nothing new it is one request.
    let asked = nginx.requests().len();
    assert_snapshot!(world.rvp(&from_url), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    copy is up to date: 21 log entries
    ");
    let requests = nginx.requests().split_off(asked);
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(requests[0].contains("/acme/log/checkpoint"), "{requests:?}");

    // What is new is all that is fetched: the checkpoint, the entries, what proves them, and the blob.
    world.publish("acme", &[Wheel::new("acme-walls", "3.0").requires("acme-units>=2")]);
    copy(&world.path("acme"), &served);
    let asked = nginx.requests().len();
    assert_snapshot!(world.rvp(&from_url), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    copied 2 new entries of the log and 1 blob (1.05 KiB) to copy; the log has 23 entries
    ");
    let requests = nginx.requests().split_off(asked);
    let paths: Vec<&str> = requests.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(paths.iter().filter(|path| path.contains("/blobs/")).count(), 1, "{paths:?}");
    assert_eq!(paths.iter().filter(|path| path.contains("/index/")).count(), 0, "{paths:?}");
    assert!(paths.len() < 10, "{paths:?}");
    same_files(&world.path("acme"), &world.path("copy"));
    assert_snapshot!(world.rvp("mirror verify copy"), @r"
    exit code: 0
    ----- stdout -----
    complete: 23 log entries, 4 packages, 16 releases, 6 blobs (6.25 KiB)
    ----- stderr -----
    ");

    // A seal of nothing new says that the state is still the newest.
    std::thread::sleep(std::time::Duration::from_secs(1));
    world.done("registry seal acme");
    world.done(from_folder);
    world.done(from_folder);
    same_files(&world.path("acme"), &world.path("other"));
    assert_eq!(world.read("acme/log/checkpoint"), world.read("other/log/checkpoint"));
}

/// Logs of more entries than a tile holds, and than a mirror appends at once.
#[test]
fn long_logs() {
    let world = World::with_registry(&[]);
    let mut released = 0;
    let mut propose = |count: usize| {
        let release = |version: usize| {
            format!(r#"{{"kind":"release","family":"python","name":"many","version":"{version}"}}"#)
        };
        let path = world.path("acme/index/python/ma/ny/many");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        for version in released..released + count {
            text.push_str(&(release(version) + "\n"));
        }
        fs::write(path, text).unwrap();
        released += count;
        world.done("registry seal acme");
    };
    for count in [1, 240, 1, 5000, 3000, 100] {
        propose(count);
        world.done("mirror acme copy");
        same_files(&world.path("acme"), &world.path("copy"));
    }
    world.done("mirror verify copy");
    let files = same_files(&world.path("acme"), &world.path("copy"));
    for mirror in ["new", "copy"] {
        // A mirror of a late state does not have the partial tiles of earlier ones.
        world.done(&format!("mirror acme {mirror} --repair"));
        world.done(&format!("mirror verify {mirror}"));
        let found = same_files(&world.path("acme"), &world.path(mirror));
        assert!(mirror == "new" || found == files);
    }
    world.done("mirror bundle acme --since 300 --out later.tar");
    world.done("mirror bundle acme --out all.tar");
    world.done("mirror apply all.tar far");
    same_files(&world.path("acme"), &world.path("far"));
    propose(700);
    world.done("mirror bundle acme --since 300 --out later.tar");
    world.done("mirror apply later.tar far");
    same_files(&world.path("acme"), &world.path("far"));
    world.done("mirror verify far");
}

#[test]
fn choices() {
    let world = several_targets();
    world.project(&["acme-mesh"], "targets = [{ python = '3.12', platform = 'win_amd64' }]");
    world.done_in("app", "lock");
    let mut shown = String::new();
    for (number, options) in [
        "--include 'acme-*' --exclude 'ACME_mesh'",
        "--python 3.11 --platform win_amd64",
        "--python 3.11 --python 3.12 --platform win_amd64 --sdists",
        "--latest 1",
        "--lock app/rvp.lock",
        "--include nothing",
        "--all",
    ]
    .iter()
    .enumerate()
    {
        let mirror = format!("mirror{number}");
        let said = world.rvp(&format!("mirror acme {mirror} {options}"));
        let verified = world.rvp(&format!("mirror verify {mirror}"));
        let held = blobs(&world, &mirror).join("\n");
        fits_schema("mirror", &world.read(&format!("{mirror}/mirror.json")));
        shown.push_str(&format!("# {options}\n{said}{verified}{held}\n\n"));
        same_files(&world.path("acme"), &world.path(&mirror));
    }
    // A choice that was made stays until there is another.
    world.publish("acme", &[Wheel::new("acme-walls", "3.0"), Wheel::new("units", "2.0")]);
    shown.push_str(&format!("# later\n{}", world.rvp("mirror acme mirror3")));
    shown.push_str(&format!("{}\n\n", blobs(&world, "mirror3").join("\n")));
    shown.push_str(&format!("# less\n{}", world.rvp("mirror acme mirror3 --include units --prune")));
    shown.push_str(&world.rvp("mirror verify mirror3"));
    shown.push_str(&format!("{}\n\n", blobs(&world, "mirror3").join("\n")));
    shown.push_str(&format!("# a mirror of a mirror\n{}", world.rvp("mirror mirror3 of-mirror")));
    shown.push_str(&format!("# more than the source has\n{}", world.rvp("mirror mirror3 more --all")));
    shown.push_str(&format!("# more\n{}", world.rvp("mirror acme mirror3 --all")));
    shown.push_str(&world.rvp("mirror verify mirror3"));
    assert_shown!(shown);
    assert_eq!(blobs(&world, "mirror3"), blobs(&world, "acme"));
}

#[test]
fn wrong_choices() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    world.project(&["acme-walls"], "");
    world.done("registry init other");
    world.write("app/rvp.lock", "");
    let mut shown = String::new();
    for options in [
        "acme copy --lock no.lock",
        "acme copy --lock app/rvp.lock",
        "acme copy --lock app/rvp.lock --include x",
        "acme copy --python 3.11",
        "acme copy --python three --platform win_amd64",
        "acme copy --python 3.11 --platform windows",
        "acme copy --latest 0",
        "acme copy --all --include x",
    ] {
        shown.push_str(&format!("# {options}\n{}", world.rvp(&format!("mirror {options}"))));
    }
    fs::remove_file(world.path("app/rvp.lock")).unwrap();
    world.done_in("app", "lock");
    let said = world.rvp("mirror other copy --lock app/rvp.lock");
    shown.push_str(&format!("# a lock of another registry\n{said}"));
    assert_shown!(shown);
}

#[test]
fn a_lock_from_the_source_installs_from_the_mirror() {
    let world = World::with_registry(&walls());
    let nginx = Nginx::start("");
    let url = format!("{}/acme", nginx.http());
    copy(&world.path("acme"), &nginx.root().join("acme"));
    let registry = |at: &str| format!("registries = [{{ name = \"acme\", url = \"{at}\" }}]");
    world.project(&["acme-walls"], &registry(&url));
    world.done_in("app", "lock");
    world.done(&format!("mirror {url} stick/acme --lock app/rvp.lock"));
    assert_eq!(
        blobs(&world, "stick/acme"),
        ["acme_units-2.0-py3-none-any.whl", "acme_walls-2.0-py3-none-any.whl"]
    );

    // The stick is carried to where no server is, and hangs under another path there.
    drop(nginx);
    copy(&world.path("stick/acme"), &world.path("elsewhere/mirror"));
    let lock = world.read("app/rvp.lock");
    fs::remove_dir_all(world.path("home")).unwrap();
    world.project(&["acme-walls"], &registry("../elsewhere/mirror"));
    world.done_in("app", "--offline sync --locked");
    assert!(world.app("run python -c 'import acme_walls; print(acme_walls.VERSION)'").contains("\n2.0\n"));

    // It answers as its source would, and says what it lacks.
    world.done_in("app", "--offline lock --upgrade");
    assert_eq!(world.read("app/rvp.lock"), lock);
    world.project(&["acme-plot"], &registry("../elsewhere/mirror"));
    let served = Nginx::start("");
    copy(&world.path("elsewhere/mirror"), &served.root().join("acme"));
    let mut shown = world.app("--offline sync");
    world.project(&["acme-plot"], &registry(&format!("{}/acme", served.http())));
    shown.push_str(&world.app("sync"));
    assert_shown!(shown);
}

/// The bundles in which records are signed go with the packages that are chosen.
#[test]
fn bundles_of_signatures() {
    let world = World::with_registry(&[Wheel::new("other", "1.0")]);
    let mut forge = Forge::new(&world.path("acme"), world.key());
    for name in ["acme-one", "acme-two"] {
        let file = format!("{}-1.0-py3-none-any.whl", name.replace('-', "_"));
        let (wheel, bundle) = (noise(name.len() as u8, 100), format!("the bundle of {name}"));
        let (digest, signed) = (Blake3::of(&wheel), Blake3::of(bundle.as_bytes()));
        let blob = |digest: Blake3, file: &str| format!("acme/{}", layout::blob_of(digest, file));
        let path = world.path(&blob(digest, &file));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &wheel).unwrap();
        world.write(&blob(signed, "bundle.sigstore.json"), &bundle);
        forge.seal(
            &format!("index/python/ac/me/{name}"),
            &[&format!(
                r#"{{"kind":"release","family":"python","name":"{name}","version":"1.0","artifacts":[{{"file":"{file}","size":100,"blake3":"{digest}","sha256":"{}"}}],"signatures":[{{"size":{},"blake3":"{signed}"}}]}}"#,
                Sha256::of(&wheel),
                bundle.len()
            )],
        );
    }
    let nginx = Nginx::start("");
    copy(&world.path("acme"), &nginx.root().join("acme"));
    world.done(&format!("mirror {}/acme copy --include acme-one", nginx.http()));
    assert_eq!(blobs(&world, "copy"), ["acme_one-1.0-py3-none-any.whl", "bundle.sigstore.json"]);
    world.done("mirror acme all");
    assert_eq!(blobs(&world, "all"), blobs(&world, "acme"));
    world.done("mirror bundle acme --out all.tar");
    world.done("mirror apply all.tar far");
    assert_eq!(blobs(&world, "far"), blobs(&world, "acme"));
    world.done("mirror verify copy");
    alter(&the_file(&world.path("copy"), "bundle.sigstore.json"));
    let mut shown = world.rvp("mirror verify copy");
    fs::remove_file(the_file(&world.path("copy"), "bundle.sigstore.json")).unwrap();
    shown.push_str(&world.rvp("mirror verify copy"));
    assert_shown!(shown);
}

/// Mirrors follow a log that changes its key, by whatever way they follow it, and readers of the old state find what it names.
#[test]
fn a_log_that_changes_its_key() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    for mirror in ["copy", "behind", "far"] {
        world.done(&format!("mirror acme {mirror}"));
    }
    world.done("registry rotate-key acme");
    world.publish("acme", &[Wheel::new("acme-walls", "1.1")]);
    world.done("mirror acme copy");
    world.done("mirror bundle acme --since far --out new.tar");
    world.done("mirror apply new.tar far");
    for mirror in ["copy", "far"] {
        world.done(&format!("mirror verify {mirror}"));
        assert_eq!(world.read(&format!("{mirror}/config.json")), world.read("acme/config.json"));
        assert_eq!(world.read(&format!("{mirror}/config.json.before")), world.read("behind/config.json"));
    }
    world.done("registry rotate-key acme");
    world.done("mirror acme behind");
    world.done("mirror verify behind");
    world.done("mirror acme copy --repair");
    world.done("mirror verify copy");
    // One that never saw the registry takes the key that it shows now.
    fs::remove_dir_all(world.path("home/state")).unwrap();
    world.done("mirror copy new");
    world.done("mirror verify new");
}

#[test]
fn a_registry_with_owners() {
    let world = World::new();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("index-schema/vectors/owned");
    copy(&vectors, &world.path("owned"));
    world.done("mirror owned copy");
    assert_eq!(blobs(&world, "copy"), blobs(&world, "owned"));
    world.done("mirror verify copy");
    world.done("registry verify copy");
    world.done("mirror bundle copy --out all.tar");
    world.done("mirror apply all.tar far");
    assert_eq!(
        same_files(&world.path("owned"), &world.path("far")),
        same_files(&world.path("owned"), &world.path("copy"))
    );
}
