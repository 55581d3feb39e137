//! Locking and installing from a registry whose host, or whoever stands in between, is damaged or hostile.
//!
//! In each case the lock and the environment must be as before, and the error must say what is wrong with which file.

use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::folder::{copy, tree};
use crate::support::forge::Forge;
use crate::support::hostile::{Hostile, answer};
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World};
use rvp::model::Blake3;
use rvp::registry::layout;
use rvp::registry::snapshot::Entry;

const WALLS: &str = "index/python/ac/me/acme-walls";
const GEOMETRY: &str = "index/python/ac/me/acme-geometry";

/// A registry that grew from a state `old`, which the client saw, locked and installed, to a state `new`.
struct Site {
    world: World,
    served: PathBuf,
    lock: Vec<u8>,
}

impl Site {
    /// `served` is the folder that is there for clients under `url`.
    fn new(served: PathBuf, url: &str) -> Self {
        let world = World::new();
        world.done("registry init new --name acme");
        let walls = |version| Wheel::new("acme-walls", version).requires("acme-geometry");
        world.publish("new", &[walls("1.0"), Wheel::new("acme-geometry", "1.0")]);
        copy(&world.path("new"), &world.path("old"));
        copy(&world.path("new"), &served);
        world.project(&["acme-walls"], &format!("registries = [{{ name = \"acme\", url = \"{url}\" }}]"));
        world.done_in("app", "lock");
        world.done_in("app", "sync");
        world.publish("new", &[walls("1.1")]);
        let site = Self { lock: fs::read(world.path("app/rvp.lock")).unwrap(), world, served };
        site.remember();
        site
    }

    /// From here on, `serve` has the client know what it knows now.
    fn remember(&self) {
        for part in ["state", "cache"] {
            copy(&self.world.path("home").join(part), &self.world.path("seen").join(part));
        }
    }

    /// Serves the new state after `change`, to a client that has seen the old one.
    fn serve(&self, change: impl FnOnce(&Path)) {
        for part in ["state", "cache"] {
            copy(&self.world.path("seen").join(part), &self.world.path("home").join(part));
        }
        fs::write(self.world.path("app/rvp.lock"), &self.lock).unwrap();
        copy(&self.world.path("new"), &self.served);
        change(&self.served);
    }

    /// Runs a command that must fail and change nothing in the project; returns what it says.
    #[track_caller]
    fn fails(&self, command: &str) -> String {
        let before = tree(&self.world.path("app"));
        let said = self.world.fails_in("app", command);
        assert!(tree(&self.world.path("app")) == before, "it changed the project");
        said
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
        self.world.done_in("app", "lock --upgrade");
        change(&self.served);
        self.fails("sync")
    }

    /// The client was not harmed: with the registry as it should be, it goes on.
    #[track_caller]
    fn recovers(&self) {
        copy(&self.world.path("new"), &self.served);
        self.world.done_in("app", "lock --upgrade");
        self.world.done_in("app", "sync");
        let said = self.world.app("run python -c 'import acme_walls; print(acme_walls.VERSION)'");
        assert!(said.contains("\n1.1\n"), "{said}");
    }

    fn forge(&self, registry: &Path) -> Forge {
        Forge::new(registry, self.world.key())
    }
}

/// Cases, each with what the program said to it.
#[derive(Default)]
struct Report(String);

impl Report {
    fn add(&mut self, case: &str, error: &str) {
        self.0.push_str(&format!("--- {case}\n{error}"));
    }

