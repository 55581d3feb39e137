//! The snapshot: a hash trie from paths to (length, digest), in immutable files named by their content.
//!
//! A path's key is the BLAKE3 digest of its text, in hexadecimal digits. The root branches on the first two digits;
//! its children branch on the third; below them a node that covers at most [`LEAF_ENTRIES`] paths is a leaf, and any
//! other branches on the next digit. So the trie is a function of its entries alone, a lookup reads three nodes in a
//! registry of any usual size, and a change writes as many.
//!
//! Of the nodes below the root a lookup reads one cell each (`node`), so that what it costs hardly depends on how many
//! other paths there are.

mod node;

use std::collections::BTreeMap;

use futures::future::BoxFuture;

use super::RegistryError;
use crate::model::Blake3;
pub use node::{Cell, open_cell};
use node::{
    Child, read_branch, read_child, read_entries, read_leaf, read_root, write_branch, write_leaf, write_root,
};

/// How many paths a leaf holds before it branches.
pub const LEAF_ENTRIES: usize = 64;
/// The longest path: its length has one byte.
const MAX_PATH: usize = 255;
/// How many digits lead from the root to its children.
const ROOT_DIGITS: usize = 2;
/// How many digits a key has.
const DIGITS: usize = 64;

/// What a snapshot says of a file: its committed length, and the digest of that many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub length: u64,
    pub digest: Blake3,
}

/// Where nodes come from. What is returned is checked by whoever asked.
pub trait Nodes: Send + Sync {
    /// The file of a node.
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>>;

    /// One cell of it.
    fn cell(&self, digest: Blake3, cell: Cell) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        Box::pin(async move {
            let file = self.node(digest).await?;
            let from = usize::try_from(cell.from).unwrap_or(usize::MAX);
            let length = usize::try_from(cell.length).unwrap_or(usize::MAX);
            let cell = file.get(from..).and_then(|rest| rest.get(..length));
            cell.map(<[u8]>::to_vec).ok_or(RegistryError::SnapshotNode { digest })
        })
    }
}

/// The entry of `path` under `root`, or none.
pub async fn lookup(nodes: &dyn Nodes, root: Blake3, path: &str) -> Result<Option<Entry>, RegistryError> {
    let children = root_children(nodes, root).await?;
    let Some(child) = children.get(&Blake3::of(path.as_bytes()).0[0]) else { return Ok(None) };
    let mut at = Child::Branch(*child);
    for depth in ROOT_DIGITS..DIGITS {
        let (digest, slot) = (at.digest(), slot_of(path, depth));
        let bad = || RegistryError::SnapshotNode { digest };
        let Some(cell) = at.cell(slot) else { return Ok(None) };
        let bytes = nodes.cell(digest, cell).await?;
        let content = open_cell(digest, slot, &bytes).ok_or_else(bad)?;
        at = match at {
            Child::Leaf(..) => {
                let entries = read_entries(depth, slot, content).ok_or_else(bad)?;
                return Ok(entries.get(path).copied());
            }
            Child::Branch(_) => match read_child(content).ok_or_else(bad)? {
                None => return Ok(None),
                Some(child) => child,
            },
        };
    }
    Err(RegistryError::SnapshotNode { digest: at.digest() })
}

/// All entries under `root`. Each must stand where a lookup finds it, so that no node stands in two places, and a few
/// nodes cannot be made to look like very many.
pub async fn all(nodes: &dyn Nodes, root: Blake3) -> Result<BTreeMap<String, Entry>, RegistryError> {
    let mut entries = BTreeMap::new();
    let children = root_children(nodes, root).await?.into_iter();
    let mut open: Vec<(String, Child)> =
        children.map(|(label, child)| (format!("{label:02x}"), Child::Branch(child))).collect();
    while let Some((place, node)) = open.pop() {
        let (digest, depth) = (node.digest(), place.len());
        let bad = || RegistryError::SnapshotNode { digest };
        if depth >= DIGITS {
            return Err(bad());
        }
        let file = nodes.node(digest).await?;
        match node {
            Child::Leaf(..) => {
                let more = read_leaf(depth, &node, &file).ok_or_else(bad)?;
                if more.is_empty() || more.keys().any(|path| !key(path).starts_with(&place)) {
                    return Err(bad());
                }
                entries.extend(more);
            }
            Child::Branch(_) => {
                let children = read_branch(digest, &file).ok_or_else(bad)?;
                if children.is_empty() {
                    return Err(bad());
                }
                open.extend(children.into_iter().map(|(slot, child)| (format!("{place}{slot:x}"), child)));
            }
        }
    }
    Ok(entries)
}

