//! Bundles: what is new in a registry, carried as a file, and what is done with files that lie.

use std::fs;
use std::io::Read;

use insta::assert_snapshot;
use rvp::model::Blake3;
use tar::{EntryType, Header};

use crate::mirror::fits_schema;
use crate::support::folder::{copy, tree};
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World, text, walls};

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

#[test]
fn a_registry_is_carried_in_steps() {
    let world = World::with_registry(&walls());
    let nginx = Nginx::start("");
    let served = nginx.root().join("acme");
    copy(&world.path("acme"), &served);
    let url = format!("{}/acme", nginx.http());
    let mut shown = String::new();
    let mut show = |arguments: &str| shown.push_str(&format!("$ rvp {arguments}\n{}", world.rvp(arguments)));
    show("mirror bundle acme --out all.tar");
    show("mirror apply all.tar far");
    show("mirror apply all.tar far");
    show("mirror verify far");
    // The same content has the same bytes, wherever it comes from.
    world.done(&format!("mirror bundle {url} --out fetched.tar"));
    assert!(fs::read(world.path("all.tar")).unwrap() == fs::read(world.path("fetched.tar")).unwrap());
    assert!(!world.path("fetched.tar.arriving").exists());

    world.publish("acme", &[Wheel::new("acme-walls", "3.0")]);
    world.write("checkpoint", &world.read("far/log/checkpoint"));
    show("mirror bundle acme --since 21 --out second.tar");
    show("mirror bundle acme --since checkpoint --out second-of-file.tar");
    show("mirror bundle acme --since far --out second-of-folder.tar");
    let second = fs::read(world.path("second.tar")).unwrap();
    assert!(second == fs::read(world.path("second-of-file.tar")).unwrap());
    assert!(second == fs::read(world.path("second-of-folder.tar")).unwrap());
    world.publish("acme", &[Wheel::new("acme-walls", "4.0")]);
    show("mirror bundle acme --since 23 --out third.tar");
    show("mirror bundle acme --since 21 --out second-and-third.tar");

    copy(&world.path("far"), &world.path("further"));
    let before = tree(&world.path("far"));
    show("mirror apply third.tar far");
    show("mirror apply third.tar new");
    assert_eq!(tree(&world.path("far")), before);
    assert!(!world.path("new").exists());
    show("mirror apply second.tar far");
    show("mirror apply third.tar far");
    show("mirror apply second.tar far");
    show("mirror apply all.tar far");
    show("mirror apply second.tar further");
    show("mirror apply second-and-third.tar further");
    assert_shown!(shown);
    for mirror in ["far", "further"] {
        world.done(&format!("mirror verify {mirror}"));
        assert_eq!(world.read(&format!("{mirror}/log/checkpoint")), world.read("acme/log/checkpoint"));
    }
    // The mirror can be brought forward by any way from here.
    world.publish("acme", &[Wheel::new("acme-walls", "5.0")]);
    world.done("mirror acme far");
    world.done("mirror verify far");
    // And what was carried is used with no network.
    world.project(&["acme-walls==4.0"], "registries = [{ name = \"acme\", url = \"../further\" }]");
    world.done_in("app", "--offline sync");
}

#[test]
fn choices_are_carried() {
    let world = World::with_registry(&walls());
    let mut shown = String::new();
    let mut show = |arguments: &str| shown.push_str(&format!("$ rvp {arguments}\n{}", world.rvp(arguments)));
    show("mirror bundle acme --out units.tar --include acme-units");
    show("mirror apply units.tar far");
    show("mirror verify far");
    let manifest = members(&fs::read(world.path("units.tar")).unwrap()).remove(0).1;
    fits_schema("mirror-bundle", std::str::from_utf8(&manifest).unwrap());
    world.publish("acme", &[Wheel::new("acme-walls", "3.0"), Wheel::new("acme-units", "3.0")]);
    show("mirror bundle acme --out more.tar --include acme-units --since 21");
    show("mirror apply more.tar far");
    // Another choice counts on what a state before has brought, and was not chosen then.
    world.publish("acme", &[Wheel::new("acme-walls", "4.0")]);
    show("mirror bundle acme --out walls.tar --include 'acme-*' --since 25");
    show("mirror apply walls.tar far");
    show("mirror verify far");
    show("mirror bundle acme --out walls.tar --include 'acme-*' --since far");
    show("mirror apply walls.tar far");
    show("mirror verify far");
    // A partial mirror passes on what it has.
    show("mirror bundle far --out far.tar --include acme-units");
    world.done("mirror apply far.tar farther");
    show("mirror bundle farther --out all.tar --all");
    show("mirror bundle farther --out part.tar");
    assert!(!world.path("all.tar").exists());
    assert_shown!(shown);
}

