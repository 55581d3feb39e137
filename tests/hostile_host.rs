//! Locking and installing from a registry whose host, or whoever stands in between, is damaged or hostile.
//!
//! In each case the lock and the environment must be as before, and the error must say what is wrong with which file.

#[allow(dead_code)] // Each file of tests uses a part of it.
#[path = "../src/package/test_support.rs"]
mod archives;
#[allow(dead_code)] // Each file of tests uses a part of it.
mod support {
    pub mod forge;
    pub mod hostile;
    pub mod nginx;
    pub mod sandbox;
    pub mod wheel_file;
}

use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rvp::model::Blake3;
use rvp::registry::layout;
use rvp::registry::snapshot::Entry;
use support::forge::Forge;
use support::hostile::{Hostile, answer};
use support::nginx::Nginx;
use support::sandbox::{Sandbox, copy, tree};
use support::wheel_file::WheelFile;

const WALLS: &str = "index/python/ac/me/acme-walls";
const GEOMETRY: &str = "index/python/ac/me/acme-geometry";

/// A registry that grew from a state `old`, which the client saw, locked and installed, to a state `new`.
struct World {
    sandbox: Sandbox,
    served: PathBuf,
    lock: Vec<u8>,
    environment: PathBuf,
}

impl World {
    /// `served` is the folder that is there for clients under `url`.
    fn new(served: PathBuf, url: &str) -> Self {
        let sandbox = Sandbox::new();
        sandbox.rvp(["registry", "init", "new", "--name", "acme"]).succeeds();
        WheelFile::new("acme_walls", "1.0", &["acme-geometry"]).write(&sandbox.path("first"));
        WheelFile::new("acme_geometry", "1.0", &[]).write(&sandbox.path("first"));
        sandbox.rvp(["registry", "import", "new", "--from", "first"]).succeeds();
        copy(&sandbox.path("new"), &sandbox.path("old"));
        copy(&sandbox.path("new"), &served);
        sandbox.write_project("acme-walls", url);
        sandbox.in_project("lock").succeeds();
        sandbox.in_project("sync").succeeds();
        let walls = WheelFile::new("acme_walls", "1.1", &["acme-geometry"]).write(&sandbox.path("second"));
        sandbox
            .rvp(["publish".as_ref(), walls.as_os_str(), "--registry".as_ref(), "new".as_ref()])
            .succeeds();
        for part in ["state", "cache"] {
            copy(&sandbox.path("home").join(part), &sandbox.path("seen").join(part));
        }
        let lock = fs::read(sandbox.path("project/rvp.lock")).unwrap();
        let environment = sandbox.path("project/.venv");
        Self { sandbox, served, lock, environment }
    }

    /// Serves the new state after `change`, to a client that has seen the old one.
    fn serve(&self, change: impl FnOnce(&Path)) {
        copy(&self.sandbox.path("new"), &self.served);
        change(&self.served);
        for part in ["state", "cache"] {
            copy(&self.sandbox.path("seen").join(part), &self.sandbox.path("home").join(part));
        }
        fs::write(self.sandbox.path("project/rvp.lock"), &self.lock).unwrap();
    }

    /// Runs a command that must fail and change nothing in the project.
    #[track_caller]
    fn fails(&self, command: &str) -> String {
        let before = tree(&self.sandbox.path("project"));
        let error = self.sandbox.in_project(command).fails();
        assert!(tree(&self.sandbox.path("project")) == before, "it changed the project");
        error
    }

    /// What locking the altered registry says.
    #[track_caller]
    fn lock(&self, change: impl FnOnce(&Path)) -> String {
        self.serve(change);
        self.fails("lock --upgrade")
    }

    /// What installing from the altered registry says, after it was locked when it was well.
    #[track_caller]
    fn sync(&self, change: impl FnOnce(&Path)) -> String {
        self.serve(|_| {});
        self.sandbox.in_project("lock --upgrade").succeeds();
        change(&self.served);
        self.fails("sync")
    }

