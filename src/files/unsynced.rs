//! Many files that all have to be on the disk before one more is written: had there together, which is faster by far than one
//! after the other, as each of them waits for the disk by itself.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

/// Files that were written and may not be on the disk yet.
#[derive(Default)]
pub struct Unsynced(Mutex<HashSet<PathBuf>>);

impl Unsynced {
    pub fn add(&self, path: &Path) {
        self.paths().insert(path.to_owned());
    }

    /// Of a file that was removed.
    pub fn forget(&self, path: &Path) {
        self.paths().remove(path);
    }

    /// Returns once all files that were added since the last time are on the disk. An error comes with the file that it is about; what
    /// is on the disk of the others is not known then.
    pub fn sync(&self) -> Result<(), (PathBuf, io::Error)> {
        let paths = std::mem::take(&mut *self.paths());
        let left = by_disk::sync(paths)?;
        left.par_iter().try_for_each(|path| {
            // Windows wants to know that one may write.
            let synced = File::options().write(true).open(path).and_then(|file| file.sync_data());
            synced.map_err(|error| (path.clone(), error))
        })
    }

    fn paths(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Linux writes a whole file system out on demand, and says whether that failed.
#[cfg(target_os = "linux")]
mod by_disk {
    use std::collections::BTreeMap;
    use std::os::unix::fs::MetadataExt as _;

    use super::{File, HashSet, Path, PathBuf, io};

    /// For fewer files it may take longer, as it waits for those of all other programs too.
    const FEWEST: usize = 64;

    /// File systems that have on the disk what `syncfs` was asked for, by the numbers of `statfs(2)`: ext2 to ext4, XFS, and Btrfs.
    /// Those of a network may have it at the server only, and there in memory.
    const SURE: [i64; 3] = [0xEF53, 0x5846_5342, 0x9123_683E];

    /// Syncs the file systems that many of the files are on; gives the other files.
    pub fn sync(paths: HashSet<PathBuf>) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
        let mut left = Vec::new();
        let mut disks: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
        for path in paths {
            let disk = path.symlink_metadata().map_err(|error| (path.clone(), error))?.dev();
            disks.entry(disk).or_default().push(path);
        }
        for files in disks.into_values() {
            let [one, ..] = &files[..] else { continue };
            if files.len() < FEWEST || !synced(one).map_err(|error| (one.clone(), error))? {
                left.extend(files);
            }
        }
        Ok(left)
    }

    /// Whether the file system of this file is one that can be synced as a whole; then it was.
    fn synced(path: &Path) -> io::Result<bool> {
        let file = File::open(path)?;
        // The type of the number differs between machines.
        #[allow(clippy::unnecessary_cast)]
        let kind = rustix::fs::fstatfs(&file)?.f_type as i64;
        if SURE.contains(&kind) {
            rustix::fs::syncfs(&file)?;
        }
        Ok(SURE.contains(&kind))
    }
}

#[cfg(not(target_os = "linux"))]
mod by_disk {
    use super::{HashSet, PathBuf, io};

    /// Gives back all files: here each is synced by itself.
    pub fn sync(paths: HashSet<PathBuf>) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
        Ok(paths.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_files_are_synced_and_a_missing_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for count in [0, 1, 3, 200] {
            let unsynced = Unsynced::default();
            for number in 0..count {
                let path = folder.path().join(number.to_string());
                std::fs::write(&path, "bytes").unwrap();
                unsynced.add(&path);
            }
            unsynced.sync().unwrap();
            assert!(unsynced.paths().is_empty());
            unsynced.add(&folder.path().join("gone"));
            unsynced.forget(&folder.path().join("gone"));
            unsynced.sync().unwrap();
            unsynced.add(&folder.path().join("none"));
            let (path, error) = unsynced.sync().unwrap_err();
            assert_eq!((path, error.kind()), (folder.path().join("none"), io::ErrorKind::NotFound));
        }
    }
}
