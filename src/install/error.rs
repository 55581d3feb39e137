//! What can go wrong between a verified wheel and a working environment.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::{Blake3, TargetError};
use crate::package;

/// A failed step of unpacking, linking or switching. Nothing that was in place before has been changed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("cannot {action} {}: {source}\n  hint: {}", path.display(), hint_of(source))]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Wheel(package::PackageError),
    #[error(
        "{} is not the artifact {expected}: its BLAKE3 digest is {found}\n  hint: remove the file and fetch it again",
        path.display()
    )]
    Digest { path: PathBuf, expected: Blake3, found: Blake3 },
    #[error(
        "the unpacked artifact {} is damaged: {reason}\n  hint: remove this folder; the next `rvp sync` unpacks it again",
        path.display()
    )]
    Damaged { path: PathBuf, reason: String },
    #[error("cannot lay out the wheel {wheel}: {reason}\n  hint: the wheel is broken; tell its publisher")]
    Layout { wheel: String, reason: String },
    #[error(
        "cannot install {package}: its file {path} would replace a file by which rvp manages the environment\n  hint: the wheel is not fit for virtual environments; tell its publisher"
    )]
    Reserved { package: String, path: String },
    #[error(
        "the artifact {artifact} of {package} is part of the plan and has not been unpacked into the store"
    )]
    NotUnpacked { package: String, artifact: Blake3 },
    #[error("{} is in the way: {reason}\n  hint: {hint}", path.display())]
    InTheWay { path: PathBuf, reason: &'static str, hint: &'static str },
    #[error("{} is not an environment of rvp: {reason}\n  hint: {hint}", path.display())]
    NotAnEnvironment { path: PathBuf, reason: String, hint: &'static str },
    #[error(
        "the environment {} has no generation {number}\n  hint: it has {}; `rvp env history` shows what they hold",
        path.display(),
        list(available)
    )]
    NoGeneration { path: PathBuf, number: u64, available: Vec<u64> },
    #[error(
        "the environment {} has no generation before the current one\n  hint: it has {}",
        path.display(),
        list(available)
    )]
    NothingBefore { path: PathBuf, available: Vec<u64> },
    #[error("`{text}` is not a Python version\n  hint: write it as `3.12` or `3.12.4`")]
    PythonRequest { text: String },
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(
        "no Python {request} on this machine\n  looked at: {}\n  hint: install it, or set RVP_PYTHON to the path of one",
        looked_at(searched)
    )]
    NoPython { request: String, searched: Vec<PathBuf> },
    #[error("{} does not work as a Python interpreter: {reason}\n  hint: set RVP_PYTHON to the path of another one", path.display())]
    Interpreter { path: PathBuf, reason: String },
    #[error("{} is Python {found}, and {request} is asked for\n  hint: name another interpreter, or change the target", path.display())]
    WrongPython { path: PathBuf, found: String, request: String },
}

impl InstallError {
    /// For `map_err`: names what was being done, and to what.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

impl From<package::PackageError> for InstallError {
    /// A disk that fails is no fault of the wheel, and has a hint of its own.
    fn from(error: package::PackageError) -> Self {
        match error {
            package::PackageError::Io { action, path, source } => Self::Io { action, path, source },
            other => Self::Wheel(other),
        }
    }
}

fn hint_of(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full; free some space and run the command again",
        io::ErrorKind::QuotaExceeded => "your quota is used up; free some space and run the command again",
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only; choose another place for the environment, or RVP_STORE_DIR for the store"
        }
        io::ErrorKind::PermissionDenied => {
            "you may not write here, or a program holds the file open; check the owner of the folder, or choose another place"
        }
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
            "something else has this name; move it away"
        }
        io::ErrorKind::InvalidFilename => {
            "the path is too long for this system; choose a folder nearer to the root"
        }
        io::ErrorKind::Unsupported => {
            "environments and the store need a disk that can hold links, such as a local one with NTFS; choose another folder"
        }
        _ => "nothing was changed; run the command again when the cause is removed",
    }
}

fn list(numbers: &[u64]) -> String {
    match numbers {
        [] => "none".to_owned(),
        _ => numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn looked_at(paths: &[PathBuf]) -> String {
    match paths {
        [] => "nothing; PATH has no python".to_owned(),
        _ => paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
    }
}
