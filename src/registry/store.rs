//! Where a registry stands: one small trait for reading its files, whatever carries them.

use std::path::PathBuf;

use futures::future::BoxFuture;

/// The files of one registry, by their path relative to it, with `/` between parts.
///
/// What comes back is hostile until checked by the caller. No implementation returns more than it was asked for.
pub trait Store: Send + Sync {
    /// Where this is, for messages: a path or a URL without credentials.
    fn location(&self) -> &str;

    /// The bytes of `path` from `from` on, or none if there is no such file.
    /// More than `limit` bytes are an error, found before they are read. A file that ends before `from` is empty.
    fn read<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// As `read` from the beginning, passing caches on the way: the one file that changes in place (`log/checkpoint`).
    /// `known` is what an earlier call returned; when the file is still that, it comes back at no cost in bytes.
    fn read_fresh<'a>(
        &'a self,
        path: &'a str,
        known: Option<&'a Fresh>,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Fresh>, StoreError>>;

    /// The file itself, where it can be opened in place.
    fn local_path(&self, path: &str) -> Option<PathBuf>;
}

/// A file that changes in place, and what the store needs to ask whether it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    pub bytes: Vec<u8>,
    /// The server's `ETag`, or nothing. Never a digest of the content.
    pub validator: Option<String>,
}

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot read {path} of {location}: {source}")]
    Io { location: String, path: String, source: std::io::Error },
    #[error("{path} of {location} is larger than {limit} bytes, the most that rvp reads of such a file")]
    TooLarge { location: String, path: String, limit: u64 },
    #[error("cannot fetch {path} of {location}: {reason}\n  hint: {hint}")]
    Http { location: String, path: String, reason: String, hint: &'static str },
}
