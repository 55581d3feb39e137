//! The log: a Merkle tree over every line ever sealed, in C2SP tlog-tiles under `log/`.
//!
//! This module knows which tiles a change needs and what they hold; the algorithms are those of `tlog_tiles`, and
//! reading and writing files is its callers' part.

mod audit_paths;
mod inclusion;

use std::cell::RefCell;
use std::collections::BTreeMap;

use tlog_tiles::{
    EMPTY_HASH, HASH_SIZE, Hash, HashReader, Tile, TileHashReader, TileReader, prove_tree, record_hash,
    stored_hash_count, stored_hash_index, stored_hashes_for_record_hash, tree_hash,
};

use super::{Checkpoint, RegistryError};
pub use audit_paths::{AuditPath, check_audit_paths};
pub use inclusion::check_inclusion;

/// 256 hashes in a full tile.
const HEIGHT: u8 = 8;
/// Entries in a full bundle.
const BUNDLE: u64 = 1 << HEIGHT;
/// How many bundles of a replay are asked for at once: at most 256 MiB.
const BUNDLES_AT_ONCE: u64 = 16;
/// A full bundle of the longest entries.
pub const MAX_TILE: u64 = BUNDLE * (2 + 65_535);

/// Reads whole files of the log by path, such as `log/tile/0/x001/234`; all of them, or an error.
pub trait LogFiles {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError>;

    /// As `read`, and with them these audit paths, at the same time. None for one that is not to be had: the tile that it is of
    /// is read instead.
    fn read_with(&self, paths: &[String], audit_paths: &[AuditPath]) -> Result<Parts, RegistryError> {
        Ok((self.read(paths)?, vec![None; audit_paths.len()]))
    }

    /// Told of each file, and of each audit path under the name that it is kept by, once it is proven to belong to the tree.
    fn keep(&self, _path: &str, _bytes: &[u8]) {}
}

/// Files, and audit paths where they are to be had.
pub type Parts = (Vec<Vec<u8>>, Vec<Option<Vec<u8>>>);

/// Where a tile of hashes stands: `log/tile/<level>/<number>[.p/<width>]`.
fn tile_path(tile: &Tile) -> String {
    // The library writes Go's form of the path, which carries the height.
    format!("log/{}", tile.path().replacen("tile/8/", "tile/", 1))
}

/// Where a bundle of entries stands: `log/tile/entries/<number>[.p/<width>]`.
fn bundle_path(number: u64, width: u64) -> String {
    let tile = Tile::new(HEIGHT, 0, number, u32::try_from(width).unwrap_or(u32::MAX), true);
    format!("log/{}", tile.path().replacen("tile/8/data/", "tile/entries/", 1))
}

