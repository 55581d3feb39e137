//! The snapshot: a hash trie from paths to (length, digest), in immutable files named by their content.
//!
//! A path's key is the BLAKE3 digest of its text, in hexadecimal digits. The root branches on the first two digits;
//! its children branch on the third; below them a node that covers at most [`LEAF_ENTRIES`] paths is a leaf, and any
//! other branches on the next digit. So the trie is a function of its entries alone, a lookup reads three nodes in a
//! registry of any usual size, and a change writes as many.

use std::collections::BTreeMap;

use futures::future::BoxFuture;

use super::RegistryError;
use crate::model::Blake3;

/// How many paths a leaf holds before it branches.
pub const LEAF_ENTRIES: usize = 32;

const BRANCH: &str = "rvp snapshot branch";
const LEAF: &str = "rvp snapshot leaf";

/// What a snapshot says of a file: its committed length, and the digest of that many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub length: u64,
    pub digest: Blake3,
}

#[derive(Debug, PartialEq, Eq)]
enum Node {
    Branch(BTreeMap<String, Blake3>),
    Leaf(BTreeMap<String, Entry>),
}

/// Where nodes come from. What it returns has the digest that was asked for.
pub trait Nodes: Send + Sync {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>>;
}

/// The entry of `path` under `root`, or none.
pub async fn lookup(nodes: &dyn Nodes, root: Blake3, path: &str) -> Result<Option<Entry>, RegistryError> {
    let key = key(path);
    let mut digest = root;
    let mut depth = 0;
    loop {
        match Node::parse(digest, &nodes.node(digest).await?)? {
            Node::Leaf(entries) => return Ok(entries.get(path).copied()),
            Node::Branch(children) => {
                let width = branch_width(depth);
                let Some(child) = key.get(depth..depth + width).and_then(|label| children.get(label)) else {
                    return Ok(None);
                };
                digest = *child;
                depth += width;
            }
        }
    }
}

