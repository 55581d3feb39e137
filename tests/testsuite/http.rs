//! Reading a registry from web servers: good ones, overloaded ones, and hostile ones.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::support::hostile::{Hostile, answer};
use crate::support::nginx::Nginx;
use rvp::registry::{HttpSettings, HttpStore, Store, StoreError};

const LIMIT: u64 = 1 << 20;
/// The user `me` with the password `secret`, as `openssl passwd -apr1` writes it.
const PASSWORD: &str = "me:$apr1$salt$VEpBc9VHGUKwI9.yg13Iu0\n";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Short waits, so that the tests of long ones are short.
fn settings() -> HttpSettings {
    HttpSettings {
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_millis(300),
        first_backoff: Duration::from_millis(5),
        ..HttpSettings::default()
    }
}

fn open(url: &str) -> HttpStore {
    HttpStore::open(url, &settings()).unwrap()
}

fn read(store: &HttpStore, path: &str, from: u64, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
    runtime().block_on(store.read(path, from, limit))
}

/// The whole text of the error that reading `path` gives.
fn error(store: &HttpStore, path: &str) -> String {
    read(store, path, 0, LIMIT).unwrap_err().to_string()
}

fn with_filters(test: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"(127\.0\.0\.1|localhost):\d+", "$1:PORT");
    settings.bind(test);
}

#[test]
fn reads_files_and_tails_of_files() {
    let nginx = Nginx::start("");
    nginx.write("registry/index/python/a+b c", "0123456789");
    let store = open(&format!("{}/registry", nginx.http()));
    let path = "index/python/a+b c";
    assert_eq!(read(&store, path, 0, 10).unwrap().unwrap(), b"0123456789");
    assert_eq!(read(&store, path, 7, 3).unwrap().unwrap(), b"789");
    assert_eq!(read(&store, path, 10, 3).unwrap().unwrap(), b"");
    assert_eq!(read(&store, "index/python/none", 7, 3).unwrap(), None);
    assert_eq!(read(&store, "log/checkpoint?00ff", 0, 3).unwrap(), None);
    assert!(matches!(read(&store, path, 0, 9), Err(StoreError::TooLarge { limit: 9, .. })));
    assert!(matches!(read(&store, "../index", 0, 9), Err(StoreError::Path { .. })));
    assert_eq!(
        nginx.requests()[1..4],
        [
            "HTTP/1.1 /registry/index/python/a%2Bb%20c \"bytes=7-\" 206 3",
            "HTTP/1.1 /registry/index/python/a%2Bb%20c \"bytes=10-\" 416 197",
            "HTTP/1.1 /registry/index/python/none \"bytes=7-\" 404 153",
        ]
    );
    assert!(nginx.requests()[4].contains("/registry/log/checkpoint?00ff"));
}

#[test]
fn compressed_text_is_limited_by_its_plain_length() {
    let nginx = Nginx::start("");
    nginx.write("index/a", "a".repeat(100_000));
    let store = open(&nginx.http());
    assert_eq!(read(&store, "index/a", 0, 100_000).unwrap().unwrap().len(), 100_000);
    assert!(matches!(read(&store, "index/a", 0, 99_999), Err(StoreError::TooLarge { .. })));
    let request = &nginx.requests()[0];
    let sent: u64 = request.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(sent < 1000, "{request}");
}

