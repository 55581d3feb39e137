//! Writers that are killed, that meet each other, or that find no room: nothing is lost, and no reader notices.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::support::folder::copy;
use crate::support::place::Place;

const SEAL: &[&str] = &["registry", "seal", "registry", "--key", "registry.key"];

/// Proposes releases of as many new packages, and one more of a package that all rounds share.
fn propose(place: &Place, round: usize, packages: usize) -> u64 {
    let release = |name: &str, version: usize| {
        format!(r#"{{"kind":"release","family":"python","name":"{name}","version":"{version}"}}"#)
    };
    for number in 0..packages {
        let name = format!("package-{round}-{number}");
        place.propose(&format!("index/python/pa/ck/{name}"), &release(&name, 1));
    }
    place.propose("index/python/sh/ar/shared", &release("shared", round));
    packages as u64 + 1
}

/// The number of releases in a registry, which must be sound.
fn releases(place: &Place) -> u64 {
    let output = place.command(&["--json", "registry", "verify", "registry"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["problems"], serde_json::json!([]));
    report["releases"].as_u64().unwrap()
}

#[test]
fn a_seal_killed_at_any_moment_commits_all_or_nothing() {
    let place = Place::new();
    let mut sealed = releases(&place);
    let first = propose(&place, 0, 5);
    sealed += first;
    let begin = Instant::now();
    assert!(place.command(SEAL).output().unwrap().status.success());
    let whole = begin.elapsed();
    let mut pending = 0;

    let mut killed_before_the_end = 0;
    for round in 1..=60 {
        pending += propose(&place, round, 5);
        let mut seal = place.command(SEAL).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // What earlier kills left unsealed makes this seal longer.
        let expected = whole.mul_f64(pending as f64 / first as f64);
        std::thread::sleep(expected.mul_f64(rand::random_range(0.0..1.5)));
        seal.kill().unwrap();
        let ended = seal.wait().unwrap().code().is_some();
        let found = releases(&place);
        assert!(found == sealed || found == sealed + pending, "round {round}: {sealed} + {pending}, {found}");
        assert!(!ended || found == sealed + pending, "round {round} ended, and sealed nothing");
        killed_before_the_end += u32::from(found == sealed);
        if found != sealed {
            (sealed, pending) = (found, 0);
        }
    }
    eprintln!(
        "{killed_before_the_end} of 60 seals were killed before they committed, the others later or not at all"
    );
    assert!((5..60).contains(&killed_before_the_end), "the delays do not cover the whole of a seal");
    pending += propose(&place, 61, 1);
    place.command(SEAL).output().unwrap();
    assert_eq!(releases(&place), sealed + pending);
}

#[test]
fn two_sealers_at_once_lose_and_double_nothing() {
    let place = Place::new();
    let mut expected = releases(&place);
    for round in 0..8 {
        expected += propose(&place, round, 10);
        let both = [place.command(SEAL).spawn().unwrap(), place.command(SEAL).spawn().unwrap()];
        for mut seal in both {
            assert!(seal.wait().unwrap().success());
        }
        assert_eq!(releases(&place), expected);
    }
}

/// A mount that ends with the test.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    /// None, said loudly, where this user or this system may not mount.
    fn new(arguments: &[&str], at: &'a Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        match Command::new("mount").args(arguments).arg(at).output() {
            Ok(output) if output.status.success() => Some(Self(at)),
            other => {
                eprintln!("SKIPPED: this test needs to mount a file system, as root on Linux: {other:?}");
                None
            }
        }
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let done = Command::new("umount").arg(self.0).status();
        assert!(done.is_ok_and(|status| status.success()), "{} is still mounted", self.0.display());
    }
}

#[test]
fn a_full_disk_ends_a_seal_and_loses_nothing() {
    let place = Place::new();
    let whole = place.folder.path().join("whole");
    std::fs::rename(place.registry(), &whole).unwrap();
    let registry = place.registry();
    let Some(_mount) = Mount::new(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"], &registry) else { return };
    copy(&whole, &registry);
    let before = releases(&place);
    let proposed = propose(&place, 0, 10);
    let filler = registry.join("filler");
    let mut refusals = 0;
    // Room for more and more pages, so that one step of a seal after the other finds none.
    for pages in 0..100 {
        std::fs::write(&filler, b"").unwrap();
        let mut room = 1 << 20;
        while room > 0 && std::fs::write(&filler, vec![1; room]).is_err() {
            room -= 4096;
        }
        let keep = room.saturating_sub(pages * 4096);
        std::fs::File::options().write(true).open(&filler).unwrap().set_len(keep as u64).unwrap();
        let output = place.command(SEAL).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        if output.status.success() {
            assert_eq!(releases(&place), before + proposed);
            break;
        }
        assert!(said.contains("No space left") && said.contains("free some space"), "{said}");
        assert_eq!(releases(&place), before);
        refusals += 1;
    }
    assert!(refusals > 3, "the disk was full only {refusals} times");
    std::fs::remove_file(&filler).unwrap();
    assert!(place.command(SEAL).output().unwrap().status.success());
    assert_eq!(releases(&place), before + proposed);
}

#[test]
fn a_read_only_registry_can_be_read() {
    let place = Place::new();
    let registry = place.registry();
    let bind = registry.to_str().unwrap().to_owned();
    let Some(_mount) = Mount::new(&["--bind", &bind], &registry) else { return };
    let made_read_only = Command::new("mount").args(["-o", "remount,ro,bind", &bind]).status().unwrap();
    assert!(made_read_only.success());
    assert!(place.verify().ends_with("exit 0\n"));
    let said = place.seal();
    assert!(said.contains("cannot open the lock registry/.lock"), "{said}");
    assert!(said.contains("hint: check that you may write there"), "{said}");
    assert!(said.ends_with("exit 1\n"), "{said}");
}