#[test]
fn states_that_cannot_be_continued() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    copy(&world.path("acme"), &world.path("aside"));
    world.publish("acme", &[Wheel::new("acme-walls", "1.1")]);
    world.forget_sealed();
    world.publish("aside", &[Wheel::new("acme-walls", "1.2")]);
    world.publish("aside", &[Wheel::new("acme-walls", "1.3")]);
    world.done("registry init other --name acme");
    world.write("garbage", "garbage");
    let mut shown = String::new();
    let mut show = |arguments: &str| shown.push_str(&format!("$ rvp {arguments}\n{}", world.rvp(arguments)));
    for since in ["99", "nowhere", "garbage", "app", "aside", "other"] {
        fs::create_dir_all(world.path("app")).unwrap();
        show(&format!("mirror bundle acme --out out.tar --since {since}"));
    }
    // A newer state of another history, and of another registry.
    world.done("mirror acme far");
    let before = tree(&world.path("far"));
    // As another machine would, which has not seen the registry.
    let forget = || fs::remove_dir_all(world.path("home/state")).unwrap_or_default();
    forget();
    world.done("mirror bundle aside --out aside.tar");
    world.done("mirror bundle aside --out aside-since.tar --since 15");
    world.done("mirror bundle other --out other.tar");
    forget();
    show("mirror apply aside.tar far");
    show("mirror apply aside-since.tar far");
    show("mirror apply other.tar far");
    world.done("mirror verify far");
    assert_eq!(tree(&world.path("far")), before);
    let key = "acme+00000000+AXrywzkHsLWB3nBEBL+v5Y/a+Ua8aKH72P805FG72E3c";
    show(&format!("mirror apply other.tar new --key {key}"));
    assert!(!world.path("new").exists() && !world.path("out.tar").exists());
    world.forget_sealed();
    world.publish("acme", &[Wheel::new("acme-walls", "1.4")]);
    world.done("mirror acme far");
    assert_shown!(shown);
}

/// The members of a tar file.
fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(bytes);
    let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), content)
    };
    archive.entries().unwrap().map(read).collect()
}

