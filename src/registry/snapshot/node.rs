//! The nodes of a snapshot as files. Each is cut into cells that prove themselves, so that a reader gets one path for some
//! hundred bytes, however many paths the node covers.

use std::collections::BTreeMap;

use super::{Entry, slot_of};
use crate::model::Blake3;

/// How many slots a branch or a leaf has: one for each digit.
pub(super) const SLOTS: usize = 16;
/// How many children the root can have: one for each value of two digits.
const ROOT_SLOTS: usize = 256;
const DIGEST: usize = 32;
/// The digests beside the way from a slot to its node.
const PROOF: usize = 4 * DIGEST;
/// A child in a branch: its kind, its digest, and the sizes of its slots.
const CHILD: usize = 1 + DIGEST + 2 * SLOTS;

/// How many bytes each slot of a leaf has.
pub(super) type Sizes = [u16; SLOTS];

/// What a branch says of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Child {
    Branch(Blake3),
    Leaf(Blake3, Sizes),
}

/// Where a part of a node's file stands that proves itself: a proof, and behind it what the slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    pub slot: usize,
    /// The offset of its first byte in the file.
    pub from: u64,
    pub length: u64,
}

impl Child {
    pub(super) fn digest(&self) -> Blake3 {
        match self {
            Self::Branch(digest) | Self::Leaf(digest, _) => *digest,
        }
    }

    /// Where the cell of a slot stands, or none if there is nothing in it.
    pub(super) fn cell(&self, slot: usize) -> Option<Cell> {
        let size = |slot: usize| match self {
            Self::Branch(_) => CHILD,
            Self::Leaf(_, sizes) => usize::from(sizes[slot]),
        };
        let from = (0..slot).map(|before| PROOF + size(before)).sum::<usize>() as u64;
        (size(slot) > 0).then(|| Cell { slot, from, length: (PROOF + size(slot)) as u64 })
    }
}

/// What a cell of the node `digest` says of its slot, or none if the node holds something else there.
pub fn open_cell(digest: Blake3, slot: usize, cell: &[u8]) -> Option<&[u8]> {
    let (proof, content) = cell.split_at_checked(PROOF)?;
    let (mut place, mut hash) = (slot, slot_hash(content));
    for beside in proof.as_chunks::<DIGEST>().0 {
        let beside = Blake3(*beside);
        hash = if place % 2 == 0 { parent_hash(hash, beside) } else { parent_hash(beside, hash) };
        place /= 2;
    }
    (hash == digest).then_some(content)
}

fn slot_hash(content: &[u8]) -> Blake3 {
    let mut hasher = blake3::Hasher::new();
    Blake3(*hasher.update(&[0]).update(content).finalize().as_bytes())
}

fn parent_hash(left: Blake3, right: Blake3) -> Blake3 {
    let mut hasher = blake3::Hasher::new();
    Blake3(*hasher.update(&[1]).update(&left.0).update(&right.0).finalize().as_bytes())
}

/// The digest of a node with these slots, and its file.
fn write_slots(slots: &[Vec<u8>; SLOTS]) -> (Blake3, Vec<u8>) {
    let mut levels = vec![slots.iter().map(|slot| slot_hash(slot)).collect::<Vec<_>>()];
    while let Some(below) = levels.last().filter(|level| level.len() > 1) {
        levels
            .push(below.as_chunks::<2>().0.iter().map(|[left, right]| parent_hash(*left, *right)).collect());
    }
    let mut file = Vec::new();
    for (slot, content) in slots.iter().enumerate() {
        for (height, level) in levels[..levels.len() - 1].iter().enumerate() {
            file.extend_from_slice(&level[(slot >> height) ^ 1].0);
        }
        file.extend_from_slice(content);
    }
    (levels[levels.len() - 1][0], file)
}

/// The slots of a node's file, if it is that of `digest` to the last byte.
fn read_slots<'a>(node: &Child, digest: Blake3, file: &'a [u8]) -> Option<[&'a [u8]; SLOTS]> {
    let mut slots: [&[u8]; SLOTS] = [&[]; SLOTS];
    let mut rest = file;
    for (slot, content) in slots.iter_mut().enumerate() {
        let length = node.cell(slot).map_or(PROOF, |cell| usize::try_from(cell.length).unwrap_or(usize::MAX));
        let (cell, behind) = rest.split_at_checked(length)?;
        *content = open_cell(digest, slot, cell)?;
        rest = behind;
    }
    rest.is_empty().then_some(slots)
}

/// The children of the root, by the first two digits of their keys.
pub(super) fn write_root(children: &BTreeMap<u8, Blake3>) -> (Blake3, Vec<u8>) {
    let none = Blake3([0; DIGEST]);
    let file: Vec<u8> =
        (0..=u8::MAX).flat_map(|label| children.get(&label).copied().unwrap_or(none).0).collect();
    (Blake3::of(&file), file)
}