#[test]
fn https_is_http2_and_trusts_only_known_certificates() {
    let nginx = Nginx::start("");
    nginx.write("config.json", "{}");
    let trusting = HttpSettings { roots: vec![nginx.root_certificate()], ..settings() };
    let store = HttpStore::open(&nginx.https(), &trusting).unwrap();
    assert_eq!(read(&store, "config.json", 0, LIMIT).unwrap().unwrap(), b"{}");
    assert!(nginx.requests()[0].starts_with("HTTP/2.0 /config.json"));
    with_filters(|| {
        insta::assert_snapshot!(error(&open(&nginx.https()), "config.json"), @r"
    cannot fetch config.json of https://localhost:PORT: its certificate is not trusted: invalid peer certificate: UnknownIssuer
      hint: behind a corporate proxy, install its root certificate in the system's store, or name its PEM file in SSL_CERT_FILE
    ")
    });
}

#[test]
fn an_unchanged_file_costs_no_bytes() {
    let nginx = Nginx::start("");
    nginx.write("log/checkpoint", "first");
    let store = open(&nginx.http());
    let runtime = runtime();
    let fresh =
        |known: Option<&_>| runtime.block_on(store.read_fresh("log/checkpoint", known, LIMIT)).unwrap();
    let first = fresh(None).unwrap();
    assert_eq!(fresh(Some(&first)), Some(first.clone()));
    nginx.write("log/checkpoint", "second!");
    let second = fresh(Some(&first)).unwrap();
    assert_eq!(second.bytes, b"second!");
    let answers: Vec<String> =
        nginx.requests().iter().map(|line| line[line.len() - 5..].to_owned()).collect();
    assert_eq!(answers, ["200 5", "304 0", "200 7"]);
    std::fs::remove_file(nginx.root().join("log/checkpoint")).unwrap();
    assert_eq!(fresh(Some(&second)), None);
}

#[test]
fn says_what_a_server_refuses_and_what_to_do() {
    let nginx = Nginx::start(
        r#"
        location /refused/ { return 403; }
        location /proxy/ { return 407; }
        location /login/ { default_type "text/html; charset=utf-8"; return 200 "<html>log in</html>"; }
        location /moved/ { return 302 http://login.example/?from=$request_uri; }
        location /loop/ { return 302 /loop/; }
        location /near/ { return 302 /config.json; }
        location /private/ { auth_basic "private"; auth_basic_user_file password; }
        "#,
    );
    nginx.write("config.json", "{}");
    nginx.write("private/config.json", "{}");
    nginx.write("../password", PASSWORD);
    let failure = |folder: &str| error(&open(&format!("{}/{folder}", nginx.http())), "config.json");
    with_filters(|| {
        insta::assert_snapshot!(failure("refused"), @r"
        cannot fetch config.json of http://127.0.0.1:PORT/refused: the server refuses (403 Forbidden)
          hint: S3-like hosts answer 403 for a missing file when listing is not allowed: check the URL, then your permissions
        ");
        insta::assert_snapshot!(failure("proxy"), @r"
        cannot fetch config.json of http://127.0.0.1:PORT/proxy: the proxy asks for credentials (407 Proxy Authentication Required)
          hint: set HTTPS_PROXY=http://user:password@proxy:port, or name this host in NO_PROXY
        ");
        insta::assert_snapshot!(failure("login"), @r"
        cannot fetch config.json of http://127.0.0.1:PORT/login: the server answered with a web page (a login page or a captive portal?)
          hint: open the URL in a browser and see; then check the registry's URL, the proxy and your login
        ");
        insta::assert_snapshot!(failure("moved"), @r"
        cannot fetch config.json of http://127.0.0.1:PORT/moved: it redirects to http://login.example, where rvp does not follow from http
          hint: if that is its new place, use that URL; otherwise a proxy or a login page may stand in between
        ");
        insta::assert_snapshot!(failure("loop"), @r"
        cannot fetch config.json of http://127.0.0.1:PORT/loop: it redirects more than 5 times, last to http://127.0.0.1
          hint: if that is its new place, use that URL; otherwise a proxy or a login page may stand in between
        ");
        insta::assert_snapshot!(failure("private"), @r"
        cannot fetch config.json of http://127.0.0.1:PORT/private: the server asks for credentials, and there are none for it (401 Unauthorized)
          hint: `rvp login http://127.0.0.1:PORT/private` stores some
        ");
    });
    let read = |url: String| read(&open(&url), "config.json", 0, LIMIT).unwrap().unwrap();
    assert_eq!(read(format!("{}/near/", nginx.http())), b"{}");
    let private = nginx.http().replace("http://", "http://me:secret@") + "/private";
    assert_eq!(read(private.clone()), b"{}");
    assert!(!open(&private).location().contains("secret"));
    assert!(!nginx.requests().iter().any(|line| line.contains("secret")));
}

#[test]
fn credentials_stay_with_their_origin() {
    let elsewhere = Nginx::start("location / { if ($http_authorization) { return 500; } }");
    elsewhere.write("config.json", "{}");
    let nginx = Nginx::start(&format!(
        r#"
        location / {{ auth_basic "private"; auth_basic_user_file password; }}
        location /moved/ {{ return 301 {}/config.json; }}
        location /clear/ {{ return 301 {}/config.json; }}
        "#,
        elsewhere.https(),
        elsewhere.http()
    ));
    nginx.write("config.json", "{}");
    nginx.write("../password", PASSWORD);
    let roots = vec![nginx.root_certificate(), elsewhere.root_certificate()];
    let open = |folder| {
        let url = nginx.https().replace("https://", "https://me:secret@") + folder;
        HttpStore::open(&url, &HttpSettings { roots: roots.clone(), ..settings() }).unwrap()
    };
    assert_eq!(read(&open(""), "config.json", 0, LIMIT).unwrap().unwrap(), b"{}");
    assert_eq!(read(&open("/moved"), "config.json", 0, LIMIT).unwrap().unwrap(), b"{}");
    assert_eq!(elsewhere.requests().len(), 1);
    with_filters(|| {
        insta::assert_snapshot!(error(&open("/clear"), "config.json"), @r"
    cannot fetch config.json of https://localhost:PORT/clear: it redirects to http://127.0.0.1, where rvp does not follow from https
      hint: if that is its new place, use that URL; otherwise a proxy or a login page may stand in between
    ")
    });
    assert_eq!(elsewhere.requests().len(), 1);
}

#[test]
fn asks_an_overloaded_server_again() {
    let server = Hostile::start(|number, _, stream| match number {
        0 | 1 => answer(stream, "500 Internal Server Error", b"oops"),
        2 => answer(stream, "429 Too Many Requests\r\nRetry-After: 1", b""),
        _ => answer(stream, "200 OK", b"here"),
    });
    let start = Instant::now();
    assert_eq!(read(&open(&server.url), "config.json", 0, LIMIT).unwrap().unwrap(), b"here");
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn gives_up_in_the_end() {
    let overloaded = Hostile::start(|_, _, stream| answer(stream, "503 Service Unavailable", b""));
    let silent = Hostile::start(|_, _, _| {
        std::thread::sleep(Duration::from_secs(2));
        Ok(())
    });
    let dropping = Hostile::start(|_, _, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a few bytes")
    });
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    with_filters(|| {
        insta::assert_snapshot!(error(&open(&overloaded.url), "log/checkpoint"), @r"
        cannot fetch log/checkpoint of http://127.0.0.1:PORT: the server answers 503 Service Unavailable, at the last of 4 attempts
          hint: the server has a problem: try again later, or use a mirror
        ");
        insta::assert_snapshot!(error(&open(&silent.url), "log/checkpoint"), @r"
        cannot fetch log/checkpoint of http://127.0.0.1:PORT: no byte arrived within the time limit, at the last of 4 attempts
          hint: check the network, then try again; RVP_HTTP_TIMEOUT sets how many seconds to wait
        ");
        insta::assert_snapshot!(error(&open(&dropping.url), "log/checkpoint"), @r"
        cannot fetch log/checkpoint of http://127.0.0.1:PORT: the connection broke: end of file before message length reached, at the last of 4 attempts
          hint: check the network, then try again
        ");
        insta::assert_snapshot!(error(&open(&address), "log/checkpoint"), @r"
        cannot fetch log/checkpoint of http://127.0.0.1:PORT: no connection: Connection refused (os error 111), at the last of 4 attempts
          hint: check the network, the host name and the proxy (HTTPS_PROXY, NO_PROXY)
        ");
    });
    for server in [overloaded, silent, dropping] {
        assert_eq!(server.requests().len(), 4);
    }
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_the_beginning() {
    let server = Hostile::start(|_, _, stream| answer(stream, "200 OK", b"0123456789"));
    let store = open(&server.url);
    assert_eq!(read(&store, "index/a", 4, 6).unwrap().unwrap(), b"456789");
    assert_eq!(read(&store, "index/a", 40, 6).unwrap().unwrap(), b"");
    assert!(matches!(read(&store, "index/a", 4, 5), Err(StoreError::TooLarge { .. })));
    let request = &server.requests()[0];
    assert!(
        request.contains("range: bytes=4-") && request.contains("accept-encoding: identity"),
        "{request}"
    );
}

#[test]
fn a_wrong_range_is_an_error() {
    let server = Hostile::start(|_, _, stream| {
        answer(stream, "206 Partial Content\r\nContent-Range: bytes 0-9/10", b"0123456789")
    });
    let store = open(&server.url);
    let error = read(&store, "index/a", 4, LIMIT).unwrap_err();
    with_filters(|| {
        insta::assert_snapshot!(error, @r"
    cannot fetch index/a of http://127.0.0.1:PORT: the server was asked for the bytes from 4 on and answers with `bytes 0-9/10`
      hint: the server or a proxy does not handle ranges correctly: use a mirror
    ")
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_endless_body_ends_at_the_limit() {
    let server = Hostile::start(|_, _, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        loop {
            stream.write_all(&[b'x'; 4096])?;
        }
    });
    let error = read(&open(&server.url), "config.json", 0, 10_000).unwrap_err();
    with_filters(|| {
        insta::assert_snapshot!(error, @r"
        config.json of http://127.0.0.1:PORT is larger than 10000 bytes, the most that rvp reads of such a file
          hint: what is there is not of a registry, or is made to have no end; copy the registry again from its source, or use another mirror
        ")
    });
}

#[test]
fn requests_are_parallel_within_a_bound() {
    let (now, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let server = Hostile::start(move |_, _, stream| {
        seen.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        now.fetch_sub(1, SeqCst);
        answer(stream, "200 OK", b"here")
    });
    let store = HttpStore::open(&server.url, &HttpSettings { requests: 7, ..settings() }).unwrap();
    let reads = (0..40).map(|_| store.read("index/a", 0, LIMIT));
    for answer in runtime().block_on(futures::future::join_all(reads)) {
        assert_eq!(answer.unwrap().unwrap(), b"here");
    }
    let most = most.load(SeqCst);
    assert!((2..=7).contains(&most), "{most}");
}
