//! A cache between a registry and its readers that keeps each file as it was when it was first asked for: nginx in front of nginx,
//! with TLS and HTTP/2. Readers see one state, or are told what is not of it.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use insta::assert_snapshot;

use crate::support::folder::copy;
use crate::support::nginx::Nginx;
use crate::support::{WINDOWS, Wheel, World, text};

/// A registry that grows, where it is served, and a cache in front of it.
struct Site {
    world: World,
    origin: Nginx,
    cache: Nginx,
}

impl Site {
    fn new() -> Self {
        let origin = Nginx::start("");
        let cache = Nginx::in_front_of(&origin);
        let site = Self { world: World::with_registry(&[walls("1.0")]), origin, cache };
        site.serve();
        site
    }

    /// Has the origin serve the registry as it is now.
    fn serve(&self) {
        copy(&self.world.path("acme"), &self.origin.root().join("acme"));
    }

    fn publish(&self, wheels: &[Wheel]) {
        self.world.publish("acme", wheels);
        self.serve();
    }

    /// The registry behind the cache of this name.
    fn url(&self, cache: &str) -> String {
        format!("{}/{cache}/acme", self.cache.https())
    }

    /// Has the cache of this name keep files as they are now.
    #[track_caller]
    fn keep(&self, cache: &str, paths: &[PathBuf]) {
        for path in paths {
            let url = format!("{}/{}", self.url(cache), path.to_str().unwrap());
            let authority = self.cache.root_certificate();
            let output = std::process::Command::new("curl")
                .args(["-sS", "--cacert", authority.to_str().unwrap(), "--output", "/dev/null", &url])
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", text(&output));
        }
    }

    /// The files of the registry whose path begins so.
    fn files(&self, part: &str) -> Vec<PathBuf> {
        let root = self.world.path("acme");
        let items = walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap);
        let files = items.filter(|item| item.file_type().is_file());
        files
            .map(|item| item.path().strip_prefix(&root).unwrap().to_owned())
            .filter(|path| path.starts_with(part) && path != ".lock")
            .collect()
    }

    /// A client that has never seen the registry locks against it through the cache of this name.
    fn lock_anew(&self, cache: &str) -> Output {
        for part in ["home/state", "home/cache", "app"] {
            let _ = fs::remove_dir_all(self.world.path(part));
        }
        self.lock(cache)
    }

    fn lock(&self, cache: &str) -> Output {
        let registries = format!("registries = [{{ name = 'acme', url = '{}' }}]", self.url(cache));
        self.world.project(&["acme-walls"], &format!("{registries}\n{WINDOWS}"));
        let mut command = self.world.command("app", "lock --upgrade");
        command.env("SSL_CERT_FILE", self.cache.root_certificate()).output().unwrap()
    }

    /// The version that was locked.
    #[track_caller]
    fn locked(&self, output: &Output) -> String {
        assert!(output.status.success(), "{}", text(output));
        let lock: toml::Table = self.world.read("app/rvp.lock").parse().unwrap();
        let packages = lock["package"].as_array().unwrap();
        let walls = packages.iter().find(|package| package["name"].as_str() == Some("acme-walls")).unwrap();
        walls["version"].as_str().unwrap().to_owned()
    }

    /// What the origin was asked for past the cache.
    fn asked_past_the_cache(&self) -> usize {
        self.origin.requests().iter().filter(|request| request.contains('?')).count()
    }
}

fn walls(version: &str) -> Wheel {
    Wheel::new("acme-walls", version)
}

#[test]
fn a_new_checkpoint_with_old_index_files() {
    let site = Site::new();
    for part in ["index", "snapshot", "log/tile", "config.json"] {
        site.keep("edge", &site.files(part));
    }
    site.publish(&[walls("2.0")]);
    assert_eq!(site.asked_past_the_cache(), 0);
    let output = site.lock_anew("edge");
    assert_eq!(site.locked(&output), "2.0");
    assert!(site.asked_past_the_cache() > 0);
    assert!(site.cache.requests().iter().any(|request| request.starts_with("HTTP/2.0 ")));

    // What was asked past the cache is in the cache as well, and the client has its own.
    let asked = site.asked_past_the_cache();
    assert_eq!(site.locked(&site.lock("edge")), "2.0");
    assert_eq!(site.asked_past_the_cache(), asked);
}

