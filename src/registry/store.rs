//! Where a registry stands: one small trait for reading its files, whatever carries them.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::credentials::Sources;
use super::{BucketStore, DirStore, GitStore, HttpSettings, HttpStore};

/// The bytes of a file in order, in pieces of any size. After an error there is nothing more.
pub type ByteStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// The files of one registry, by their path relative to it, with `/` between parts.
///
/// A path may end in `?` and a digest: a copy that no cache on the way has seen before. A directory passes over it.
///
/// What comes back is hostile until checked by the caller. No implementation returns more than it was asked for.
pub trait Store: Send + Sync {
    /// Where this is, for messages: a path or a URL without credentials.
    fn location(&self) -> &str;

    /// The same text for every way to write this place, under which a client remembers it.
    fn identity(&self) -> String {
        self.location().to_owned()
    }

    /// The bytes of `path` from `from` on, or none if there is no such file.
    /// More than `limit` bytes are an error, found before they are read. A file that ends before `from` is empty.
    fn read<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// At most `length` bytes of `path` from `from` on, or none if there is no such file: fewer where it ends before.
    /// `length` is at least 1. What is behind them is not read, however much it is.
    fn read_range<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        length: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// As `read`, for files that are too large to hold in memory: the bytes as they arrive, without another
    /// attempt when they stop coming.
    fn stream<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<ByteStream>, StoreError>>;

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
    /// For how many seconds the server lets it be used without asking again (RFC 9111, `max-age`).
    pub fresh_seconds: u32,
}

/// A registry that could not be opened, or a file of it that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the registry {location}: {reason}\n  hint: {hint}")]
    Open { location: String, reason: String, hint: Cow<'static, str> },
    #[error(
        "`{}` is not the path of a file in a registry\n  hint: {location} is damaged, or was not made by rvp",
        path.escape_debug()
    )]
    Path { location: String, path: String },
    #[error("cannot read {path} of {location}: {source}")]
    Io { location: String, path: String, source: std::io::Error },
    #[error(
        "{path} of {location} is larger than {limit} bytes, the most that rvp reads of such a file\n  hint: what is there is not of a registry, or is made to have no end; copy the registry again from its source, or use another mirror"
    )]
    TooLarge { location: String, path: String, limit: u64 },
    #[error("cannot fetch {path} of {location}: {reason}\n  hint: {hint}")]
    Http { location: String, path: String, reason: String, hint: Cow<'static, str> },
}

/// What opening a registry needs besides where it stands.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    pub http: HttpSettings,
    /// Where its credentials are looked for. None: nowhere.
    pub sources: Option<Sources>,
    /// The folder for clones of git repositories.
    pub clones: PathBuf,
}

/// Opens a registry by what a user writes for it: a path, or a URL of `file:`, `http(s):`, `s3:`, `gs:`, `az:`,
/// `git+https:`, `git+ssh:` or `git+file:`.
pub fn open_store(location: &str, options: &StoreOptions) -> Result<Arc<dyn Store>, StoreError> {
    let error = |reason: &str, hint: &'static str| StoreError::Open {
        location: without_credentials(location),
        reason: reason.to_owned(),
        hint: hint.into(),
    };
    let sources = || options.sources.clone();
    let scheme = location.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref().filter(|scheme| location[scheme.len()..].starts_with("://")) {
        Some("http" | "https") => Ok(Arc::new(HttpStore::open_with(location, &options.http, sources())?)),
        Some("s3" | "gs" | "az") => Ok(Arc::new(BucketStore::open(location, &options.http, sources())?)),
        Some(scheme) if scheme.starts_with("git+") => Ok(Arc::new(GitStore::open(location, options)?)),
        Some("file") => {
            let path =
                url::Url::parse(location).ok().and_then(|url| url.to_file_path().ok()).ok_or_else(|| {
                    error("it is not the URL of a local folder", "write file:///folder, or the path alone")
                })?;
            Ok(Arc::new(DirStore::open(&path)?))
        }
        Some(_) => Err(error(
            "rvp does not read this kind of URL",
            "use a path, or a URL of https:, s3:, gs:, az:, git+https:, git+ssh: or file:",
        )),
        None => Ok(Arc::new(DirStore::open(Path::new(location))?)),
    }
}

/// A URL as it may stand in a message: whatever comes before `@` in its authority is left out.
pub(super) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// The path and the digest to pass caches with, if `path` can only mean a file inside the registry, on every system:
/// a colon would be a drive or an alternate stream on Windows.
pub(super) fn checked<'a>(location: &str, path: &'a str) -> Result<(&'a str, Option<&'a str>), StoreError> {
    let (file, digest) = path.split_once('?').map_or((path, None), |(file, digest)| (file, Some(digest)));
    let hostile = |c: char| c.is_control() || matches!(c, '\\' | ':');
    let fine = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(hostile);
    if file.split('/').all(fine) && digest.is_none_or(|digest| digest.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        Ok((file, digest))
    } else {
        Err(StoreError::Path { location: location.to_owned(), path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_inside_the_registry() {
        for path in
            ["", "/etc/passwd", "a/../b", "..", "a//b", "./a", "a/", "a\\b", "c:/x", "a:b", "a\0b", "a?b/c"]
        {
            assert!(matches!(checked("here", path), Err(StoreError::Path { .. })), "{path:?}");
        }
        assert_eq!(checked("here", "blobs/ab/x.whl?00ff").unwrap(), ("blobs/ab/x.whl", Some("00ff")));
    }

    #[test]
    fn credentials_are_left_out_of_messages() {
        assert_eq!(without_credentials("https://me:p@ss@host/a@b"), "https://host/a@b");
        assert_eq!(without_credentials("C:\\registry@home"), "C:\\registry@home");
    }
}