    fn check(&self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.add_filter(r"\b[0-9a-f]{2}/\[DIGEST\]", "[DIGEST]");
        settings.add_filter(r"[A-Za-z0-9+/]{43}=", "[ROOT]");
        settings.bind(|| insta::assert_snapshot!(name, self.0));
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

fn on_nginx() -> (Site, Nginx) {
    let nginx = Nginx::start("");
    let site = Site::new(nginx.root().join("registry"), &format!("{}/registry", nginx.http()));
    (site, nginx)
}

#[test]
fn blobs() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    let walls = |served: &Path| find(served, "acme_walls-1.1-py3-none-any.whl");
    report.add("truncated", &site.sync(|served| truncate(&walls(served))));
    report.add("altered", &site.sync(|served| alter(&walls(served))));
    report.add(
        "swapped with an older release",
        &site.sync(|served| {
            fs::copy(find(served, "acme_walls-1.0-py3-none-any.whl"), walls(served)).unwrap();
        }),
    );
    report.add("missing", &site.sync(|served| fs::remove_file(walls(served)).unwrap()));
    report.add(
        "100 MB longer",
        &site.sync(|served| {
            fs::File::options().write(true).open(walls(served)).unwrap().set_len(100 << 20).unwrap();
        }),
    );
    report.check("blobs");
    site.recovers();
}

#[test]
fn index_files() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    report.add("altered", &site.lock(|served| alter(&served.join(WALLS))));
    report.add("truncated", &site.lock(|served| truncate(&served.join(WALLS))));
    report.add("hidden", &site.lock(|served| fs::remove_file(served.join(WALLS)).unwrap()));
    report.add(
        "older than the checkpoint",
        &site.lock(|served| {
            fs::copy(site.world.path("old").join(WALLS), served.join(WALLS)).unwrap();
        }),
    );
    report.add(
        "of another package",
        &site.lock(|served| {
            fs::copy(served.join(GEOMETRY), served.join(WALLS)).unwrap();
        }),
    );
    report.check("index_files");
    // What anybody appended is not committed, however long it is.
    site.serve(|served| {
        fs::File::options().write(true).open(served.join(WALLS)).unwrap().set_len(100 << 20).unwrap();
    });
    site.world.done_in("app", "lock --upgrade");
    site.recovers();
}

#[test]
fn sealed_nonsense() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    let mut seal = |case: &str, line: &str| {
        let error = site.lock(|served| site.forge(served).seal(WALLS, &[line]));
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
        &site.lock(|served| {
            let line = r#"{"kind":"seal","path":"index/python/ac/me/acme-walls","first":0,"count":7,"time":"2026-11-20T12:00:00Z"}"#;
            site.forge(served).seal(WALLS, &[line]);
        }),
    );
    report.add(
        "an index file of 100 MB",
        &site.lock(|served| {
            let digest = Blake3::of(b"");
            site.forge(served).cover(WALLS, Entry { length: 100 << 20, digest });
        }),
    );
    report.add(
        "a line that is in the index file and not in the log",
        &site.lock(|served| {
            let mut forge = site.forge(served);
            let mut text = fs::read_to_string(served.join(WALLS)).unwrap();
            text = text.replace(r#""requires":["acme-geometry"],"#, "");
            fs::write(served.join(WALLS), &text).unwrap();
            let entry = Entry { length: text.len() as u64, digest: Blake3::of(text.as_bytes()) };
            // A new snapshot needs a larger log, or it is another state of the same size.
            forge.seal(GEOMETRY, &[]);
            forge.cover(WALLS, entry);
        }),
    );
    report.check("sealed_nonsense");
    // These states were signed, so that one with less is a step back to a client that remembers them.
    site.serve(|_| {});
    site.recovers();
}

#[test]
fn snapshot_and_log() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    let root = |served: &Path| served.join(layout::snapshot_node(site.forge(served).checkpoint.snapshot));
    report.add("snapshot node altered", &site.lock(|served| alter(&root(served))));
    report.add("snapshot node truncated", &site.lock(|served| truncate(&root(served))));
    report.add("snapshot node missing", &site.lock(|served| fs::remove_file(root(served)).unwrap()));
    report.add(
        "snapshot node of 100 MB",
        &site.lock(|served| {
            fs::File::options().write(true).open(root(served)).unwrap().set_len(100 << 20).unwrap();
        }),
    );
    let tile = |served: &Path| {
        let size = site.forge(served).checkpoint.size;
        served.join(format!("log/tile/0/000.p/{size}"))
    };
    report.add("tile altered", &site.lock(|served| alter(&tile(served))));
    report.add("tile truncated", &site.lock(|served| truncate(&tile(served))));
    report.add("tile missing", &site.lock(|served| fs::remove_file(tile(served)).unwrap()));
    report.check("snapshot_and_log");
    site.recovers();
}

