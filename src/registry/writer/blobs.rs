//! Blobs on their way into a directory.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use super::Writer;
use crate::files;
use crate::model::Blake3;
use crate::registry::directory::set_readable;
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
        let folder = path.parent().unwrap_or(&self.dir);
        std::fs::create_dir_all(folder).map_err(RegistryError::io("make the folder", folder))?;
        let mut from = File::open(source).map_err(RegistryError::io("read", source))?;
        let mut to = files::temporary_file(folder).map_err(RegistryError::io("write in", folder))?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 17];
        loop {
            let length = from.read(&mut buffer).map_err(RegistryError::io("read", source))?;
            if length == 0 {
                break;
            }
            hasher.update(&buffer[..length]);
            to.write_all(&buffer[..length]).map_err(RegistryError::io("write", &path))?;
        }
        let found = Blake3(*hasher.finalize().as_bytes());
        if found != digest {
            return Err(RegistryError::SourceChanged { path: source.into() });
        }
        to.as_file().sync_data().map_err(RegistryError::io("write", &path))?;
        set_readable(to.path())?;
        files::persist(to, &path).map_err(RegistryError::io("write", &path))
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