fn header(kind: EntryType, name: &str, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        builder.append(&header(EntryType::Regular, name, content.len() as u64), &content[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A bundle with other members, and a manifest that speaks of them as they are now, changed by `change`.
fn forged(
    bundle: &[u8],
    edit: impl FnOnce(&mut Vec<(String, Vec<u8>)>),
    change: impl FnOnce(&mut serde_json::Value),
) -> Vec<u8> {
    let mut members = members(bundle);
    let mut manifest: serde_json::Value = serde_json::from_slice(&members.remove(0).1).unwrap();
    edit(&mut members);
    let list = members.iter().map(|(name, content)| {
        serde_json::json!({ "name": name, "size": content.len(), "blake3": Blake3::of(content).to_string() })
    });
    manifest["members"] = list.collect();
    change(&mut manifest);
    members.insert(0, ("manifest.json".to_owned(), serde_json::to_vec(&manifest).unwrap()));
    archive(&members)
}

fn the_entries(members: &mut [(String, Vec<u8>)]) -> &mut Vec<u8> {
    &mut members.iter_mut().find(|(name, _)| name == "log/entries").unwrap().1
}

#[test]
fn hostile_bundles() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    world.done("mirror acme far");
    world.publish("acme", &[Wheel::new("acme-walls", "1.1")]);
    world.done("mirror bundle acme --since far --out good.tar");
    let good = fs::read(world.path("good.tar")).unwrap();
    let (before, source) = (tree(&world.path("far")), tree(&world.path("acme")));
    let unchanged = |_: &mut serde_json::Value| {};
    let as_it_is = |_: &mut Vec<(String, Vec<u8>)>| {};
    let raw = |kind: EntryType, name: &str, size: u64| {
        let mut builder = tar::Builder::new(Vec::new());
        builder.append(&header(kind, name, size), std::io::empty()).unwrap();
        builder.into_inner().unwrap()
    };
    let longer = |more: &[u8]| [&good[..good.len() - 1024], more].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("text", b"not a bundle\n".repeat(1000)),
        ("another tar file", archive(&[("file".to_owned(), b"text".to_vec())])),
        ("a manifest of many gigabytes", raw(EntryType::Regular, "manifest.json", 1 << 35)),
        ("a manifest that is a link", raw(EntryType::Symlink, "manifest.json", 0)),
        ("a manifest that is no JSON", archive(&[("manifest.json".to_owned(), b"{".to_vec())])),
        ("a manifest with nothing in it", archive(&[("manifest.json".to_owned(), b"{}".to_vec())])),
        ("a later format", forged(&good, as_it_is, |manifest| manifest["format"] = 2.into())),
        ("from after to", forged(&good, as_it_is, |manifest| manifest["from"] = 1000.into())),
        ("another state", forged(&good, as_it_is, |manifest| manifest["to"] = 18.into())),
        ("a later beginning", forged(&good, as_it_is, |manifest| manifest["from"] = 16.into())),
        ("an earlier beginning", forged(&good, as_it_is, |manifest| manifest["from"] = 14.into())),
        (
            "a target that is none",
            forged(&good, as_it_is, |manifest| {
                manifest["holds"] = serde_json::json!({ "targets": [{ "python": "x", "platform": "y" }] });
            }),
        ),
        (
            "a member that climbs out",
            forged(&good, |members| members[1].0 = "../../climbed".into(), unchanged),
        ),
        ("an absolute member", forged(&good, |members| members[1].0 = "/tmp/climbed".into(), unchanged)),
        ("a member twice", forged(&good, |members| members.insert(1, members[1].clone()), unchanged)),
        ("no checkpoint", forged(&good, |members| drop(members.pop()), unchanged)),
        ("no entries", forged(&good, |members| drop(members.remove(0)), unchanged)),
        ("no blob", forged(&good, |members| drop(members.remove(1)), unchanged)),
        ("a member that no manifest has", longer(&raw(EntryType::Regular, "data/more", 0))),
        ("a link behind it all", longer(&raw(EntryType::Symlink, "link", 0))),
        ("a long name behind it all", longer(&raw(EntryType::GNULongName, "././@LongLink", 1 << 35))),
        ("an altered blob", {
            let mut members = members(&good);
            members[2].1[10] ^= 1;
            archive(&members)
        }),
        ("an altered entry", forged(&good, |members| the_entries(members)[60] ^= 1, unchanged)),
        (
            "an entry that is cut",
            forged(
                &good,
                |members| {
                    the_entries(members).pop();
                },
                unchanged,
            ),
        ),
        (
            "an entry of garbage",
            forged(&good, |members| the_entries(members).extend(b"\0\x04spam"), unchanged),
        ),
        (
            "entries of another path",
            forged(
                &good,
                |members| {
                    let text = String::from_utf8_lossy(the_entries(members)).into_owned();
                    *the_entries(members) =
                        text.replace("index/python/ac/me/acme-walls", "index/../../../../x/acme-wall").into();
                },
                unchanged,
            ),
        ),
        ("an altered checkpoint", forged(&good, |members| members.last_mut().unwrap().1[10] ^= 1, unchanged)),
        ("no checkpoint at all", forged(&good, |members| members.last_mut().unwrap().1.clear(), unchanged)),
    ];
    let mut shown = String::new();
    for (title, bytes) in cases {
        fs::write(world.path("bad.tar"), &bytes).unwrap();
        let said = world.rvp("mirror apply bad.tar far");
        assert!(said.starts_with("exit code: 1"), "{title}: {said}");
        shown.push_str(&format!("# {title}\n{said}"));
        world.done("mirror verify far");
        // What was written for a bundle that was not applied in the end is what its source has.
        for (path, what) in tree(&world.path("far")) {
            assert!(
                [before.get(&path), source.get(&path)].contains(&Some(&what)),
                "{title}: {}",
                path.display()
            );
        }
        assert!(!world.path("climbed").exists() && !world.path("x").exists(), "{title}");
    }
    assert_shown!(shown);
    world.done("mirror apply good.tar far");
    world.done("mirror verify far");
    let mirror = tree(&world.path("far"));
    for (path, what) in mirror.iter().filter(|(path, _)| path.starts_with("index")) {
        assert_eq!(source.get(path), Some(what));
    }
}

#[test]
fn no_bundle_that_is_cut_or_altered_is_applied() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    world.done("mirror acme far");
    world.publish("acme", &[Wheel::new("acme-walls", "1.1")]);
    world.done("mirror bundle acme --since far --out good.tar");
    let good = fs::read(world.path("good.tar")).unwrap();
    let mut applied = 0;
    let mut attempt = |bytes: &[u8]| {
        fs::write(world.path("bad.tar"), bytes).unwrap();
        let output = world.command(".", "mirror apply bad.tar far").output().unwrap();
        if output.status.success() {
            // What was altered has no meaning, such as the padding behind a member.
            applied += 1;
            world.done("mirror verify far");
            copy(&world.path("acme"), &world.path("far"));
            assert_eq!(world.read("far/log/checkpoint"), world.read("acme/log/checkpoint"));
            fs::remove_dir_all(world.path("home/state")).unwrap();
            fs::remove_dir_all(world.path("far")).unwrap();
            world.done("mirror apply first.tar far");
            return;
        }
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert_eq!(
            fs::read(world.path("far/log/checkpoint")).unwrap(),
            fs::read(world.path("checkpoint")).unwrap()
        );
    };
    fs::copy(world.path("far/log/checkpoint"), world.path("checkpoint")).unwrap();
    world.done("mirror bundle far --out first.tar");
    for length in (0..good.len() - 1024).step_by(211) {
        attempt(&good[..length]);
    }
    for at in (0..good.len()).step_by(83) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        attempt(&bytes);
    }
    assert!(applied < good.len() / 83 / 2, "{applied}");
    world.done("mirror apply good.tar far");
    world.done("mirror verify far");
    assert_snapshot!(world.rvp("mirror apply good.tar far"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    far has all of it already: 17 log entries
    ");
}
