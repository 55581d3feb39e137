//! Where views are kept: among the other files of a registry, in a folder or wherever it is written.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::ViewsError;
use crate::files::Unsynced;
use crate::registry::{Backend, write_shared_file_unsynced};

/// The files of a registry that keeps views. Paths are relative to the registry, with `/` between parts.
pub(super) trait Files: Sync {
    /// A whole file, or none if it is not there.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ViewsError>;

    /// The bytes of a file from `from` on, `length` of them or fewer; none if it is not there.
    fn read_range(&self, path: &str, from: u64, length: u64) -> Result<Option<Vec<u8>>, ViewsError>;

    /// How many bytes a file has, or none if it is not there.
    fn length(&self, path: &str) -> Result<Option<u64>, ViewsError>;

    fn exists(&self, path: &str) -> Result<bool, ViewsError> {
        Ok(self.length(path)?.is_some())
    }

    /// Writes a file as a whole. It lasts once `sync` has returned.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), ViewsError>;

    /// Has `more` stand behind the first `kept` bytes of a file, and nothing after it. It lasts once `sync` has returned.
    fn append(&self, path: &str, kept: usize, more: &[u8]) -> Result<(), ViewsError>;

    /// Returns once all that was written lasts.
    fn sync(&self) -> Result<(), ViewsError>;

    /// Shows all that was written, where that takes a step of its own.
    fn finish(&self) -> Result<(), ViewsError> {
        self.sync()
    }

    /// Hears of a file that was found to be right: a process that was killed may have written it, and the disk may not have it yet.
    fn found(&self, _path: &str) {}
}

/// Writes a file as a whole, unless it has these bytes: its time of modification is what static hosts make an ETag of.
/// Returns how many files changed.
pub(super) fn replace_if_changed(files: &dyn Files, path: &str, bytes: &[u8]) -> Result<usize, ViewsError> {
    if files.read(path)?.is_some_and(|known| known == bytes) {
        files.found(path);
        return Ok(0);
    }
    files.write(path, bytes)?;
    Ok(1)
}

/// A folder of this machine.
pub(super) struct Folder {
    registry: PathBuf,
    unsynced: Unsynced,
    /// Held for as long as this lives: one writer of views at a time.
    _lock: File,
}

impl Folder {
    pub fn new(registry: &Path, lock: File) -> Self {
        Self { registry: registry.to_owned(), unsynced: Unsynced::default(), _lock: lock }
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ViewsError> {
        let path = self.registry.join(path);
        found(std::fs::read(&path)).map_err(ViewsError::io("read", path))
    }

    fn read_range(&self, path: &str, from: u64, length: u64) -> Result<Option<Vec<u8>>, ViewsError> {
        let path = self.registry.join(path);
        let read = || {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            file.take(length).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        found(read()).map_err(ViewsError::io("read", &path))
    }

    fn length(&self, path: &str) -> Result<Option<u64>, ViewsError> {
        Ok(self.registry.join(path).metadata().ok().map(|file| file.len()))
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), ViewsError> {
        let path = self.registry.join(path);
        write_shared_file_unsynced(&path, bytes)?;
        self.unsynced.add(&path);
        Ok(())
    }

    fn append(&self, path: &str, kept: usize, more: &[u8]) -> Result<(), ViewsError> {
        let path = self.registry.join(path);
        let append = || {
            let mut file = File::options().write(true).open(&path)?;
            file.seek(SeekFrom::Start(kept as u64))?;
            // In one step where it can be: whoever reads meanwhile has the file of before or that of after.
            file.write_all(more)?;
            file.set_len((kept + more.len()) as u64)
        };
        append().map_err(ViewsError::io("append to", &path))?;
        self.unsynced.add(&path);
        Ok(())
    }

    fn sync(&self) -> Result<(), ViewsError> {
        self.unsynced.sync().map_err(|(path, error)| ViewsError::io("write", path)(error))
    }

    fn found(&self, path: &str) {
        self.unsynced.add(&self.registry.join(path));
    }
}

fn found(read: std::io::Result<Vec<u8>>) -> std::io::Result<Option<Vec<u8>>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match read {
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
        read => read.map(Some),
    }
}

/// The list of millions of projects is smaller.
const MAX_VIEW: u64 = 1 << 30;

/// Wherever a registry is written that is in no folder.
pub(super) struct Elsewhere<'a>(pub &'a dyn Backend);

impl Files for Elsewhere<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ViewsError> {
        Ok(self.0.read(path, MAX_VIEW)?)
    }

    fn read_range(&self, path: &str, from: u64, length: u64) -> Result<Option<Vec<u8>>, ViewsError> {
        Ok(self.0.read_range(path, from, length)?)
    }

    fn length(&self, path: &str) -> Result<Option<u64>, ViewsError> {
        Ok(self.0.length(path)?)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), ViewsError> {
        Ok(self.0.put(path, bytes)?)
    }

    fn append(&self, path: &str, kept: usize, more: &[u8]) -> Result<(), ViewsError> {
        let mut bytes = self.read(path)?.unwrap_or_default();
        bytes.truncate(kept);
        bytes.extend_from_slice(more);
        self.write(path, &bytes)
    }

    fn sync(&self) -> Result<(), ViewsError> {
        Ok(())
    }

    fn finish(&self) -> Result<(), ViewsError> {
        Ok(self.0.publish_put("Make the pages of simple/")?)
    }
}
