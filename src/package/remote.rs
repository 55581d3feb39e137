//! The METADATA of a wheel that is somewhere else, from as few byte ranges as can be. No input or output here:
//! the caller fetches the ranges, in whatever way it likes.

use std::io::{self, BufReader};
use std::ops::Range;

use rawzip::{RangeReader, ReaderAt, ZipArchive};
use uv_distribution_filename::WheelFilename;

use super::metadata::MAX_METADATA;
use super::wheel::find_dist_info;
use super::zip::{Entry, Inflater, ZipError, locate_entry, read_directory};

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Fetch these bytes of the file, and feed them.
    Need(Range<u64>),
    /// The content of METADATA.
    Done(Vec<u8>),
}

/// A remote wheel whose METADATA cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error("{wheel} is not a safe archive: {source}")]
    Zip { wheel: String, source: ZipError },
    #[error("{wheel} does not hold together: {reason}")]
    Content { wheel: String, reason: String },
    #[error("asked for {expected} bytes of {wheel}, and got {found}")]
    Length { wheel: String, expected: u64, found: u64 },
}

/// Reads the METADATA of a wheel of which only the name and the size are known.
///
/// Most tools write METADATA near the end, just before the central directory, so this takes one range for a small
/// wheel, two for most others, and never more than three.
pub struct RemoteWheel {
    filename: WheelFilename,
    fetched: Fetched,
    stage: Stage,
}

enum Stage {
    /// The next bytes are these, in front of the tail.
    Tail(Range<u64>),
    /// The next bytes are those of METADATA's entry: from its local header to what follows it.
    Metadata(Box<Entry>, Range<u64>),
}

/// Half a million entries with names of usual length.
const MAX_DIRECTORY: u64 = 64 << 20;
/// The first range, and what is fetched with the central directory in the hope of METADATA in it.
const TAIL: u64 = 64 << 10;
/// The fixed and the two 16-bit lengths of variable fields of a local header.
const MAX_LOCAL_HEADER: u64 = 30 + 2 * u16::MAX as u64;

impl RemoteWheel {
    /// Begins with a wheel of `size` bytes: the first range to fetch.
    pub fn start(filename: WheelFilename, size: u64) -> (Self, Range<u64>) {
        let range = size.saturating_sub(TAIL)..size;
        let fetched = Fetched { size, parts: Vec::new() };
        (Self { filename, fetched, stage: Stage::Tail(range.clone()) }, range)
    }

    /// Takes the bytes of the range that was asked for last.
    pub fn feed(&mut self, bytes: Vec<u8>) -> Result<Step, RemoteError> {
        let (Stage::Tail(range) | Stage::Metadata(_, range)) = &self.stage;
        let (expected, found) = (range.end - range.start, bytes.len() as u64);
        if found != expected {
            return Err(RemoteError::Length { wheel: self.filename.to_string(), expected, found });
        }
        self.fetched.parts.push((range.start, bytes));
        let archive = self.fetched.open().map_err(|source| self.zip(source))?;
        match &self.stage {
            Stage::Metadata(entry, range) => self.read_entry(&archive, entry, range.end).map(Step::Done),
            Stage::Tail(range) => {
                let (step, stage) = self.read_tail(&archive, range.start)?;
                if let Some(stage) = stage {
                    self.stage = stage;
                }
                Ok(step)
            }
        }
    }

    /// With the bytes from `start` to the end at hand: what next, and the stage for it.
    fn read_tail(
        &self,
        archive: &ZipArchive<&Fetched>,
        start: u64,
    ) -> Result<(Step, Option<Stage>), RemoteError> {
        let directory = archive.directory_offset();
        if directory < start {
            if start - directory > MAX_DIRECTORY {
                let reason = format!("its central directory is larger than {MAX_DIRECTORY} bytes");
                return Err(self.content(reason));
            }
            let range = directory.saturating_sub(TAIL)..start;
            return Ok((Step::Need(range.clone()), Some(Stage::Tail(range))));
        }

        let entries = read_directory(archive, self.fetched.size).map_err(|source| self.zip(source))?;
        let dist_info = find_dist_info(entries.iter().map(|entry| entry.path.as_str()), &self.filename)
            .map_err(|reason| self.content(reason))?;
        let name = format!("{dist_info}/METADATA");
        let Some(index) = entries.iter().position(|entry| entry.path == name) else {
            return Err(self.content(format!("it has no `{name}`")));
        };
        let entry = &entries[index];
        let end = entries.get(index + 1).map_or(directory, |next| next.offset);
        let length = end.saturating_sub(entry.offset);
        if entry.size > MAX_METADATA as u64 || length > MAX_METADATA as u64 + MAX_LOCAL_HEADER {
            return Err(self.content(format!("its METADATA is larger than {MAX_METADATA} bytes")));
        }
        if entry.offset >= start {
            return Ok((Step::Done(self.read_entry(archive, entry, end)?), None));
        }
        let range = entry.offset..end;
        Ok((Step::Need(range.clone()), Some(Stage::Metadata(Box::new(entry.clone()), range))))
    }

    fn read_entry(
        &self,
        archive: &ZipArchive<&Fetched>,
        entry: &Entry,
        end: u64,
    ) -> Result<Vec<u8>, RemoteError> {
        let read = || -> Result<Vec<u8>, ZipError> {
            let range = locate_entry(archive, entry, end)?;
            let data = BufReader::new(RangeReader::new(archive.get_ref(), range));
            let mut content = Vec::new();
            Inflater::new().copy(entry, data, |bytes| {
                content.extend_from_slice(bytes);
                Ok::<_, ZipError>(())
            })?;
            Ok(content)
        };
        read().map_err(|source| self.zip(source))
    }

    fn zip(&self, source: ZipError) -> RemoteError {
        RemoteError::Zip { wheel: self.filename.to_string(), source }
    }

    fn content(&self, reason: String) -> RemoteError {
        RemoteError::Content { wheel: self.filename.to_string(), reason }
    }
}

/// The parts of a file that have been fetched, to be read by their place in the file.
struct Fetched {
    /// Of the whole file.
    size: u64,
    parts: Vec<(u64, Vec<u8>)>,
}

impl Fetched {
    fn open(&self) -> Result<ZipArchive<&Self>, ZipError> {
        let mut buffer = vec![0; TAIL as usize];
        ZipArchive::with_max_search_space(TAIL)
            .locate_in_reader(self, &mut buffer, self.size)
            .map_err(|(_, error)| error.into())
    }
}

impl ReaderAt for Fetched {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset >= self.size {
            return Ok(0);
        }
        let bytes = self.parts.iter().find_map(|(start, bytes)| {
            let from = usize::try_from(offset.checked_sub(*start)?).ok()?;
            bytes.get(from..).filter(|bytes| !bytes.is_empty())
        });
        let Some(bytes) = bytes else {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "outside of what was fetched"));
        };
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        Ok(length)
    }
}
