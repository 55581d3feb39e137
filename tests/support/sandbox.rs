//! A user's machine in a temporary folder: an own `RVP_HOME`, a project, and the program run in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rvp::model::Blake3;

pub struct Sandbox {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What a run of the program did.
pub struct Run {
    pub code: Option<i32>,
    pub stderr: String,
}

impl Run {
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stderr
    }

    /// What it says, which must be an error and not a crash.
    #[track_caller]
    pub fn fails(self) -> String {
        assert_eq!(self.code, Some(1), "{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}

impl Sandbox {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sandbox").tempdir().unwrap();
        for name in ["home", "project"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder, variables: Vec::new() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn set(&mut self, variable: &str, value: &str) {
        self.variables.push((variable.to_owned(), value.to_owned()));
    }

    /// Runs the program in the sandbox's folder.
    pub fn rvp<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        self.run_in(self.folder.path(), arguments)
    }

    /// Runs the program in the project.
    pub fn in_project(&self, command: &str) -> Run {
        self.run_in(&self.path("project"), command.split(' '))
    }

    fn run_in<S: AsRef<OsStr>>(&self, folder: &Path, arguments: impl IntoIterator<Item = S>) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_rvp"))
            .args(arguments)
            .current_dir(folder)
            .env("RVP_HOME", self.path("home"))
            .env_remove("VIRTUAL_ENV")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        Run { code: output.status.code(), stderr: String::from_utf8(output.stderr).unwrap() }
    }

    /// Writes the project: it requires `requirement` from the registry at `url`.
    pub fn write_project(&self, requirement: &str, url: &str) {
        let text = format!(
            "[project]\nname = \"site-tools\"\nversion = \"0.1.0\"\ndependencies = [\"{requirement}\"]\n\n\
             [tool.rvp]\nregistries = [{{ name = \"acme\", url = \"{url}\" }}]\n"
        );
        fs::write(self.path("project/pyproject.toml"), text).unwrap();
    }

    /// Runs `test` with what differs between runs filtered out of snapshots.
    pub fn with_filters(&self, test: impl FnOnce()) {
        let mut settings = insta::Settings::clone_current();
        let folder = self.folder.path().to_str().unwrap();
        settings.add_filter(&format!("(/private)?{}", folder), "SANDBOX");
        settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
        settings.add_filter(r"\b[0-9a-f]{2}/[0-9a-f]{64}\b", "aa/DIGEST");
        settings.add_filter(r"\b[0-9a-f]{64}\b", "DIGEST");
        settings.add_filter(r"acme\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+", "acme+KEY");
        settings.add_filter(r"[A-Za-z0-9+/]{43}=", "HASH");
        settings.add_filter(r"\.tmp[A-Za-z0-9]{6}", ".tmpXXXXXX");
        settings.bind(test);
    }
}

/// Every file and link under a folder, with what identifies its content.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut tree = BTreeMap::new();
    for item in walkdir::WalkDir::new(folder) {
        let item = item.unwrap();
        let path = item.path();
        let what = if item.path_is_symlink() {
            format!("link to {}", fs::read_link(path).unwrap().display())
        } else if item.file_type().is_dir() {
            "folder".to_owned()
        } else {
            Blake3::of(&fs::read(path).unwrap()).to_string()
        };
        tree.insert(path.strip_prefix(folder).unwrap().to_owned(), what);
    }
    tree
}

/// Copies a folder, each file with a time of its own: a web server's validator must not repeat.
pub fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    let clock = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000 + next());
    for item in walkdir::WalkDir::new(from) {
        let item = item.unwrap();
        let path = to.join(item.path().strip_prefix(from).unwrap());
        if item.file_type().is_dir() {
            fs::create_dir_all(&path).unwrap();
        } else {
            fs::copy(item.path(), &path).unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_modified(clock).unwrap();
        }
    }
}

fn next() -> u64 {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
