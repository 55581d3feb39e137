//! The same cases for each place where a registry can stand, on real servers: what is read, what it costs, and what is refused.

mod hosts;
mod refusals;
#[cfg(unix)]
mod ssh;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use rvp::registry::{
    BucketStore, ByteStream, Fresh, GitStore, Store, StoreError, StoreOptions, open_mirrored,
};

use crate::support::folder::copy;
use crate::support::git_server::GitServer;
use crate::support::hostile::{Hostile, answer};
use crate::support::nginx::Nginx;
use crate::support::seaweed::{KEY, SECRET, Seaweed};
use crate::support::{World, noise, text, walls, with_stdin};
use hosts::{Folder, Host, git, runtime, settings};

/// The files of one moment.
fn fill(folder: &Path, checkpoint: &str) {
    let _ = fs::remove_dir_all(folder);
    for (path, bytes) in [
        ("config.json", b"{}".to_vec()),
        ("log/checkpoint", checkpoint.as_bytes().to_vec()),
        ("index/python/a+b", b"0123456789".to_vec()),
        ("blobs/ab/0/large", noise(1, 3 << 20)),
    ] {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn all_cases(host: &impl Host) {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fill(&files, "first");
    host.put(&files);
    reads(host);
    reads_ranges(host);
    streams(host);
    stays_inside(host);
    notices_changes(host, &files);
    serves_a_project(host);
}

fn reads(host: &impl Host) {
    let (runtime, store) = (runtime(), host.store());
    let read = |path: &str, from, limit| runtime.block_on(store.read(path, from, limit));
    let path = "index/python/a+b";
    assert_eq!(read(path, 0, 10).unwrap().unwrap(), b"0123456789");
    assert_eq!(read(path, 7, 3).unwrap().unwrap(), b"789");
    assert_eq!(read(path, 10, 3).unwrap().unwrap(), b"");
    assert_eq!(read(path, 99, 3).unwrap().unwrap(), b"");
    assert_eq!(read("log/checkpoint?00ff", 0, 99).unwrap().unwrap(), b"first");
    for missing in ["index/python/none", "none", "index/python/a+b/below"] {
        assert_eq!(read(missing, 0, 99).unwrap(), None, "{missing}");
        assert_eq!(read(missing, 5, 99).unwrap(), None, "{missing}");
    }
    for (from, limit) in [(0, 9), (3, 6), (0, 0)] {
        let error = read(path, from, limit).unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { limit: l, .. } if l == limit), "{error}");
    }
}

fn reads_ranges(host: &impl Host) {
    let (runtime, store) = (runtime(), host.store());
    let read = |path: &str, from, length| runtime.block_on(store.read_range(path, from, length)).unwrap();
    let path = "index/python/a+b";
    for (from, length, expected) in [
        (0, 4, "0123"),
        (3, 4, "3456"),
        (9, 1, "9"),
        (8, 99, "89"),
        (0, 99, "0123456789"),
        (10, 1, ""),
        (99, 3, ""),
    ] {
        assert_eq!(read(path, from, length).unwrap(), expected.as_bytes(), "{from} {length}");
    }
    let large = noise(1, 3 << 20);
    assert!(read("blobs/ab/0/large", 1 << 20, 300).unwrap() == large[1 << 20..(1 << 20) + 300]);
    assert_eq!(read("index/python/none", 5, 9), None);
}

fn streams(host: &impl Host) {
    let (runtime, store) = (runtime(), host.store());
    let large = noise(1, 3 << 20);
    let stream = |from, limit| runtime.block_on(store.stream("blobs/ab/0/large", from, limit));
    let all = |stream: ByteStream| {
        let pieces: Vec<_> = runtime.block_on(stream.map(Result::unwrap).collect());
        pieces.concat()
    };
    assert!(all(stream(0, 3 << 20).unwrap().unwrap()) == large);
    assert!(all(stream(1 << 20, 2 << 20).unwrap().unwrap()) == large[1 << 20..]);
    assert!(all(stream(3 << 20, 0).unwrap().unwrap()).is_empty());
    assert!(runtime.block_on(store.stream("blobs/ab/0/none", 0, 9)).unwrap().is_none());
    match stream(0, 1 << 20) {
        Err(StoreError::TooLarge { .. }) => {}
        Err(other) => panic!("{other}"),
        Ok(stream) => {
            let last = runtime.block_on(stream.unwrap().collect::<Vec<_>>()).pop().unwrap();
            assert!(matches!(last, Err(StoreError::TooLarge { .. })));
        }
    }
}

