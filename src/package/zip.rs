//! A strict reader of zip archives: everything that two readers could understand differently is refused, and all of
//! it before the first byte is unpacked.

mod directory;
mod error;
mod inflate;
mod layout;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rawzip::{FileReader, RangeReader, ZipArchive};

pub use directory::Entry;
pub(super) use directory::{MAX_UNPACKED, read_directory};
pub use error::{EntryProblem, ZipError};
pub(super) use inflate::Inflater;
use layout::locate;
pub(super) use layout::locate_entry;

use super::PackageError;

/// How much of a compressed entry is read at a time.
const CHUNK: u64 = 64 << 10;

/// An archive whose names, sizes and headers have been checked. The content of an entry is checked as it is read.
pub(super) struct Archive {
    path: PathBuf,
    reader: FileReader,
    /// In the order of their place in the file.
    entries: Vec<Entry>,
    /// Where the compressed bytes of each entry are.
    data: Vec<Range<u64>>,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self, PackageError> {
        let file = File::open(path).map_err(PackageError::io("open", path))?;
        let length = file.metadata().map_err(PackageError::io("read the size of", path))?.len();
        let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
        let check = || -> Result<_, ZipError> {
            let archive = ZipArchive::from_file(file, &mut buffer)?;
            let entries = read_directory(&archive, length)?;
            let data = locate(&archive, &entries)?;
            Ok((archive.into_inner(), entries, data))
        };
        let (reader, entries, data) = check().map_err(PackageError::zip(path))?;
        Ok(Self { path: path.to_owned(), reader, entries, data })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Passes the content of an entry to `sink`, never more than its declared size, and checks size and CRC-32.
    /// An error of `sink` comes back as it is.
    pub(super) fn copy<E: From<ZipError>>(
        &self,
        index: usize,
        inflater: &mut Inflater,
        sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        inflater.copy(&self.entries[index], self.compressed(index), sink)
    }

    /// The content of the file `name`, of at most `limit` bytes, or none if there is no such file.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, PackageError> {
        let Some(index) = self.entries.iter().position(|entry| !entry.folder && entry.path == name) else {
            return Ok(None);
        };
        let entry = &self.entries[index];
        if entry.size > limit {
            let reason = format!("`{name}` is {} bytes long, and rvp reads at most {limit}", entry.size);
            return Err(PackageError::content(&self.path, reason));
        }
        let mut content = Vec::new();
        self.copy(index, &mut Inflater::new(), |bytes| {
            content.extend_from_slice(bytes);
            Ok::<_, ZipError>(())
        })
        .map_err(PackageError::zip(&self.path))?;
        Ok(Some(content))
    }

    fn compressed(&self, index: usize) -> impl BufRead + '_ {
        let range = self.data[index].clone();
        let capacity = (range.end - range.start).clamp(1, CHUNK) as usize;
        BufReader::with_capacity(capacity, RangeReader::new(&self.reader, range))
    }
}

/// An entry's name or a part of it, safe to print.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(120).flat_map(char::escape_debug).collect()
}

impl From<rawzip::Error> for ZipError {
    fn from(error: rawzip::Error) -> Self {
        match error.into_kind() {
            rawzip::ErrorKind::IO(error) if error.kind() != io::ErrorKind::UnexpectedEof => Self::Io(error),
            kind => Self::NotZip(kind.to_string().to_lowercase()),
        }
    }
}