/// All entries under `root`. Each must stand where a lookup finds it, so that no node stands in two places, and a few
/// nodes cannot be made to look like very many.
pub async fn all(nodes: &dyn Nodes, root: Blake3) -> Result<BTreeMap<String, Entry>, RegistryError> {
    let mut entries = BTreeMap::new();
    let mut open = vec![(String::new(), root)];
    while let Some((place, digest)) = open.pop() {
        match Node::parse(digest, &nodes.node(digest).await?)? {
            Node::Leaf(more) => {
                if more.is_empty() || more.keys().any(|path| !key(path).starts_with(&place)) {
                    return Err(RegistryError::SnapshotNode { digest });
                }
                entries.extend(more);
            }
            Node::Branch(children) => {
                let width = branch_width(place.len());
                if children.is_empty() || children.keys().any(|label| label.len() != width) {
                    return Err(RegistryError::SnapshotNode { digest });
                }
                open.extend(children.into_iter().map(|(label, child)| (format!("{place}{label}"), child)));
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
    let mut written = BTreeMap::new();
    let changes = changes.into_iter().map(|(path, entry)| (key(&path), path, entry)).collect();
    let root = update_node(nodes, root, 0, changes, &mut written).await?;
    Ok((root, written))
}

type Change = (String, String, Entry);

/// Rewrites the node whose keys share their first `depth` digits.
fn update_node<'a>(
    nodes: &'a dyn Nodes,
    old: Option<Blake3>,
    depth: usize,
    changes: Vec<Change>,
    written: &'a mut BTreeMap<Blake3, Vec<u8>>,
) -> BoxFuture<'a, Result<Blake3, RegistryError>> {
    Box::pin(async move {
        let known = match old {
            Some(digest) => Some(Node::parse(digest, &nodes.node(digest).await?)?),
            None => None,
        };
        let (mut children, changes) = match known {
            Some(Node::Branch(children)) => (children, changes),
            other => {
                let mut entries = match other {
                    Some(Node::Leaf(entries)) => entries,
                    _ => BTreeMap::new(),
                };
                entries.extend(changes.into_iter().map(|(_, path, entry)| (path, entry)));
                if may_be_leaf(depth) && entries.len() <= LEAF_ENTRIES {
                    return Ok(write(&Node::Leaf(entries), written));
                }
                let all = entries.into_iter().map(|(path, entry)| (key(&path), path, entry)).collect();
                (BTreeMap::new(), all)
            }
        };
        let width = branch_width(depth);
        let mut by_label: BTreeMap<String, Vec<Change>> = BTreeMap::new();
        for change in changes {
            // Only nodes that are not a trie of ours go on where the key ends.
            let label = change.0.get(depth..depth + width).map(str::to_owned);
            let label =
                label.ok_or(RegistryError::SnapshotNode { digest: old.unwrap_or(Blake3([0; 32])) })?;
            by_label.entry(label).or_default().push(change);
        }
        for (label, changes) in by_label {
            let child = children.get(&label).copied();
            let digest = update_node(nodes, child, depth + width, changes, &mut *written).await?;
            children.insert(label, digest);
        }
        Ok(write(&Node::Branch(children), written))
    })
}

fn write(node: &Node, written: &mut BTreeMap<Blake3, Vec<u8>>) -> Blake3 {
    let bytes = node.to_bytes();
    let digest = Blake3::of(&bytes);
    written.insert(digest, bytes);
    digest
}

fn key(path: &str) -> String {
    Blake3::of(path.as_bytes()).to_string()
}

/// How many digits a branch at `depth` digits consumes.
fn branch_width(depth: usize) -> usize {
    if depth == 0 { 2 } else { 1 }
}

fn may_be_leaf(depth: usize) -> bool {
    depth >= 3
}

impl Node {
    fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        match self {
            Node::Branch(children) => {
                text.push_str(BRANCH);
                text.push('\n');
                for (label, digest) in children {
                    text.push_str(&format!("{label} {digest}\n"));
                }
            }
            Node::Leaf(entries) => {
                text.push_str(LEAF);
                text.push('\n');
                for (path, Entry { length, digest }) in entries {
                    text.push_str(&format!("{path} {length} {digest}\n"));
                }
            }
        }
        text.into_bytes()
    }

    fn parse(digest: Blake3, bytes: &[u8]) -> Result<Self, RegistryError> {
        let bad = || RegistryError::SnapshotNode { digest };
        let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
        let (kind, lines) = text.split_once('\n').ok_or_else(bad)?;
        let node = match kind {
            BRANCH => lines
                .lines()
                .map(|line| {
                    let (label, digest) = line.split_once(' ')?;
                    Some((label.to_owned(), digest.parse().ok()?))
                })
                .collect::<Option<_>>()
                .map(Node::Branch),
            LEAF => lines
                .lines()
                .map(|line| {
                    let mut words = line.split(' ');
                    let path = words.next()?.to_owned();
                    let length = words.next()?.parse().ok()?;
                    let digest = words.next()?.parse().ok()?;
                    Some((path, Entry { length, digest }))
                })
                .collect::<Option<_>>()
                .map(Node::Leaf),
            _ => None,
        };
        // Reading and writing are inverse: a node in any other form, unsorted or doubled, is not one.
        node.filter(|node| node.to_bytes() == bytes).ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use proptest::prelude::*;

    struct Memory(BTreeMap<Blake3, Vec<u8>>);

    impl Nodes for Memory {
        fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
            Box::pin(
                async move { self.0.get(&digest).cloned().ok_or(RegistryError::SnapshotNode { digest }) },
            )
        }
    }

    fn entry(length: u64) -> Entry {
        Entry { length, digest: Blake3::of(&length.to_le_bytes()) }
    }

    #[test]
    fn the_trie_is_a_function_of_its_entries() {
        let entries: BTreeMap<String, Entry> =
            (0..20_000).map(|n| (format!("index/python/p{n}"), entry(n))).collect();
        let empty = Memory(BTreeMap::new());
        let (at_once, nodes) = block_on(update(&empty, None, entries.clone())).unwrap();
        let nodes = Memory(nodes);
        for (path, entry) in &entries {
            assert_eq!(block_on(lookup(&nodes, at_once, path)).unwrap(), Some(*entry));
        }
        assert_eq!(block_on(lookup(&nodes, at_once, "index/python/absent")).unwrap(), None);
        assert_eq!(block_on(all(&nodes, at_once)).unwrap(), entries);
    }

    /// The root of a trie of branches that all have one child under every label, down to `bottom`.
    fn doubling(memory: &mut Memory, bottom: &Node) -> Blake3 {
        let mut child = write(bottom, &mut memory.0);
        for depth in (0..64).rev().filter(|depth| *depth != 1) {
            let width = branch_width(depth);
            let labels = (0..16_u32.pow(width as u32)).map(|label| format!("{label:0width$x}"));
            let node = Node::Branch(labels.map(|label| (label, child)).collect());
            child = write(&node, &mut memory.0);
        }
        child
    }

    #[test]
    fn a_node_in_many_places_is_refused_before_it_is_read_in_all_of_them() {
        for bottom in [Node::Leaf(BTreeMap::new()), Node::Leaf([("a".to_owned(), entry(1))].into())] {
            let mut memory = Memory(BTreeMap::new());
            let root = doubling(&mut memory, &bottom);
            assert!(matches!(block_on(all(&memory, root)), Err(RegistryError::SnapshotNode { .. })));
        }
    }

    #[test]
    fn branches_below_the_last_digit_are_refused() {
        let mut memory = Memory(BTreeMap::new());
        let root = doubling(&mut memory, &Node::Branch(BTreeMap::from([("0".to_owned(), Blake3([0; 32]))])));
        let changes = BTreeMap::from([("a".to_owned(), entry(1))]);
        assert!(matches!(
            block_on(update(&memory, Some(root), changes)),
            Err(RegistryError::SnapshotNode { .. })
        ));
    }

    proptest! {
        #[test]
        fn steps_in_any_order_reach_the_same_root(
            mut numbers in proptest::collection::vec(0_u64..3000, 1..600),
            steps in 1_usize..5,
        ) {
            let mut memory = Memory(BTreeMap::new());
            let mut root = None;
            let mut entries = BTreeMap::new();
            for chunk in numbers.chunks_mut(600 / steps) {
                let changes: BTreeMap<_, _> =
                    chunk.iter().map(|n| (format!("p{n}"), entry(*n))).collect();
                entries.extend(changes.clone());
                let (next, written) = block_on(update(&memory, root, changes)).unwrap();
                memory.0.extend(written);
                root = Some(next);
            }
            let empty = Memory(BTreeMap::new());
            let (at_once, _) = block_on(update(&empty, None, entries)).unwrap();
            prop_assert_eq!(root, Some(at_once));
        }
    }
}