fn stays_inside(host: &impl Host) {
    let (runtime, store) = (runtime(), host.store());
    for path in [
        "../config.json",
        "/etc/passwd",
        "log/../config.json",
        "log//checkpoint",
        "",
        "c:/x",
        "a\\b",
        "a?../b",
    ] {
        let read = runtime.block_on(store.read(path, 0, 99));
        assert!(matches!(read, Err(StoreError::Path { .. })), "{path:?}");
        let fresh = runtime.block_on(store.read_fresh(path, None, 99));
        assert!(matches!(fresh, Err(StoreError::Path { .. })), "{path:?}");
    }
}

fn notices_changes(host: &impl Host, files: &Path) {
    let (runtime, store) = (runtime(), host.store());
    let fresh = |store: &Arc<dyn Store>, known: Option<&Fresh>| {
        runtime.block_on(store.read_fresh("log/checkpoint", known, 99)).unwrap()
    };
    let first = fresh(&store, None).unwrap();
    assert_eq!(first.bytes, b"first");
    assert_eq!(fresh(&store, Some(&first)), Some(first.clone()));
    fill(files, "second!");
    host.put(files);
    // A store of the next run, which remembers nothing but what is handed to it.
    let second = fresh(&host.store(), Some(&first)).unwrap();
    assert_eq!(second.bytes, b"second!");
    assert_eq!(fresh(&store, Some(&first)).unwrap().bytes, b"second!");
    fs::remove_file(files.join("log/checkpoint")).unwrap();
    host.put(files);
    assert_eq!(fresh(&host.store(), Some(&second)), None);
}

/// Locks a project against the registry, then syncs it; after a release the lock follows.
fn serves_a_project(host: &impl Host) {
    let world = World::with_registry(&walls()[..3]);
    host.put(&world.path("acme"));
    world.project(
        &["acme-walls"],
        &format!("registries = [{{ name = 'acme', url = '{}' }}]", host.location()),
    );
    let done = |arguments: &str| {
        let output = world.command("app", arguments).envs(host.environment()).output().unwrap();
        assert!(output.status.success(), "rvp {arguments}: {}", text(&output));
    };
    done("lock");
    assert!(world.read("app/rvp.lock").contains("version = \"1.0\""), "{}", world.read("app/rvp.lock"));
    done("sync");
    assert!(world.path("app/.venv").is_dir());
    world.publish("acme", &walls()[3..]);
    host.put(&world.path("acme"));
    done("lock --upgrade");
    let lock = world.read("app/rvp.lock");
    assert!(lock.contains("version = \"2.0\""), "{lock}");
    assert!(!lock.contains(&host.location()) && !lock.contains("secret"), "{lock}");
    done("sync");
}

#[test]
fn a_folder() {
    all_cases(&Folder(tempfile::tempdir().unwrap()));
}

#[test]
fn a_web_server() {
    all_cases(&Nginx::start(""));
}

#[test]
fn a_bucket() {
    let Some(seaweed) = Seaweed::start() else { return };
    all_cases(&seaweed);
    let failure = |location: &str, changed: &[(&str, &str)]| {
        let mut environment = Seaweed::environment(&seaweed);
        environment.retain(|(name, _)| changed.iter().all(|change| change.0 != name));
        environment.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let store = BucketStore::open_with(location, &settings(), None, environment).unwrap();
        runtime().block_on(store.read("config.json", 0, 99)).unwrap_err().to_string()
    };
    let location = Host::location(&seaweed);
    insta::assert_snapshot!(failure("s3://nobody-s/registry", &[]));
    insta::assert_snapshot!(failure(&location, &[("AWS_ACCESS_KEY_ID", "stranger")]));
    insta::assert_snapshot!(failure(&location, &[("AWS_SECRET_ACCESS_KEY", "wrong")]));
    insta::assert_snapshot!(failure(&location, &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]));
    insta::assert_snapshot!(failure(&location, &[("AWS_ENDPOINT_URL", "http://192.0.2.1")]));

    // Keys that `rvp login` stored do without those of the environment.
    let world = World::new();
    world.project(&["acme-walls"], &format!("registries = [{{ name = 'acme', url = '{location}' }}]"));
    let command = |arguments: &str| {
        let mut command = world.command("app", arguments);
        command.envs(seaweed.endpoint_only());
        command
    };
    let login = |secret: &str| with_stdin(command(&format!("login acme --username {KEY}")), secret);
    assert!(login("wrong").contains("the keys are not accepted"));
    assert!(login(SECRET).starts_with("exit code: 0"));
    let locked = command("lock").output().unwrap();
    assert!(locked.status.success(), "{}", text(&locked));
    assert!(!world.read("app/rvp.lock").contains(SECRET));
}