    /// The client was not harmed: with the registry as it should be, it goes on.
    #[track_caller]
    fn recovers(&self) {
        copy(&self.sandbox.path("new"), &self.served);
        self.sandbox.in_project("lock --upgrade").succeeds();
        self.sandbox.in_project("sync").succeeds();
        let init = self.sandbox.path("project/.venv/lib");
        let installed = walkdir::WalkDir::new(init)
            .follow_links(true)
            .into_iter()
            .filter_map(Result::ok)
            .find(|item| item.path().ends_with("acme_walls/__init__.py"));
        assert_eq!(fs::read_to_string(installed.unwrap().path()).unwrap(), "VERSION = \"1.1\"\n");
    }

    fn forge(&self, registry: &Path) -> Forge {
        Forge::new(registry, &self.sandbox.path("home/keys"))
    }
}

/// Cases, each with what the program said to it.
#[derive(Default)]
struct Report(String);

impl Report {
    fn add(&mut self, case: &str, error: &str) {
        self.0.push_str(&format!("--- {case}\n{error}"));
    }
}

fn alter(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn truncate(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

/// The only file whose path ends in `name`.
fn find(folder: &Path, name: &str) -> PathBuf {
    let mut found = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|item| item.unwrap().into_path())
        .filter(|path| path.to_str().unwrap().ends_with(name));
    let path = found.next().unwrap();
    assert_eq!(found.next(), None);
    path
}

fn on_nginx() -> (World, Nginx) {
    let nginx = Nginx::start("");
    let world = World::new(nginx.root().join("registry"), &format!("{}/registry", nginx.http()));
    (world, nginx)
}

#[test]
fn blobs() {
    let (world, _nginx) = on_nginx();
    let mut report = Report::default();
    let walls = |served: &Path| find(served, "acme_walls-1.1-py3-none-any.whl");
    report.add("truncated", &world.sync(|served| truncate(&walls(served))));
    report.add("altered", &world.sync(|served| alter(&walls(served))));
    report.add(
        "swapped with an older release",
        &world.sync(|served| {
            fs::copy(find(served, "acme_walls-1.0-py3-none-any.whl"), walls(served)).unwrap();
        }),
    );
    report.add("missing", &world.sync(|served| fs::remove_file(walls(served)).unwrap()));
    report.add(
        "100 MB longer",
        &world.sync(|served| {
            fs::File::options().write(true).open(walls(served)).unwrap().set_len(100 << 20).unwrap();
        }),
    );
    world.sandbox.with_filters(|| insta::assert_snapshot!(report.0));
    world.recovers();
}

#[test]
fn index_files() {
    let (world, _nginx) = on_nginx();
    let mut report = Report::default();
    report.add("altered", &world.lock(|served| alter(&served.join(WALLS))));
    report.add("truncated", &world.lock(|served| truncate(&served.join(WALLS))));
    report.add("hidden", &world.lock(|served| fs::remove_file(served.join(WALLS)).unwrap()));
    report.add(
        "older than the checkpoint",
        &world.lock(|served| {
            fs::copy(world.sandbox.path("old").join(WALLS), served.join(WALLS)).unwrap();
        }),
    );
    report.add(
        "of another package",
        &world.lock(|served| {
            fs::copy(served.join(GEOMETRY), served.join(WALLS)).unwrap();
        }),
    );
    world.sandbox.with_filters(|| insta::assert_snapshot!(report.0));
    // What anybody appended is not committed, however long it is.
    world.serve(|served| {
        fs::File::options().write(true).open(served.join(WALLS)).unwrap().set_len(100 << 20).unwrap();
    });
    world.sandbox.in_project("lock --upgrade").succeeds();
    world.recovers();
}

#[test]
fn sealed_nonsense() {
    let (world, _nginx) = on_nginx();
    let mut report = Report::default();
    let mut seal = |case: &str, line: &str| {
        let error = world.lock(|served| world.forge(served).seal(WALLS, &[line]));
        report.add(case, &error);
    };
    seal("not JSON", "release acme-walls 2.0");
    seal(
        "not UTF-8 in JSON",
        r#"{"kind":"release","family":"python","name":"acme-walls","version":"\ud800"}"#,
    );
    seal(
        "a duplicate key",
        r#"{"kind":"release","family":"python","name":"acme-walls","version":"2.0","version":"3.0"}"#,
    );
    seal("an unknown kind that is critical", r#"{"kind":"transfer","critical":true,"name":"acme-walls"}"#);
    seal("another package", r#"{"kind":"release","family":"python","name":"acme-doors","version":"2.0"}"#);
    seal("no version", r#"{"kind":"release","family":"python","name":"acme-walls","version":"two"}"#);
    seal("a version twice", r#"{"kind":"release","family":"python","name":"acme-walls","version":"1.1.0"}"#);
    report.add(
        "a seal of other records than it counts",
        &world.lock(|served| {
            let line = r#"{"kind":"seal","path":"index/python/ac/me/acme-walls","first":0,"count":7,"time":"2026-11-20T12:00:00Z"}"#;
            world.forge(served).seal(WALLS, &[line]);
        }),
    );
    report.add(
        "an index file of 100 MB",
        &world.lock(|served| {
            let digest = Blake3::of(b"");
            world.forge(served).cover(WALLS, Entry { length: 100 << 20, digest });
        }),
    );
    report.add(
        "a line that is in the index file and not in the log",
        &world.lock(|served| {
            let mut forge = world.forge(served);
            let mut text = fs::read_to_string(served.join(WALLS)).unwrap();
            text = text.replacen("acme-geometry", "acme-malware", 1);
            fs::write(served.join(WALLS), &text).unwrap();
            let entry = Entry { length: text.len() as u64, digest: Blake3::of(text.as_bytes()) };
            // A new snapshot needs a larger log, or it is another state of the same size.
            forge.seal(GEOMETRY, &[]);
            forge.cover(WALLS, entry);
        }),
    );
    world.sandbox.with_filters(|| insta::assert_snapshot!(report.0));
    world.recovers();
}

#[test]
fn snapshot_and_log() {
    let (world, _nginx) = on_nginx();
    let mut report = Report::default();
    let root = |served: &Path| served.join(layout::snapshot_node(world.forge(served).checkpoint.snapshot));
    report.add("snapshot node altered", &world.lock(|served| alter(&root(served))));
    report.add("snapshot node truncated", &world.lock(|served| truncate(&root(served))));
    report.add("snapshot node missing", &world.lock(|served| fs::remove_file(root(served)).unwrap()));
    report.add(
        "snapshot node of 100 MB",
        &world.lock(|served| {
            fs::File::options().write(true).open(root(served)).unwrap().set_len(100 << 20).unwrap();
        }),
    );
    let tile = |served: &Path| {
        let size = world.forge(served).checkpoint.size;
        served.join(format!("log/tile/0/000.p/{size}"))
    };
    report.add("tile altered", &world.lock(|served| alter(&tile(served))));
    report.add("tile truncated", &world.lock(|served| truncate(&tile(served))));
    report.add("tile missing", &world.lock(|served| fs::remove_file(tile(served)).unwrap()));
    world.sandbox.with_filters(|| insta::assert_snapshot!(report.0));
    world.recovers();
}

#[test]
fn checkpoints() {
    let (world, _nginx) = on_nginx();
    let mut report = Report::default();
    let checkpoint = |served: &Path| served.join(layout::CHECKPOINT);
    report.add("altered", &world.lock(|served| alter(&checkpoint(served))));
    report.add("truncated", &world.lock(|served| truncate(&checkpoint(served))));
    report.add("empty", &world.lock(|served| fs::write(checkpoint(served), "").unwrap()));
    report.add("missing", &world.lock(|served| fs::remove_file(checkpoint(served)).unwrap()));
    report.add(
        "100 MB long",
        &world.lock(|served| {
            fs::File::options().write(true).open(checkpoint(served)).unwrap().set_len(100 << 20).unwrap();
        }),
    );
    report.add(
        "with too large a size",
        &world.lock(|served| {
            let mut forge = world.forge(served);
            forge.checkpoint.size += 1000;
            forge.sign();
        }),
    );
    report.add(
        "with a root that is not the log's",
        &world.lock(|served| {
            let mut forge = world.forge(served);
            forge.checkpoint.root.0[0] ^= 1;
            forge.sign();
        }),
    );
    report.add(
        "with a snapshot that is not there",
        &world.lock(|served| {
            let mut forge = world.forge(served);
            forge.checkpoint.snapshot.0[0] ^= 1;
            forge.sign();
        }),
    );
    world.sandbox.with_filters(|| insta::assert_snapshot!(report.0));
    world.recovers();
}

#[test]
fn other_histories() {
    let (world, _nginx) = on_nginx();
    let sandbox = &world.sandbox;
    let mut report = Report::default();
    let keys = sandbox.path("home/keys");
    fs::rename(&keys, sandbox.path("keys")).unwrap();
    sandbox.rvp(["registry", "init", "stranger", "--name", "acme"]).succeeds();
    fs::remove_dir_all(&keys).unwrap();
    fs::rename(sandbox.path("keys"), &keys).unwrap();

    let stranger = sandbox.path("stranger");
    report.add("another registry of the same name", &world.lock(|served| copy(&stranger, served)));
    report.add(
        "the checkpoint of another registry",
        &world.lock(|served| {
            fs::copy(stranger.join(layout::CHECKPOINT), served.join(layout::CHECKPOINT)).unwrap();
        }),
    );
    report.add(
        "the config.json of another registry",
        &world.lock(|served| {
            fs::copy(stranger.join(layout::CONFIG), served.join(layout::CONFIG)).unwrap();
            // Nobody asks for it again while it is cached.
            fs::remove_dir_all(sandbox.path("home/cache")).unwrap_or_default();
        }),
    );

    // The client sees the new state; then it is offered the old one, and two others that grew from the old one.
    world.serve(|_| {});
    sandbox.in_project("lock --upgrade").succeeds();
    for part in ["state", "cache"] {
        copy(&sandbox.path("home").join(part), &sandbox.path("seen").join(part));
    }
    report.add("an older state", &world.lock(|served| copy(&sandbox.path("old"), served)));
    copy(&sandbox.path("old"), &sandbox.path("fork"));
    let line = r#"{"kind":"release","family":"python","name":"acme-walls","version":"1.1"}"#;
    world.forge(&sandbox.path("fork")).seal(WALLS, &[line]);
    report.add("a fork of the same size", &world.lock(|served| copy(&sandbox.path("fork"), served)));
    let line = r#"{"kind":"release","family":"python","name":"acme-walls","version":"1.2"}"#;
    world.forge(&sandbox.path("fork")).seal(WALLS, &[line]);
    report.add("a longer fork", &world.lock(|served| copy(&sandbox.path("fork"), served)));
    sandbox.with_filters(|| insta::assert_snapshot!(report.0));
    world.recovers();
}

#[test]
fn the_first_visit() {
    let (world, _nginx) = on_nginx();
    let mut report = Report::default();
    let mut visit = |case: &str, change: &dyn Fn(&Path)| {
        let error = world.lock(|served| {
            change(served);
            // `lock` puts back what was seen before; a first visit has seen nothing.
            fs::remove_dir_all(world.sandbox.path("seen")).unwrap_or_default();
            for part in ["state", "cache"] {
                fs::create_dir_all(world.sandbox.path("seen").join(part)).unwrap();
            }
        });
        report.add(case, &error);
    };
    visit("no config.json", &|served| fs::remove_file(served.join(layout::CONFIG)).unwrap());
    visit("not a registry", &|served| fs::remove_dir_all(served).unwrap());
    visit("config.json is not JSON", &|served| fs::write(served.join(layout::CONFIG), "hello").unwrap());
    visit("config.json of a later format", &|served| {
        fs::write(served.join(layout::CONFIG), r#"{"format":2}"#).unwrap();
    });
    visit("config.json altered", &|served| {
        let text = fs::read_to_string(served.join(layout::CONFIG)).unwrap();
        fs::write(
            served.join(layout::CONFIG),
            text.replace("\"format\"", "\"max-age-days\": 1,\n  \"format\""),
        )
        .unwrap();
    });
    visit("config.json of 100 MB", &|served| {
        fs::File::options()
            .write(true)
            .open(served.join(layout::CONFIG))
            .unwrap()
            .set_len(100 << 20)
            .unwrap();
    });
    world.sandbox.with_filters(|| insta::assert_snapshot!(report.0));
}

type Rule = Arc<Mutex<Box<dyn FnMut(&str, &mut TcpStream) -> Option<io::Result<()>> + Send>>>;

/// A world behind a server that answers as the rule says, and where that says nothing, as it should.
fn on_hostile_server() -> (World, Rule, Hostile) {
    let rule: Rule = Arc::new(Mutex::new(Box::new(|_: &str, _: &mut TcpStream| None)));
    let folder = tempfile::tempdir().unwrap().keep();
    let (rule_of_server, root) = (Arc::clone(&rule), folder.clone());
    let server = Hostile::start(move |_, request, stream| {
        let path = request.split(' ').nth(1).unwrap().split('?').next().unwrap().to_owned();
        if let Some(done) = (rule_of_server.lock().unwrap())(&path, stream) {
            return done;
        }
        let path = percent_encoding::percent_decode_str(path.trim_start_matches('/')).decode_utf8().unwrap();
        match fs::read(root.join(&*path)) {
            Ok(bytes) => answer(stream, "200 OK", &bytes),
            Err(_) => answer(stream, "404 Not Found", b"none"),
        }
    });
    let mut world = World::new(folder, &server.url);
    world.sandbox.set("RVP_HTTP_TIMEOUT", "1");
    (world, rule, server)
}

#[test]
fn servers() {
    let (world, rule, server) = on_hostile_server();
    let mut report = Report::default();
    let set = |path: &'static str, answer: fn(&mut TcpStream) -> io::Result<()>| {
        *rule.lock().unwrap() = Box::new(move |asked, stream| asked.ends_with(path).then(|| answer(stream)));
    };
    let cases: &[(&str, &str, fn(&mut TcpStream) -> io::Result<()>)] = &[
        ("404", "log/checkpoint", |stream| answer(stream, "404 Not Found", b"")),
        ("403", "acme-walls", |stream| answer(stream, "403 Forbidden", b"")),
        ("401", "acme-walls", |stream| answer(stream, "401 Unauthorized", b"")),
        ("407", "acme-walls", |stream| answer(stream, "407 Proxy Authentication Required", b"")),
        ("429", "acme-walls", |stream| answer(stream, "429 Too Many Requests\r\nRetry-After: 0", b"")),
        ("500", "acme-walls", |stream| answer(stream, "500 Internal Server Error\r\nRetry-After: 0", b"")),
        ("a web page", "log/checkpoint", |stream| {
            answer(stream, "200 OK\r\nContent-Type: text/html", b"<html>log in</html>")
        }),
        ("a web page that says it is a file", "log/checkpoint", |stream| {
            answer(stream, "200 OK", b"<html>log in</html>")
        }),
        ("a redirect to another host", "acme-walls", |stream| {
            answer(stream, "302 Found\r\nLocation: http://elsewhere.example/acme-walls", b"")
        }),
        ("silence", "acme-walls", |_| {
            std::thread::sleep(std::time::Duration::from_secs(3));
            Ok(())
        }),
        ("a stall in the middle", "acme-walls", |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{{\"kind\":")?;
            std::thread::sleep(std::time::Duration::from_secs(3));
            Ok(())
        }),
        ("a drop in the middle", "acme-walls", |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{{\"kind\":")
        }),
        ("not HTTP", "acme-walls", |stream| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")),
        ("a body without end", "log/checkpoint", |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 1 << 16])?;
            }
        }),
        ("an index file without end", "acme-walls", |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 1 << 16])?;
            }
        }),
    ];
    for (case, path, answer) in cases {
        set(path, *answer);
        report.add(case, &world.lock(|_| {}));
    }
    world.sandbox.with_filters(|| insta::assert_snapshot!(report.0));
    let before = server.requests().len();
    let mut failures = 0;
    *rule.lock().unwrap() = Box::new(move |asked, stream| {
        failures += usize::from(asked.ends_with("acme-walls"));
        let fails = asked.ends_with("acme-walls") && failures <= 2;
        fails.then(|| answer(stream, "500 Internal Server Error", b""))
    });
    world.serve(|_| {});
    world.sandbox.in_project("lock --upgrade").succeeds();
    let walls = server.requests()[before..].iter().filter(|request| request.contains("acme-walls ")).count();
    assert_eq!(walls, 3);
    *rule.lock().unwrap() = Box::new(|_, _| None);
    world.recovers();
    fs::remove_dir_all(&world.served).unwrap();
}

