//! The central directory: which entries there are, and whether their names and sizes are safe.

use rawzip::extra_fields::ExtraFieldId;
use rawzip::{CompressionMethod, ReaderAt, ZipArchive, ZipArchiveEntryWayfinder, ZipFileHeaderRecord};

use super::super::path::{Clash, check_path, find_clash};
use super::error::{EntryProblem, ZipError};
use super::printable;

pub(super) const MAX_ENTRIES: u64 = 500_000;
/// Bytes that all entries together may unpack to.
pub(in super::super) const MAX_UNPACKED: u64 = 16 << 30;
/// No deflate stream expands by more than this: 258 bytes from two bits.
const MAX_RATIO: u64 = 1032;
/// Below this size a wrong ratio does no harm, and is found when the entry is inflated.
const RATIO_FROM: u64 = 1 << 20;

/// An entry of an archive: a file, or a folder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Relative, `/` between its parts and none at its end.
    pub path: String,
    pub folder: bool,
    /// Unpacked, in bytes, as declared.
    pub size: u64,
    /// Any of the Unix executable bits is set.
    pub executable: bool,
    pub(super) compressed_size: u64,
    pub(super) deflated: bool,
    pub(super) crc32: u32,
    pub(super) flags: u16,
    /// Of the local header.
    pub(in super::super) offset: u64,
    pub(super) wayfinder: ZipArchiveEntryWayfinder,
}

/// Reads and checks the central directory of an archive of `length` bytes. The entries come in the order of their offsets.
pub(in super::super) fn read_directory<R: ReaderAt>(
    archive: &ZipArchive<R>,
    length: u64,
) -> Result<Vec<Entry>, ZipError> {
    let comment = archive.comment().remaining();
    if comment > 0 {
        return Err(ZipError::Comment(comment));
    }
    if archive.end_offset() != length {
        return Err(ZipError::Trailing(length.saturating_sub(archive.end_offset())));
    }
    let declared = archive.entries_hint();
    if declared > MAX_ENTRIES {
        return Err(ZipError::TooManyEntries(declared));
    }

    let mut entries: Vec<Entry> = Vec::new();
    let mut unpacked = 0_u64;
    let mut buffer = vec![0; rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let mut records = archive.entries(&mut buffer);
    while let Some(record) = records.next_entry()? {
        if entries.len() as u64 == declared {
            return Err(ZipError::Count { declared, found: declared + 1 });
        }
        let raw = record.file_path().as_bytes();
        let entry =
            read_entry(&record, raw).map_err(|problem| ZipError::Entry { entry: printable(raw), problem })?;
        unpacked = unpacked.saturating_add(entry.size);
        if unpacked > MAX_UNPACKED {
            return Err(ZipError::TooLarge);
        }
        entries.push(entry);
    }
    let found = entries.len() as u64;
    if found != declared {
        return Err(ZipError::Count { declared, found });
    }
    if let Some((path, clash)) = find_clash(entries.iter().map(|entry| (entry.path.as_str(), entry.folder))) {
        let problem = match clash {
            Clash::Same => EntryProblem::Twice,
            Clash::Case(other) => EntryProblem::Case(other),
            Clash::FileAndFolder(other) => EntryProblem::FileAndFolder(other),
        };
        return Err(problem.of(path));
    }
    entries.sort_by_key(|entry| entry.offset);
    let start = entries.first().map_or(archive.directory_offset(), |entry| entry.offset);
    if start != 0 {
        return Err(ZipError::Prepended(start));
    }
    Ok(entries)
}

fn read_entry(record: &ZipFileHeaderRecord<'_>, raw: &[u8]) -> Result<Entry, EntryProblem> {
    let flags = record.flags();
    // Bit 13 hides the values of the local header, which belongs to encryption too.
    if flags.is_encrypted() || flags.has_strong_encryption() || flags.bits() & 1 << 13 != 0 {
        return Err(EntryProblem::Encrypted);
    }
    let deflated = match record.compression_method() {
        CompressionMethod::STORE => false,
        CompressionMethod::DEFLATE => true,
        other => return Err(EntryProblem::Method(other.as_u16())),
    };
    if record.extra_fields().any(|(id, _)| id == ExtraFieldId::INFO_ZIP_UNICODE_PATH) {
        return Err(EntryProblem::SecondName);
    }
    let name = std::str::from_utf8(raw).map_err(|_| EntryProblem::NotUtf8)?;
    if !name.is_ascii() && !flags.is_utf8() {
        return Err(EntryProblem::UnmarkedUtf8);
    }
    let (path, folder) = name.strip_suffix('/').map_or((name, false), |path| (path, true));
    check_path(path).map_err(EntryProblem::Path)?;
    let mode = record.external_attributes() >> 16;
    check_type(mode, folder)?;

    let (size, compressed_size) = (record.uncompressed_size_hint(), record.compressed_size_hint());
    if folder && size > 0 {
        return Err(EntryProblem::FolderWithContent(size));
    }
    if !deflated && size != compressed_size {
        return Err(EntryProblem::StoredSize { stored: compressed_size, size });
    }
    if size > RATIO_FROM && size > compressed_size.saturating_mul(MAX_RATIO) {
        return Err(EntryProblem::Ratio { compressed: compressed_size, size });
    }
    Ok(Entry {
        path: path.to_owned(),
        folder,
        size,
        executable: mode & 0o111 != 0,
        compressed_size,
        deflated,
        crc32: record.crc32(),
        flags: flags.bits(),
        offset: record.local_header_offset(),
        wayfinder: record.wayfinder(),
    })
}

/// `mode` is the Unix mode, whatever system the archive says it was made on: other readers look at it too.
fn check_type(mode: u32, folder: bool) -> Result<(), EntryProblem> {
    match (mode & 0o170_000, folder) {
        (0, _) | (0o100_000, false) | (0o040_000, true) => Ok(()),
        (0o120_000, _) => Err(EntryProblem::Link),
        (other, _) => Err(EntryProblem::Type(other)),
    }
}
