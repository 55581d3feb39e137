//! The Python interpreters of this machine.

use std::collections::HashSet;
use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::InstallError;
use crate::files;
use crate::model::{Blake3, Platform};

/// Names an interpreter that is tried before any other.
const VARIABLE: &str = "RVP_PYTHON";

/// What is asked of an interpreter, in a Python that runs on 3.6 and later.
const QUESTION: &str = include_str!("question.py");

/// A Python version as people ask for it: `3.12`, or `3.12.4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PythonRequest {
    pub major: u64,
    pub minor: u64,
    pub patch: Option<u64>,
}

/// An interpreter that has been asked about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// The program to base environments on: for the interpreter of a virtual environment, the one below it.
    pub executable: PathBuf,
    /// `3.12.4`
    pub version: String,
    /// `cpython`
    pub implementation: String,
    /// As wheel tags name it, with the version of the C library: `manylinux_2_36_x86_64`.
    pub platform: String,
    /// The ABI suffix of extension modules: `cpython-312-x86_64-linux-gnu`; empty on Windows.
    pub soabi: String,
    pub prefix: PathBuf,
}

impl Interpreter {
    /// Asks the interpreter at `path`, or reads what it answered before, from the folder `cache`.
    /// The answer is asked again when the file has changed.
    pub fn query(path: &Path, cache: &Path) -> Result<Self, InstallError> {
        let broken = |reason: String| InstallError::Interpreter { path: path.to_owned(), reason };
        let metadata = fs::metadata(path).map_err(|error| broken(error.to_string()))?;
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let key = format!("{}\n{}\n{changed:?}\n{QUESTION}", path.display(), metadata.len());
        let cached = cache.join(format!("{}.json", Blake3::of(key.as_bytes())));
        let known = fs::read(&cached).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(interpreter) = known {
            return Ok(interpreter);
        }
        let output = Command::new(path)
            .args(["-I", "-c", QUESTION])
            .output()
            .map_err(|error| broken(error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.trim().lines().last().unwrap_or("it says nothing").to_owned();
            return Err(broken(format!("it ended with {}: {last}", output.status)));
        }
        let interpreter: Self = serde_json::from_slice(&output.stdout)
            .map_err(|error| broken(format!("its answer cannot be read: {error}")))?;
        // A cache that cannot be written costs time, and nothing else.
        let _ = save(cache, &cached, &output.stdout);
        Ok(interpreter)
    }

    /// Major and minor: `(3, 12)`.
    pub fn minor(&self) -> Option<(u64, u64)> {
        self.version.parse::<PythonRequest>().ok().map(|version| (version.major, version.minor))
    }

    /// The platform for wheel tags, where rvp knows it.
    pub fn parsed_platform(&self) -> Option<Platform> {
        self.platform.parse().ok()
    }
}

/// The first interpreter of this machine that `request` asks for.
///
/// Looked at in this order: `explicit` (a path), the variable `RVP_PYTHON`, `PATH`, the versions of pyenv, and on
/// Windows the folders of the usual installers. The first two must fit; the others are passed over when they do not.
pub fn find(
    request: PythonRequest,
    explicit: Option<&Path>,
    cache: &Path,
) -> Result<Interpreter, InstallError> {
    let named = explicit.map(Path::to_owned).or_else(|| env::var_os(VARIABLE).map(PathBuf::from));
    if let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) {
        let interpreter = Interpreter::query(&path, cache)?;
        if request.admits(&interpreter.version) {
            return Ok(interpreter);
        }
        let request = request.to_string();
        return Err(InstallError::WrongPython { path, found: interpreter.version, request });
    }
    let mut searched = Vec::new();
    let mut seen = HashSet::new();
    for path in candidates(request).into_iter().filter(|path| path.is_file()) {
        let same = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if !seen.insert(same) {
            continue;
        }
        match Interpreter::query(&path, cache) {
            Ok(interpreter) if request.admits(&interpreter.version) => return Ok(interpreter),
            _ => searched.push(path),
        }
    }
    Err(InstallError::NoPython { request: request.to_string(), searched })
}

