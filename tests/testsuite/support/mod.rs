//! A user's machine in a temporary folder, for tests through the command line.

pub mod cut;
pub mod folder;
pub mod forge;
pub mod git_registry;
pub mod git_server;
pub mod hostile;
#[cfg(target_os = "linux")]
pub mod mount;
pub mod nginx;
pub mod place;
pub mod prism;
pub mod s3s_fs;
pub mod seaweed;
pub mod signer;
pub mod sigstore;
#[cfg(target_os = "linux")]
pub mod terminal;
#[path = "../../../src/testing/mod.rs"]
mod testing;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rvp::registry::LogKey;
pub use testing::{Wheel, archive};

/// The setting of a target that needs no interpreter of this machine.
pub const WINDOWS: &str = "targets = [{ python = '3.11', platform = 'win_amd64' }]";

/// Two versions of a package, and of the one that both need.
pub fn walls() -> Vec<Wheel> {
    vec![
        Wheel::new("acme-walls", "1.0").requires("acme-units>=1"),
        Wheel::new("acme-walls", "2.0").requires("acme-units>=2").extra("plot", "acme-plot"),
        Wheel::new("acme-units", "1.0"),
        Wheel::new("acme-units", "2.0"),
        Wheel::new("acme-plot", "0.5"),
    ]
}

/// Packages with a program and with data, and one whose dependency is nowhere.
pub fn buildings() -> Vec<Wheel> {
    vec![
        Wheel::new("acme-walls", "1.0").requires("acme-units>=1").script("walls"),
        Wheel::new("acme-walls", "1.1").requires("acme-units>=1").script("walls"),
        Wheel::new("acme-units", "1.0").file("acme_units/data/table.txt", "mm\n"),
        Wheel::new("acme-doors", "1.0").requires("acme-absent"),
        Wheel::new("acme-roofs", "1.0"),
    ]
}

/// A temporary folder with an `RVP_HOME` of its own. Snapshots made while it lives are free of what differs from run
/// to run: paths, times, keys, digests, and this machine's Python.
pub struct World {
    _folder: tempfile::TempDir,
    root: PathBuf,
    _filters: insta::internals::SettingsBindDropGuard,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let mut settings = insta::Settings::clone_current();
        let filters = [
            (root.to_str().unwrap(), "[TEMP]"),
            (r"\+[0-9a-f]{8}(\+[A-Za-z0-9+/=]{44,})?", "+[KEY]"),
            (r"evidence[/\\]acme-\S+\.txt", "evidence/[FILE]"),
            (r"\b[0-9a-f]{64}\b", "[DIGEST]"),
            (r"\b([0-9a-f]{4} ){15}[0-9a-f]{4}\b", "[FINGERPRINT]"),
            (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[TIME]"),
            (r"127\.0\.0\.1:\d+", "[HOST]"),
            (r"https://localhost:\d+", "https://localhost:[PORT]"),
            (r"Python 3\.\d+(\.\d+)? on (many)?(linux|macosx)_\w+", "[PYTHON]"),
            (r"looked at: .*", "looked at: [PATHS]"),
            (r"python==3\.\d+ (many)?(linux|macosx)_\w+", "[PYTHON]"),
        ];
        for (pattern, replacement) in filters {
            settings.add_filter(pattern, replacement);
        }
        Self { _folder: folder, root, _filters: settings.bind_to_scope() }
    }

