//! GitHub's REST API on loopback: Prism, with the parts of GitHub's own description that `tools/github/describe-api.mjs` takes.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::nginx::free_port;

/// It refuses with 422 what is not as the description says, and answers with the description's example: for every repository, the open
/// pull request 1347 of the branch `new-topic` of `octocat`. A request with `Prefer: code=403` gets that answer.
pub struct Prism {
    folder: tempfile::TempDir,
    process: Child,
    port: u16,
}

impl Prism {
    pub fn start() -> Self {
        // Where `tools/install-prerequisites` puts it.
        let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join("github");
        let description = tools.join("api.json");
        assert!(description.is_file(), "these tests need tools/install-prerequisites to have run");
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let log = fs::File::create(folder.path().join("prism.log")).unwrap();
        let process = Command::new("node")
            .arg(tools.join("node_modules/.bin/prism"))
            .args(["mock", "--host", "127.0.0.1", "--port", &port.to_string()])
            .arg(description)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("these tests need `node` (tools/install-prerequisites)");
        let mut prism = Self { folder, process, port };
        prism.wait();
        prism
    }

    fn wait(&mut self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = fs::read_to_string(self.folder.path().join("prism.log")).unwrap_or_default();
            assert!(self.process.try_wait().unwrap().is_none(), "Prism stopped: {log}");
            assert!(start.elapsed() < Duration::from_secs(60), "Prism does not answer: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// `http://127.0.0.1:1234`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
