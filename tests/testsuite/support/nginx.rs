//! A private nginx, as a static host that people really use: HTTP/1.1 in the clear, and HTTP/2 over TLS.

use std::cell::Cell;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Nginx {
    folder: tempfile::TempDir,
    process: Child,
    port: u16,
    tls_port: u16,
    /// How many requests `requests` made itself.
    marks: Cell<usize>,
}

impl Nginx {
    /// Serves a folder, with `locations` as further lines of its `server` block.
    pub fn start(locations: &str) -> Self {
        Self::with_settings("", locations)
    }

    /// A cache in front of another server: what it has once had from there, found or not, it gives for an hour. The first
    /// part of a path is not the other server's: each is a cache of its own.
    pub fn in_front_of(origin: &Self) -> Self {
        let locations = format!(
            r#"
            location ~ ^/[^/]+/(?<path>.*)$ {{
                proxy_pass {}/$path$is_args$args;
                proxy_cache files;
                proxy_cache_key $request_uri;
                proxy_cache_valid 200 404 1h;
            }}
            "#,
            origin.http()
        );
        Self::with_settings("proxy_cache_path cache keys_zone=files:1m inactive=1h;", &locations)
    }

    /// As `start`, with further lines of the `http` block too.
    fn with_settings(settings: &str, locations: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("root")).unwrap();
        certificate(folder.path());
        let (port, tls_port) = (free_port(), free_port());
        let configuration = configuration(folder.path(), port, tls_port, settings, locations);
        fs::write(folder.path().join("nginx.conf"), configuration).unwrap();
        let process = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .stderr(Stdio::null())
            .spawn()
            .expect("these tests need the package `nginx` (Debian: apt-get install nginx)");
        let mut nginx = Self { folder, process, port, tls_port, marks: Cell::new(0) };
        nginx.wait();
        nginx
    }

    fn wait(&mut self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default();
            assert!(self.process.try_wait().unwrap().is_none(), "nginx stopped: {log}");
            assert!(start.elapsed() < Duration::from_secs(20), "nginx does not answer: {log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The folder that is served.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn https(&self) -> String {
        format!("https://localhost:{}", self.tls_port)
    }

    /// The certificate that signed the server's.
    pub fn root_certificate(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// One line for each request: protocol, path, `Range`, status and bytes of the answer's body.
    pub fn requests(&self) -> Vec<String> {
        // nginx writes a line after the client has its answer, but in order: when the line of a last request is there,
        // so are those before it.
        let mut last = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        last.write_all(b"GET /last HTTP/1.0\r\n\r\n").unwrap();
        last.read_to_end(&mut Vec::new()).unwrap();
        let marks = self.marks.get() + 1;
        self.marks.set(marks);
        let start = Instant::now();
        loop {
            let log = fs::read_to_string(self.folder.path().join("access.log")).unwrap();
            let (last, requests): (Vec<&str>, Vec<&str>) =
                log.lines().partition(|line| line.contains(" /last "));
            if last.len() == marks {
                return requests.into_iter().map(str::to_owned).collect();
            }
            assert!(start.elapsed() < Duration::from_secs(5), "nginx logs nothing");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its worker ends with it: a killed master would leave the worker behind.
        let pid = self.process.id().to_string();
        let stopped = Command::new("kill").args(["-TERM", &pid]).status();
        if !stopped.is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn configuration(folder: &Path, port: u16, tls_port: u16, settings: &str, locations: &str) -> String {
    let folder = folder.display();
    format!(
        r#"
daemon off;
user root;
pid {folder}/nginx.pid;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    log_format requests '$server_protocol $request_uri "$http_range" $status $body_bytes_sent';
    access_log {folder}/access.log requests;
    client_body_temp_path {folder}/tmp;
    proxy_temp_path {folder}/tmp;
    fastcgi_temp_path {folder}/tmp;
    uwsgi_temp_path {folder}/tmp;
    scgi_temp_path {folder}/tmp;
    default_type application/octet-stream;
    sendfile on;
    gzip on;
    gzip_types application/octet-stream;
    {settings}
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl http2;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        root {folder}/root;
        {locations}
    }}
}}
"#
    )
}

/// A certificate authority for one test, and a certificate for `localhost` by it.
fn certificate(folder: &Path) {
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(folder)
            .output()
            .expect("these tests need the package `openssl` (Debian: apt-get install openssl)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let ca = [
        "req",
        "-x509",
        "-subj",
        "/CN=rvp test authority",
        "-days",
        "2",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ];
    openssl(&[&ca[..], &key[..]].concat());
    let server = ["req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"];
    openssl(&[&server[..], &key[..]].concat());
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    let sign = ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
    openssl(&[&sign[..], &["-days", "2", "-extfile", "names", "-out", "server.pem"]].concat());
}