pub(super) fn read_root(digest: Blake3, file: &[u8]) -> Option<BTreeMap<u8, Blake3>> {
    if file.len() != ROOT_SLOTS * DIGEST || Blake3::of(file) != digest {
        return None;
    }
    let children = (0..=u8::MAX).zip(file.as_chunks::<DIGEST>().0);
    Some(
        children
            .filter(|(_, child)| **child != [0; DIGEST])
            .map(|(label, child)| (label, Blake3(*child)))
            .collect(),
    )
}

/// The children of a branch, by their digit.
pub(super) type Children = BTreeMap<usize, Child>;

pub(super) fn write_branch(children: &Children) -> (Child, Vec<u8>) {
    let slots = std::array::from_fn(|slot| write_child(children.get(&slot)));
    let (digest, file) = write_slots(&slots);
    (Child::Branch(digest), file)
}

pub(super) fn read_branch(digest: Blake3, file: &[u8]) -> Option<Children> {
    let mut children = Children::new();
    for (slot, content) in read_slots(&Child::Branch(digest), digest, file)?.into_iter().enumerate() {
        children.extend(read_child(content)?.map(|child| (slot, child)));
    }
    Some(children)
}

fn write_child(child: Option<&Child>) -> Vec<u8> {
    let (kind, digest, sizes) = match child {
        None => (0, Blake3([0; DIGEST]), [0; SLOTS]),
        Some(Child::Branch(digest)) => (1, *digest, [0; SLOTS]),
        Some(Child::Leaf(digest, sizes)) => (2, *digest, *sizes),
    };
    let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
    std::iter::once(kind).chain(digest.0).chain(sizes).collect()
}

/// What a slot of a branch says of its child, or none if it is not the slot of a branch.
pub(super) fn read_child(content: &[u8]) -> Option<Option<Child>> {
    let (kind, rest) = content.split_first()?;
    let (digest, sizes) = rest.split_first_chunk::<DIGEST>()?;
    let digest = Blake3(*digest);
    let mut child = None;
    if *kind != 0 {
        let mut read = [0; SLOTS];
        for (size, bytes) in read.iter_mut().zip(sizes.as_chunks::<2>().0) {
            *size = u16::from_be_bytes(*bytes);
        }
        child = Some(if *kind == 1 { Child::Branch(digest) } else { Child::Leaf(digest, read) });
    }
    // Reading and writing are inverse: another kind, or anything where there should be nothing, is refused.
    (write_child(child.as_ref()) == content).then_some(child)
}

/// A leaf at `depth` with these entries.
pub(super) fn write_leaf(depth: usize, entries: &BTreeMap<String, Entry>) -> (Child, Vec<u8>) {
    let mut slots: [Vec<u8>; SLOTS] = Default::default();
    for (path, Entry { length, digest }) in entries {
        let slot = &mut slots[slot_of(path, depth)];
        slot.extend_from_slice(&length.to_be_bytes());
        slot.extend_from_slice(&digest.0);
        slot.push(u8::try_from(path.len()).unwrap_or(u8::MAX));
        slot.extend_from_slice(path.as_bytes());
    }
    let (digest, file) = write_slots(&slots);
    let sizes = slots.map(|slot| u16::try_from(slot.len()).unwrap_or(u16::MAX));
    (Child::Leaf(digest, sizes), file)
}

pub(super) fn read_leaf(depth: usize, leaf: &Child, file: &[u8]) -> Option<BTreeMap<String, Entry>> {
    let mut entries = BTreeMap::new();
    for (slot, content) in read_slots(leaf, leaf.digest(), file)?.into_iter().enumerate() {
        entries.extend(read_entries(depth, slot, content)?);
    }
    Some(entries)
}

/// The entries in a slot of a leaf, or none if it is not in the one form that they have.
pub(super) fn read_entries(depth: usize, slot: usize, content: &[u8]) -> Option<BTreeMap<String, Entry>> {
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    let mut rest = content;
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<8>()?;
        let (digest, behind) = behind.split_first_chunk::<DIGEST>()?;
        let (size, behind) = behind.split_first()?;
        let (path, behind) = behind.split_at_checked(usize::from(*size))?;
        let path = std::str::from_utf8(path).ok()?;
        let is_next = entries.last_key_value().is_none_or(|(last, _)| last.as_str() < path);
        if !is_next || slot_of(path, depth) != slot {
            return None;
        }
        let entry = Entry { length: u64::from_be_bytes(*length), digest: Blake3(*digest) };
        entries.insert(path.to_owned(), entry);
        rest = behind;
    }
    Some(entries)
}
