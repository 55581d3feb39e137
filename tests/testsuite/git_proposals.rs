//! Proposals: what is published by somebody who has no log key, and waits for those who have it.

use std::fs;
use std::process::{Command, Output};

use crate::support::folder::tree;
use crate::support::git_registry::Git;
use crate::support::{Wheel, World, text};

/// What somebody without the key gets to see who publishes a wheel.
fn propose(git: &Git, name: &str, version: &str, options: &str) -> String {
    text(&git.publish_of("stranger", &git.wheel(name, version), options).output().unwrap())
}

/// Runs git in a clone of the repository, in which branches can be merged.
fn in_clone(git: &Git, arguments: &[&str]) -> Output {
    let clone = git.world.path("clone");
    if !clone.exists() {
        let cloned =
            Command::new("git").args(["clone", "--quiet"]).arg(git.repository.path()).arg(&clone).output();
        assert!(cloned.unwrap().status.success());
    }
    let who = ["-c", "user.name=reviewer", "-c", "user.email=reviewer@example.org"];
    Command::new("git").args(who).args(arguments).current_dir(clone).output().unwrap()
}

#[track_caller]
fn done(output: &Output) {
    assert!(output.status.success(), "{}", text(output));
}

#[test]
fn a_proposal_is_reviewed_merged_and_sealed() {
    let git = Git::new(false);
    assert!(git.publish("acme-units", "1.0", "").starts_with("exit code: 0"));
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.0", ""));
    // One commit, which adds a line and a file, and touches nothing else.
    let changed = git.git(&["diff", "--name-status", "main", "rvp/acme-walls-1.0"]);
    insta::assert_snapshot!(changed, @r"
    A	blobs/[DIGEST]
    A	index/python/ac/me/acme-walls
    ");
    insta::assert_snapshot!(git.git(&["show", "rvp/acme-walls-1.0:index/python/ac/me/acme-walls"]));
    insta::assert_snapshot!(git.git(&["log", "--format=%s", "rvp/acme-walls-1.0"]), @r"
    Publish acme-walls 1.0
    Publish acme-units 1.0
    Publish config.json
    ");
    // For readers of the branch it does not exist.
    assert_eq!(git.releases("rvp/acme-walls-1.0"), 1);

    // The same again needs nothing; when the registry has gone on, the branch follows it.
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.0", ""));
    assert!(git.publish("acme-units", "1.1", "").starts_with("exit code: 0"));
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.0", ""));
    assert_eq!(git.git(&["rev-list", "--count", "main..rvp/acme-walls-1.0"]), "1\n");
    assert_eq!(
        git.git(&["for-each-ref", "--format=%(refname)"]),
        "refs/heads/main\nrefs/heads/rvp/acme-walls-1.0\n"
    );

    // Somebody else proposes another file by the same name and version: a branch of its own.
    let other =
        Wheel::new("acme-walls", "1.0").file("acme_walls/other.py", "pass").write(&git.world.path("other"));
    let mut command = git.publish_of("other", &other, "");
    command.env("GIT_COMMITTER_NAME", "other").env("GIT_COMMITTER_EMAIL", "other@example.org");
    insta::assert_snapshot!(text(&command.env("GIT_AUTHOR_NAME", "other").output().unwrap()));

    done(&in_clone(&git, &["merge", "--quiet", "--no-edit", "--no-ff", "origin/rvp/acme-walls-1.0"]));
    insta::assert_snapshot!(git.run("registry seal clone"));
    done(&in_clone(&git, &["add", "--all"]));
    done(&in_clone(&git, &["commit", "--quiet", "--message=Seal"]));
    done(&in_clone(&git, &["push", "--quiet", "origin", "HEAD:main"]));
    assert_eq!(git.releases("main"), 3);
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.0", ""));
    let refused = git.publish_of("other", &other, "").output().unwrap();
    assert!(text(&refused).contains("is in the registry with other bytes"), "{}", text(&refused));
}

#[test]
fn what_was_merged_is_sealed_from_afar() {
    let git = Git::new(true);
    // Whoever has the key may ask for a review all the same.
    let wheel = git.wheel("acme-walls", "1.0");
    insta::assert_snapshot!(text(&git.publish_of("home", &wheel, "--pull-request --json").output().unwrap()));
    done(&in_clone(&git, &["push", "--quiet", "origin", "origin/rvp/acme-walls-1.0:refs/heads/main"]));
    assert_eq!(git.releases("main"), 0);
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.0", ""));
    insta::assert_snapshot!(git.run(&format!("registry seal {}@main", git.url())));
    assert_eq!(git.releases("main"), 1);
    assert_eq!(git.git(&["log", "-1", "--format=%s", "main"]), "Publish acme-walls 1.0\n");

    // What is not fit stays, until it is to go.
    let index = git.world.path("clone/index/python/ac/me/acme-doors");
    done(&in_clone(&git, &["pull", "--quiet", "origin", "main"]));
    fs::write(&index, "{}\n").unwrap();
    done(&in_clone(&git, &["add", "--all"]));
    done(&in_clone(&git, &["commit", "--quiet", "--message=Doors"]));
    done(&in_clone(&git, &["push", "--quiet", "origin", "HEAD:main"]));
    insta::assert_snapshot!(git.run(&format!("registry seal {}@main", git.url())));
    insta::assert_snapshot!(git.run(&format!("registry seal {}@main --drop-refused", git.url())));
    assert_eq!(git.git(&["diff", "--name-only", "main~3", "main", "--", "index"]), "");
    assert_eq!(git.releases("main"), 1);
}

#[test]
fn what_could_never_be_sealed_is_not_proposed() {
    let git = Git::new(false);
    let key = rvp::trust::keys::PrivateKey::generate(rvp::trust::keys::KeyKind::Ed25519).unwrap();
    git.world.write("ana.key", &key.to_pem(None).unwrap());
    assert!(git.publish("acme-walls", "1.0", "--sign-key ana.key").starts_with("exit code: 0"));
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.1", ""));
    // A yank is proposed as well, by whoever may.
    let mut yank = git.command_of("stranger", "yank acme-walls==1.0 --reason wrong --sign-key ana.key");
    insta::assert_snapshot!(text(&yank.output().unwrap()));
    assert_eq!(
        git.git(&["for-each-ref", "--format=%(refname)", "refs/heads/rvp"]),
        "refs/heads/rvp/a-yank-of-acme-walls-1.0\n"
    );
}

#[test]
fn who_may_not_push_a_branch_gets_it_as_a_file_or_pushes_to_a_fork() {
    let git = Git::new(false);
    git.hook("pre-receive", "echo 'only friends push here' >&2; exit 1");
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.0", ""));
    let bundle = git.world.path("rvp-acme-walls-1.0.bundle");
    done(&in_clone(&git, &["fetch", "--quiet", bundle.to_str().unwrap(), "rvp/acme-walls-1.0"]));
    done(&in_clone(&git, &["merge", "--quiet", "FETCH_HEAD"]));
    insta::assert_snapshot!(git.run("registry seal clone"));

    let fork = git.world.path("fork.git");
    let forked = Command::new("git")
        .args(["clone", "--quiet", "--bare"])
        .arg(git.repository.path())
        .arg(&fork)
        .output();
    done(&forked.unwrap());
    let remote = url::Url::from_file_path(&fork).unwrap();
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.1", &format!("--remote {remote}")));
    let branch = Command::new("git")
        .args(["log", "-1", "--format=%s", "rvp/acme-walls-1.1"])
        .current_dir(&fork)
        .output();
    assert_eq!(branch.unwrap().stdout, b"Publish acme-walls 1.1\n");
}

#[test]
fn a_folder_takes_proposals_too() {
    let world = World::new();
    world.done("registry init acme");
    let wheel = Wheel::new("acme-walls", "1.0").write(&world.path("wheels"));
    let publish = |options: &str| {
        let mut command = world.command(".", &format!("publish --registry acme {options}"));
        text(&command.arg(&wheel).env("RVP_HOME", world.path("stranger")).output().unwrap())
    };
    let before = tree(&world.path("acme/log"));
    insta::assert_snapshot!(publish(""));
    insta::assert_snapshot!(publish("--propose"));
    insta::assert_snapshot!(publish("--propose"));
    assert_eq!(tree(&world.path("acme/log")), before);
    // What stands before it is left of a writer that died.
    let index = world.path("acme/index/python/ac/me/acme-walls");
    let proposed = fs::read_to_string(&index).unwrap();
    fs::write(&index, "{\"kind\":\"rel").unwrap();
    insta::assert_snapshot!(publish("--propose"));
    assert!(fs::read_to_string(&index).unwrap().ends_with(&format!("\n{proposed}")));
    insta::assert_snapshot!(world.rvp("registry seal acme"));
}

/// The forges that make a request of a push are told so by it, and what they answer is believed where it is a page of theirs.
#[test]
fn forges_make_requests_of_pushes() {
    let mut git = Git::new(true);
    let Some(server) = &git.server else { return };
    let page = format!("{}/git/registry/-/merge_requests/7", server.nginx.https());
    git.git(&["config", "receive.advertisePushOptions", "true"]);
    let log = git.world.path("pushed");
    let script = format!(
        "while read old new reference; do echo $reference; done > {log}\nenv | grep ^GIT_PUSH_OPTION_ | sort >> {log}\necho 'View merge request:' >&2\necho '  {page}' >&2",
        log = log.display(),
    );
    git.hook("post-receive", &script);
    git.forge = Some("gitlab");
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.0", ""));
    insta::assert_snapshot!(git.world.read("pushed"));
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.0", "--json"));
    git.forge = Some("gitea");
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.1", ""));
    assert!(git.world.read("pushed").starts_with("refs/for/main\n"), "{}", git.world.read("pushed"));
    // Where GitHub's API does not do it, the branch is there, and a person can.
    git.forge = Some("github");
    insta::assert_snapshot!(propose(&git, "acme-walls", "1.2", ""));
}
