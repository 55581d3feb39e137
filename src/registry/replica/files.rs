//! The files of a copy: those of its state, and those that are put into it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use futures::executor::block_on;

use super::Replica;
use crate::files;
use crate::model::Blake3;
use crate::registry::directory::{
    index_file, put_blob, replace_shared_file, set_readable, write_shared_file_unsynced,
};
use crate::registry::snapshot::{self, Entry};
use crate::registry::{RegistryError, layout};

impl Replica {
    /// The index files of the state that was finished, or those of them that this run has changed, with what the
    /// snapshot says of each.
    pub fn index_files(&self, only_changed: bool) -> Result<Vec<(String, Entry)>, RegistryError> {
        let Some(root) = self.base else { return Ok(Vec::new()) };
        if !only_changed {
            let entries = block_on(snapshot::all(self, root))?;
            return Ok(entries.into_iter().filter(|(path, _)| layout::is_index_path(path)).collect());
        }
        let mut changed = Vec::new();
        for path in self.grown.keys() {
            changed.extend(block_on(snapshot::lookup(self, root, path))?.map(|entry| (path.clone(), entry)));
        }
        Ok(changed)
    }

    /// The committed bytes of an index file.
    pub fn index(&self, path: &str, entry: Entry) -> Result<Vec<u8>, RegistryError> {
        Ok(index_file(&self.dir, path, Some(entry))?.committed)
    }

    /// The listed files that the new entries name and that are not here yet.
    pub fn missing_files(&self) -> Vec<(String, Entry)> {
        let missing = |path: &str, entry: &Entry| {
            let file = self.dir.join(path);
            let fits = file.metadata().is_ok_and(|file| file.len() == entry.length);
            !(fits && std::fs::read(&file).is_ok_and(|bytes| Blake3::of(&bytes) == entry.digest))
        };
        let files = self.listed.iter().filter(|(path, entry)| missing(path, entry));
        files.map(|(path, entry)| (path.clone(), *entry)).collect()
    }

    /// Writes a file as a whole; one that is as it should be stays untouched.
    pub fn put(&self, path: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let file = self.dir.join(path);
        if std::fs::read(&file).is_ok_and(|there| there == bytes) {
            // A run that was killed may have written it, and the disk may not have it yet.
            let synced = File::options().write(true).open(&file).and_then(|file| file.sync_data());
            return synced.map_err(RegistryError::io("write", &file));
        }
        replace_shared_file(&file, bytes)
    }

    /// As `put`, of a file that nobody looks for before `commit`, which has all of them on the disk.
    pub(super) fn put_for_commit(&self, path: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let file = self.dir.join(path);
        if !std::fs::read(&file).is_ok_and(|there| there == bytes) {
            write_shared_file_unsynced(&file, bytes)?;
        }
        self.unsynced.add(&file);
        Ok(())
    }

    /// Writes a listed file of the state that was finished. What stood there in the state before goes beside it, where
    /// readers of that state look for it.
    pub fn put_listed(&self, path: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let before = match self.checkpoint() {
            Some(state) => block_on(snapshot::lookup(self, state.snapshot, path)).ok().flatten(),
            None => None,
        };
        let is_before = |bytes: &Vec<u8>| before.is_some_and(|entry| entry.digest == Blake3::of(bytes));
        if let Some(current) = std::fs::read(self.dir.join(path)).ok().filter(is_before) {
            self.put(&layout::before_last_change(path), &current)?;
        }
        self.put(path, bytes)
    }

    /// Writes a blob from what `from` holds, or says in what way that is not the blob. `source` is for messages.
    pub fn put_blob(
        &self,
        from: &mut dyn Read,
        source: &Path,
        file: &str,
        digest: Blake3,
        size: u64,
    ) -> Result<Result<(), String>, RegistryError> {
        put_blob(&self.dir, from, source, &layout::blob_of(digest, file), digest, size)
    }

    /// Gives a file that was checked already, in the folder `arriving`, its name as a blob.
    pub fn move_blob(&self, arrived: &Path, path: &str) -> Result<(), RegistryError> {
        let blob = self.dir.join(path);
        let folder = blob.parent().unwrap_or(&self.dir);
        std::fs::create_dir_all(folder).map_err(RegistryError::io("make the folder", folder))?;
        let synced = File::options().write(true).open(arrived).and_then(|file| file.sync_data());
        synced.map_err(RegistryError::io("write", arrived))?;
        set_readable(arrived)?;
        files::rename(arrived, &blob).map_err(RegistryError::io("write", &blob))
    }
}