/// What `append` made: the tree after it, and the files to be written, by path.
pub struct Appended {
    pub size: u64,
    pub root: Hash,
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Adds `entries` to a log of `size` entries under `root`, of which only the tiles on the right edge are read.
pub fn append(
    files: &dyn LogFiles,
    size: u64,
    root: Hash,
    entries: &[String],
) -> Result<Appended, RegistryError> {
    let new_size = size + entries.len() as u64;
    let tiles = Tiles::new(files);
    let old = TileHashReader::new(size, root, &tiles);
    let added = entries.iter().map(|entry| record_hash(entry.as_bytes()));
    let (hashes, root) = grow(&old, size, added).map_err(|error| tiles.error(error))?;
    let mut written = BTreeMap::new();
    for tile in Tile::new_tiles(HEIGHT, size, new_size) {
        let bytes = tile.read_data(&hashes).map_err(|error| tiles.error(error))?;
        written.extend(audit_paths::file_of(&tile, &bytes));
        written.insert(tile_path(&tile), bytes);
    }
    for (number, bundle) in bundles(files, size, entries, &hashes)? {
        let width = (new_size - number * BUNDLE).min(BUNDLE);
        written.insert(bundle_path(number, width), bundle);
    }
    Ok(Appended { size: new_size, root, files: written })
}

/// The root of a log of `size` entries under `root`, once entries with the hashes `added` follow (RFC 6962, leaf hashes).
pub fn root_after(
    files: &dyn LogFiles,
    size: u64,
    root: Hash,
    added: impl IntoIterator<Item = Hash>,
) -> Result<Hash, RegistryError> {
    let tiles = Tiles::new(files);
    let old = TileHashReader::new(size, root, &tiles);
    grow(&old, size, added).map(|(_, root)| root).map_err(|error| tiles.error(error))
}

/// The hashes of a tree of `size` entries with more of them, and its root.
fn grow<R: HashReader>(
    old: &R,
    size: u64,
    added: impl IntoIterator<Item = Hash>,
) -> Result<(Hashes<'_, R>, Hash), tlog_tiles::Error> {
    let mut hashes = Hashes { old, base: stored_hash_count(size), new: Vec::new() };
    let mut next = size;
    for hash in added {
        let more = stored_hashes_for_record_hash(next, hash, &hashes)?;
        hashes.new.extend(more);
        next += 1;
    }
    let root = if next == 0 { EMPTY_HASH } else { tree_hash(next, &hashes)? };
    Ok((hashes, root))
}

/// The bundles that `entries` touch; the first continues the partial bundle that is there, once its entries are
/// found to be those that the tree holds.
fn bundles(
    files: &dyn LogFiles,
    size: u64,
    entries: &[String],
    hashes: &impl HashReader,
) -> Result<BTreeMap<u64, Vec<u8>>, RegistryError> {
    let mut bundles: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let open = size % BUNDLE;
    if open > 0 && !entries.is_empty() {
        let path = bundle_path(size / BUNDLE, open);
        let bytes = files.read(std::slice::from_ref(&path))?.pop().unwrap_or_default();
        let indexes: Vec<u64> = (size - open..size).map(|number| stored_hash_index(0, number)).collect();
        let expected = hashes.read_hashes(&indexes).map_err(log_error)?;
        let found: Vec<Hash> = split_bundle(&path, &bytes, open)?.into_iter().map(record_hash).collect();
        if expected != found {
            return Err(RegistryError::Log { reason: format!("{path} holds other entries than the tree") });
        }
        bundles.insert(size / BUNDLE, bytes);
    }
    for (number, entry) in (size..).zip(entries) {
        let length = u16::try_from(entry.len()).map_err(|_| RegistryError::Log {
            reason: format!("entry {number} is longer than 65,535 bytes"),
        })?;
        let bundle = bundles.entry(number / BUNDLE).or_default();
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry.as_bytes());
    }
    Ok(bundles)
}

/// All entries of the log from number `from` on, in order, each checked to be what the tree holds at its place.
pub fn replay(
    files: &dyn LogFiles,
    checkpoint: &Checkpoint,
    from: u64,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), RegistryError>,
) -> Result<(), RegistryError> {
    let tiles = Tiles::new(files);
    let reader = TileHashReader::new(checkpoint.size, checkpoint.root, &tiles);
    let width = |number: u64| (checkpoint.size - number * BUNDLE).min(BUNDLE);
    let mut next = from / BUNDLE;
    let end = checkpoint.size.div_ceil(BUNDLE);
    while next < end {
        let numbers = next..end.min(next + BUNDLES_AT_ONCE);
        let paths: Vec<String> = numbers.clone().map(|number| bundle_path(number, width(number))).collect();
        let bundles = files.read(&paths)?;
        let last = checkpoint.size.min(numbers.end * BUNDLE);
        let indexes: Vec<u64> =
            (numbers.start * BUNDLE..last).map(|number| stored_hash_index(0, number)).collect();
        let mut expected = reader.read_hashes(&indexes).map_err(|error| tiles.error(error))?.into_iter();
        for ((bundle, path), bytes) in numbers.clone().zip(&paths).zip(&bundles) {
            let entries = split_bundle(path, bytes, width(bundle))?;
            for ((number, entry), expected) in (bundle * BUNDLE..).zip(entries).zip(expected.by_ref()) {
                if record_hash(entry) != expected {
                    return Err(RegistryError::Log {
                        reason: format!("entry {number} in {path} is not the entry that the tree holds"),
                    });
                }
                if number >= from {
                    each(number, entry)?;
                }
            }
        }
        next = numbers.end;
    }
    Ok(())
}

/// The root of the log when it had `size` entries, as the tree of `checkpoint` tells it.
pub fn root_at(files: &dyn LogFiles, checkpoint: &Checkpoint, size: u64) -> Result<Hash, RegistryError> {
    if size == 0 {
        return Ok(EMPTY_HASH);
    }
    if size > checkpoint.size {
        return Err(RegistryError::Log {
            reason: format!("it has {} entries, and its state of {size} is asked for", checkpoint.size),
        });
    }
    let tiles = Tiles::new(files);
    // Every hash that the reader returns is proven to be in the tree, so a root built from them is too.
    tree_hash(size, &TileHashReader::new(checkpoint.size, checkpoint.root, &tiles))
        .map_err(|error| tiles.error(error))
}

