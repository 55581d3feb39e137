//! The program `git`, for what gix cannot do yet: pushing. It runs without a terminal, without hooks, and without the variables by which a
//! git that called rvp would lead it to another repository.

use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use crate::registry::http_failure::Failure;

/// Those by which git tells its hooks and aliases which repository they are run for.
const OF_A_REPOSITORY: [&str; 14] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// The most bytes of what git or the server says; more is not waited for.
const MOST_SAID: u64 = 1 << 20;

/// A call of git.
pub(super) struct Git {
    command: Command,
    /// How many settings the environment holds.
    settings: usize,
}

/// What it did.
pub(super) struct Said {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Git {
    /// In the bare repository `folder`.
    pub fn new(folder: &Path) -> Self {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(folder);
        OF_A_REPOSITORY.iter().for_each(|variable| {
            command.env_remove(variable);
        });
        // Its messages are read below; nobody is there to answer a question.
        command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "");
        let settings = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok());
        let mut git = Self { command, settings: settings.unwrap_or(0) };
        // What this rvp was told to trust in place of the system's certificates.
        if let Some(roots) =
            std::env::var_os("SSL_CERT_FILE").filter(|_| std::env::var_os("GIT_SSL_CAINFO").is_none())
        {
            git.command.env("GIT_SSL_CAINFO", roots);
        }
        git.set("gc.auto", "0");
        git.set("maintenance.auto", "false");
        git
    }

    pub fn args<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.command.args(arguments.into_iter().map(Into::into));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Gives a setting a value by the environment, where no other user of the machine sees it, as they see arguments.
    pub fn set(&mut self, key: &str, value: &str) {
        let number = self.settings;
        self.command.env(format!("GIT_CONFIG_KEY_{number}"), key);
        self.command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
        self.settings += 1;
        self.command.env("GIT_CONFIG_COUNT", self.settings.to_string());
    }

    /// Runs it with `stdin`, to its end.
    pub fn run(mut self, stdin: &[u8]) -> Result<Said, Failure> {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let said = self.command.spawn().and_then(|child| communicate(child, stdin));
        said.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::lasting(
                "there is no program `git` on this machine, and it is what pushes",
                "install git (https://git-scm.com), or have a request of a checkout's changes made elsewhere",
            ),
            _ => Failure::lasting(
                format!("the program `git` cannot be run: {error}"),
                "check that `git --version` works",
            ),
        })
    }
}

/// Writes and reads all at once: either side may wait for the other.
fn communicate(mut child: Child, stdin: &[u8]) -> io::Result<Said> {
    let (input, mut out, mut err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = thread::scope(|scope| {
        scope.spawn(move || {
            // One that does not want it ends early.
            let _ = input.map(|mut input| input.write_all(stdin));
        });
        let stderr = scope.spawn(move || text_of(err.as_mut()));
        (text_of(out.as_mut()), stderr.join())
    });
    let stderr = stderr.unwrap_or_else(|_| Err(io::Error::other("a thread of this program ended")));
    match (stdout, stderr) {
        (Ok(stdout), Ok(stderr)) => Ok(Said { status: child.wait()?, stdout, stderr }),
        (Err(error), _) | (_, Err(error)) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

/// What comes, as text without control characters but line breaks.
fn text_of(from: Option<&mut impl Read>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(MOST_SAID + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > MOST_SAID {
        return Err(io::Error::other("the server says more than anybody would read"));
    }
    let plain = |c: char| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c };
    Ok(String::from_utf8_lossy(&bytes).chars().map(plain).collect())
}
