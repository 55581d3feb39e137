//! Full disks and read-only folders: a clear error, nothing lost, and when there is space again, it works.

use std::fs;

use crate::support::folder::{copy, tree};
use crate::support::mount::Mount;
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World, noise, text};

/// Compares what was shown with what is expected.
macro_rules! assert_shown {
    ($shown:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.add_filter(r"\.(tmp|rvp-new-environment-)[A-Za-z0-9]{6}\b", ".$1[RANDOM]");
        // Files are unpacked in parallel: any of them can be the first that finds no space.
        settings.add_filter(r"\[RANDOM\]/artifact/lib/\S+:", "[RANDOM]/artifact/lib/[FILE]:");
        settings.add_filter(r"\b[0-9a-f]{2}/\[DIGEST\]", "[DIGEST]");
        settings.bind(|| insta::assert_snapshot!($shown))
    }};
}

/// The version 1.`minor` of a wheel that fills a hundred kilobytes on a disk, and as much in an archive.
fn large(minor: u8) -> Wheel {
    let text = data_encoding::HEXLOWER.encode(&noise(minor, 50_000));
    Wheel::new("acme-walls", &format!("1.{minor}")).file("acme_walls/data.txt", text)
}

#[test]
fn publishing_on_a_full_disk_changes_nothing() {
    let world = World::new();
    let Some(disk) = Mount::small(&world.path("disk"), 1024) else { return };
    world.done("registry init disk/acme");
    world.publish("disk/acme", &[Wheel::new("acme-walls", "1.0")]);
    let wheel = Wheel::new("acme-walls", "1.1").write(&world.path("wheels"));
    let publish = format!("publish --registry disk/acme {}", wheel.display());
    let checkpoint = || fs::read(world.path("disk/acme/log/checkpoint")).unwrap();
    let before = checkpoint();
    let mut said = Vec::new();
    // It runs out of space at every step on the way.
    for pages in 0.. {
        disk.fill_but(pages);
        let output = world.command(".", &publish).output().unwrap();
        world.done("registry verify disk/acme");
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(checkpoint() == before);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("No space left on device"), "{error}");
        assert!(error.contains("free some space"), "{error}");
        if !said.contains(&error) {
            said.push(error);
        }
        assert!(pages < 100, "it never succeeds");
    }
    assert!(said.len() > 2, "{said:?}");
    assert!(checkpoint() != before);
    assert_shown!(said.first().unwrap());
}

#[test]
fn locking_and_installing_on_a_full_disk_changes_nothing() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    let Some(disk) = Mount::small(&world.path("app"), 2048) else { return };
    let mut shown = String::new();
    world.project(&["acme-walls"], "");
    disk.fill_but(0);
    shown.push_str(&world.fails_in("app", "lock"));
    disk.free();
    world.done_in("app", "sync");
    let before = tree(&world.path("app"));

    world.publish("acme", &[Wheel::new("acme-walls", "1.1")]);
    disk.fill_but(0);
    shown.push_str(&world.fails_in("app", "lock --upgrade"));
    disk.free();
    assert!(tree(&world.path("app")) == before);

    world.done_in("app", "lock --upgrade");
    let before = tree(&world.path("app"));
    disk.fill_but(0);
    shown.push_str(&world.fails_in("app", "sync"));
    disk.free();
    assert_eq!(tree(&world.path("app")), before);
    fs::remove_dir_all(world.path("app/.venv")).unwrap();
    disk.fill_but(0);
    shown.push_str(&world.fails_in("app", "sync"));
    disk.free();
    world.done_in("app", "sync");
    assert_shown!(shown);
}

#[test]
fn a_full_store_changes_nothing() {
    let world = World::with_registry(&[large(0)]);
    let Some(disk) = Mount::small(&world.path("disk"), 512) else { return };
    world.done(&format!("config set store-dir {}", world.path("disk/store").display()));
    world.project(&["acme-walls"], "");
    world.done_in("app", "sync");
    world.publish("acme", &[large(1)]);
    world.done_in("app", "lock --upgrade");
    let before = (tree(&world.path("app")), tree(&world.path("disk")));
    let mut shown = String::new();
    for pages in [0, 10, 24] {
        disk.fill_but(pages);
        shown.push_str(&world.fails_in("app", "sync"));
        disk.free();
        assert!((tree(&world.path("app")), tree(&world.path("disk"))) == before, "with {pages} pages");
    }
    world.done_in("app", "sync");
    assert_shown!(shown);
}