/// The root after `changes` to the trie under `root` (none: an empty registry), and the nodes to be written for it.
pub async fn update(
    nodes: &dyn Nodes,
    root: Option<Blake3>,
    changes: BTreeMap<String, Entry>,
) -> Result<(Blake3, BTreeMap<Blake3, Vec<u8>>), RegistryError> {
    if let Some(path) = changes.keys().find(|path| path.len() > MAX_PATH) {
        let reason = format!("the path `{path}` is longer than {MAX_PATH} bytes");
        return Err(RegistryError::Record { reason });
    }
    let mut written = BTreeMap::new();
    let mut children = match root {
        Some(root) => root_children(nodes, root).await?,
        None => BTreeMap::new(),
    };
    let mut by_label: BTreeMap<u8, BTreeMap<String, Entry>> = BTreeMap::new();
    for (path, entry) in changes {
        by_label.entry(Blake3::of(path.as_bytes()).0[0]).or_default().insert(path, entry);
    }
    for (label, changes) in by_label {
        let child = children.get(&label).copied().map(Child::Branch);
        let child = update_node(nodes, child, ROOT_DIGITS, changes, &mut written).await?;
        children.insert(label, child.digest());
    }
    let (root, file) = write_root(&children);
    written.insert(root, file);
    Ok((root, written))
}

/// Rewrites the node whose keys share their first `depth` digits.
fn update_node<'a>(
    nodes: &'a dyn Nodes,
    old: Option<Child>,
    depth: usize,
    changes: BTreeMap<String, Entry>,
    written: &'a mut BTreeMap<Blake3, Vec<u8>>,
) -> BoxFuture<'a, Result<Child, RegistryError>> {
    Box::pin(async move {
        let digest = old.map_or(Blake3([0; 32]), |old| old.digest());
        let bad = || RegistryError::SnapshotNode { digest };
        if depth >= DIGITS {
            // Only nodes that are not a trie of ours go on where the key ends.
            return Err(bad());
        }
        let (mut children, mut entries) = (BTreeMap::new(), BTreeMap::new());
        match old {
            None => {}
            Some(Child::Branch(digest)) => {
                children = read_branch(digest, &nodes.node(digest).await?).ok_or_else(bad)?;
            }
            Some(leaf) => {
                entries = read_leaf(depth, &leaf, &nodes.node(leaf.digest()).await?).ok_or_else(bad)?;
            }
        }
        entries.extend(changes);
        let (child, file) = if children.is_empty() && depth > ROOT_DIGITS && entries.len() <= LEAF_ENTRIES {
            write_leaf(depth, &entries)
        } else {
            let mut by_slot: BTreeMap<usize, BTreeMap<String, Entry>> = BTreeMap::new();
            for (path, entry) in entries {
                by_slot.entry(slot_of(&path, depth)).or_default().insert(path, entry);
            }
            for (slot, changes) in by_slot {
                let child = children.get(&slot).copied();
                let child = update_node(nodes, child, depth + 1, changes, &mut *written).await?;
                children.insert(slot, child);
            }
            write_branch(&children)
        };
        written.insert(child.digest(), file);
        Ok(child)
    })
}

async fn root_children(nodes: &dyn Nodes, root: Blake3) -> Result<BTreeMap<u8, Blake3>, RegistryError> {
    read_root(root, &nodes.node(root).await?).ok_or(RegistryError::SnapshotNode { digest: root })
}

fn key(path: &str) -> String {
    Blake3::of(path.as_bytes()).to_string()
}

/// The digit of a path's key by which a node at `depth` digits branches; below the last digit, the last one.
fn slot_of(path: &str, depth: usize) -> usize {
    let key = Blake3::of(path.as_bytes()).0;
    let byte = key[(depth / 2).min(key.len() - 1)];
    usize::from(if depth.is_multiple_of(2) { byte >> 4 } else { byte & 15 })
}

#[cfg(test)]
mod tests;