#[test]
fn an_old_checkpoint_with_new_index_files() {
    let site = Site::new();
    site.keep("edge", &["log/checkpoint".into()]);
    site.publish(&[walls("2.0")]);
    let output = site.lock_anew("edge");
    assert_eq!(site.locked(&output), "1.0");

    // A listed file that was replaced since is found beside its successor.
    site.keep("policy", &["log/checkpoint".into()]);
    site.world.write("policy.toml", "[[deny]]\npackages = ['acme-walls>=2']\n");
    site.world.done("registry policy acme policy.toml");
    site.serve();
    let output = site.lock_anew("policy");
    assert_eq!(site.locked(&output), "2.0");
    site.keep("replaced", &["log/checkpoint".into()]);
    site.world.write("policy.toml", "[[deny]]\npackages = ['acme-walls']\n");
    site.world.done("registry policy acme policy.toml");
    site.serve();
    let output = site.lock_anew("replaced");
    assert_eq!(site.locked(&output), "1.0");
}

/// Readers ask for packages that a registry may not have, and caches keep that it has not.
#[test]
fn a_new_checkpoint_with_files_that_were_not_there_yet() {
    let site = Site::new();
    site.keep("edge", &["index/python/ac/me/acme-units".into()]);
    site.publish(&[walls("2.0").requires("acme-units"), Wheel::new("acme-units", "1.0")]);
    let output = site.lock_anew("edge");
    assert_eq!(site.locked(&output), "2.0");
}

/// A client that has seen the new state is not taken back by a cache that shows the old one again, as of several nodes one may.
#[test]
fn an_old_checkpoint_after_a_new_one() {
    let site = Site::new();
    site.keep("edge", &["log/checkpoint".into()]);
    let (kept, aside) = (site.cache.root().join("../cache"), site.world.path("kept"));
    copy(&kept, &aside);
    site.publish(&[walls("2.0")]);
    fs::remove_dir_all(&kept).unwrap();
    fs::create_dir(&kept).unwrap();
    let output = site.lock_anew("edge");
    assert_eq!(site.locked(&output), "2.0");
    let before = site.world.read("app/rvp.lock");
    copy(&aside, &kept);
    assert_snapshot!(text(&site.lock("edge")), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cannot use the registry `acme`
      cause: https://localhost:[PORT]/edge/acme shows an older state than it showed before: 15 log entries, and 17 were seen
      hint: an old copy is being served (rollback), perhaps by a cache on the way: try again later; a mirror that lags behind is mended by copying it again
    ");
    assert_eq!(site.world.read("app/rvp.lock"), before);
}

/// Each file as old as chance will have it: whatever of three states a cache mixes, a reader sees one of them.
#[test]
fn any_mixture_is_read_as_one_state() {
    let site = Site::new();
    let rounds = 12;
    let keep_some = |site: &Site| {
        for round in 0..rounds {
            let mut files = site.files("");
            files.retain(|path| !path.starts_with("blobs") && rand::random_bool(0.4));
            site.keep(&format!("edge-{round}"), &files);
        }
    };
    keep_some(&site);
    site.publish(&[walls("2.0").requires("acme-units"), Wheel::new("acme-units", "1.0")]);
    keep_some(&site);
    site.publish(&[walls("3.0").requires("acme-units>=2"), Wheel::new("acme-units", "2.0")]);
    let versions: Vec<String> = (0..rounds)
        .map(|round| {
            let output = site.lock_anew(&format!("edge-{round}"));
            site.locked(&output)
        })
        .collect();
    assert!(versions.iter().all(|version| ["1.0", "2.0", "3.0"].contains(&version.as_str())), "{versions:?}");
    // A copy is one state too.
    for round in 0..3 {
        let copy = format!("copy-{round}");
        let mut command =
            site.world.command(".", &format!("mirror {} {copy}", site.url(&format!("edge-{round}"))));
        let output = command.env("SSL_CERT_FILE", site.cache.root_certificate()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        site.world.done(&format!("mirror verify {copy}"));
    }
}