#[test]
fn a_full_cache_changes_nothing() {
    let world = World::with_registry(&[large(0)]);
    let Some(disk) = Mount::small(&world.path("disk"), 256) else { return };
    let nginx = Nginx::start("");
    copy(&world.path("acme"), &nginx.root());
    world.project(
        &["acme-walls"],
        &format!("registries = [{{ name = \"acme\", url = \"{}\" }}]", nginx.http()),
    );
    world.done(&format!("config set cache-dir {}", world.path("disk/cache").display()));
    // The cache of small files is a convenience.
    disk.fill_but(0);
    world.done_in("app", "lock");
    let before = tree(&world.path("app"));
    let mut shown = String::new();
    for pages in [0, 4, 12] {
        disk.fill_but(pages);
        shown.push_str(&world.fails_in("app", "sync"));
        fs::remove_dir_all(world.path("app/.venv")).unwrap_or_default();
        assert!(tree(&world.path("app")) == before);
    }
    disk.free();
    world.done_in("app", "sync");
    assert_shown!(shown);
}

#[test]
fn a_full_home_changes_nothing() {
    let world = World::with_registry(&[large(0)]);
    world.project(&["acme-walls"], "");
    fs::remove_dir_all(world.path("home")).unwrap();
    let Some(disk) = Mount::small(&world.path("home"), 2048) else { return };
    let before = tree(&world.path("app"));
    disk.fill_but(0);
    let mut shown = world.fails_in("app", "lock");
    shown.push_str(&world.fails_in(".", "registry init other"));
    assert!(!world.path("other").exists());
    shown.push_str(&world.fails_in(".", "config set link-mode copy"));
    assert!(tree(&world.path("app")) == before);
    disk.free();
    world.done_in("app", "sync");
    assert_shown!(shown);
}

#[test]
fn read_only_folders() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    world.project(&["acme-walls"], "");
    let wheel = Wheel::new("acme-walls", "1.1").write(&world.path("wheels"));
    let publish = format!("publish --registry acme {}", wheel.display());
    let mut shown = String::new();

    // A registry on a read-only share serves as any other.
    let Some(registry) = Mount::read_only(&world.path("acme")) else { return };
    world.done("registry verify acme");
    world.done_in("app", "lock");
    world.done_in("app", "sync");
    shown.push_str(&world.fails_in(".", &publish));
    shown.push_str(&world.fails_in(".", "registry seal acme"));
    shown.push_str(&world.fails_in(".", "yank acme-walls==1.0 --registry acme --reason broken"));
    drop(registry);
    world.done(&publish);

    // Where downloads wait for an import.
    fs::create_dir(world.path("acme.import")).unwrap();
    let staging = Mount::read_only(&world.path("acme.import")).unwrap();
    shown
        .push_str(&world.fails_in(".", "registry import acme acme-doors --python 3.11 --platform win_amd64"));
    drop(staging);

    let project = Mount::read_only(&world.path("app")).unwrap();
    shown.push_str(&world.fails_in("app", "lock --upgrade"));
    world.done_in("app", "lock");
    world.done_in("app", "sync");
    drop(project);
    world.done_in("app", "lock --upgrade");

    let project = Mount::read_only(&world.path("app")).unwrap();
    shown.push_str(&world.fails_in("app", "sync"));
    drop(project);

    world.publish("acme", &[Wheel::new("acme-walls", "1.2")]);
    let home = Mount::read_only(&world.path("home")).unwrap();
    shown.push_str(&world.fails_in("app", "lock --upgrade"));
    drop(home);
    world.done_in("app", "lock --upgrade");
    let home = Mount::read_only(&world.path("home")).unwrap();
    shown.push_str(&world.fails_in("app", "sync"));
    drop(home);
    world.done_in("app", "sync");

    // What a store holds can be linked from a read-only one.
    fs::remove_dir_all(world.path("app/.venv")).unwrap();
    let home = Mount::read_only(&world.path("home")).unwrap();
    world.done_in("app", "sync");
    drop(home);
    assert_shown!(shown);
}
