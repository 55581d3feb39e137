//! s3s-fs: an S3 over a folder. It knows conditions, and looks and writes in two steps.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::nginx::free_port;
use super::seaweed::{BUCKET, KEY, SECRET};

pub struct S3sFs {
    _folder: tempfile::TempDir,
    process: Child,
    port: u16,
}

impl S3sFs {
    /// With one empty bucket. None, said on stderr, where it is not installed.
    pub fn start() -> Option<Self> {
        let target = Path::new(env!("CARGO_BIN_EXE_rvp")).ancestors().nth(2)?;
        let program = target.join("tools/bin/s3s-fs");
        if !program.exists() {
            // Not by `eprintln!`, which the test runner keeps to itself.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: no s3s-fs for a store that does not compare and swap; tools/install-prerequisites installs it"
            );
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let port = free_port();
        let process = Command::new(program)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--access-key", KEY, "--secret-key", SECRET])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "s3s-fs does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self { _folder: folder, process, port })
    }

    /// What a client needs to be let in.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

impl Drop for S3sFs {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