    /// A world with the registry `acme`, which knows the releases of Revit and holds `wheels`.
    pub fn with_registry(wheels: &[Wheel]) -> Self {
        let world = Self::new();
        world.done("registry init acme --with revit");
        if !wheels.is_empty() {
            world.publish("acme", wheels);
        }
        world
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The project `app` with these dependencies, and with more lines for its `[tool.rvp]`.
    pub fn project(&self, dependencies: &[&str], settings: &str) {
        let registry = match settings.contains("registries") {
            true => "",
            false => "registries = [{ name = \"acme\", url = \"../acme\" }]\n",
        };
        let text = format!(
            "[project]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = {dependencies:?}\n\n[tool.rvp]\n{registry}{settings}\n"
        );
        self.write("app/pyproject.toml", &text);
    }

    /// Publishes wheels into the registry in `registry`.
    pub fn publish(&self, registry: &str, wheels: &[Wheel]) {
        let mut command = self.command(".", &format!("publish --registry {registry}"));
        command.args(wheels.iter().map(|wheel| wheel.write(&self.path("wheels"))));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }

    /// Has the keys of this world forget what they have sealed, as the same keys on another machine do not know it.
    pub fn forget_sealed(&self) {
        for item in fs::read_dir(self.path("home/keys")).unwrap() {
            let path = item.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "sealed") {
                fs::remove_file(path).unwrap();
            }
        }
    }

    /// `rvp` with arguments as a shell would split them, in a folder of this world.
    pub fn command(&self, folder: &str, arguments: &str) -> Command {
        let mut command = rvp(&self.path(folder), &self.path("home"));
        command.args(split(arguments));
        command
    }

    /// Runs `rvp` in a folder of this world; gives its exit code and all that it printed.
    pub fn rvp_in(&self, folder: &str, arguments: &str) -> String {
        text(&self.command(folder, arguments).output().unwrap())
    }

    /// Runs `rvp` in the folder of this world.
    pub fn rvp(&self, arguments: &str) -> String {
        self.rvp_in(".", arguments)
    }

    /// Runs `rvp` in the project `app`.
    pub fn app(&self, arguments: &str) -> String {
        self.rvp_in("app", arguments)
    }

    /// Runs `rvp`, which must not fail, in the folder of this world.
    pub fn done(&self, arguments: &str) {
        self.done_in(".", arguments);
    }

    /// Runs `rvp`, which must not fail, in a folder of this world.
    pub fn done_in(&self, folder: &str, arguments: &str) {
        let output = self.command(folder, arguments).output().unwrap();
        assert!(output.status.success(), "rvp {arguments}: {}", text(&output));
    }

    /// Runs `rvp`, which must fail with exit code 1, in a folder of this world; gives what it says on stderr.
    #[track_caller]
    pub fn fails_in(&self, folder: &str, arguments: &str) -> String {
        let output = self.command(folder, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "rvp {arguments}: {}", text(&output));
        String::from_utf8(output.stderr).unwrap()
    }

    /// The only private key of this world.
    pub fn key(&self) -> LogKey {
        let mut files = fs::read_dir(self.path("home/keys")).unwrap().map(|file| file.unwrap().path());
        let path = files.find(|path| path.extension().is_none_or(|end| end != "sealed")).unwrap();
        LogKey::parse(&fs::read_to_string(path).unwrap()).unwrap()
    }
}

/// `rvp` in a folder, with a home of its own and nothing of the settings of whoever runs the tests.
pub fn rvp(folder: &Path, home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rvp"));
    command.current_dir(folder).env("RVP_HOME", home);
    let settings = ["RVP_OFFLINE", "RVP_PYTHON", "VIRTUAL_ENV", "RUST_BACKTRACE", "RVP_KEY_PASSPHRASE"];
    let identities = ["SIGSTORE_IDENTITY_TOKEN", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI"];
    for variable in settings.iter().chain(&identities) {
        command.env_remove(variable);
    }
    command.env("NETRC", home.join("netrc"));
    command
}

/// Bytes that cannot be compressed, and differ from those of another seed.
pub fn noise(seed: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

/// The exit code, stdout and stderr of a program in one text.
pub fn text(output: &Output) -> String {
    let code = output.status.code().map_or("none".to_owned(), |code| code.to_string());
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("exit code: {code}\n----- stdout -----\n{out}----- stderr -----\n{err}")
}

/// Runs a command with this on stdin; gives its exit code and all that it printed.
pub fn with_stdin(mut command: Command, stdin: &str) -> String {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    text(&child.wait_with_output().unwrap())
}

/// Splits arguments at spaces that do not stand in single quotes.
fn split(arguments: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for (number, part) in arguments.split('\'').enumerate() {
        match number % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}
