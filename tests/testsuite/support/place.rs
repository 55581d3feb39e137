//! A registry of its own for each test: that of the format's vectors, with its key, and a home that knows neither.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::folder::copy;
use super::rvp;

pub struct Place {
    pub folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("index-schema/vectors");
        let place = Self { folder: tempfile::tempdir().unwrap() };
        copy(&vectors.join("registry"), &place.registry());
        std::fs::copy(vectors.join("registry.key"), place.folder.path().join("registry.key")).unwrap();
        place
    }

    /// `registry` in the folder that commands run in.
    pub fn registry(&self) -> PathBuf {
        self.folder.path().join("registry")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = rvp(self.folder.path(), &self.folder.path().join("home"));
        command.args(arguments);
        command
    }

    /// Runs the program, and shows all of what it said as a person would see it.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().map_or("killed".to_owned(), |code| format!("exit {code}"));
        format!("$ rvp {}\n{}{}{code}\n", arguments.join(" "), text(output.stdout), text(output.stderr))
    }

    pub fn verify(&self) -> String {
        self.run(&["registry", "verify", "registry"])
    }

    pub fn seal(&self) -> String {
        self.run(&["registry", "seal", "registry", "--key", "registry.key"])
    }

    /// Appends a line to an index file without sealing it, on a line of its own.
    pub fn propose(&self, path: &str, line: &str) {
        let path = self.registry().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = std::fs::read(&path).unwrap_or_default();
        if bytes.last().is_some_and(|last| *last != b'\n') {
            bytes.push(b'\n');
        }
        std::fs::write(&path, [&bytes, line.as_bytes(), b"\n"].concat()).unwrap();
    }
}
