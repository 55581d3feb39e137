//! That entries stand in the log: by audit paths where there are any, else by tiles.

use std::collections::{BTreeMap, BTreeSet};

use tlog_tiles::{Hash, HashReader, Tile, TileHashReader, stored_hash_index};

use super::audit_paths::{AuditPath, full_tile};
use super::{BUNDLE, HEIGHT, LogFiles, Tiles, tile_path};
use crate::registry::{Checkpoint, RegistryError};

/// Of a tile of which more audit paths are wanted, the tile itself is read: it costs not much more, and one request.
const MOST_PATHS: usize = 8;

/// Checks that each entry stands in the log at its number.
pub fn check_inclusion(
    files: &dyn LogFiles,
    checkpoint: &Checkpoint,
    entries: &[(u64, Hash)],
) -> Result<(), RegistryError> {
    if let Some((number, _)) = entries.iter().find(|(number, _)| *number >= checkpoint.size) {
        return Err(RegistryError::Log {
            reason: format!("a seal names entry {number}, and the log has {}", checkpoint.size),
        });
    }
    match check_by_paths(files, checkpoint, entries) {
        // The audit paths may be what is wrong, and nothing depends on them.
        Err(RegistryError::Log { .. }) => {
            let hashes = entries.iter().map(|(number, hash)| Climbed {
                number: *number,
                level: 0,
                index: *number,
                hash: *hash,
            });
            check_by_tiles(files, checkpoint, &hashes.collect::<Vec<_>>())
        }
        checked => checked,
    }
}

/// A hash that an entry leads to.
struct Climbed {
    /// Of the entry.
    number: u64,
    /// The tile level of the hash, and its number there.
    level: u8,
    index: u64,
    hash: Hash,
}

fn check_by_paths(
    files: &dyn LogFiles,
    checkpoint: &Checkpoint,
    entries: &[(u64, Hash)],
) -> Result<(), RegistryError> {
    // Where everything stands follows from the numbers, so all of it is asked for at once.
    let plan = Plan::new(checkpoint.size, entries);
    let audit_paths: Vec<AuditPath> = plan.audit_paths.into_iter().collect();
    let tile_paths: Vec<String> = plan.tiles.into_iter().collect();
    let (tiles, found) = files.read_with(&tile_paths, &audit_paths)?;
    let found: BTreeMap<AuditPath, Vec<u8>> =
        audit_paths.into_iter().zip(found).filter_map(|(path, bytes)| Some((path, bytes?))).collect();
    let mut climbed = Vec::new();
    for (number, hash) in entries {
        let mut at = Climbed { number: *number, level: 0, index: *number, hash: *hash };
        while let Some((path, bytes)) = found.get_key_value(&AuditPath::of(at.level, at.index)) {
            at.hash = path.climb(bytes, at.index, at.hash).ok_or_else(|| another(*number))?;
            at.index /= BUNDLE;
            at.level += 1;
        }
        climbed.push(at);
    }
    let read = Read { files, tiles: tile_paths.into_iter().zip(tiles).collect() };
    check_by_tiles(&read, checkpoint, &climbed)?;
    for (path, bytes) in &found {
        files.keep(&path.name(), bytes);
    }
    Ok(())
}

fn check_by_tiles(
    files: &dyn LogFiles,
    checkpoint: &Checkpoint,
    hashes: &[Climbed],
) -> Result<(), RegistryError> {
    let tiles = Tiles::new(files);
    let reader = TileHashReader::new(checkpoint.size, checkpoint.root, &tiles);
    let indexes: Vec<u64> =
        hashes.iter().map(|climbed| stored_hash_index(climbed.level * HEIGHT, climbed.index)).collect();
    let found = reader.read_hashes(&indexes).map_err(|error| tiles.error(error))?;
    match hashes.iter().zip(found).find(|(climbed, found)| climbed.hash != *found) {
        Some((climbed, _)) => Err(another(climbed.number)),
        None => Ok(()),
    }
}

fn another(number: u64) -> RegistryError {
    RegistryError::Log { reason: format!("the log has another entry {number} than the index file shows") }
}

/// What is to be read for entries of a log.
struct Plan {
    audit_paths: BTreeSet<AuditPath>,
    /// Paths of tiles: those on the right edge, which are not full, and those of which much is wanted.
    tiles: BTreeSet<String>,
}

impl Plan {
    fn new(size: u64, entries: &[(u64, Hash)]) -> Self {
        let mut plan = Self { audit_paths: BTreeSet::new(), tiles: BTreeSet::new() };
        for (number, _) in entries {
            plan.audit_paths
                .extend(full_levels(size, *number).map(|(level, index)| AuditPath::of(level, index)));
        }
        let mut by_tile: BTreeMap<(u8, u64), usize> = BTreeMap::new();
        for path in &plan.audit_paths {
            *by_tile.entry(path.tile()).or_default() += 1;
        }
        for ((level, number), _) in by_tile.iter().filter(|(_, count)| **count > MOST_PATHS) {
            // A tile proves itself by those above it.
            for (level, number) in
                full_levels(size, number << (HEIGHT * (level + 1))).skip(usize::from(*level))
            {
                plan.tiles.insert(tile_path(&full_tile(level, number / BUNDLE)));
            }
        }
        plan.audit_paths.retain(|path| by_tile[&path.tile()] <= MOST_PATHS);
        let mut count = size;
        for level in 0.. {
            if count == 0 {
                break;
            }
            let width = u32::try_from(count % BUNDLE).unwrap_or_default();
            if width > 0 {
                plan.tiles.insert(tile_path(&Tile::new(HEIGHT, level, count / BUNDLE, width, false)));
            }
            count /= BUNDLE;
        }
        plan
    }
}

/// The tile levels at which an entry is in a full tile, from 0 on, and the number of its hash there.
fn full_levels(size: u64, number: u64) -> impl Iterator<Item = (u8, u64)> {
    (0..)
        .map(move |level| (level, number >> (HEIGHT * level), size >> (HEIGHT * level)))
        .take_while(|(_, index, count)| index / BUNDLE < count / BUNDLE)
        .map(|(level, index, _)| (level, index))
}

/// Files of which some have been read.
struct Read<'a> {
    files: &'a dyn LogFiles,
    tiles: BTreeMap<String, Vec<u8>>,
}

impl LogFiles for Read<'_> {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        let more: Vec<String> =
            paths.iter().filter(|path| !self.tiles.contains_key(*path)).cloned().collect();
        let mut more = if more.is_empty() { Vec::new() } else { self.files.read(&more)? }.into_iter();
        let found = paths.iter().map(|path| self.tiles.get(path).cloned().or_else(|| more.next()));
        Ok(found.map(Option::unwrap_or_default).collect())
    }

    fn keep(&self, path: &str, bytes: &[u8]) {
        self.files.keep(path, bytes);
    }
}
