//! What a writer reads of the state that it continues.

use std::sync::PoisonError;

use futures::executor::block_on;
use futures::future::BoxFuture;
use rayon::prelude::*;

use super::Writer;
use crate::model::{Blake3, Package, PackageName, Prefixes};
use crate::registry::backend::{IndexFile, cut_index, index_limit};
use crate::registry::log::{LogFiles, MAX_TILE};
use crate::registry::snapshot::{self, Entry, Nodes};
use crate::registry::{RegistryError, layout};

impl Nodes for Writer {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        Box::pin(async move {
            let known = || self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(bytes) = known().get(&digest) {
                return Ok(bytes.clone());
            }
            let path = layout::snapshot_node(digest);
            let bytes = self.backend.read(&path, layout::MAX_SNAPSHOT_NODE)?;
            let bytes = bytes.ok_or_else(|| self.missing(&path))?;
            if Blake3::of(&bytes) != digest {
                return Err(RegistryError::SnapshotNode { digest });
            }
            known().insert(digest, bytes.clone());
            Ok(bytes)
        })
    }
}

impl LogFiles for Writer {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        let read = |path: &String| self.backend.read(path, MAX_TILE)?.ok_or_else(|| self.missing(path));
        paths.par_iter().map(read).collect()
    }
}

impl Writer {
    /// All committed releases of a package, or none.
    pub fn package(&self, name: &PackageName) -> Result<Option<Package>, RegistryError> {
        match self.index(&name.index_path())? {
            Some(bytes) => Ok(Some(Package::parse(name, &bytes)?)),
            None => Ok(None),
        }
    }

    /// Who owns which prefixes of names.
    pub fn prefixes(&self) -> Result<Prefixes, RegistryError> {
        match self.index(layout::PREFIXES_INDEX)? {
            Some(bytes) => Ok(Prefixes::parse(&bytes)?),
            None => Ok(Prefixes::default()),
        }
    }

    /// The committed bytes of an index file, or none.
    pub fn index(&self, path: &str) -> Result<Option<Vec<u8>>, RegistryError> {
        let Some(entry) = self.entry(path)? else { return Ok(None) };
        Ok(Some(self.index_file(path, Some(entry))?.committed))
    }

    pub(super) fn index_file(&self, path: &str, entry: Option<Entry>) -> Result<IndexFile, RegistryError> {
        let bytes = self.backend.read(path, index_limit(entry))?;
        cut_index(self.backend.location(), path, bytes, entry)
    }

    pub(in crate::registry) fn entry(&self, path: &str) -> Result<Option<Entry>, RegistryError> {
        if self.checkpoint.size == 0 {
            return Ok(None);
        }
        block_on(snapshot::lookup(self, self.checkpoint.snapshot, path))
    }

    fn missing(&self, path: &str) -> RegistryError {
        RegistryError::Missing { location: self.backend.location().into(), path: path.into() }
    }
}
