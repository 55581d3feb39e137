//! Where proposals wait to be sealed.

use super::Writer;
use crate::registry::RegistryError;

impl Writer {
    /// The index files that hold lines behind their committed ones: proposals, or the remains of a dead writer.
    pub fn proposed(&self) -> Result<Vec<String>, RegistryError> {
        let mut found = Vec::new();
        for (path, length) in self.backend.index_files()? {
            if self.entry(&path)?.is_none_or(|entry| entry.length < length) {
                found.push(path);
            }
        }
        Ok(found)
    }
}
