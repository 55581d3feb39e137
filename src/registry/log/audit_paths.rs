//! Audit paths within full tiles, in files beside them: `log/paths/<level>/<number>`.
//!
//! To prove one hash of a tile by the tile itself takes all of its 256 hashes. A reader of a few entries gets for each of them
//! the part of this file that leads from it to the tile's own hash. The file follows from the tile, nobody signs it, and
//! nothing is believed by it that does not lead to the root of the tree.

use tlog_tiles::{HASH_SIZE, Hash, Tile, node_hash};

use super::{BUNDLE, HEIGHT, LogFiles, tile_path};
use crate::registry::RegistryError;

/// How many neighbouring hashes share an audit path.
const GROUP: u64 = 4;
/// How many hashes lead from a group to its tile's hash.
const STEPS: usize = 6;
const LENGTH: u64 = (GROUP + STEPS as u64) * HASH_SIZE as u64;

/// The audit path of a group of neighbouring hashes in a full tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPath {
    level: u8,
    tile: u64,
    group: u64,
}

impl AuditPath {
    /// The one that the hash with the number `index` of a tile level is in.
    pub(super) fn of(level: u8, index: u64) -> Self {
        Self { level, tile: index / BUNDLE, group: index % BUNDLE / GROUP }
    }

    pub(super) fn tile(&self) -> (u8, u64) {
        (self.level, self.tile)
    }

    /// The tile that it is of.
    pub fn tile_path(&self) -> String {
        tile_path(&full_tile(self.level, self.tile))
    }

    /// The file that it stands in.
    pub fn path(&self) -> String {
        path_of(&full_tile(self.level, self.tile))
    }

    /// The offset of its first byte in the file.
    pub fn from(&self) -> u64 {
        self.group * LENGTH
    }

    /// In bytes.
    pub fn length(&self) -> u64 {
        LENGTH
    }

    /// The name by which it is kept.
    pub fn name(&self) -> String {
        format!("{}/{}", self.path(), self.group)
    }

    /// Its bytes, as the tile has them.
    pub fn of_tile(&self, tile: &[u8]) -> Option<Vec<u8>> {
        let (_, file) = file_of(&full_tile(self.level, self.tile), tile)?;
        let from = usize::try_from(self.from()).ok()?;
        Some(file.get(from..)?.get(..usize::try_from(LENGTH).ok()?)?.to_vec())
    }

    /// The hash of the tile, if `hash` is the one with the number `index` there by these bytes.
    pub(super) fn climb(&self, bytes: &[u8], index: u64, hash: Hash) -> Option<Hash> {
        let (hashes, []) = bytes.as_chunks::<HASH_SIZE>() else { return None };
        let (group, above) = hashes.split_first_chunk::<{ GROUP as usize }>()?;
        if above.len() != STEPS || Self::of(self.level, index) != *self {
            return None;
        }
        let place = usize::try_from(index % GROUP).unwrap_or_default();
        if group[place] != hash.0 {
            return None;
        }
        let (mut hash, mut place) = (Tile::subtree_hash(group.as_flattened()), self.group);
        for beside in above {
            let beside = Hash(*beside);
            hash = if place % 2 == 0 { node_hash(hash, beside) } else { node_hash(beside, hash) };
            place /= 2;
        }
        Some(hash)
    }
}

pub(super) fn full_tile(level: u8, number: u64) -> Tile {
    Tile::new(HEIGHT, level, number, 1 << HEIGHT, false)
}

fn path_of(tile: &Tile) -> String {
    tile_path(tile).replacen("log/tile/", "log/paths/", 1)
}

/// The file of all audit paths in a tile, with its path; none if the tile is not full.
pub(super) fn file_of(tile: &Tile, bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let groups = bytes.as_chunks::<{ GROUP as usize * HASH_SIZE }>().0;
    if groups.len() as u64 * GROUP != BUNDLE {
        return None;
    }
    let mut levels = vec![groups.iter().map(|group| Tile::subtree_hash(group)).collect::<Vec<_>>()];
    while let Some(below) = levels.last().filter(|level| level.len() > 2) {
        levels.push(below.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(*left, *right)).collect());
    }
    let mut file = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        file.extend_from_slice(group);
        for (height, level) in levels.iter().enumerate() {
            file.extend_from_slice(&level[(number >> height) ^ 1].0);
        }
    }
    Some((path_of(tile), file))
}

/// What is wrong with the files of audit paths beside the tiles of a log of `size` entries: one sentence each. `present` gives a
/// file, or none if it is not there, which is nothing wrong.
pub fn check_audit_paths(
    files: &dyn LogFiles,
    size: u64,
    present: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<Vec<String>, RegistryError> {
    let mut problems = Vec::new();
    let full = |level: u8| size >> (HEIGHT * (level + 1));
    for level in (0..u8::MAX).take_while(|level| full(*level) > 0) {
        for tile in (0..full(level)).map(|number| full_tile(level, number)) {
            let Some(found) = present(&path_of(&tile)) else { continue };
            let bytes = files.read(&[tile_path(&tile)])?.pop().unwrap_or_default();
            if file_of(&tile, &bytes).is_none_or(|(_, file)| file != found) {
                problems.push(format!("{} does not follow from its tile", path_of(&tile)));
            }
        }
    }
    Ok(problems)
}
