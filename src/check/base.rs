//! The registry as it was before the proposal, for comparison: a proposal adds lines to index files, and blobs, and that is all.
//!
//! Without it nothing tells that the folder of a proposal is of the registry that is meant: an old state is signed just as well, and
//! whoever replaces `config.json` can sign whatever they like.

use std::collections::BTreeMap;
use std::fs::{File, FileType};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Problem;
use crate::registry::{RegistryError, layout};

/// A file or a link of a folder.
struct Item {
    kind: FileType,
    length: u64,
}

/// What differs between two folders, but for index files and blobs that are new or longer. The bytes of blobs are not
/// compared: they have their digests for names.
pub(super) fn differences(base: &Path, dir: &Path) -> Result<Vec<Problem>, RegistryError> {
    let (before, after) = (items(base)?, items(dir)?);
    let gone = before.keys().filter(|path| !after.contains_key(*path)).map(|path| (path, "was removed"));
    let may_be_new = |path: &Path, item: &Item| {
        item.kind.is_file() && (path.starts_with("index") || path.starts_with("blobs"))
    };
    let new = after.iter().filter(|(path, item)| !before.contains_key(*path) && !may_be_new(path, item));
    let new = new.map(|(path, _)| (path, "was added"));
    let changed: Vec<(&PathBuf, &str)> = before
        .par_iter()
        .filter_map(|(path, old)| Some((path, old, after.get(path)?)))
        .filter_map(|(path, old, new)| match is_same(&base.join(path), &dir.join(path), (old, new), path) {
            Ok(true) => None,
            Ok(false) => Some(Ok((path, "was changed"))),
            Err(error) => Some(Err(unreadable("compare", dir.join(path), error))),
        })
        .collect::<Result<_, _>>()?;
    let mut all: Vec<(&PathBuf, &str)> = gone.chain(new).chain(changed).collect();
    all.sort_unstable();
    let problem = |(path, what): (&PathBuf, &str)| {
        let path: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        let reason = format!("{what}; take that back: a proposal only adds lines to index files, and blobs");
        Problem::new(path.join("/"), reason)
    };
    Ok(all.into_iter().map(problem).collect())
}

fn unreadable(action: &'static str, path: PathBuf, source: std::io::Error) -> RegistryError {
    RegistryError::Io { action, path, source }
}

fn items(root: &Path) -> Result<BTreeMap<PathBuf, Item>, RegistryError> {
    let mut found = BTreeMap::new();
    // What git keeps of a work tree, and a writer's lock, are no part of the registry.
    let is_part = |item: &walkdir::DirEntry| {
        item.depth() != 1 || !(item.file_name() == ".git" || item.file_name() == layout::LOCK)
    };
    let walk = walkdir::WalkDir::new(root).min_depth(1).into_iter();
    for item in walk.filter_entry(is_part) {
        let failed = |error: walkdir::Error| {
            let path = error.path().unwrap_or(root).to_owned();
            unreadable("read the folder", path, error.into())
        };
        let item = item.map_err(failed)?;
        if !item.file_type().is_dir() {
            let length = item.metadata().map_err(failed)?.len();
            let path = item.path().strip_prefix(root).unwrap_or(item.path()).to_owned();
            found.insert(path, Item { kind: item.file_type(), length });
        }
    }
    Ok(found)
}

fn is_same(base: &Path, dir: &Path, (old, new): (&Item, &Item), path: &Path) -> std::io::Result<bool> {
    if old.kind != new.kind {
        return Ok(false);
    }
    if old.kind.is_symlink() {
        return Ok(std::fs::read_link(base)? == std::fs::read_link(dir)?);
    }
    if path.starts_with("blobs") {
        return Ok(old.length == new.length);
    }
    let may_grow = path.starts_with("index");
    if new.length < old.length || (new.length > old.length && !may_grow) {
        return Ok(false);
    }
    let (mut base, mut dir) = (BufReader::new(File::open(base)?), File::open(dir)?.take(old.length));
    let (mut one, mut other) = (Vec::new(), Vec::new());
    base.read_to_end(&mut one)?;
    dir.read_to_end(&mut other)?;
    Ok(one == other)
}
