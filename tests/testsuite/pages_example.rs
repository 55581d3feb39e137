//! The example of a registry on GitHub Pages: what its workflows run, in a repository of git on this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;

use crate::support::folder::copy;
use crate::support::git_server::Repository;
use crate::support::prism::Prism;
use crate::support::{Wheel, World, text, walls};

const INDEX: &str = "registry/index/python/ac/me/acme-walls";

/// The example's repository with a registry in it, and a clone to work in.
struct Pages {
    world: World,
    repository: Repository,
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/github-pages-registry")
}

impl Pages {
    fn new() -> Self {
        let world = World::with_registry(&walls());
        let repository = Repository::new();
        let pages = Self { world, repository };
        copy(&example(), &pages.work("example"));
        for name in [".github", ".gitattributes", ".gitignore"] {
            fs::rename(pages.work("example").join(name), pages.work(name)).unwrap();
        }
        fs::remove_dir_all(pages.work("example")).unwrap();
        copy(&pages.world.path("acme"), &pages.work("registry"));
        // A fresh checkout has none.
        fs::remove_file(pages.work("registry/.lock")).unwrap();
        pages.repository.git("work", &["remote", "add", "origin", "../registry.git"]);
        pages.push("main");
        pages
    }

    fn work(&self, path: &str) -> PathBuf {
        self.repository.work().join(path)
    }

    fn push(&self, branch: &str) {
        self.repository.git("work", &["add", "--all"]);
        self.repository.git("work", &["commit", "--quiet", "--message=change"]);
        self.repository.git("work", &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
    }

    /// Adds a line that nobody has sealed.
    fn propose(&self, line: &str) {
        let index = fs::read_to_string(self.work(INDEX)).unwrap();
        fs::write(self.work(INDEX), format!("{index}{line}\n")).unwrap();
    }

    /// The record of a wheel, whose blobs are in the registry from then on.
    fn release(&self, wheel: &Wheel) -> String {
        copy(&self.work("registry"), &self.world.path("copy"));
        self.world.publish("copy", std::slice::from_ref(wheel));
        self.world.forget_sealed();
        let lines =
            fs::read_to_string(self.world.path("copy").join(INDEX.trim_start_matches("registry/"))).unwrap();
        for item in walkdir::WalkDir::new(self.world.path("copy/blobs")) {
            let item = item.unwrap();
            let to = self.work("registry").join(item.path().strip_prefix(self.world.path("copy")).unwrap());
            match item.file_type().is_dir() {
                true => fs::create_dir_all(to).unwrap(),
                false => drop(fs::copy(item.path(), to).unwrap()),
            }
        }
        lines.lines().rev().nth(1).unwrap().to_owned()
    }

    /// Runs a script of the example, as its workflow does.
    fn script(&self, script: &str) -> String {
        let programs = Path::new(env!("CARGO_BIN_EXE_rvp")).parent().unwrap().display().to_string();
        let key = fs::read_dir(self.world.path("home/keys")).unwrap().map(|file| file.unwrap().path());
        let key = key.into_iter().find(|path| path.extension().is_none_or(|end| end != "sealed")).unwrap();
        let output = Command::new("bash")
            .args(["-c", script])
            .current_dir(self.repository.work())
            .env("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap()))
            .env("RVP_HOME", self.world.path("runner"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GITHUB_OUTPUT", self.world.path("output"))
            .env_remove("GITHUB_STEP_SUMMARY")
            .env("REGISTRY_KEY", fs::read_to_string(key).unwrap().trim())
            .output()
            .unwrap();
        text(&output)
    }
}

#[test]
fn a_proposal_is_checked_merged_and_sealed() {
    let pages = Pages::new();
    let line = pages.release(&Wheel::new("acme-walls", "3.0").requires("acme-units>=1"));
    pages.propose(&line);
    pages.push("proposal");
    let said = pages.script(".github/scripts/check report.md && head -n 4 report.md; rm report.md");
    assert_snapshot!(said, @r"
    exit code: 0
    ----- stdout -----
    ## This proposal can be sealed

    Registry <code>acme</code>: records 1, releases 1, failures 0, warnings 0.

    ----- stderr -----
    ");

    // A push that is refused once stands for one that comes too late: the seal is made anew.
    let hook = pages.repository.path().join("hooks/pre-receive");
    fs::write(&hook, "#!/bin/sh\nif [ ! -e refused ]; then touch refused; exit 1; fi\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    pages.repository.git("registry.git", &["update-ref", "refs/heads/main", "refs/heads/proposal"]);
    let said = pages.script(".github/scripts/seal 2>&1 | grep -v '^ ! \\|^To \\|^remote:'");
    assert_snapshot!(said, @r"
    exit code: 0
    ----- stdout -----
    sealed 1 record in registry; the log has 23 entries
    error: failed to push some refs to '../registry.git'
    sealed 1 record in registry; the log has 23 entries
    ----- stderr -----
    ");
    assert!(pages.world.read("output").starts_with("commit="));
    pages.repository.git(".", &["clone", "--quiet", "registry.git", "clone"]);
    copy(&pages.repository.folder().join("clone/registry"), &pages.world.path("sealed"));
    assert_snapshot!(pages.world.rvp("registry verify sealed"), @r"
    exit code: 0
    ----- stdout -----
    sound: 23 log entries, 4 packages, 16 releases, 6 blobs (6.25 KiB)
    ----- stderr -----
    ");
}

#[test]
fn a_line_that_cannot_be_sealed_holds_up_nothing_but_itself() {
    let pages = Pages::new();
    let line = pages.release(&Wheel::new("acme-walls", "3.0"));
    pages.propose(&line);
    pages.propose("not a record");
    pages.push("proposal");
    let said = pages.script(
        ".github/scripts/check report.md >/dev/null; echo $?; grep -c 'not a record' report.md; rm report.md",
    );
    assert_snapshot!(said, @r"
    exit code: 0
    ----- stdout -----
    1
    1
    ----- stderr -----
    ");
    pages.repository.git("registry.git", &["update-ref", "refs/heads/main", "refs/heads/proposal"]);
    assert_snapshot!(pages.script(".github/scripts/seal"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    sealed 1 record in registry; the log has 23 entries
    refused: index/python/ac/me/acme-walls: it is not a record: expected ident at line 1 column 2
      not a record
    ");
    assert_snapshot!(pages.script("git log --format=%s -n 1 origin/main && git diff --stat HEAD^ -- registry/index | tail -n 1"), @r"
    exit code: 0
    ----- stdout -----
    Seal [skip ci]
     1 file changed, 1 insertion(+), 1 deletion(-)
    ----- stderr -----
    ");
}

/// The rules of the branch are what GitHub's own description of its API takes.
#[test]
fn the_rules_of_main_are_such_as_github_takes() {
    let prism = Prism::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = |rules: String| {
        let request = client
            .post(format!("{}/repos/acme/registry/rulesets", prism.url()))
            .header("accept", "application/vnd.github+json, application/json;q=0.9")
            .header("content-type", "application/json")
            .body(rules);
        let answer = runtime.block_on(request.send()).unwrap();
        (answer.status().as_u16(), format!("{:?}", answer.headers().get("sl-violations")))
    };
    let rules = fs::read_to_string(example().join(".github/ruleset.json")).unwrap();
    let (status, violations) = post(rules.clone());
    assert_eq!(status, 201, "{violations}");
    assert!(!violations.contains("request"), "{violations}");
    let (status, violations) = post(rules.replace("\"DeployKey\"", "\"Anybody\""));
    assert!(status != 201 || violations.contains("request"), "{status} {violations}");
}
