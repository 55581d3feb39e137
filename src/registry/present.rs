//! What a seal looks up in the registry that it seals, wherever that is written.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use super::backend::Backend;
use super::blob_places::BlobPlaces;
use super::{RegistryError, layout, seal};
use crate::model::{Artifact, Blake3, BundleFile, FileRecord};

/// What a seal looks up in the registry that it seals.
pub(super) struct InBackend<'a> {
    backend: &'a dyn Backend,
    need_blobs: bool,
    /// Blobs that are known to be there.
    put: &'a HashSet<String>,
    /// Listed files that this seal gives other bytes.
    replaced: &'a BTreeMap<String, Vec<u8>>,
    /// Where other blobs may be.
    elsewhere: Option<&'a BlobPlaces>,
    /// The first read that failed: what was judged since is not to be relied on.
    failure: Mutex<Option<RegistryError>>,
}

impl<'a> InBackend<'a> {
    pub fn new(
        backend: &'a dyn Backend,
        need_blobs: bool,
        put: &'a HashSet<String>,
        replaced: &'a BTreeMap<String, Vec<u8>>,
        elsewhere: Option<&'a BlobPlaces>,
    ) -> Self {
        Self { backend, need_blobs, put, replaced, elsewhere, failure: Mutex::new(None) }
    }

    /// Why something could not be looked up. A proposal is not to blame for that.
    pub fn failure(self) -> Option<RegistryError> {
        self.failure.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn look<T>(&self, read: Result<T, RegistryError>) -> Result<T, String> {
        read.map_err(|error| {
            let reason = error.to_string();
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            reason
        })
    }
}

impl seal::Present for InBackend<'_> {
    fn blob(&self, artifact: &Artifact) -> bool {
        let path = layout::blob(artifact);
        let known = !self.need_blobs || self.put.contains(&path);
        if known || self.look(self.backend.length(&path)).is_ok_and(|length| length == Some(artifact.size)) {
            return true;
        }
        self.elsewhere.is_some_and(|places| self.look(places.hold(&path, artifact.size)) == Ok(true))
    }

    fn bundle(&self, file: &BundleFile) -> Result<Vec<u8>, String> {
        let path = layout::bundle(file);
        if file.size > layout::MAX_BUNDLE {
            return Err(format!(
                "its bundle {path} would have {} bytes, and may have {}",
                file.size,
                layout::MAX_BUNDLE
            ));
        }
        match self.look(self.backend.read(&path, file.size + 1))? {
            None => Err(format!("its bundle {path} is not in the registry")),
            Some(bytes) if bytes.len() as u64 != file.size || Blake3::of(&bytes) != file.blake3 => {
                Err(format!("its bundle {path} is not the file that it names, by size or digest"))
            }
            Some(bytes) => Ok(bytes),
        }
    }

    fn file(&self, record: &FileRecord) -> bool {
        let fits = |bytes: &[u8]| bytes.len() as u64 == record.length && Blake3::of(bytes) == record.blake3;
        if let Some(bytes) = self.replaced.get(&record.path) {
            return fits(bytes);
        }
        record.length <= layout::MAX_INDEX
            && self
                .look(self.backend.read(&record.path, record.length + 1))
                .is_ok_and(|found| found.is_some_and(|bytes| fits(&bytes)))
    }
}
