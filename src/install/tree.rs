//! The files and links of one generation, before anything is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::store::Unpacked;

/// Two packages that bring one path with different content. The one installed later wins, as with pip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Relative to the environment.
    pub path: String,
    pub replaced: String,
    pub by: String,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} and {} both have the file {}; that of {} is used",
            self.replaced, self.by, self.path, self.by
        )
    }
}

pub enum Node<'a> {
    Folder(Folder<'a>),
    /// A whole folder of an artifact, by its path in the artifact's folder.
    StoreFolder(&'a Unpacked, String),
    StoreFile(&'a Unpacked, String),
    Text {
        bytes: Vec<u8>,
        executable: bool,
    },
    /// A link to a file outside of store and environment, or to a neighbour.
    Pointer(PathBuf),
}

pub struct Entry<'a> {
    pub name: String,
    /// The name of the package, or of rvp itself.
    owner: &'a str,
    pub node: Node<'a>,
}

/// By name, in lower case where the platform does not tell cases apart.
pub type Folder<'a> = BTreeMap<String, Entry<'a>>;

pub struct Tree<'a> {
    pub root: Folder<'a>,
    pub conflicts: Vec<Conflict>,
    folds_case: bool,
}

impl<'a> Tree<'a> {
    pub fn new(folds_case: bool) -> Self {
        Self { root: Folder::new(), conflicts: Vec::new(), folds_case }
    }

    /// Puts `node` at `path`, which is relative to the root, with `/` between parts. Folders on the way become real ones.
    pub fn insert(&mut self, path: &str, owner: &'a str, node: Node<'a>) {
        let mut folder = &mut self.root;
        let mut start = 0;
        while let Some(length) = path[start..].find('/') {
            let (parent, name) = (&path[..start + length], &path[start..start + length]);
            start += length + 1;
            let entry = folder.entry(key(self.folds_case, name)).or_insert_with(|| Entry {
                name: name.to_owned(),
                owner,
                node: Node::Folder(Folder::new()),
            });
            if !entry.node.is_folder() {
                note(&mut self.conflicts, parent, entry.owner, owner);
            }
            entry.node = Node::Folder(entry.node.take_children(entry.owner, self.folds_case));
            let Node::Folder(children) = &mut entry.node else { return };
            folder = children;
        }
        let entry = Entry { name: path[start..].to_owned(), owner, node };
        put(folder, path, entry, self.folds_case, &mut self.conflicts);
    }
}

fn put<'a>(
    folder: &mut Folder<'a>,
    path: &str,
    new: Entry<'a>,
    folds_case: bool,
    conflicts: &mut Vec<Conflict>,
) {
    let key = key(folds_case, &new.name);
    let Some(old) = folder.get_mut(&key) else {
        folder.insert(key, new);
        return;
    };
    if !(old.node.is_folder() && new.node.is_folder()) {
        if !same_content(old, &new) {
            note(conflicts, path, old.owner, new.owner);
        }
        *old = new;
        return;
    }
    let mut merged = old.node.take_children(old.owner, folds_case);
    let Entry { owner, mut node, .. } = new;
    for child in node.take_children(owner, folds_case).into_values() {
        put(&mut merged, &format!("{path}/{}", child.name), child, folds_case, conflicts);
    }
    old.node = Node::Folder(merged);
}

impl<'a> Node<'a> {
    fn is_folder(&self) -> bool {
        matches!(self, Node::Folder(_) | Node::StoreFolder(..))
    }

    /// What stands in this folder, one level deep; nothing in what is not a folder. Leaves an empty folder behind.
    fn take_children(&mut self, owner: &'a str, folds_case: bool) -> Folder<'a> {
        match std::mem::replace(self, Node::Folder(Folder::new())) {
            Node::Folder(children) => children,
            Node::StoreFolder(unpacked, folder) => children(unpacked, &folder, owner, folds_case),
            _ => Folder::new(),
        }
    }
}

fn children<'a>(unpacked: &'a Unpacked, folder: &str, owner: &'a str, folds_case: bool) -> Folder<'a> {
    let mut children = Folder::new();
    let mut last = "";
    for row in unpacked.manifest.below(folder) {
        let rest = &row.path[folder.len() + 1..];
        let (name, inner) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
        if name == last {
            continue;
        }
        last = name;
        let node = match inner {
            true => Node::StoreFolder(unpacked, format!("{folder}/{name}")),
            false => Node::StoreFile(unpacked, row.path.clone()),
        };
        children.insert(key(folds_case, name), Entry { name: name.to_owned(), owner, node });
    }
    children
}

fn key(folds_case: bool, name: &str) -> String {
    if folds_case { name.to_lowercase() } else { name.to_owned() }
}

fn note(conflicts: &mut Vec<Conflict>, path: &str, old: &str, new: &str) {
    // What rvp rewrites of a package's own metadata is no conflict.
    if old != new {
        conflicts.push(Conflict { path: path.into(), replaced: old.into(), by: new.into() });
    }
}

/// Packages that share a namespace often bring the same `__init__.py`: nobody loses anything by that.
fn same_content(old: &Entry<'_>, new: &Entry<'_>) -> bool {
    let hash = |entry: &Entry<'_>| match &entry.node {
        Node::StoreFile(unpacked, path) => unpacked.manifest.row(path).map(|row| row.hash.clone()),
        _ => None,
    };
    hash(old).is_some_and(|old| Some(old) == hash(new))
}
