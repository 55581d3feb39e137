//! Removing the blobs that a mirror is not to hold any more.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::MirrorError;
use super::choice::Chosen;

/// Removes every blob in the folder `dir` that is not chosen, and the folders that this empties. Gives how many there were, and how many bytes.
pub(super) fn prune(dir: &Path, chosen: &Chosen) -> Result<(u64, u64), MirrorError> {
    let blobs = dir.join("blobs");
    let keep: HashSet<PathBuf> = chosen.paths().map(|path| dir.join(path)).collect();
    let (mut removed, mut bytes) = (0, 0);
    if !blobs.exists() {
        return Ok((0, 0));
    }
    for item in walkdir::WalkDir::new(&blobs).contents_first(true) {
        let item = item.map_err(|error| {
            let path = error.path().unwrap_or(&blobs).to_owned();
            MirrorError::io("read the folder", path)(error.into())
        })?;
        let path = item.path();
        if item.file_type().is_dir() {
            // Only an empty one can be removed so.
            let _ = fs::remove_dir(path);
        } else if !keep.contains(path) {
            let size = item.metadata().map_or(0, |metadata| metadata.len());
            fs::remove_file(path).map_err(MirrorError::io("remove", path))?;
            (removed, bytes) = (removed + 1, bytes + size);
        }
    }
    Ok((removed, bytes))
}
