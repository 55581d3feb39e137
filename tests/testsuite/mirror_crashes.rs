//! Mirrors that are killed, cut off, or find no room: readers of the copy see a whole state, and the next run goes on.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

use crate::support::folder::{copy, tree};
use crate::support::hostile::{Hostile, answer};
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World, noise, text};

/// The version 1.`minor` of two wheels, of which one takes a while to copy.
fn pair(minor: u8) -> [Wheel; 2] {
    let version = format!("1.{minor}");
    let large = Wheel::new("acme-walls", &version).file("acme_walls/data", noise(minor, 3_000_000));
    [large, Wheel::new("acme-units", &version)]
}

/// How many log entries the copy has, which must be whole; none where it is not there yet.
#[track_caller]
fn entries(world: &World, mirror: &str) -> Option<u64> {
    if !world.path(mirror).join("log/checkpoint").exists() {
        return None;
    }
    let output = world.command(".", &format!("--json mirror verify {mirror}")).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report["entries"].as_u64()
}

#[test]
fn a_mirror_killed_at_any_moment_is_at_one_state_or_the_next() {
    let world = World::with_registry(&pair(0));
    let nginx = Nginx::start("");
    let served = nginx.root().join("acme");
    copy(&world.path("acme"), &served);
    let arguments = format!("mirror {}/acme copy", nginx.http());
    let begin = Instant::now();
    world.done(&arguments.replace("copy", "first"));
    let whole = begin.elapsed();

    let done = AtomicBool::new(false);
    let mut killed = 0;
    std::thread::scope(|scope| {
        // Somebody reads the copy all the while.
        let reader = scope.spawn(|| {
            let mut read = 0;
            while !done.load(SeqCst) {
                read += u32::from(entries(&world, "copy").is_some());
            }
            read
        });
        let mut before = None;
        // Where every run is killed, because this machine has more to do than before, the next ones get longer.
        let mut patience = 1.0_f64;
        for round in 1..=30 {
            let mut mirror =
                world.command(".", &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(whole.mul_f64(patience * rand::random_range(0.0..1.5)));
            mirror.kill().unwrap();
            let ended = mirror.wait().unwrap().code().is_some();
            let found = entries(&world, "copy");
            let now = 17 + 4 * (round as u64 - 1);
            assert!(found == before || found == Some(now), "round {round}: {before:?}, {found:?}");
            assert!(!ended || found == Some(now), "round {round} ended, and copied nothing");
            if found == before {
                killed += 1;
                patience *= 1.2;
            } else {
                patience = 1.0_f64.max(patience * 0.8);
            }
            before = found;
            world.publish("acme", &pair(round));
            copy(&world.path("acme"), &served);
        }
        done.store(true, SeqCst);
        assert!(reader.join().unwrap() > 0);
    });
    // Not by `eprintln!`, which the test runner keeps to itself.
    let _ = writeln!(std::io::stderr(), "{killed} of 30 mirrors were killed before they were done");
    assert!((3..30).contains(&killed), "{killed} of 30: the delays do not cover the whole of a run");
    world.done(&arguments);
    assert_eq!(entries(&world, "copy"), Some(17 + 4 * 30));
    assert!(!world.path("copy/.mirror").exists());
}

/// A host of `folder` that answers so many requests, and then none; every second blob that is large breaks off.
fn breaking(folder: &Path, left: Arc<AtomicUsize>) -> Hostile {
    let folder = folder.to_owned();
    let blobs = AtomicUsize::new(0);
    Hostile::start(move |_, request, stream| {
        if left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_err() {
            return Ok(());
        }
        let path = request.split(' ').nth(1).unwrap().trim_start_matches('/').split('?').next().unwrap();
        let Ok(bytes) = fs::read(folder.join(path)) else { return answer(stream, "404 Not Found", b"") };
        if bytes.len() > 1_000_000 && blobs.fetch_add(1, SeqCst).is_multiple_of(2) {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len())?;
            return stream.write_all(&bytes[..bytes.len() / 2]);
        }
        answer(stream, "200 OK", &bytes)
    })
}

#[test]
fn a_mirror_that_is_cut_off_goes_on_where_it_was() {
    let world = World::with_registry(&pair(0));
    let left = Arc::new(AtomicUsize::new(1000));
    let host = breaking(&world.path("acme"), Arc::clone(&left));
    let arguments = format!("mirror {} copy", host.url);
    world.done(&arguments);
    world.publish("acme", &pair(1));
    let before = fs::read(world.path("copy/log/checkpoint")).unwrap();
    let mut cuts = 0;
    for requests in 0.. {
        left.store(requests, SeqCst);
        let output = world.command(".", &arguments).output().unwrap();
        assert!(entries(&world, "copy").is_some());
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(fs::read(world.path("copy/log/checkpoint")).unwrap() == before);
        cuts += 1;
        assert!(requests < 30, "{}", text(&output));
    }
    assert!(cuts > 3, "{cuts}");
    assert_eq!(entries(&world, "copy"), Some(21));
}

#[test]
fn mirrors_at_once_into_one_folder_take_turns() {
    let world = World::with_registry(&pair(0));
    for round in 1..4 {
        let mirrors: Vec<_> =
            (0..4).map(|_| world.command(".", "mirror acme copy").spawn().unwrap()).collect();
        for mut mirror in mirrors {
            assert!(mirror.wait().unwrap().success());
        }
        assert_eq!(entries(&world, "copy"), Some(13 + 4 * round));
        world.publish("acme", &pair(round as u8));
    }
}