#[test]
fn an_overloaded_git_server_is_asked_again() {
    let host = git(|_| None);
    let server = Hostile::start(|number, _, stream| {
        let status = if number < 3 { "503 Service Unavailable" } else { "404 Not Found" };
        answer(stream, status, b"")
    });
    let failure = host.failure(&format!("git+{}/registry.git", server.url));
    assert!(failure.contains("there is no such repository"), "{failure}");
    assert_eq!(server.requests().len(), 4);
}

/// A file of a repository says how large it is, and is not believed to be small because few bytes were sent.
#[test]
fn a_repository_cannot_fill_the_memory() {
    let host = git(|repository| GitServer::start(repository.folder(), ""));
    let bomb = fs::File::create(host.repository.work().join("bomb")).unwrap();
    bomb.set_len((256 << 20) + 1).unwrap();
    host.repository.push("main");
    let local = format!("git+{}", url::Url::from_file_path(host.repository.path()).unwrap());
    let read = |location: &str, limit| runtime().block_on(host.open(location).read("bomb", 0, limit));
    assert!(matches!(read(&local, 1000), Err(StoreError::TooLarge { limit: 1000, .. })));
    assert!(matches!(read(&local, u64::MAX), Err(StoreError::TooLarge { limit, .. }) if limit == 256 << 20));
    let endless = Hostile::start(|_, _, stream| {
        let kind = "application/x-git-upload-pack-advertisement";
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n")?;
        // References of protocol version 1, as packet lines with their lengths in hexadecimal digits.
        let nobody = "0".repeat(40);
        write!(stream, "001e# service=git-upload-pack\n00000040{nobody} HEAD\0side-band-64k\n")?;
        let line = format!("003f{nobody} refs/heads/branch\n");
        let lines = line.repeat(1000);
        loop {
            stream.write_all(lines.as_bytes())?;
        }
    });
    let refused = host.failure(&format!("git+{}/registry.git", endless.url));
    assert!(refused.contains("the server's answer does not end"), "{refused}");
    if host.server.is_some() {
        with_filters(|| insta::assert_snapshot!(read(&host.url(true), 1000).unwrap_err()));
    }
}

fn with_filters(test: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"localhost:\d+", "localhost:PORT");
    settings.add_filter(r"(file://|: )/\S*/registry\.git", "$1/[TEMP]/registry.git");
    settings.bind(test);
}

#[test]
fn a_git_repository_on_disk() {
    let host = git(|_| None);
    all_cases(&host);
    let url = host.url(false);
    host.repository.git("registry.git", &["tag", "--annotate", "--message=v", "v1", "main"]);
    let read = |location: &str, path: &str| runtime().block_on(host.open(location).read(path, 0, 1 << 20));
    let tagged = format!("{url}@v1#subdirectory=tools/registry");
    assert!(read(&tagged, "config.json").unwrap().is_some());
    assert!(
        read(&format!("{url}#refs/tags/v1&subdirectory=tools"), "registry/config.json").unwrap().is_some()
    );
    // What is no plain file is none: links lead out of the repository, and submodules are other ones.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/passwd", host.repository.work().join("link")).unwrap();
        host.repository.push("main");
        assert!(read(&url, "link").unwrap_err().to_string().contains("it is not a file"));
        assert!(read(&url, "tools").unwrap_err().to_string().contains("it is not a file"));
    }
    with_filters(|| {
        insta::assert_snapshot!(host.failure(&format!("{url}@none")));
        insta::assert_snapshot!(host.failure(&url.replace("registry.git", "no/registry.git")));
    });
}

/// What has moved, to where a password is asked for and to where none is.
const MOVED: &str = "
    location /moved/ { rewrite ^/moved/(.*)$ /git/$1 permanent; }
    location /opened/ { rewrite ^/opened/(.*)$ /open/$1 permanent; }
";

