//! Signatures: the bundles that records name, and the owners of prefixes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::executor::block_on;
use futures::future::join_all;

use super::Reader;
use crate::model::{Blake3, BundleFile, Prefixes};
use crate::registry::{RegistryError, layout};

impl Reader {
    /// Who owns which prefixes of names.
    pub fn prefixes(&self) -> Result<Prefixes, RegistryError> {
        match self.file(layout::PREFIXES_INDEX)? {
            Some(bytes) => Ok(Prefixes::parse(&bytes)?),
            None => Ok(Prefixes::default()),
        }
    }

    /// The bytes of bundles by their digests, which are checked: from the cache where it has them, else all at once.
    pub fn bundles<'a>(
        &self,
        files: impl IntoIterator<Item = &'a BundleFile>,
    ) -> Result<HashMap<Blake3, Arc<Vec<u8>>>, RegistryError> {
        let files: BTreeMap<Blake3, &BundleFile> =
            files.into_iter().map(|file| (file.blake3, file)).collect();
        let fetches = files.into_iter().map(async |(digest, file)| {
            let bytes = self.bundle(file).await?;
            Ok((digest, Arc::new(bytes)))
        });
        block_on(join_all(fetches)).into_iter().collect()
    }

    async fn bundle(&self, file: &BundleFile) -> Result<Vec<u8>, RegistryError> {
        let path = layout::bundle(file);
        let location = self.store.location();
        let altered =
            |reason| RegistryError::Altered { location: location.into(), path: path.clone(), reason };
        if file.size > layout::MAX_BUNDLE {
            let limit = layout::MAX_BUNDLE;
            return Err(altered(format!(
                "it would be {} bytes long, and a bundle has at most {limit}",
                file.size
            )));
        }
        let local = self.store.local_path(&path).is_some();
        let cached = if local { None } else { self.folders.cached(self.key(), &path) };
        if let Some(bytes) = cached.filter(|bytes| Blake3::of(bytes) == file.blake3) {
            return Ok(bytes);
        }
        let missing = || RegistryError::Missing { location: location.into(), path: path.clone() };
        if self.offline && !local {
            return Err(missing());
        }
        let bytes = self.store.read(&path, 0, file.size).await?.ok_or_else(missing)?;
        let digest = Blake3::of(&bytes);
        if digest != file.blake3 {
            return Err(altered(format!("its digest is {digest}")));
        }
        if !local {
            self.folders.keep(self.key(), &path, &bytes);
        }
        Ok(bytes)
    }
}