#[test]
fn checkpoints() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    let checkpoint = |served: &Path| served.join(layout::CHECKPOINT);
    report.add("altered", &site.lock(|served| alter(&checkpoint(served))));
    report.add("truncated", &site.lock(|served| truncate(&checkpoint(served))));
    report.add("empty", &site.lock(|served| fs::write(checkpoint(served), "").unwrap()));
    report.add("missing", &site.lock(|served| fs::remove_file(checkpoint(served)).unwrap()));
    report.add(
        "100 MB long",
        &site.lock(|served| {
            fs::File::options().write(true).open(checkpoint(served)).unwrap().set_len(100 << 20).unwrap();
        }),
    );
    report.add(
        "with too large a size",
        &site.lock(|served| {
            let mut forge = site.forge(served);
            forge.checkpoint.size += 1000;
            forge.sign();
        }),
    );
    report.add(
        "with a root that is not the log's",
        &site.lock(|served| {
            let mut forge = site.forge(served);
            forge.checkpoint.root.0[0] ^= 1;
            forge.sign();
        }),
    );
    report.add(
        "with a snapshot that is not there",
        &site.lock(|served| {
            let mut forge = site.forge(served);
            forge.checkpoint.snapshot.0[0] ^= 1;
            forge.sign();
        }),
    );
    report.check("checkpoints");
    site.recovers();
}

#[test]
fn other_histories() {
    let (site, _nginx) = on_nginx();
    let world = &site.world;
    let mut report = Report::default();
    let keys = world.path("home/keys");
    fs::rename(&keys, world.path("keys")).unwrap();
    world.done("registry init stranger --name acme");
    fs::remove_dir_all(&keys).unwrap();
    fs::rename(world.path("keys"), &keys).unwrap();

    let stranger = world.path("stranger");
    report.add("another registry of the same name", &site.lock(|served| copy(&stranger, served)));
    report.add(
        "the checkpoint of another registry",
        &site.lock(|served| {
            fs::copy(stranger.join(layout::CHECKPOINT), served.join(layout::CHECKPOINT)).unwrap();
        }),
    );
    report.add(
        "the config.json of another registry",
        &site.lock(|served| {
            fs::copy(stranger.join(layout::CONFIG), served.join(layout::CONFIG)).unwrap();
            // Nobody asks for it again while it is cached.
            fs::remove_dir_all(world.path("home/cache")).unwrap();
        }),
    );

    // The client sees the new state; then it is offered the old one, and two others that grew from the old one.
    site.serve(|_| {});
    world.done_in("app", "lock --upgrade");
    site.remember();
    report.add("an older state", &site.lock(|served| copy(&world.path("old"), served)));
    copy(&world.path("old"), &world.path("fork"));
    let line = r#"{"kind":"release","family":"python","name":"acme-walls","version":"1.1"}"#;
    site.forge(&world.path("fork")).seal(WALLS, &[line]);
    report.add("a fork of the same size", &site.lock(|served| copy(&world.path("fork"), served)));
    let line = r#"{"kind":"release","family":"python","name":"acme-walls","version":"1.2"}"#;
    site.forge(&world.path("fork")).seal(WALLS, &[line]);
    report.add("a longer fork", &site.lock(|served| copy(&world.path("fork"), served)));
    report.check("other_histories");
    site.recovers();
}

