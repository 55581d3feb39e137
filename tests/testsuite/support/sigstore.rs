//! Sigstore's services on loopback: `tools/sigstore-services`, and sigstore-python as a second opinion.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::text;

pub struct Sigstore {
    folder: tempfile::TempDir,
    process: Child,
    address: String,
}

/// The version of the log that a signing configuration names.
#[derive(Clone, Copy, Debug)]
pub enum Rekor {
    V1,
    V2,
}

/// Where `tools/install-prerequisites` puts its tools.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools")
}

impl Sigstore {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let modules = tools().join("sigstore-services");
        assert!(modules.is_dir(), "these tests need tools/install-prerequisites to have run");
        let mut process = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/sigstore-services/server.mjs"))
            .args([&modules, folder.path()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("these tests need `node` (tools/install-prerequisites)");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").expect("the services did not start").to_owned();
        Self { folder, process, address }
    }

    /// Where all services are, and the issuer of tokens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client trust configuration of the services.
    pub fn trust_config(&self, rekor: Rekor) -> PathBuf {
        self.folder.path().join(match rekor {
            Rekor::V1 => "trust-config.json",
            Rekor::V2 => "trust-config-v2.json",
        })
    }

    pub fn trusted_root(&self) -> sigstore_trust_root::TrustedRoot {
        let config = std::fs::read_to_string(self.trust_config(Rekor::V1)).unwrap();
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        sigstore_trust_root::TrustedRoot::from_json(&config["trustedRoot"].to_string()).unwrap()
    }

    /// A token with these claims, in JSON; issuer, audience and times are added where they are missing.
    pub fn token(&self, claims: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "POST /tokens HTTP/1.0\r\nContent-Length: {}\r\n\r\n{claims}", claims.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, token) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{answer}");
        token.to_owned()
    }

    /// A token of Ana, who has an e-mail address.
    pub fn token_of_ana(&self) -> String {
        self.token(r#"{"sub":"ana","email":"ana@acme.example","email_verified":true}"#)
    }

    /// Whether sigstore-python takes `bundle` as a signature of `file` by `identity` of `issuer`; and what it says.
    pub fn python_verifies(
        &self,
        file: &Path,
        bundle: &Path,
        identity: &str,
        issuer: &str,
    ) -> Result<(), String> {
        let output = Command::new(tools().join("bin/sigstore"))
            .arg("--trust-config")
            .arg(self.trust_config(Rekor::V1))
            .args(["verify", "identity", "--offline", "--cert-identity", identity])
            .args(["--cert-oidc-issuer", issuer])
            .arg("--bundle")
            .args([bundle, file])
            .output()
            .expect("these tests need sigstore-python (tools/install-prerequisites)");
        if output.status.success() { Ok(()) } else { Err(text(&output)) }
    }
}

impl Drop for Sigstore {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Whether Sigstore's JavaScript client takes `bundle` as a signature of `file` with `key`; gives the bundle's hint to the key.
pub fn javascript_verifies(key: &Path, bundle: &Path, file: &Path) -> Option<String> {
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/sigstore-services/verify-with-key.mjs"))
        .args([&tools().join("sigstore-services"), key, bundle, file])
        .output()
        .expect("these tests need `node` (tools/install-prerequisites)");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
