//! Parallel, resumable downloads of blobs, checked while they arrive.

mod check;
mod downloader;
mod partial;
mod progress;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

pub use check::digest_of_file;
pub use downloader::{Downloader, Downloads, Fetched, Wanted};
pub use progress::{Bar, Event, Progress, Silent};

use crate::registry::StoreError;

/// A file that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "{location} does not have {path}, which its index names\n  \
         hint: the copy of the registry is incomplete: use another mirror, or copy it again"
    )]
    Missing { location: String, path: String },
    #[error(
        "{path} of {location} is not what the index says: expected {expected}, found {found}\n  \
         hint: that copy is damaged, or was altered on the way: use another mirror, or copy the file again"
    )]
    Content { location: String, path: String, expected: String, found: String },
    #[error("cannot download {file} to {}: {source}\n  hint: {}", path.display(), cache_hint(source))]
    Cache { file: String, path: PathBuf, source: io::Error },
}

impl FetchError {
    /// For a failure at `path` in the cache, on the way of the artifact `file`.
    fn cache(file: &str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Cache { file: file.to_owned(), path: path.to_owned(), source }
    }
}

fn cache_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space and run this again: what has arrived is kept and continued"
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            "choose a cache folder that you may write to"
        }
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            "a file stands where a folder should be: move it away, or choose another cache folder"
        }
        ErrorKind::Unsupported => "its file system has no locks: choose a cache folder on a local disk",
        _ => "check the cache folder; it can be removed at any time when no rvp is running",
    }
}