fn candidates(request: PythonRequest) -> Vec<PathBuf> {
    let PythonRequest { major, minor, .. } = request;
    let pyenv = env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".pyenv")));
    let names = match cfg!(windows) {
        true => vec!["python.exe".to_owned()],
        false => vec![format!("python{major}.{minor}"), format!("python{major}"), "python".to_owned()],
    };
    let on_path: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    // The shims of pyenv are scripts that choose by the current folder: not what is to be remembered.
    let folders = on_path.iter().filter(|folder| pyenv.as_ref().is_none_or(|root| !folder.starts_with(root)));
    let mut paths: Vec<PathBuf> =
        folders.flat_map(|folder| names.iter().map(move |name| folder.join(name))).collect();
    let program: &[&str] = if cfg!(windows) { &["python.exe"] } else { &["bin", "python"] };
    let versions = pyenv.map(|root| match cfg!(windows) {
        true => root.join("pyenv-win").join("versions"),
        false => root.join("versions"),
    });
    let mut installed = below(versions, |name| {
        name.parse::<PythonRequest>().is_ok_and(|version| (version.major, version.minor) == (major, minor))
    });
    // The newest first: by number, not by text.
    installed.sort_by_key(|folder| {
        let name = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        std::cmp::Reverse(name.and_then(|version: PythonRequest| version.patch))
    });
    paths.extend(
        installed.into_iter().map(|folder| program.iter().fold(folder, |path, part| path.join(part))),
    );
    if cfg!(windows) {
        // Where the installers of python.org put it, for one person and for all.
        let folder = format!("Python{major}{minor}");
        for (variable, inner) in
            [("LOCALAPPDATA", "Programs\\Python"), ("ProgramFiles", ""), ("SystemDrive", "\\")]
        {
            if let Some(root) = env::var_os(variable) {
                paths.push(PathBuf::from(root).join(inner).join(&folder).join("python.exe"));
            }
        }
    }
    paths
}

fn below(folder: Option<PathBuf>, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(&wanted))
        .map(|entry| entry.path())
        .collect()
}

fn save(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = files::temporary_file(folder)?;
    std::io::Write::write_all(&mut file, bytes)?;
    files::persist(file, path)
}

impl PythonRequest {
    /// Whether the version `text`, `3.12.4` or `3.13.0rc2`, is what is asked for.
    pub fn admits(&self, text: &str) -> bool {
        text.parse::<Self>().is_ok_and(|found| {
            (found.major, found.minor) == (self.major, self.minor)
                && (self.patch.is_none() || self.patch == found.patch)
        })
    }
}

impl FromStr for PythonRequest {
    type Err = InstallError;

    fn from_str(text: &str) -> Result<Self, InstallError> {
        let invalid = || InstallError::PythonRequest { text: text.chars().take(40).collect() };
        let version: uv_pep440::Version = text.trim().parse().map_err(|_| invalid())?;
        match *version.release() {
            [major, minor] => Ok(Self { major, minor, patch: None }),
            [major, minor, patch] => Ok(Self { major, minor, patch: Some(patch) }),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for PythonRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_versions_of_two_or_three_numbers() {
        let request: PythonRequest = "3.12".parse().unwrap();
        assert!(request.admits("3.12.1") && request.admits("3.12.0rc1") && !request.admits("3.13.0"));
        let exact: PythonRequest = "3.12.4".parse().unwrap();
        assert!(exact.admits("3.12.4") && !exact.admits("3.12.5"));
        for text in ["", "3", "3.x", "three", "3.1.2.3"] {
            assert!(text.parse::<PythonRequest>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_interpreter_is_found_asked_and_remembered() {
        let cache = tempfile::tempdir().unwrap();
        let interpreter = super::super::testing::any_python(cache.path());
        assert_eq!(interpreter.implementation, "cpython");
        assert!(interpreter.parsed_platform().is_some_and(|platform| platform.is_this_machine()));
        assert!(fs::read_dir(cache.path()).unwrap().count() > 0);
        let again = Interpreter::query(&interpreter.executable, cache.path()).unwrap();
        assert_eq!(again.version, interpreter.version);
    }

    #[test]
    fn a_program_that_is_no_python_is_named_with_what_it_said() {
        let cache = tempfile::tempdir().unwrap();
        let path = cache.path().join("missing");
        let error = Interpreter::query(&path, cache.path()).unwrap_err().to_string();
        assert!(error.contains("missing") && error.contains("RVP_PYTHON"), "{error}");
    }
}
