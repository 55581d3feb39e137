//! On Unix the system does all of it.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

/// A new file in `folder` that only its owner may read, and that is removed when it is dropped.
pub fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    NamedTempFile::new_in(folder)
}

/// Gives `file` the name `path`, in place of a file that has it.
pub fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Renames a file, also onto another one, or a folder.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}