#[test]
fn a_git_repository_behind_a_web_server() {
    let host = git(|repository| GitServer::start(repository.folder(), MOVED));
    let Some(server) = &host.server else { return };
    all_cases(&host);

    // Nothing is fetched when nothing has changed, and only what is new when something has.
    let location = format!("{}@main", host.url(true));
    let state = || {
        let before = server.nginx.requests().len();
        let fresh =
            runtime().block_on(host.open(&location).read_fresh("tools/registry/config.json", None, 1 << 20));
        assert!(fresh.unwrap().is_some());
        let requests = server.nginx.requests().split_off(before);
        let bytes: u64 =
            requests.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
        (requests.len(), bytes)
    };
    fs::write(host.repository.work().join("tools/registry/large"), noise(3, 1 << 20)).unwrap();
    host.repository.push("main");
    assert!(state().1 > 1 << 20);
    let (requests, bytes) = state();
    assert!(requests <= 2 && bytes < 1000, "{requests} requests, {bytes} bytes");
    fs::write(host.repository.work().join("tools/registry/small"), "new").unwrap();
    host.repository.push("main");
    let (_, bytes) = state();
    assert!(bytes < 10_000, "{bytes} bytes for a small change");

    // Those who fetch at once do not disturb each other, and what a killed one left is not in the way.
    let shared = format!("{}#refs/heads/main", host.url(true));
    fs::create_dir_all(host.clone_folder(&shared)).unwrap();
    fs::write(host.clone_folder(&shared).join("config"), "[half").unwrap();
    let fetch = |store: GitStore| {
        std::thread::spawn(move || {
            runtime().block_on(store.read_fresh("tools/registry/small", None, 99)).unwrap()
        })
    };
    let fetches: Vec<_> = (0..4).map(|_| fetch(host.open(&shared))).collect();
    for fetched in fetches {
        assert_eq!(fetched.join().unwrap().unwrap().bytes, b"new");
    }
    let opened = host.open(&host.url(false).replace("/git/", "/opened/"));
    let read = runtime().block_on(opened.read("tools/registry/small", 0, 99));
    assert_eq!(read.unwrap().unwrap(), b"new");
    with_filters(|| {
        insta::assert_snapshot!(host.failure(&host.url(false)));
        insta::assert_snapshot!(host.failure(&host.url(true).replace("me:secret", "me:wrong")));
        insta::assert_snapshot!(host.failure(&format!("{}@none", host.url(true))));
        insta::assert_snapshot!(host.failure(&host.url(true).replace("/git/registry", "/git/absent")));
        server.nginx.write("plain/info/refs", "a page");
        insta::assert_snapshot!(host.failure(&format!("git+{}/plain", server.nginx.https())));
        insta::assert_snapshot!(host.failure(&host.url(true).replace("/git/", "/moved/")));
    });
}

#[test]
fn a_host_that_ssh_does_not_reach_is_named() {
    let host = git(|_| None);
    let failure = host.failure("git+ssh://git@127.0.0.1:1/registry.git");
    // What ssh itself says may come after the connection has ended.
    let reasons = ["no connection to 127.0.0.1", "the connection to 127.0.0.1 ended"];
    assert!(reasons.iter().any(|reason| failure.contains(reason)) && failure.contains("hint: "), "{failure}");
}

#[test]
fn a_mirror_stands_in_for_what_does_not_answer() {
    let world = World::with_registry(&walls());
    let nginx = Nginx::start("location /broken/ { return 503; }");
    copy(&world.path("acme"), &nginx.root().join("registry"));
    let gone = format!("{}/broken", nginx.http());
    let mirrors = format!("mirrors = ['http://127.0.0.1:1', '{}/registry']", nginx.http());
    world.project(&["acme-walls"], &format!("registries = [{{ name = 'acme', url = '{gone}', {mirrors} }}]"));
    world.done_in("app", "lock");
    let lock = world.read("app/rvp.lock");
    assert!(!lock.contains("127.0.0.1"), "{lock}");
    // On a first visit the configuration is asked for together with the state. After that, a place that has no state to show is
    // left alone.
    let together = |line: &String| line.contains("checkpoint") || line.contains("config.json");
    let asked: Vec<String> =
        nginx.requests().into_iter().filter(|line| line.contains("/broken/") && !together(line)).collect();
    assert_eq!(asked, [""; 0]);
    // Blobs that a lock names are asked for without the state.
    world.done_in("app", "sync");
}

#[test]
fn the_quickest_place_is_asked_first() {
    let slow = Hostile::start(|_, request, stream| {
        std::thread::sleep(Duration::from_millis(300));
        let body: &[u8] = if request.contains("checkpoint") { b"own" } else { b"slow" };
        answer(stream, "200 OK", body)
    });
    let nginx = Nginx::start("");
    nginx.write("log/checkpoint", "lagging");
    nginx.write("config.json", "quick");
    let options = StoreOptions { http: settings(), sources: None, clones: PathBuf::new() };
    let store = open_mirrored(&slow.url, &[nginx.http()], &options).unwrap();
    let runtime = runtime();
    let fresh = runtime.block_on(store.read_fresh("log/checkpoint", None, 99)).unwrap().unwrap();
    assert_eq!(fresh.bytes, b"own");
    assert_eq!(runtime.block_on(store.read("config.json", 0, 99)).unwrap().unwrap(), b"quick");
    assert_eq!(runtime.block_on(store.read("config.json?00", 0, 99)).unwrap().unwrap(), b"slow");
}
