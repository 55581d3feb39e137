//! The errors of reading artifacts.

use std::io;
use std::path::{Path, PathBuf};

use super::metadata::MetadataError;
use super::zip::ZipError;
use crate::registry::hint_of;

/// An artifact that could not be read, or is not what it says.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("cannot {action} {path}: {source}{}", hint_of(source))]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{artifact} is not a Python artifact that rvp reads\n  hint: it reads wheels (.whl) and source distributions (.tar.gz, .zip)"
    )]
    Kind { artifact: PathBuf },
    #[error("the file name of {artifact} is not valid: {reason}")]
    FileName { artifact: PathBuf, reason: String },
    #[error(
        "{artifact} is not a safe archive: {source}\n  hint: get the file again; if that does not help, do not use it and tell its publisher"
    )]
    Zip { artifact: PathBuf, source: ZipError },
    #[error(
        "{artifact} is not a safe archive: {reason}\n  hint: get the file again; if that does not help, do not use it and tell its publisher"
    )]
    Tar { artifact: PathBuf, reason: String },
    #[error(
        "{file} in {artifact}: {source}\n  hint: its publisher must build it again with a tool that follows the packaging specifications"
    )]
    Metadata { artifact: PathBuf, file: String, source: MetadataError },
    #[error(
        "{artifact} does not hold together: {reason}\n  hint: its publisher must build it again with a tool that follows the packaging specifications"
    )]
    Content { artifact: PathBuf, reason: String },
    #[error("cannot unpack {artifact} into {folder}: the folder is not empty")]
    NotEmpty { artifact: PathBuf, folder: PathBuf },
}

impl PackageError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(super) fn zip(artifact: &Path) -> impl FnOnce(ZipError) -> Self {
        move |source| Self::Zip { artifact: artifact.to_owned(), source }
    }

    pub(super) fn content(artifact: &Path, reason: impl Into<String>) -> Self {
        Self::Content { artifact: artifact.to_owned(), reason: reason.into() }
    }
}
