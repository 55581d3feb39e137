//! The memory of index files that say who owns what.
//!
//! The snapshot says how far an index file goes, and whoever has the log's key signs the snapshot: so a thief of that key could leave the
//! owners of a name out of its file, although the log has them. A client that has seen them once does not forget them.

use super::Reader;
use crate::model::Blake3;
use crate::registry::{RegistryError, client::SeenFile};

impl Reader {
    /// Checks that index files, of which these are the committed bytes, begin with all that was remembered of them.
    pub fn check_grown<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<(), RegistryError> {
        let seen = self.folders.seen_files(self.key())?;
        for (path, bytes) in files {
            let Some(known) = seen.get(path) else { continue };
            let length = usize::try_from(known.length).unwrap_or(usize::MAX);
            if bytes.get(..length).is_none_or(|before| Blake3::of(before) != known.blake3) {
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
        let before = self.folders.seen_files(self.key())?;
        let mut seen = before.clone();
        for (path, bytes) in files {
            let length = bytes.len() as u64;
            // Another process may have seen a later state.
            if seen.get(path).is_none_or(|known| known.length < length) {
                seen.insert(path.to_owned(), SeenFile { length, blake3: Blake3::of(bytes) });
            }
        }
        match seen == before {
            true => Ok(()),
            false => self.folders.remember_files(self.key(), &seen),
        }
    }
}
