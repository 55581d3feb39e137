//! Files under the signed state: found through the snapshot, taken from the cache where it has them, and checked.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::executor::block_on;
use futures::future::BoxFuture;

use super::{Reader, locked};
use crate::model::{Blake3, Package, PackageName};
use crate::registry::snapshot::{self, Cell, Entry, Nodes, open_cell};
use crate::registry::{RegistryError, StoreError, layout};

impl Reader {
    /// The committed bytes of a file that the snapshot covers, or none if it covers no such file.
    pub fn file(&self, path: &str) -> Result<Option<Arc<Vec<u8>>>, RegistryError> {
        self.config()?;
        block_on(self.load(path))
    }

    /// The same, for whoever goes through all files: it is not kept in memory.
    pub fn file_once(&self, path: &str) -> Result<Option<Vec<u8>>, RegistryError> {
        self.config()?;
        block_on(async {
            match self.entry(path).await? {
                Some(entry) => self.load_entry(path, entry).await.map(Some),
                None => Ok(None),
            }
        })
    }

    /// All releases of a package, or none if the registry has no such package.
    pub fn package(&self, name: &PackageName) -> Result<Option<Arc<Package>>, RegistryError> {
        if let Some(package) = locked(&self.packages).get(name) {
            return Ok(package.clone());
        }
        let package = match self.file(&name.index_path())? {
            Some(bytes) => Some(Arc::new(Package::parse(name, &bytes)?)),
            None => None,
        };
        locked(&self.packages).insert(name.clone(), package.clone());
        Ok(package)
    }

    pub(super) async fn entry(&self, path: &str) -> Result<Option<Entry>, RegistryError> {
        snapshot::lookup(self, self.checkpoint.snapshot, path).await
    }

