//! What can be wrong with a zip archive.

use std::io;

use super::super::path::PathProblem;
use super::directory::{MAX_ENTRIES, MAX_UNPACKED};

/// An archive that is refused.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    #[error("it is not a whole zip archive: {0}")]
    NotZip(String),
    #[error("it has {0} entries, and rvp reads at most {MAX_ENTRIES}")]
    TooManyEntries(u64),
    #[error("its entries unpack to more than {MAX_UNPACKED} bytes")]
    TooLarge,
    #[error("it says that it has {declared} entries, and has {found}")]
    Count { declared: u64, found: u64 },
    #[error("it has a comment of {0} bytes, in which another archive can hide")]
    Comment(u64),
    #[error("{0} bytes stand before its first entry")]
    Prepended(u64),
    #[error("{0} bytes stand after its end")]
    Trailing(u64),
    #[error("the entry `{entry}` {problem}")]
    Entry { entry: String, problem: EntryProblem },
}

/// An entry that is refused. Sizes are in bytes.
#[derive(Debug, thiserror::Error)]
pub enum EntryProblem {
    #[error("is encrypted")]
    Encrypted,
    #[error("is compressed by method {0}; only stored and deflated entries are read")]
    Method(u16),
    #[error("has a name that is not UTF-8")]
    NotUtf8,
    #[error("has a name with letters outside ASCII that is not marked as UTF-8")]
    UnmarkedUtf8,
    #[error("carries a second name in an extra field")]
    SecondName,
    #[error("has a name that {0}")]
    Path(PathProblem),
    #[error("is a symbolic link")]
    Link,
    #[error("is neither a file nor a folder (type {0:#o})")]
    Type(u32),
    #[error("stands twice in the archive")]
    Twice,
    #[error("differs from `{0}` in letter case only")]
    Case(String),
    #[error("and `{0}` need a file and a folder of the same name")]
    FileAndFolder(String),
    #[error("is a folder with {0} bytes of content")]
    FolderWithContent(u64),
    #[error("is stored as {stored} bytes and said to hold {size}")]
    StoredSize { stored: u64, size: u64 },
    #[error("is said to unpack from {compressed} bytes to {size}, more than deflate can")]
    Ratio { compressed: u64, size: u64 },
    #[error("has no readable local header: {0}")]
    LocalHeader(String),
    #[error("has another {0} in its local header than in the central directory")]
    Differs(&'static str),
    #[error("overlaps what follows it")]
    Overlap,
    #[error("is followed by {0} bytes that belong to nothing")]
    Gap(u64),
    #[error("cannot be read: {0}")]
    Io(io::Error),
    #[error("cannot be inflated: {0}")]
    Inflate(String),
    #[error("ends after {found} of its {size} bytes")]
    Short { found: u64, size: u64 },
    #[error("holds more than the {0} bytes that it declares")]
    Long(u64),
    #[error("has {0} bytes of input left at its end")]
    LeftOver(u64),
    #[error("has the CRC-32 {found:08x}, and declares {declared:08x}")]
    Checksum { found: u32, declared: u32 },
    #[error("does not have the {algorithm} digest that RECORD gives")]
    Digest { algorithm: &'static str },
}

impl EntryProblem {
    pub(in super::super) fn of(self, entry: &str) -> ZipError {
        ZipError::Entry { entry: super::printable(entry.as_bytes()), problem: self }
    }
}
