//! Servers that stall, drop, refuse, redirect, or answer something else.

use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Report, Site, alter, on_nginx};
use crate::support::World;
use crate::support::hostile::{Hostile, answer};

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
        ("a slow drip", "acme-walls", |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
            loop {
                stream.write_all(b" ")?;
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
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
