//! The memory of index files that say who owns what.
//!
//! The snapshot says how far an index file goes, and whoever has the log's key signs the snapshot: so a thief of that key could leave the
//! owners of a name out of its file, although the log has them. A client that has seen them once does not forget them.

use std::collections::BTreeMap;

use super::Reader;
use crate::model::Blake3;
use crate::registry::{RegistryError, client::SeenFile};

impl Reader {
    /// Checks that index files, of which these are the committed bytes, begin with all that was remembered of them.
    pub fn check_grown<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<(), RegistryError> {
        let seen = self.seen_files()?;
        for (path, bytes) in files {
            let Some(known) = seen.get(path) else { continue };
            let before = usize::try_from(known.length).ok().and_then(|length| bytes.get(..length));
            let fits = match before {
                Some(before) => Blake3::of(before) == known.blake3,
                // A mirror that lags behind the place where it was seen.
                None => self.checkpoint.size < known.log_size,
            };
            if !fits {
                let location = self.store.location().to_owned();
                return Err(RegistryError::Rewritten { location, path: path.to_owned() });
            }
        }
        Ok(())
    }

    /// Remembers how far index files go, once their signatures are checked.
    pub fn remember_grown<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<(), RegistryError> {
        let before = self.seen_files()?;
        let mut seen = before.clone();
        for (path, bytes) in files {
            let length = bytes.len() as u64;
            if seen.get(path).is_none_or(|known| known.length < length) {
                let log_size = self.checkpoint.size;
                seen.insert(path.to_owned(), SeenFile { length, blake3: Blake3::of(bytes), log_size });
            }
        }
        match seen == before {
            true => Ok(()),
            false => self.folders.remember_files(self.key(), &seen),
        }
    }

    /// What is remembered under each of the keys that the log has had: of each file the longest.
    fn seen_files(&self) -> Result<BTreeMap<String, SeenFile>, RegistryError> {
        let mut seen = self.folders.seen_files(self.key())?;
        for key in self.folders.log_memory(self.key())?.keys().filter(|key| key != self.key()) {
            for (path, file) in self.folders.seen_files(&key)? {
                if seen.get(&path).is_none_or(|known| known.length < file.length) {
                    seen.insert(path, file);
                }
            }
        }
        Ok(seen)
    }
}
