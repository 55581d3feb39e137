//! A registry in a folder: on a disk, on a share, on a stick.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, ready};
use futures::stream::{self, StreamExt};

use super::store::{ByteStream, Fresh, Store, StoreError, checked};

/// How much of a streamed file is read at once.
const PIECE: usize = 256 * 1024;

/// A registry in a folder. Its files are small enough to read at once, so no future of it ever waits.
pub struct DirStore {
    root: PathBuf,
    location: String,
}

impl DirStore {
    /// `root` may be a UNC path (`\\\\server\\share`).
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let location = root.display().to_string();
        let error = |reason: String, hint: &'static str| StoreError::Open {
            location: location.clone(),
            reason,
            hint: hint.into(),
        };
        match std::fs::metadata(root) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { root: root.to_owned(), location }),
            Ok(_) => Err(error("it is a file".to_owned(), "name the folder that holds config.json")),
            Err(source) if source.kind() == ErrorKind::NotFound => Err(error(
                "there is no such folder".to_owned(),
                "check the path, and that the drive or share is connected; `rvp registry init` makes a registry",
            )),
            Err(source) => Err(error(source.to_string(), "check that you may read this folder")),
        }
    }

    fn path(&self, path: &str) -> Result<PathBuf, StoreError> {
        Ok(self.root.join(checked(&self.location, path)?.0))
    }

    fn io(&self, path: &str, source: io::Error) -> StoreError {
        StoreError::Io { location: self.location.clone(), path: path.to_owned(), source }
    }

    /// The file, placed at `from`, and how many bytes it has from there on.
    fn open_at(&self, path: &str, from: u64, limit: u64) -> Result<Option<(File, u64)>, StoreError> {
        let opened = (|| {
            let mut file = File::open(self.path(path)?).map_err(|source| self.io(path, source))?;
            let metadata = file.metadata().map_err(|source| self.io(path, source))?;
            if !metadata.is_file() {
                return Err(self.io(path, io::Error::other("it is not a file")));
            }
            file.seek(SeekFrom::Start(from)).map_err(|source| self.io(path, source))?;
            Ok((file, metadata.len().saturating_sub(from)))
        })();
        match opened {
            Err(StoreError::Io { source, .. })
                if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Ok((_, length)) if length > limit => Err(self.too_large(path, limit)),
            opened => opened.map(Some),
        }
    }

    fn too_large(&self, path: &str, limit: u64) -> StoreError {
        StoreError::TooLarge { location: self.location.clone(), path: path.to_owned(), limit }
    }

    fn read_now(&self, path: &str, from: u64, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((file, length)) = self.open_at(path, from, limit)? else { return Ok(None) };
        self.take(path, file, length).map(Some)
    }

    fn read_range_now(&self, path: &str, from: u64, length: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((file, there)) = self.open_at(path, from, u64::MAX)? else { return Ok(None) };
        self.take(path, file, length.min(there)).map(Some)
    }

    fn take(&self, path: &str, file: File, length: u64) -> Result<Vec<u8>, StoreError> {
        // The file may be growing: what it gains after this is for a later read.
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.take(length).read_to_end(&mut bytes).map_err(|source| self.io(path, source))?;
        Ok(bytes)
    }

    fn stream_now(&self, path: &str, from: u64, limit: u64) -> Result<Option<ByteStream>, StoreError> {
        let Some((file, length)) = self.open_at(path, from, limit)? else { return Ok(None) };
        let (location, path) = (self.location.clone(), path.to_owned());
        let mut file = file.take(length);
        let pieces = std::iter::from_fn(move || {
            let mut piece = Vec::with_capacity(PIECE);
            match file.by_ref().take(PIECE as u64).read_to_end(&mut piece) {
                Ok(0) => None,
                Ok(_) => Some(Ok(Bytes::from(piece))),
                Err(source) => {
                    Some(Err(StoreError::Io { location: location.clone(), path: path.clone(), source }))
                }
            }
        });
        Ok(Some(stream::iter(pieces).boxed()))
    }
}

impl Store for DirStore {
    fn location(&self) -> &str {
        &self.location
    }

    fn identity(&self) -> String {
        let canonical = std::fs::canonicalize(&self.root).unwrap_or_else(|_| self.root.clone());
        canonical.display().to_string()
    }

