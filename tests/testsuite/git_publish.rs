//! Publishing into a git repository: by a push to its branch, where git itself decides who was first.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::git_registry::Git;
use crate::support::text;

fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_registry_is_made_and_published_to_in_a_repository() {
    let git = Git::empty(true);
    insta::assert_snapshot!(git.run(&format!("registry init {}@main --name acme", git.file())));
    insta::assert_snapshot!(git.run(&format!("registry init {}@main --name acme", git.file())));
    insta::assert_snapshot!(git.publish("acme-walls", "1.0", ""));
    insta::assert_snapshot!(git.publish("acme-walls", "1.0", ""));
    insta::assert_snapshot!(git.run("yank acme-walls==1.0 --reason wrong"));
    insta::assert_snapshot!(git.run("registry seal acme"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: acme is not a registry: it has no log/checkpoint
      hint: check the path or URL; a copy of a registry may not be complete yet; `rvp registry init` makes a new one
    ");
    insta::assert_snapshot!(git.run(&format!("registry seal {}@main", git.url())));
    // One commit for each state, by nobody in particular where git knows no user, and of plain files.
    insta::assert_snapshot!(git.git(&["log", "--format=%an <%ae> %s", "main"]));
    let modes = git.git(&["ls-tree", "-r", "--format=%(objectmode)", "main"]);
    assert!(modes.lines().all(|mode| mode == "100644"), "{modes}");
    git.git(&["fsck", "--strict"]);
    assert_eq!(git.releases("main"), 1);
    assert_eq!(git.releases("main~2"), 1);
    git.world.project(&["acme-walls"], &format!("registries = [{{ name = 'acme', url = '{}' }}]", git.url()));
    let lock = |arguments: &str| {
        let mut command = git.command("");
        command.args(arguments.split(' ')).current_dir(git.world.path("app"));
        text(&command.output().unwrap())
    };
    let refused = lock("lock");
    assert!(refused.contains("yanked"), "{refused}");
    assert!(git.publish("acme-walls", "1.1", "").starts_with("exit code: 0"));
    let locked = lock("lock --refresh");
    assert!(locked.starts_with("exit code: 0"), "{locked}");
}

#[test]
fn the_pages_for_pip_are_one_commit_behind_each_state() {
    let git = Git::empty(false);
    let made = git.run(&format!("registry init {}@main --name acme --simple", git.file()));
    assert!(made.starts_with("exit code: 0"), "{made}");
    let published = git.publish("acme-walls", "1.0", "");
    assert!(published.starts_with("exit code: 0"), "{published}");
    let commits = git.git(&["log", "--reverse", "--format=%s", "main"]);
    let pages = "Make the pages of simple/";
    assert_eq!(commits, format!("Publish config.json\n{pages}\nPublish acme-walls 1.0\n{pages}\n"));
    let page = git.git(&["show", "main:simple/acme-walls/index.html"]);
    assert!(page.contains("acme_walls-1.0-py3-none-any.whl"), "{page}");
    assert!(git.git(&["show", "main:simple/index.html"]).contains("acme-walls"));
}

#[test]
fn a_registry_in_a_folder_of_a_branch_leaves_all_else_alone() {
    let git = Git::empty(false);
    fs::write(git.repository.work().join("README.md"), "# ours\n").unwrap();
    git.repository.push("main");
    git.repository.push("other");
    let place = format!("{}@other#subdirectory=tools/registry", git.file());
    let made = git.run(&format!("registry init {place} --name acme"));
    assert!(made.starts_with("exit code: 0"), "{made}");
    let wheel = git.wheel("acme-walls", "1.0");
    let published = git.command(&format!("publish --registry {place}")).arg(&wheel).output().unwrap();
    assert!(published.status.success(), "{}", text(&published));
    let top = git.git(&["ls-tree", "--name-only", "other"]);
    assert_eq!(top, "README.md\ntools\n");
    assert_eq!(git.git(&["rev-list", "--count", "main"]), "1\n");
    assert_eq!(git.git(&["rev-list", "--count", "other"]), "4\n");
}

#[test]
fn one_who_is_overtaken_during_the_push_publishes_all_the_same() {
    let git = Git::new(false);
    // The first push waits, and meanwhile another one is done.
    let flag = git.world.path("slow");
    fs::write(&flag, "").unwrap();
    git.hook("pre-receive", &format!("rm {} 2>/dev/null && sleep 3; exit 0", flag.display()));
    let key = format!("--key {}", git.key().display());
    let first = spawn(git.publish_of("first", &git.wheel("acme-walls", "1.0"), &key));
    let start = Instant::now();
    while flag.exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "nobody pushes");
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = git.publish_of("second", &git.wheel("acme-units", "1.0"), &key).output().unwrap();
    assert!(second.status.success(), "{}", text(&second));
    let first = first.wait_with_output().unwrap();
    insta::assert_snapshot!(text(&first), @r"
    exit code: 0
    ----- stdout -----
    + acme-walls 1.0
    ----- stderr -----
    sealed 1 release with 1 file; the log has 6 entries
    ");
    assert_eq!(
        git.git(&["log", "--format=%s", "main"]),
        "Publish acme-walls 1.0\nPublish acme-units 1.0\nPublish config.json\n"
    );
    assert_eq!(git.releases("main"), 2);
}

/// The server dies once the push is done, and before it says so: the next look at the branch tells, even where it has gone on since.
#[test]
fn a_push_whose_answer_is_lost_is_found_to_be_done() {
    let git = Git::new(false);
    let (flag, said) = (git.world.path("die"), git.world.path("said"));
    let key = format!("--key {}", git.key().display());
    let another = git.publish_of("second", &git.wheel("acme-units", "1.0"), &key);
    let arguments: Vec<&str> = another.get_args().map(|argument| argument.to_str().unwrap()).collect();
    let (home, program) = (git.world.path("second"), another.get_program().to_str().unwrap());
    let another = format!("env RVP_HOME={} {program} {}", home.display(), arguments.join(" "));
    for (meanwhile, package) in [(":", "acme-walls"), (another.as_str(), "acme-doors")] {
        fs::write(&flag, "").unwrap();
        let script = format!(
            "[ $1 = committed ] || exit 0\nrm {} 2>/dev/null || exit 0\n{meanwhile} >{} 2>&1\nkill -9 $PPID",
            flag.display(),
            said.display()
        );
        git.hook("reference-transaction", &script);
        let published = git.publish(package, "1.0", "");
        assert!(published.starts_with("exit code: 0"), "{published}");
        assert!(!flag.exists());
    }
    assert_eq!(
        git.git(&["log", "--format=%s", "main"]),
        "Publish acme-units 1.0\nPublish acme-doors 1.0\nPublish acme-walls 1.0\nPublish config.json\n",
        "{}",
        git.world.read("said")
    );
    assert_eq!(git.releases("main"), 3);
}

/// On five machines.
#[test]
fn fifty_who_publish_at_once() {
    let git = Git::new(true);
    let key = format!("--key {}", git.key().display());
    let wheels: Vec<PathBuf> = (0..50)
        .map(|number| {
            // Half of them are of one package, the others of one each.
            let name = if number % 2 == 0 { "acme-walls".to_owned() } else { format!("acme-part{number}") };
            git.wheel(&name, &format!("1.{number}"))
        })
        .collect();
    let start = Instant::now();
    let publishers: Vec<Child> = wheels
        .iter()
        .enumerate()
        .map(|(number, wheel)| spawn(git.publish_of(&format!("home{}", number % 5), wheel, &key)))
        .collect();
    let outputs: Vec<Output> =
        publishers.into_iter().map(|publisher| publisher.wait_with_output().unwrap()).collect();
    // Not by `eprintln!`, which the test runner keeps to itself.
    let _ = writeln!(std::io::stderr(), "50 publishers at once: {:.1} s", start.elapsed().as_secs_f64());
    for output in &outputs {
        assert!(output.status.success(), "{}", text(output));
    }
    assert_eq!(git.releases("main"), 50);
    // Each in a commit of its own, and each commit a state.
    assert_eq!(git.git(&["rev-list", "--count", "main"]), "51\n");
    for back in [1, 10, 25, 49] {
        assert_eq!(git.releases(&format!("main~{back}")), 50 - back);
    }
}

#[test]
fn a_killed_publish_leaves_the_state_before_or_after() {
    let git = Git::new(true);
    let start = Instant::now();
    assert!(git.publish("acme-walls", "0", "").starts_with("exit code: 0"));
    let full = start.elapsed();
    let mut killed = 0;
    let mut before = git.releases("main");
    for version in 1..=40 {
        let wheel = git.wheel("acme-walls", &version.to_string());
        let mut publisher = spawn(git.publish_of("home", &wheel, ""));
        std::thread::sleep(full.mul_f64(rand::random_range(0.0..1.2)));
        publisher.kill().unwrap();
        let ended = publisher.wait().unwrap().code().is_some();
        killed += u32::from(!ended);
        // All that is there is sound. The git of one that was killed may have gone on after it.
        let found = git.releases("main");
        assert!((before..=before + 2).contains(&found), "{version}: {before}, {found}");
        before = found;
        if version % 8 == 0 {
            let published = text(&git.publish_of("home", &wheel, "").output().unwrap());
            assert!(published.starts_with("exit code: 0"), "{published}");
        }
    }
    assert!(killed > 10, "the delays do not cover the whole of a publish: {killed} of 40 were killed");
    let mut all = git.command("publish");
    all.args((1..=40).map(|version| git.wheel("acme-walls", &version.to_string())));
    let output = all.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(git.releases("main"), 41);
    git.git(&["fsck", "--strict"]);
}

#[test]
fn who_may_not_push_is_told_why() {
    let git = Git::new(true);
    let mut said = String::new();
    let mut say = |what: &str, output: Output| said.push_str(&format!("# {what}\n{}\n", text(&output)));
    let wheel = git.wheel("acme-walls", "1.0");
    let publish = |options: &str| git.publish_of("home", &wheel, options);

    git.hook("pre-receive", "echo 'no pushes on Fridays' >&2; exit 1");
    say("a hook", publish("").output().unwrap());
    git.hook(
        "pre-receive",
        "echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2; exit 1",
    );
    say("a protected branch, as GitHub says it", publish("").output().unwrap());
    git.hook("pre-receive", "exit 0");

    let tagged = format!("{}@v1", git.file());
    git.git(&["tag", "v1", "main"]);
    say("a tag", publish(&format!("--registry {tagged}")).output().unwrap());
    let large = git.world.path("wheels/acme_large-1.0.tar.gz");
    fs::write(&large, vec![0; (50 << 20) + 1]).unwrap();
    let work = format!("git+{}", url::Url::from_file_path(git.world.path("work")).unwrap());
    let cloned = Command::new("git")
        .args(["clone", "--quiet"])
        .arg(git.repository.path())
        .arg(git.world.path("work"))
        .args(["--branch", "main"])
        .output()
        .unwrap();
    assert!(cloned.status.success(), "{}", text(&cloned));
    say("a branch that is checked out", publish(&format!("--registry {work}")).output().unwrap());
    let elsewhere = git.file().replace("registry.git", "absent.git");
    say("no repository", publish(&format!("--registry {elsewhere}")).output().unwrap());
    say("no branch", publish(&format!("--registry {}@absent", git.file())).output().unwrap());
    let bin = git.world.path("bin");
    fs::create_dir(&bin).unwrap();
    say("no git", publish(&format!("--registry {}", git.file())).env("PATH", &bin).output().unwrap());
    let before = git.git(&["rev-parse", "main"]);

    if git.server.is_some() {
        say("a wrong password", publish("").env("RVP_CREDENTIALS_ACME_PASSWORD", "wrong").output().unwrap());
        let open = git.url().replace("/git/", "/open/");
        say("who may only read", publish(&format!("--registry {open}")).output().unwrap());
        insta::assert_snapshot!(said);
    }
    assert_eq!(git.git(&["rev-parse", "main"]), before);
}
