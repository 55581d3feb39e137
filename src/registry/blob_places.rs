//! Blobs that stand in other places than the registry itself: those that are too large for a git repository, above all.
//!
//! `config.json` names the places. None of them is trusted: what they give is what a record's digest says, or is refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt as _};
use tokio::runtime::Handle;

use super::backend::Backend as _;
use super::bucket::{BucketBackend, BucketPlace, BucketStore};
use super::store::{ByteStream, Fresh, Store, StoreError, StoreOptions, open_store};
use super::{Config, RegistryError};
use crate::model::Blake3;

/// The other places of a registry's blobs.
pub(crate) struct BlobPlaces {
    places: Vec<Arc<dyn Store>>,
    /// The first of them that can be written to.
    bucket: Option<String>,
    options: StoreOptions,
    runtime: Option<Handle>,
}

/// Whether the blobs of a registry may be kept at this URL: a web server or a bucket.
pub(crate) fn is_blob_place(url: &str) -> bool {
    ["https://", "http://", "s3://", "gs://", "az://"].iter().any(|scheme| url.starts_with(scheme))
}

fn is_bucket(url: &str) -> bool {
    is_blob_place(url) && !url.starts_with("http")
}

impl BlobPlaces {
    /// Those that a registry names; none if it names none. The credentials in `options` must not be the registry's own: whoever
    /// serves it has named these places.
    pub fn open(config: &Config, options: &StoreOptions) -> Result<Option<Self>, RegistryError> {
        if config.blobs.is_empty() {
            return Ok(None);
        }
        let open = |url: &String| match is_blob_place(url) {
            true => open_store(url, options),
            false => Err(StoreError::Open {
                location: url.clone(),
                reason: "the registry keeps blobs there, and that is neither a web server nor a bucket"
                    .into(),
                hint: "ask whoever runs the registry".into(),
            }),
        };
        let places = config.blobs.iter().map(open).collect::<Result<_, _>>()?;
        let bucket = config.blobs.iter().find(|url| is_bucket(url)).cloned();
        Ok(Some(Self { places, bucket, options: options.clone(), runtime: Handle::try_current().ok() }))
    }

    /// The registry in `store`, with the blobs that are in these places.
    pub fn behind(&self, store: &Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(WithBlobs { registry: Arc::clone(store), places: self.places.clone() })
    }

    /// Whether a blob of this size is in one of the places.
    pub fn hold(&self, path: &str, size: u64) -> Result<bool, RegistryError> {
        // Its last byte is there, and no other after that.
        let (from, length) = (size.saturating_sub(1), size.min(1) + 1);
        let look = async {
            for place in &self.places {
                let found = place.read_range(path, from, length).await?;
                if found.is_some_and(|bytes| bytes.len() as u64 == size.min(1)) {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        match &self.runtime {
            Some(runtime) => runtime.block_on(look),
            None => block_on(look),
        }
    }

    /// Writes a file as a blob into the first bucket among the places; says whether there is one.
    pub fn put(&self, source: &Path, path: &str, digest: Blake3, size: u64) -> Result<bool, RegistryError> {
        let Some(url) = &self.bucket else { return Ok(false) };
        let store = BucketStore::open(url, &self.options.http, self.options.sources.clone())?;
        // Blobs are written without a condition.
        let place = BucketPlace { store, probed: PathBuf::new(), lock: None };
        BucketBackend::open(place)?.put_blob(source, path, digest, size)?;
        Ok(true)
    }
}

/// A registry of which some blobs are in other places.
struct WithBlobs {
    registry: Arc<dyn Store>,
    places: Vec<Arc<dyn Store>>,
}

impl WithBlobs {
    /// Those to be asked for a file, one after the other.
    fn stores(&self, path: &str) -> impl Iterator<Item = &Arc<dyn Store>> {
        let elsewhere = if path.starts_with("blobs/") { &self.places[..] } else { &[] };
        std::iter::once(&self.registry).chain(elsewhere)
    }
}

impl Store for WithBlobs {
    fn location(&self) -> &str {
        self.registry.location()
    }

    fn identity(&self) -> String {
        self.registry.identity()
    }

    fn read<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            for store in self.stores(path) {
                if let Some(found) = store.read(path, from, limit).await? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        }
        .boxed()
    }

    fn read_range<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        length: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            for store in self.stores(path) {
                if let Some(found) = store.read_range(path, from, length).await? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        }
        .boxed()
    }

    fn stream<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<ByteStream>, StoreError>> {
        async move {
            for store in self.stores(path) {
                if let Some(found) = store.stream(path, from, limit).await? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        }
        .boxed()
    }

    fn read_fresh<'a>(
        &'a self,
        path: &'a str,
        known: Option<&'a Fresh>,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Fresh>, StoreError>> {
        self.registry.read_fresh(path, known, limit)
    }

    fn local_path(&self, path: &str) -> Option<PathBuf> {
        let file = self.registry.local_path(path)?;
        // One that is not here may be elsewhere.
        (!path.starts_with("blobs/") || file.exists()).then_some(file)
    }
}