/// Checks that the log of `new` begins with the whole log of `old`: nothing was taken back or rewritten.
pub fn check_consistency(
    files: &dyn LogFiles,
    old: &Checkpoint,
    new: &Checkpoint,
) -> Result<(), RegistryError> {
    let root = root_at(files, new, old.size)?;
    if old.size > 0 && root != old.root {
        return Err(RegistryError::Fork {
            size: old.size,
            seen: old.root_base64(),
            found: root.to_string(),
            evidence: None,
        });
    }
    Ok(())
}

/// The root of the first `size` entries of the log of `new`, and the proof of RFC 6962, section 2.1.2, that it is.
pub fn prove_consistency(
    files: &dyn LogFiles,
    size: u64,
    new: &Checkpoint,
) -> Result<(Hash, Vec<Hash>), RegistryError> {
    let tiles = Tiles::new(files);
    let reader = TileHashReader::new(new.size, new.root, &tiles);
    let root = tree_hash(size, &reader).map_err(|error| tiles.error(error))?;
    let proof = prove_tree(new.size, size, &reader).map_err(|error| tiles.error(error))?;
    Ok((root, proof))
}

fn split_bundle<'a>(path: &str, bytes: &'a [u8], count: u64) -> Result<Vec<&'a [u8]>, RegistryError> {
    let bad = || RegistryError::Log { reason: format!("{path} is not a bundle of {count} entries") };
    let mut rest = bytes;
    let mut entries = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        entries.push(after.get(..length).ok_or_else(bad)?);
        rest = &after[length..];
    }
    if !rest.is_empty() || entries.len() as u64 != count {
        return Err(bad());
    }
    Ok(entries)
}

fn log_error(error: tlog_tiles::Error) -> RegistryError {
    RegistryError::Log { reason: error.to_string() }
}

/// The tiles of a log as `tlog_tiles` asks for them.
struct Tiles<'a> {
    files: &'a dyn LogFiles,
    /// Why tiles could not be read: `tlog_tiles` has no place for that in its errors.
    failure: RefCell<Option<RegistryError>>,
}

impl<'a> Tiles<'a> {
    fn new(files: &'a dyn LogFiles) -> Self {
        Self { files, failure: RefCell::new(None) }
    }

    fn error(&self, error: tlog_tiles::Error) -> RegistryError {
        self.failure.take().unwrap_or_else(|| log_error(error))
    }

    fn read(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, RegistryError> {
        let paths: Vec<String> = tiles.iter().map(tile_path).collect();
        let found = self.files.read(&paths)?;
        for ((tile, path), bytes) in tiles.iter().zip(&paths).zip(&found) {
            let expected = tile.width() as usize * HASH_SIZE;
            if bytes.len() != expected {
                let reason = format!("{path} has {} bytes, and should have {expected}", bytes.len());
                return Err(RegistryError::Log { reason });
            }
        }
        Ok(found)
    }
}

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        self.read(tiles).map_err(|error| {
            let reason = error.to_string();
            self.failure.replace(Some(error));
            tlog_tiles::Error::InvalidInput(reason)
        })
    }

    fn save_tiles(&self, tiles: &[Tile], data: &[Vec<u8>]) {
        for (tile, bytes) in tiles.iter().zip(data) {
            self.files.keep(&tile_path(tile), bytes);
        }
    }
}

/// The hashes of a tree that grows: those of the old tree from its tiles, the new ones from memory.
struct Hashes<'a, R> {
    old: &'a R,
    base: u64,
    new: Vec<Hash>,
}

impl<R: HashReader> HashReader for Hashes<'_, R> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let old: Vec<u64> = indexes.iter().copied().filter(|index| *index < self.base).collect();
        let mut old = if old.is_empty() { Vec::new() } else { self.old.read_hashes(&old)? }.into_iter();
        indexes
            .iter()
            .map(|index| match index.checked_sub(self.base) {
                None => old.next(),
                Some(new) => self.new.get(usize::try_from(new).unwrap_or(usize::MAX)).copied(),
            })
            .map(|hash| hash.ok_or(tlog_tiles::Error::IndexesNotInTree))
            .collect()
    }
}

#[cfg(test)]
mod tests;
