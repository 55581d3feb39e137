//! Publishing into a registry, and withdrawing what was published.

use std::fs;

use crate::support::{WINDOWS, Wheel, World};
use insta::assert_snapshot;

#[test]
fn publishing_twice_changes_nothing() {
    let world = World::with_registry(&[]);
    Wheel::new("acme-walls", "1.0").write(&world.path("wheels"));
    let publish = "publish wheels/acme_walls-1.0-py3-none-any.whl --registry acme";
    assert_snapshot!(world.rvp(publish), @r"
    exit code: 0
    ----- stdout -----
    + acme-walls 1.0
    ----- stderr -----
    sealed 1 release with 1 file; the log has 15 entries
    ");
    let checkpoint = world.read("acme/log/checkpoint");
    assert_snapshot!(world.rvp(publish), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    1 file already there
    ");
    assert_eq!(world.read("acme/log/checkpoint"), checkpoint);
}

#[test]
fn a_published_file_never_changes() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    Wheel::new("acme-walls", "1.0").file("more.py", "x = 1\n").write(&world.path("wheels"));
    assert_snapshot!(world.rvp("publish wheels/acme_walls-1.0-py3-none-any.whl --registry acme"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    refused: wheels/acme_walls-1.0-py3-none-any.whl: acme_walls-1.0-py3-none-any.whl is in the registry with other bytes: there sha256:[DIGEST], here sha256:[DIGEST]
      hint: a published file never changes; publish a new version, or a new build number of this one
    ");
    assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 0
    ----- stdout -----
    sound: 15 log entries, 2 packages, 11 releases, 1 blob (1.02 KiB)
    ----- stderr -----
    ");
}

#[test]
fn a_wheel_for_another_platform_joins_a_known_release() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    Wheel::new("acme-walls", "1.0").tag("cp311-cp311-win_amd64").write(&world.path("wheels"));
    assert_snapshot!(world.rvp("publish wheels/acme_walls-1.0-cp311-cp311-win_amd64.whl --registry acme"), @r"
    exit code: 0
    ----- stdout -----
    + acme-walls 1.0
    ----- stderr -----
    sealed 1 release with 1 file; the log has 17 entries
    ");
    world.project(&["acme-walls"], WINDOWS);
    world.done_in("app", "lock");
    assert!(world.read("app/rvp.lock").contains("cp311-cp311-win_amd64.whl"));
}

#[test]
fn publish_needs_a_file_a_registry_and_its_key() {
    let world = World::with_registry(&[]);
    Wheel::new("acme-walls", "1.0").write(&world.path("."));
    let wheel = "acme_walls-1.0-py3-none-any.whl";
    assert_snapshot!(world.rvp("publish nothing.whl --registry acme"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    refused: cannot read nothing.whl: No such file or directory (os error 2)
    ");
    assert_snapshot!(world.rvp(&format!("publish {wheel}")), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no registry is set
      hint: name the folder or the URL of one with --registry
    ");
    assert_snapshot!(world.rvp(&format!("publish {wheel} --registry https://example.com/r")), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: https://example.com/r cannot be written to: a web server only reads
      hint: publish into the folder or the bucket that it serves
    ");
    assert_snapshot!(world.rvp(&format!("publish {wheel} --registry nowhere")), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: nowhere is not a registry: it has no log/checkpoint
      hint: check the path or URL; a copy of a registry may not be complete yet; `rvp registry init` makes a new one
    ");
    assert_snapshot!(world.rvp(&format!("publish {wheel} --registry acme --host revit")), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value 'revit' for '--host <REQUIREMENT>': write it as `revit>=2022,<2028`

    For more information, try '--help'.
    ");
    assert_snapshot!(world.rvp("publish acme/config.json --registry acme"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    refused: acme/config.json is not a Python artifact that rvp reads
      hint: it reads wheels (.whl) and source distributions (.tar.gz, .zip)
    ");
    fs::rename(world.path("home/keys"), world.path("elsewhere")).unwrap();
    assert_snapshot!(world.rvp(&format!("publish {wheel} --registry acme")), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no private key for acme+[KEY] is at [TEMP]/home/keys/acme+[KEY]
      hint: only the holder of the log key can seal; publish from the machine that has it, or name the key's file with --key
    ");
    world.write("other/key", "PRIVATE+KEY+nonsense\n");
    assert_snapshot!(world.rvp(&format!("publish {wheel} --registry acme --key other/key")), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: other/key holds no private key: cannot sign the registry's state: malformed verifier key
      hint: it is the file that `rvp registry init` wrote, one line that begins with PRIVATE+KEY
    ");
    assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 0
    ----- stdout -----
    sound: 13 log entries, 1 package, 10 releases, 0 blobs (0 B)
    ----- stderr -----
    ");
}

#[test]
fn a_yanked_release_stays_for_those_who_have_locked_it() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0"), Wheel::new("acme-walls", "1.1")]);
    world.project(&["acme-walls"], WINDOWS);
    world.done_in("app", "lock");
    assert_snapshot!(world.rvp("yank acme-walls==1.1 --registry acme --reason 'walls fall over'"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    yanked acme-walls 1.1; the log has 18 entries
    ");
    assert_snapshot!(world.app("lock"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    rvp.lock is up to date
    ");
    world.project(&["acme-walls>=1"], WINDOWS);
    assert_snapshot!(world.app("lock"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    warning: acme-walls 1.1 is yanked (walls fall over); it was chosen because the lock or an exact requirement names it
    locked 1 package for 1 target
    ");
    assert_snapshot!(world.app("lock -U"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    ~ acme-walls 1.1 -> 1.0
    locked 1 package for 1 target
    ");
    world.project(&["acme-walls==1.1"], WINDOWS);
    assert_snapshot!(world.app("lock"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    warning: acme-walls 1.1 is yanked (walls fall over); it was chosen because the lock or an exact requirement names it
    ~ acme-walls 1.0 -> 1.1
    locked 1 package for 1 target
    ");
    assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 0
    ----- stdout -----
    sound: 18 log entries, 2 packages, 12 releases, 2 blobs (2.04 KiB)
    ----- stderr -----
    ");
}

#[test]
fn yank_says_what_it_cannot_yank() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    assert_snapshot!(world.rvp("yank acme-walls --registry acme --reason wrong"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `acme-walls` names no release; write NAME==VERSION
    ");
    assert_snapshot!(world.rvp("yank acme-wall==1.0 --registry acme --reason wrong"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `acme-wall` is not in the registry `acme`
      hint: check the spelling
    ");
    assert_snapshot!(world.rvp("yank acme-walls==3.0 --registry acme --reason wrong"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: acme-walls 3.0 is not in the registry; its newest versions are 1.0
    ");
    assert_snapshot!(world.rvp("yank acme-walls==1.0 --registry acme --reason ''"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: a value is required for '--reason <REASON>' but none was supplied

    For more information, try '--help'.
    ");
    world.done("yank acme-walls==1.0 --registry acme --reason wrong");
    assert_snapshot!(world.rvp("yank acme-walls==1.0 --registry acme --reason again"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: acme-walls 1.0 is already yanked: wrong
    ");
}

#[test]
fn a_yanked_release_is_given_back() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0"), Wheel::new("acme-walls", "1.1")]);
    world.project(&["acme-walls"], crate::support::WINDOWS);
    let undo = "yank --undo acme-walls==1.1 --registry acme --reason 'they stand after all'";
    assert_snapshot!(world.rvp(undo), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: acme-walls 1.1 is not yanked, so there is nothing to undo
    ");
    world.done("yank acme-walls==1.1 --registry acme --reason 'walls fall over'");
    assert_snapshot!(world.app("lock"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    + acme-walls 1.0
    locked 1 package for 1 target
    ");
    assert_snapshot!(world.rvp(undo), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    gave back acme-walls 1.1; the log has 20 entries
    ");
    assert_snapshot!(world.app("lock -U"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    ~ acme-walls 1.0 -> 1.1
    locked 1 package for 1 target
    ");
    world.done("registry verify acme");
}
