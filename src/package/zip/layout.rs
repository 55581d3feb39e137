//! Local headers: they must say what the central directory says, and the entries must fill the archive without
//! overlap and without gap, so that a reader from the front and a reader from the back see the same files.

use std::ops::Range;

use rawzip::extra_fields::ExtraFieldId;
use rawzip::{ReaderAt, ZipArchive, ZipLocalFileHeader};

use super::directory::Entry;
use super::error::{EntryProblem, ZipError};

/// Bytes of name and extra field in a local header.
const MAX_VARIABLE: usize = 16 << 10;

/// Where the compressed bytes of each entry are, in the order of `entries`, which are all those of the archive.
pub(in super::super) fn locate<R: ReaderAt>(
    archive: &ZipArchive<R>,
    entries: &[Entry],
) -> Result<Vec<Range<u64>>, ZipError> {
    let ends = entries.iter().skip(1).map(|entry| entry.offset).chain([archive.directory_offset()]);
    entries.iter().zip(ends).map(|(entry, end)| locate_entry(archive, entry, end)).collect()
}

/// Where the compressed bytes of one entry are, when the next entry or the central directory begins at `end`.
pub(in super::super) fn locate_entry<R: ReaderAt>(
    archive: &ZipArchive<R>,
    entry: &Entry,
    end: u64,
) -> Result<Range<u64>, ZipError> {
    locate_data(archive, entry, end).map_err(|problem| problem.of(&entry.path))
}

fn locate_data<R: ReaderAt>(
    archive: &ZipArchive<R>,
    entry: &Entry,
    end: u64,
) -> Result<Range<u64>, EntryProblem> {
    // Longer names are refused already, and no tool writes as much into the extra field.
    let mut buffer = [0; MAX_VARIABLE];
    let unreadable = |error: rawzip::Error| EntryProblem::LocalHeader(error.to_string().to_lowercase());
    let located = archive.get_entry(entry.wayfinder).map_err(unreadable)?;
    let (data_start, data_end) = located.compressed_data_range();
    let rest = end.checked_sub(data_end).ok_or(EntryProblem::Overlap)?;
    check_header(entry, &located.local_header(&mut buffer).map_err(unreadable)?)?;

    if !has_descriptor(entry) {
        return if rest == 0 { Ok(data_start..data_end) } else { Err(EntryProblem::Gap(rest)) };
    }
    let mut descriptor = [0; 24];
    let Some(descriptor) = usize::try_from(rest).ok().and_then(|rest| descriptor.get_mut(..rest)) else {
        return Err(EntryProblem::Gap(rest));
    };
    archive.get_ref().read_exact_at(descriptor, data_end).map_err(EntryProblem::Io)?;
    if descriptor_forms(entry).iter().any(|form| form == descriptor) {
        Ok(data_start..data_end)
    } else {
        Err(EntryProblem::Differs("data descriptor"))
    }
}

fn has_descriptor(entry: &Entry) -> bool {
    entry.flags & 1 << 3 != 0
}

fn check_header(entry: &Entry, local: &ZipLocalFileHeader<'_>) -> Result<(), EntryProblem> {
    let name = local.file_path().as_bytes();
    let same_name = if entry.folder {
        name.strip_suffix(b"/") == Some(entry.path.as_bytes())
    } else {
        name == entry.path.as_bytes()
    };
    if !same_name {
        return Err(EntryProblem::Differs("name"));
    }
    if local.extra_fields().any(|(id, _)| id == ExtraFieldId::INFO_ZIP_UNICODE_PATH) {
        return Err(EntryProblem::SecondName);
    }
    if local.compression_method().as_u16() != if entry.deflated { 8 } else { 0 } {
        return Err(EntryProblem::Differs("compression method"));
    }
    if local.flags().bits() != entry.flags {
        return Err(EntryProblem::Differs("set of flags"));
    }
    // A writer that cannot seek leaves them out, and gives them in the data descriptor.
    let given = |local: u64| !(has_descriptor(entry) && local == 0);
    let (size, compressed) = (local.uncompressed_size_hint(), local.compressed_size_hint());
    if given(size) && size != entry.size {
        return Err(EntryProblem::Differs("size"));
    }
    if given(compressed) && compressed != entry.compressed_size {
        return Err(EntryProblem::Differs("compressed size"));
    }
    if given(u64::from(local.crc32())) && local.crc32() != entry.crc32 {
        return Err(EntryProblem::Differs("CRC-32"));
    }
    Ok(())
}

/// The four ways to write the data descriptor of an entry: with or without a signature, with 32-bit or 64-bit sizes
/// (APPNOTE 4.3.9). They differ in length, so the space that an entry leaves tells which one it has.
fn descriptor_forms(entry: &Entry) -> [Vec<u8>; 4] {
    const SIGNATURE: [u8; 4] = *b"PK\x07\x08";
    let crc = entry.crc32.to_le_bytes();
    let (compressed, size) = (entry.compressed_size.to_le_bytes(), entry.size.to_le_bytes());
    let wide = [&crc[..], &compressed, &size].concat();
    // Sizes that need 64 bits do not have the short form.
    let fits = entry.compressed_size.max(entry.size) <= u64::from(u32::MAX);
    let narrow = if fits { [&crc[..], &compressed[..4], &size[..4]].concat() } else { wide.clone() };
    [[&SIGNATURE[..], &narrow].concat(), [&SIGNATURE[..], &wide].concat(), narrow, wide]
}