#[test]
fn servers_of_blobs() {
    let (world, rule, _server) = on_hostile_server();
    let mut report = Report::default();
    let cases: &[(&str, fn(&mut TcpStream) -> io::Result<()>)] = &[
        ("403", |stream| answer(stream, "403 Forbidden", b"")),
        ("429", |stream| answer(stream, "429 Too Many Requests\r\nRetry-After: 0", b"")),
        ("a web page", |stream| answer(stream, "200 OK\r\nContent-Type: text/html", b"<html>log in</html>")),
        ("a redirect to another host", |stream| {
            answer(stream, "302 Found\r\nLocation: http://elsewhere.example/x.whl", b"")
        }),
        ("a stall in the middle", |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
            std::thread::sleep(std::time::Duration::from_secs(3));
            Ok(())
        }),
        ("a body without end", |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 1 << 16])?;
            }
        }),
    ];
    for (case, answer) in cases {
        let answer = *answer;
        *rule.lock().unwrap() = Box::new(|_, _| None);
        let error = world.sync(|_| {
            *rule.lock().unwrap() =
                Box::new(move |asked, stream| asked.ends_with(".whl").then(|| answer(stream)));
        });
        report.add(case, &error);
    }
    world.sandbox.with_filters(|| insta::assert_snapshot!(report.0));
    *rule.lock().unwrap() = Box::new(|_, _| None);
    world.recovers();
    fs::remove_dir_all(&world.served).unwrap();
}

#[test]
fn what_is_known_is_not_asked_again() {
    let (world, nginx) = on_nginx();
    let sandbox = &world.sandbox;
    world.serve(|_| {});
    sandbox.in_project("lock --upgrade").succeeds();
    sandbox.in_project("sync").succeeds();
    let asked = |command: &str| {
        let before = nginx.requests().len();
        sandbox.in_project(command).succeeds();
        nginx.requests().split_off(before)
    };
    // Nothing changed: one conditional request.
    assert_eq!(asked("lock --upgrade"), ["HTTP/1.1 /registry/log/checkpoint \"-\" 304 0"]);
    // The lock answers the project's question already.
    assert_eq!(asked("lock"), [""; 0]);
    // Everything is in the store.
    fs::remove_dir_all(&world.environment).unwrap();
    assert_eq!(asked("sync"), [""; 0]);
    assert_eq!(asked("sync"), [""; 0]);
    assert_eq!(asked("lock --upgrade --offline"), [""; 0]);
}