    pub(super) async fn load(&self, path: &str) -> Result<Option<Arc<Vec<u8>>>, RegistryError> {
        if let Some(bytes) = locked(&self.files).get(path) {
            return Ok(bytes.clone());
        }
        if let Some(error) = locked(&self.failed).remove(path) {
            return Err(error);
        }
        let bytes = match self.entry(path).await? {
            Some(entry) => Some(Arc::new(self.load_entry(path, entry).await?)),
            None => None,
        };
        locked(&self.files).insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    /// The bytes that `entry` covers. Those of a listed file may stand beside it, where a writer is about to commit the next
    /// ones, or has died before it did.
    async fn load_entry(&self, path: &str, entry: Entry) -> Result<Vec<u8>, RegistryError> {
        let refused = match self.load_current(path, entry).await {
            Err(error @ (RegistryError::Altered { .. } | RegistryError::Missing { .. })) => error,
            done => return done,
        };
        let local = self.store.local_path(path).is_some();
        if path.starts_with("index/") || entry.length > layout::MAX_INDEX || (self.offline && !local) {
            return Err(refused);
        }
        let beside = format!("{}?{}", layout::before_last_change(path), entry.digest);
        // A server that compresses may send more than the file has.
        let bytes = match self.store.read(&beside, 0, layout::MAX_INDEX).await {
            Ok(Some(bytes)) => check(&bytes, entry).map_err(|_| refused)?,
            _ => return Err(refused),
        };
        if !local {
            self.folders.keep(self.key(), path, &bytes);
        }
        Ok(bytes)
    }

    /// The bytes that `entry` covers: from the cache where it has them, else what was appended since, else the whole.
    async fn load_current(&self, path: &str, entry: Entry) -> Result<Vec<u8>, RegistryError> {
        let location = self.store.location();
        let missing = || RegistryError::Missing { location: location.into(), path: path.into() };
        let altered =
            |reason| RegistryError::Altered { location: location.into(), path: path.into(), reason };
        if entry.length > layout::MAX_INDEX {
            return Err(altered(format!("it would be {} bytes long", entry.length)));
        }
        if self.store.local_path(path).is_some() {
            let bytes = self.read_committed(path, 0, entry).await?.ok_or_else(missing)?;
            return check(&bytes, entry).map_err(altered);
        }
        let mut cached = self.folders.cached(self.key(), path).unwrap_or_default();
        if let Ok(bytes) = check(&cached, entry) {
            return Ok(bytes);
        }
        if self.offline {
            return Err(missing());
        }
        if !cached.is_empty() && (cached.len() as u64) < entry.length {
            cached.extend(self.read_committed(path, cached.len() as u64, entry).await?.unwrap_or_default());
            if let Ok(bytes) = check(&cached, entry) {
                self.folders.keep(self.key(), path, &bytes);
                return Ok(bytes);
            }
        }
        let whole = self.read_committed(path, 0, entry).await?;
        let bytes = match whole.map(|whole| check(&whole, entry)) {
            Some(Ok(bytes)) => bytes,
            _ => {
                // A cache on the way may hold an older file than the checkpoint, or that there is none: ask past it, once.
                let past_caches = format!("{path}?{}", entry.digest);
                let whole = self.read_committed(&past_caches, 0, entry).await?.ok_or_else(missing)?;
                check(&whole, entry).map_err(altered)?
            }
        };
        self.folders.keep(self.key(), path, &bytes);
        Ok(bytes)
    }

    /// The bytes of a file from `from` on, at least up to where `entry` ends. What anybody put behind the committed
    /// bytes does not matter, however much it is.
    async fn read_committed(
        &self,
        path: &str,
        from: u64,
        entry: Entry,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        match self.store.read(path, from, layout::MAX_INDEX).await {
            Err(StoreError::TooLarge { .. }) => {}
            read => return Ok(read?),
        }
        let Some(mut pieces) = self.store.stream(path, from, u64::MAX).await? else { return Ok(None) };
        let mut bytes = Vec::new();
        while from + (bytes.len() as u64) < entry.length {
            let Some(piece) = pieces.next().await else { break };
            bytes.extend_from_slice(&piece?);
        }
        Ok(Some(bytes))
    }

    /// A node of the snapshot, unchecked. Only that at the root, which has the digest of its bytes, is kept: every proof begins there.
    pub(super) async fn load_node(&self, digest: Blake3) -> Result<Vec<u8>, RegistryError> {
        if let Some(bytes) = locked(&self.nodes).get(&digest) {
            return Ok(bytes.clone());
        }
        let path = layout::snapshot_node(digest);
        let is_root = |bytes: &Vec<u8>| Blake3::of(bytes) == digest;
        let kept = self.kept(&path).filter(is_root);
        let is_kept = kept.is_some();
        let bytes = match kept {
            Some(bytes) => bytes,
            None => self.ask(&path, self.store.read(&path, 0, layout::MAX_SNAPSHOT_NODE)).await?,
        };
        if is_kept || is_root(&bytes) {
            locked(&self.nodes).insert(digest, bytes.clone());
            if !is_kept {
                self.keep_copy(&path, &bytes);
            }
        }
        Ok(bytes)
    }

    /// A cell of a node, unchecked.
    async fn load_cell(&self, digest: Blake3, cell: Cell) -> Result<Vec<u8>, RegistryError> {
        let path = layout::snapshot_node(digest);
        let name = format!("{path}/{}", cell.slot);
        let proven = |bytes: &Vec<u8>| open_cell(digest, cell.slot, bytes).is_some();
        if let Some(bytes) = self.kept(&name).filter(proven) {
            return Ok(bytes);
        }
        let bytes = self.ask(&path, self.store.read_range(&path, cell.from, cell.length)).await?;
        if proven(&bytes) {
            self.keep_copy(&name, &bytes);
        }
        Ok(bytes)
    }

    /// What the cache has of a place that is not on this machine.
    fn kept(&self, path: &str) -> Option<Vec<u8>> {
        let local = self.store.local_path(path).is_some();
        if local { None } else { self.folders.cached(self.key(), path) }
    }

    fn keep_copy(&self, path: &str, bytes: &[u8]) {
        if self.store.local_path(path).is_none() {
            self.folders.keep(self.key(), path, bytes);
        }
    }

    /// Awaits what is read of a file that the state says is there, where anything may be asked at all.
    async fn ask(
        &self,
        path: &str,
        read: impl Future<Output = Result<Option<Vec<u8>>, StoreError>>,
    ) -> Result<Vec<u8>, RegistryError> {
        let missing =
            || RegistryError::Missing { location: self.store.location().into(), path: path.to_owned() };
        if self.offline && self.store.local_path(path).is_none() {
            return Err(missing());
        }
        read.await?.ok_or_else(missing)
    }
}

impl Nodes for Reader {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        Box::pin(self.load_node(digest))
    }

    fn cell(&self, digest: Blake3, cell: Cell) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        Box::pin(self.load_cell(digest, cell))
    }
}

/// The first bytes of a file, once they are what the snapshot says.
pub(super) fn check(bytes: &[u8], entry: Entry) -> Result<Vec<u8>, String> {
    let committed =
        usize::try_from(entry.length).ok().and_then(|length| bytes.get(..length)).ok_or_else(|| {
            format!(
                "it has {} bytes, and should have {}: its end is hidden, or not copied yet",
                bytes.len(),
                entry.length
            )
        })?;
    let digest = Blake3::of(committed);
    if digest != entry.digest {
        return Err(format!("its digest is {digest}, and should be {}", entry.digest));
    }
    Ok(committed.to_vec())
}
