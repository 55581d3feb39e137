//! Policies that cannot be used. Whatever is wrong with one, nothing is done without it.

use std::fmt::Write as _;
use std::fs;

use insta::assert_snapshot;

use crate::policy::licensed;
use crate::support::WINDOWS;

/// Every table with something wrong, and what a file as such can be.
const BAD: &[(&str, &[u8])] = &[
    ("not UTF-8", b"[age]\nmin-days = 7 # caf\xe9\n"),
    ("truncated", b"[licenses]\nallow = [\"MIT\", \"Apa"),
    ("an unknown table", b"[age]\nmin-days = 7\n\n[licences]\nallow = [\"MIT\"]\n"),
    ("an unknown key", b"[age]\nminimum-days = 7\n"),
    ("a wrong type", b"[age]\nmin-days = \"seven\"\n"),
    ("a table for many", b"[deny]\npackages = [\"left-pad\"]\n"),
    ("an empty list", b"[registries]\nallow = []\n"),
    ("a contradiction", b"[licenses]\nallow = [\"MIT\", \"GPL-3.0-only\"]\ndeny = [\"GPL-*\"]\n"),
    ("a licence that is none", b"[licenses]\nallow = [\"MTI\"]\n"),
    ("a machine's affair", b"[trust]\nroot = \"root.json\"\n"),
];

#[test]
fn a_policy_that_cannot_be_read_stops_the_command() {
    let world = licensed();
    world.project(&["acme-units"], WINDOWS);
    world.done_in("app", "sync");
    let mut shown = String::new();
    for (what, bytes) in BAD {
        fs::write(world.path("home/policy.toml"), bytes).unwrap();
        writeln!(shown, "{what}:\n{}", world.fails_in("app", "sync")).unwrap();
        for command in ["lock", "lock --upgrade", "add acme-walls", "update", "policy show", "policy check"] {
            world.fails_in("app", command);
        }
        assert!(!world.read("app/pyproject.toml").contains("acme-walls"));
    }
    fs::write(world.path("home/policy.toml"), vec![b'#'; 10 << 20]).unwrap();
    writeln!(shown, "10 MB:\n{}", world.fails_in("app", "sync")).unwrap();
    fs::remove_file(world.path("home/policy.toml")).unwrap();
    fs::create_dir(world.path("home/policy.toml")).unwrap();
    writeln!(shown, "a folder:\n{}", world.fails_in("app", "sync")).unwrap();
    fs::remove_dir(world.path("home/policy.toml")).unwrap();
    world.done_in("app", "sync");
    assert_snapshot!(shown);
}

#[cfg(unix)]
#[test]
fn a_policy_that_may_not_be_read_stops_the_command() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let world = licensed();
    world.project(&["acme-units"], WINDOWS);
    let policy = world.path("home/policy.toml");
    symlink(world.path("nowhere"), &policy).unwrap();
    assert_snapshot!(world.app("lock"));
    fs::remove_file(&policy).unwrap();
    world.write("home/policy.toml", "");
    fs::set_permissions(&policy, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&policy).is_err() {
        assert!(world.fails_in("app", "lock").contains("Permission denied"));
    } else {
        // Root reads everything. Not by `eprintln!`, which the test runner keeps to itself.
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "SKIPPED: no file can be kept from this user");
    }
}

#[test]
fn a_registry_takes_no_policy_that_cannot_be_read() {
    let world = licensed();
    let mut shown = String::new();
    for (what, policy) in [
        ("a rule about others", "[registries]\nallow = [{ url = \"https://packages.acme.example/**\" }]\n"),
        ("an unknown table", "[licences]\nallow = [\"MIT\"]\n"),
    ] {
        world.write("office.toml", policy);
        writeln!(shown, "{what}:\n{}", world.rvp("registry policy acme office.toml")).unwrap();
    }
    writeln!(shown, "{}", world.rvp("registry policy acme absent.toml")).unwrap();
    world.done("registry verify acme");
    assert!(!world.path("acme/policy.toml").exists());
    assert_snapshot!(shown);
}

#[test]
fn a_registry_s_policy_that_is_altered_or_from_a_later_version_stops_its_users() {
    let world = licensed();
    world.project(&["acme-units"], WINDOWS);
    world.write("office.toml", "[licenses]\nallow = [\"MIT\"]\n");
    world.done("registry policy acme office.toml");
    let sealed = world.read("acme/policy.toml");
    world.write("acme/policy.toml", "[licenses]\nallow = [\"*\"]\n");
    let mut shown = world.app("lock");
    fs::remove_file(world.path("acme/policy.toml")).unwrap();
    shown += &world.app("lock");
    world.write("acme/policy.toml", &sealed);
    world.done_in("app", "lock");

    // As a later version of rvp would seal it.
    let later = "[severities]\nmaximum = \"high\"\n";
    let digest = rvp::model::Blake3::of(later.as_bytes());
    let record = format!(
        "{{\"kind\":\"file\",\"path\":\"policy.toml\",\"length\":{},\"blake3\":\"{digest}\"}}\n",
        later.len()
    );
    world.write("acme/policy.toml", later);
    let lines = world.read("acme/index/files") + &record;
    world.write("acme/index/files", &lines);
    world.done("registry seal acme");
    shown += &world.app("lock --upgrade");
    assert_snapshot!(shown);
}
