//! Blobs on their way into a directory.

use std::fs::File;
use std::path::Path;

use super::Writer;
use crate::model::Blake3;
use crate::registry::directory::put_blob;
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
        let path = self.dir.join(layout::blob_of(digest, file));
        if path.metadata().is_ok_and(|known| known.len() == size) {
            return Ok(());
        }
        let mut from = File::open(source).map_err(RegistryError::io("read", source))?;
        let put = put_blob(&self.dir, &mut from, source, file, digest, size)?;
        put.map_err(|_| RegistryError::SourceChanged { path: source.into() })
    }

    /// Writes a blob that is in memory.
    pub fn put_small_blob(&self, file: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let path = layout::blob_of(Blake3::of(bytes), file);
        match self.dir.join(&path).metadata().is_ok_and(|known| known.len() == bytes.len() as u64) {
            true => Ok(()),
            false => self.put(&path, bytes),
        }
    }
}
