//! Files that are too large for a git repository, in a bucket beside it.

use std::fs;

use insta::assert_snapshot;

use crate::support::git_registry::Git;
use crate::support::seaweed::{BUCKET, Seaweed};
use crate::support::{Wheel, noise, text};

/// More than forges take.
const LARGE: usize = (50 << 20) + 1;

#[test]
fn a_bucket_takes_what_git_does_not() {
    let Some(seaweed) = Seaweed::start() else { return };
    let git = Git::new(false);
    let run = |arguments: &str| {
        let mut command = git.command(arguments);
        command.envs(seaweed.environment());
        text(&command.output().unwrap())
    };
    let registry = format!("{}@main", git.file());
    let wheel = |version: &str, seed| {
        let wheel = Wheel::new("acme-model", version).file("acme_model/data", noise(seed, LARGE));
        wheel.write(&git.world.path("wheels")).display().to_string()
    };
    let (first, second) = (wheel("1.0", 1), wheel("1.1", 2));
    assert_snapshot!(run(&format!("publish {first}")), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/wheels/acme_model-1.0-py3-none-any.whl has 52430027 bytes, and no file of more than 52428800 bytes goes into a git repository
      hint: forges refuse large files; name a bucket for them, with `rvp registry blobs`, and have its keys at hand
    "#);
    assert_snapshot!(run(&format!("registry blobs {registry} s3://{BUCKET}/large")), @r#"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    blobs of git+file://[GIT]/registry.git@main may be in 1 other place from now on; the log has 4 entries
    "#);
    let published = run(&format!("publish {first}"));
    assert!(published.starts_with("exit code: 0"), "{published}");
    let names = git.git(&["ls-tree", "-r", "--name-only", "main"]);
    assert!(!names.contains("acme_model"), "{names}");

    // A reader finds it there, and so does whoever verifies or copies.
    assert_snapshot!(run(&format!("registry verify {registry}")), @r#"
    exit code: 0
    ----- stdout -----
    sound: 6 log entries, 1 package, 1 release, 1 blob (50.00 MiB)
    ----- stderr -----
    "#);
    git.world.project(&["acme-model"], &format!("registries = [{{ name = 'acme', url = '{registry}' }}]"));
    for arguments in ["lock", "sync"] {
        let mut command = git.command(arguments);
        command.current_dir(git.world.path("app")).envs(seaweed.environment());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    let said = run(&format!("mirror {registry} copy"));
    assert!(said.starts_with("exit code: 0"), "{said}");
    git.world.done("mirror verify copy");

    // Who proposes puts it there, and who checks and seals finds it.
    let proposed = run(&format!("publish --propose {second}"));
    assert!(proposed.starts_with("exit code: 0"), "{proposed}");
    let checkout = git.checkout("rvp/acme-model-1.1");
    let folder = checkout.path().display();
    let checked = run(&format!("registry check {folder}"));
    assert!(checked.starts_with("exit code: 0"), "{checked}");
    let sealed = run(&format!("registry seal {folder}"));
    assert!(sealed.contains("sealed 1 record"), "{sealed}");
    assert!(!fs::exists(checkout.path().join("blobs")).unwrap());
}