    fn read<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        ready(self.read_now(path, from, limit)).boxed()
    }

    fn read_range<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        length: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        ready(self.read_range_now(path, from, length)).boxed()
    }

    fn stream<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<ByteStream>, StoreError>> {
        ready(self.stream_now(path, from, limit)).boxed()
    }

    fn read_fresh<'a>(
        &'a self,
        path: &'a str,
        _known: Option<&'a Fresh>,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Fresh>, StoreError>> {
        let bytes = self.read_now(path, 0, limit);
        ready(bytes.map(|bytes| bytes.map(|bytes| Fresh { bytes, validator: None, fresh_seconds: 0 })))
            .boxed()
    }

    fn local_path(&self, path: &str) -> Option<PathBuf> {
        self.path(path).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{HttpSettings, StoreOptions, open_store};
    use futures::executor::block_on;

    fn options() -> StoreOptions {
        StoreOptions { http: HttpSettings::default(), sources: None, clones: PathBuf::new() }
    }

    fn folder() -> (tempfile::TempDir, DirStore) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("log")).unwrap();
        std::fs::write(folder.path().join("log/checkpoint"), "0123456789").unwrap();
        let store = DirStore::open(folder.path()).unwrap();
        (folder, store)
    }

    #[test]
    fn reads_from_an_offset_within_the_limit() {
        let (_folder, store) = folder();
        let read = |path, from, limit| block_on(store.read(path, from, limit));
        assert_eq!(read("log/checkpoint", 4, 6).unwrap().unwrap(), b"456789");
        assert_eq!(read("log/checkpoint?00", 99, 6).unwrap().unwrap(), b"");
        assert_eq!(read("log/checkpoint/x", 0, 6).unwrap(), None);
        assert_eq!(read("log/none", 0, 6).unwrap(), None);
        assert!(matches!(read("log/checkpoint", 3, 6), Err(StoreError::TooLarge { limit: 6, .. })));
        assert!(matches!(read("../x", 3, 6), Err(StoreError::Path { .. })));
        assert!(matches!(read("log", 0, 6), Err(StoreError::Io { .. })));
    }

    #[test]
    fn streams_what_it_reads() {
        let (folder, store) = folder();
        let bytes: Vec<u8> = (0..PIECE as u32 + 7).map(|i| (i / 3) as u8).collect();
        std::fs::write(folder.path().join("large"), &bytes).unwrap();
        let stream = block_on(store.stream("large", 5, u64::MAX)).unwrap().unwrap();
        let pieces: Vec<Bytes> = block_on(stream.map(Result::unwrap).collect());
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces.concat(), bytes[5..]);
    }

    #[test]
    fn opens_by_path_and_by_file_url() {
        let (folder, _) = folder();
        let url = url::Url::from_directory_path(folder.path()).unwrap();
        for location in [folder.path().to_str().unwrap(), url.as_str()] {
            let store = open_store(location, &options()).unwrap();
            assert!(block_on(store.read("log/checkpoint", 0, 10)).unwrap().is_some(), "{location}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_location() {
        let (folder, _) = folder();
        let file = folder.path().join("log/checkpoint");
        let open = |location: &str| match open_store(location, &options()) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{location} opens"),
        };
        assert!(open(file.to_str().unwrap()).contains("it is a file"));
        insta::assert_snapshot!(open("no/such/folder"), @r"
        cannot open the registry no/such/folder: there is no such folder
          hint: check the path, and that the drive or share is connected; `rvp registry init` makes a registry
        ");
        insta::assert_snapshot!(open("ftp://me:secret@host/registry"), @r"
        cannot open the registry ftp://host/registry: rvp does not read this kind of URL
          hint: use a path, or a URL of https:, s3:, gs:, az:, git+https:, git+ssh: or file:
        ");
        insta::assert_snapshot!(open("https://me:secret@host:x/registry"), @r"
        cannot open the registry https://host:x/registry: invalid port number
          hint: write it as https://host/path
        ");
        insta::assert_snapshot!(open("https://me:secret@host/registry?token=1"), @r"
        cannot open the registry https://host/registry: its URL has a query or a fragment
          hint: the URL of a registry is that of its folder: leave out `?` or `#` and what follows
        ");
    }
}