#[test]
fn a_bundle_applied_by_a_killed_run_is_applied_by_the_next() {
    let world = World::with_registry(&pair(0));
    world.done("mirror acme copy");
    copy(&world.path("copy"), &world.path("before"));
    for minor in 1..8 {
        world.publish("acme", &pair(minor));
    }
    world.done("mirror bundle acme --since copy --out new.tar");
    let begin = Instant::now();
    world.done("mirror apply new.tar copy");
    let whole = begin.elapsed();
    let after = entries(&world, "copy");
    let (mut killed, mut before) = (0, None);
    for _ in 0..30 {
        if before.is_none() || before == after {
            copy(&world.path("before"), &world.path("copy"));
            fs::remove_dir_all(world.path("home/state")).unwrap();
            before = entries(&world, "copy");
        }
        let mut apply = world.command(".", "mirror apply new.tar copy");
        let mut apply = apply.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(rand::random_range(0.0..1.2)));
        apply.kill().unwrap();
        apply.wait().unwrap();
        let found = entries(&world, "copy");
        assert!(found == before || found == after);
        killed += u32::from(found == before);
        before = found;
    }
    let _ = writeln!(std::io::stderr(), "{killed} of 30 runs were killed before they were done");
    assert!((3..30).contains(&killed), "{killed} of 30: the delays do not cover the whole of a run");
    world.done("mirror apply new.tar copy");
    assert_eq!(entries(&world, "copy"), after);
}

#[cfg(target_os = "linux")]
mod disks {
    use super::*;
    use crate::support::mount::Mount;

    /// Runs a command with room for more and more pages, until it is done; shows the kinds of failures on the way.
    fn with_more_and_more_room(world: &World, disk: &Mount, arguments: &str) -> Vec<String> {
        let before = fs::read(world.path("disk/copy/log/checkpoint")).unwrap();
        let mut said: Vec<String> = Vec::new();
        for pages in 0.. {
            disk.fill_but(pages);
            let output = world.command(".", arguments).output().unwrap();
            disk.free();
            assert!(entries(world, "disk/copy").is_some());
            if output.status.success() {
                break;
            }
            assert_eq!(output.status.code(), Some(1), "{}", text(&output));
            assert!(fs::read(world.path("disk/copy/log/checkpoint")).unwrap() == before);
            let error = String::from_utf8(output.stderr).unwrap();
            assert!(
                error.contains("No space left on device") && error.contains("free some space"),
                "{error}"
            );
            if said.last() != Some(&error) {
                said.push(error);
            }
            assert!(pages < 200, "it never succeeds");
        }
        said
    }

    fn large(minor: u8) -> Wheel {
        Wheel::new("acme-walls", &format!("1.{minor}")).file("acme_walls/data", noise(minor, 100_000))
    }

    #[track_caller]
    fn assert_shown(name: &str, shown: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.add_filter(r"\.tmp[A-Za-z0-9]{6}\b", ".tmp[RANDOM]");
        // They are written at once, and any may be the one that has no room.
        settings.add_filter(r"(append to disk/new/index/)[a-z/]+", "$1[FILE]");
        settings.bind(|| insta::assert_snapshot!(name, shown));
    }

    #[test]
    fn a_full_disk() {
        let world = World::with_registry(&[large(0)]);
        let Some(disk) = Mount::small(&world.path("disk"), 4096) else { return };
        world.done("mirror acme disk/copy");
        world.publish("acme", &[large(1)]);
        world.done("mirror bundle acme --since disk/copy --out one.tar");
        let applied = with_more_and_more_room(&world, &disk, "mirror apply one.tar disk/copy");
        world.publish("acme", &[large(2)]);
        let copied = with_more_and_more_room(&world, &disk, "mirror acme disk/copy");
        let nginx = Nginx::start("");
        world.publish("acme", &[large(3)]);
        copy(&world.path("acme"), &nginx.root().join("acme"));
        let fetched =
            with_more_and_more_room(&world, &disk, &format!("mirror {}/acme disk/copy", nginx.http()));
        assert!(applied.len() > 2 && copied.len() > 2 && fetched.len() > 2);
        disk.fill_but(0);
        let mut shown = world.rvp("mirror bundle acme --out disk/all.tar");
        shown.push_str(&world.rvp("mirror acme disk/new"));
        assert_shown("full_disk", &shown);
    }

    #[test]
    fn a_read_only_place() {
        let world = World::with_registry(&pair(0));
        world.done("mirror acme copy");
        world.publish("acme", &pair(1));
        world.done("mirror bundle acme --out all.tar");
        let before = tree(&world.path("copy"));
        let Some(mount) = Mount::read_only(&world.path("copy")) else { return };
        let mut shown = world.rvp("mirror acme copy");
        shown.push_str(&world.rvp("mirror apply all.tar copy"));
        shown.push_str(&world.rvp("mirror acme copy/new"));
        shown.push_str(&world.rvp("mirror bundle acme --out copy/all.tar"));
        shown.push_str(&world.rvp("mirror verify copy"));
        assert!(tree(&world.path("copy")) == before);
        drop(mount);
        world.done("mirror acme copy");
        assert_shown("read_only_place", &shown);
    }
}
