//! Blobs on their way into a registry.

use std::path::Path;
use std::sync::PoisonError;

use super::Writer;
use crate::model::Blake3;
use crate::registry::{RegistryError, layout};

impl Writer {
    /// Copies a file of `size` bytes into the registry as the blob `file`, checking its digest on the way.
    pub fn put_blob(
        &self,
        source: &Path,
        file: &str,
        digest: Blake3,
        size: u64,
    ) -> Result<(), RegistryError> {
        let path = layout::blob_of(digest, file);
        match self.backend.largest_blob().filter(|limit| size > *limit) {
            None => self.backend.put_blob(source, &path, digest, size)?,
            Some(limit) => {
                let put = match &self.elsewhere {
                    Some(places) => places.put(source, &path, digest, size)?,
                    None => false,
                };
                if !put {
                    return Err(RegistryError::LargeForGit { path: source.into(), size, limit });
                }
            }
        }
        self.was_put(path);
        Ok(())
    }

    /// Writes a blob that is in memory.
    pub fn put_small_blob(&self, file: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let path = layout::blob_of(Blake3::of(bytes), file);
        if self.backend.length(&path)? != Some(bytes.len() as u64) {
            self.backend.put(&path, bytes)?;
        }
        self.was_put(path);
        Ok(())
    }

    fn was_put(&self, path: String) {
        self.put.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
    }
}