#[test]
fn the_first_visit() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    let mut visit = |case: &str, change: &dyn Fn(&Path)| {
        let error = site.lock(|served| {
            change(served);
            for part in ["state", "cache"] {
                fs::remove_dir_all(site.world.path("home").join(part)).unwrap();
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
    report.check("the_first_visit");
}

type Answer = fn(&mut TcpStream) -> io::Result<()>;
/// How a path is answered otherwise than by its file.
type Rule = Arc<Mutex<Box<dyn FnMut(&str) -> Option<Answer> + Send>>>;

/// A site behind a server that answers as the rule says, and where that says nothing, as it should.
fn on_hostile_server() -> (Site, Rule, Hostile) {
    let rule: Rule = Arc::new(Mutex::new(Box::new(|_: &str| None)));
    let folder = tempfile::tempdir().unwrap().keep();
    let (rule_of_server, root) = (Arc::clone(&rule), folder.clone());
    let server = Hostile::start(move |_, request, stream| {
        let path = request.split(' ').nth(1).unwrap().split('?').next().unwrap().to_owned();
        let ruled = (rule_of_server.lock().unwrap())(&path);
        if let Some(answer) = ruled {
            return answer(stream);
        }
        let path = percent_encoding::percent_decode_str(path.trim_start_matches('/')).decode_utf8().unwrap();
        match fs::read(root.join(&*path)) {
            Ok(bytes) => answer(stream, "200 OK", &bytes),
            Err(_) => answer(stream, "404 Not Found", b"none"),
        }
    });
    let site = Site::new(folder, &server.url);
    site.world.done("config set http-timeout 1");
    (site, rule, server)
}

#[test]
fn servers() {
    let (site, rule, server) = on_hostile_server();
    let mut report = Report::default();
    let set = |path: &'static str, answer: Answer| {
        *rule.lock().unwrap() = Box::new(move |asked| asked.ends_with(path).then_some(answer));
    };
    let cases: &[(&str, &str, Answer)] = &[
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
        report.add(case, &site.lock(|_| {}));
    }
    report.check("servers");
    let before = server.requests().len();
    let mut failures = 0;
    *rule.lock().unwrap() = Box::new(move |asked| {
        failures += usize::from(asked.ends_with("acme-walls"));
        let fails = asked.ends_with("acme-walls") && failures <= 2;
        fails.then_some(|stream| answer(stream, "500 Internal Server Error", b""))
    });
    site.serve(|_| {});
    site.world.done_in("app", "lock --upgrade");
    let walls = server.requests()[before..].iter().filter(|request| request.contains("acme-walls ")).count();
    assert_eq!(walls, 3);
    *rule.lock().unwrap() = Box::new(|_| None);
    site.recovers();
    fs::remove_dir_all(&site.served).unwrap();
}

#[test]
fn servers_of_blobs() {
    let (site, rule, _server) = on_hostile_server();
    let mut report = Report::default();
    let cases: &[(&str, Answer)] = &[
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
        *rule.lock().unwrap() = Box::new(|_| None);
        let error = site.sync(|_| {
            *rule.lock().unwrap() = Box::new(move |asked| asked.ends_with(".whl").then_some(answer));
        });
        report.add(case, &error);
    }
    report.check("servers_of_blobs");
    *rule.lock().unwrap() = Box::new(|_| None);
    site.recovers();
    fs::remove_dir_all(&site.served).unwrap();
}

#[test]
fn what_is_known_is_not_asked_again() {
    let (site, nginx) = on_nginx();
    let world = &site.world;
    site.serve(|_| {});
    world.done_in("app", "lock --upgrade");
    world.done_in("app", "sync");
    let asked = |command: &str| {
        let before = nginx.requests().len();
        world.done_in("app", command);
        nginx.requests().split_off(before)
    };
    // Nothing changed: one conditional request.
    assert_eq!(asked("lock --upgrade"), ["HTTP/1.1 /registry/log/checkpoint \"-\" 304 0"]);
    // The lock answers the project's question already.
    assert_eq!(asked("lock"), [""; 0]);
    // Everything is in the store.
    fs::remove_dir_all(world.path("app/.venv")).unwrap();
    assert_eq!(asked("sync"), [""; 0]);
    assert_eq!(asked("sync"), [""; 0]);
    assert_eq!(asked("lock --upgrade --offline"), [""; 0]);
    // A cache that was damaged is mended.
    for tile in walkdir::WalkDir::new(world.path("home/cache")) {
        let path = tile.unwrap().into_path();
        if path.is_file() && path.to_str().unwrap().contains("/log/tile/") {
            alter(&path);
        }
    }
    assert_eq!(asked("lock --upgrade").len(), 2);
    assert_eq!(asked("lock --upgrade").len(), 1);
}

/// The settings for registries on web servers hold for simple indexes too.
#[test]
fn an_index_is_asked_as_patiently_and_as_much_as_the_settings_say() {
    let world = World::with_registry(&[]);
    world.done("config set http-timeout 1");
    world.done("config set concurrent-downloads 2");
    let stalling = Hostile::start(|_, _, _| {
        std::thread::sleep(Duration::from_secs(60));
        Ok(())
    });
    let import =
        "registry import acme acme-walls acme-doors acme-roofs acme-units --python 3.11 --platform win_amd64";
    let began = std::time::Instant::now();
    let said = world.rvp(&format!("{import} --index-url {}/simple", stalling.url));
    assert!(said.contains("no byte arrived within the time limit"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());

    let under_way = Arc::new(Mutex::new((0, 0)));
    let counted = Arc::clone(&under_way);
    let empty = Hostile::start(move |_, _, stream| {
        let count = |step: i32| {
            let mut counts = counted.lock().unwrap();
            counts.0 += step;
            counts.1 = counts.1.max(counts.0);
        };
        count(1);
        std::thread::sleep(Duration::from_millis(200));
        count(-1);
        answer(stream, "404 Not Found", b"none")
    });
    world.rvp(&format!("{import} --index-url {}/simple", empty.url));
    assert_eq!(empty.requests().len(), 4);
    assert_eq!(under_way.lock().unwrap().1, 2);
}
