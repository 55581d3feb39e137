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

use crate::registry::{MirrorFile, Store, StoreError, plain};

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
        "{location} does not have {path}: it is a mirror that holds {holds}\n  hint: ask whoever runs the mirror to add it, or use {}",
        source_or_another(source_url)
    )]
    NotMirrored { location: String, path: String, holds: String, source_url: Option<String> },
    #[error(
        "{path} of {location} is not what the index says: expected {expected}, found {found}\n  \
         hint: that copy is damaged, or was altered on the way: use another mirror, or copy the file again"
    )]
    Content { location: String, path: String, expected: String, found: String },
    #[error("cannot download {file} to {}: {source}\n  hint: {}", path.display(), cache_hint(source))]
    Cache { file: String, path: PathBuf, source: io::Error },
}

impl FetchError {
    /// For a blob that `store` does not have. A partial mirror says what it has instead.
    pub async fn missing(store: &dyn Store, path: &str) -> Self {
        let (location, path) = (store.location().to_owned(), path.to_owned());
        // The blob is the failure; that nothing can be said of it is none.
        match MirrorFile::read(store).await {
            Ok(Some(MirrorFile { source, holds })) if !holds.is_everything() => {
                Self::NotMirrored { location, path, holds: holds.to_string(), source_url: source }
            }
            _ => Self::Missing { location, path },
        }
    }

    /// For a failure at `path` in the cache, on the way of the artifact `file`.
    fn cache(file: &str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Cache { file: file.to_owned(), path: path.to_owned(), source }
    }
}

fn source_or_another(source: &Option<String>) -> String {
    match source {
        Some(source) => format!("its source, {}", plain(source)),
        None => "its source".to_owned(),
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
