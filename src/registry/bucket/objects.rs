//! Objects as a writer needs them: read with their version, written only over the version that was read.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use futures::TryStreamExt as _;
use object_store::{
    Attribute, Attributes, GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutMultipartOptions,
    PutOptions, UpdateVersion, WriteMultipart,
};
use tokio::runtime::Handle;

use super::failure::write_failure;
use super::{Answer, BucketStore};
use crate::model::Blake3;
use crate::registry::store::{Store as _, StoreError};
use crate::registry::{RegistryError, layout};

/// What is larger is sent in parts of this size, so that a machine's memory need not hold it.
const PART: usize = 16 << 20;
/// How many parts are on their way at once.
const PARTS: usize = 3;

/// The objects of a registry's bucket, for a thread that waits.
pub(super) struct Objects {
    pub store: BucketStore,
    runtime: Handle,
    /// The lock that all writers take in turn, where the store itself does not compare and swap.
    lock: Option<File>,
}

/// An object, as it was when it was read.
pub(super) struct Found {
    pub bytes: Vec<u8>,
    pub version: UpdateVersion,
}

/// How a write over a known version ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Swap {
    Done,
    /// The object is not, or no longer, what was known.
    Changed,
}

impl Objects {
    /// Needs to be made where a tokio runtime is entered.
    pub fn new(store: BucketStore, lock: Option<File>) -> Self {
        Self { store, runtime: Handle::current(), lock }
    }

    /// Whether nobody else writes for as long as this lives.
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub fn find(&self, path: &str, limit: u64) -> Result<Option<Found>, RegistryError> {
        Ok(self.wait(async {
            match self.store.get(path, 0, GetOptions::default()).await? {
                Answer::Here(result) => {
                    let version = UpdateVersion {
                        e_tag: result.meta.e_tag.clone(),
                        version: result.meta.version.clone(),
                    };
                    let bytes = self.store.whole(path, result, limit).await?;
                    Ok::<_, StoreError>(Some(Found { bytes, version }))
                }
                Answer::Nowhere | Answer::Unchanged | Answer::Ended => Ok(None),
            }
        })?)
    }

    /// The bytes of an object from `from` on, `length` of them or fewer.
    pub fn read(&self, path: &str, from: u64, length: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        let range = from..from.saturating_add(length);
        Ok(self.wait(async {
            match self.store.get(path, from, GetOptions::new().with_range(Some(range))).await? {
                Answer::Here(result) => self.store.whole(path, result, length).await.map(Some),
                Answer::Nowhere | Answer::Unchanged => Ok(None),
                Answer::Ended => Ok(Some(Vec::new())),
            }
        })?)
    }

    pub fn length(&self, path: &str) -> Result<Option<u64>, RegistryError> {
        let object = self.store.object(path)?;
        self.wait(async {
            match self.store.bucket().await?.head(&object).await {
                Ok(meta) => Ok(Some(meta.size)),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(self.store.failed_at(path, &error).into()),
            }
        })
    }

    /// Whatever stands at `path` is replaced.
    pub fn put(&self, path: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        self.put_as(path, bytes, PutMode::Overwrite).map(drop)
    }

    /// Writes an object if it is still the version that is `known`, or still absent where that is none.
    pub fn swap(
        &self,
        path: &str,
        known: Option<&UpdateVersion>,
        bytes: &[u8],
    ) -> Result<Swap, RegistryError> {
        if self.is_locked() {
            let there = self.find(path, u64::MAX)?.map(|found| found.version);
            return match there.as_ref() == known {
                true => self.put_as(path, bytes, PutMode::Overwrite),
                false => Ok(Swap::Changed),
            };
        }
        let mode = known.map_or(PutMode::Create, |version| PutMode::Update(version.clone()));
        self.put_as(path, bytes, mode)
    }

    fn put_as(&self, path: &str, bytes: &[u8], mode: PutMode) -> Result<Swap, RegistryError> {
        let object = self.store.object(path)?;
        let attributes = attributes(path);
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        let bytes = bytes.to_vec();
        self.wait(async {
            match self.store.bucket().await?.put_opts(&object, bytes.into(), options).await {
                Ok(_) => Ok(Swap::Done),
                Err(object_store::Error::Precondition { .. } | object_store::Error::AlreadyExists { .. }) => {
                    Ok(Swap::Changed)
                }
                Err(error) => Err(self.failed(path, &error)),
            }
        })
    }

    /// Writes a file of this machine, if it has this length and digest to its end.
    pub fn put_file(
        &self,
        source: &Path,
        path: &str,
        digest: Blake3,
        size: u64,
    ) -> Result<(), RegistryError> {
        let changed = || RegistryError::SourceChanged { path: source.into() };
        let mut file = File::open(source).map_err(RegistryError::io("read", source))?;
        let mut hasher = blake3::Hasher::new();
        let mut next = || {
            let mut part = Vec::new();
            let read = file.by_ref().take(PART as u64).read_to_end(&mut part);
            read.map_err(RegistryError::io("read", source))?;
            hasher.update(&part);
            Ok::<_, RegistryError>((part, hasher.count(), Blake3(*hasher.finalize().as_bytes())))
        };
        let (first, length, found) = next()?;
        if size <= PART as u64 {
            return match (length, found) == (size, digest) {
                true => self.put(path, &first),
                false => Err(changed()),
            };
        }
        let object = self.store.object(path)?;
        let options = PutMultipartOptions { attributes: attributes(path), ..PutMultipartOptions::default() };
        let failed = |error| self.failed(path, &error);
        // Its parts are sent by tasks of the runtime.
        let _entered = self.runtime.enter();
        let upload = self.wait(async {
            let bucket = self.store.bucket().await?;
            let upload = bucket.put_multipart_opts(&object, options).await;
            upload.map_err(failed)
        })?;
        let mut upload: WriteMultipart = WriteMultipart::new_with_chunk_size(upload, PART);
        let (mut part, mut length, mut found) = (first, length, found);
        while !part.is_empty() && length <= size {
            upload.put(part.into());
            self.wait(upload.wait_for_capacity(PARTS)).map_err(failed)?;
            (part, length, found) = next()?;
        }
        if (length, found) != (size, digest) {
            self.wait(upload.abort()).map_err(failed)?;
            return Err(changed());
        }
        self.wait(upload.finish()).map(drop).map_err(failed)
    }

    /// Removes an object. One that is not there is no failure.
    pub fn remove(&self, path: &str) -> Result<(), RegistryError> {
        let object = self.store.object(path)?;
        self.wait(async {
            match self.store.bucket().await?.delete(&object).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(self.failed(path, &error)),
            }
        })
    }

    /// The paths and lengths of all objects below the folder `path`, sorted.
    pub fn list(&self, path: &str) -> Result<Vec<(String, u64)>, RegistryError> {
        let folder = self.store.object(path)?;
        let strip = folder.as_ref().len() - path.len();
        let found: BTreeSet<(String, u64)> = self.wait(async {
            let listed = self.store.bucket().await?.list(Some(&folder));
            let listed = listed.map_ok(|meta| (meta.location.as_ref()[strip..].to_owned(), meta.size));
            listed.try_collect().await.map_err(|error| self.store.failed_at(path, &error))
        })?;
        Ok(found.into_iter().collect())
    }

    fn failed(&self, path: &str, error: &object_store::Error) -> RegistryError {
        let failure = write_failure(self.store.failure(error), error);
        RegistryError::Write {
            location: self.store.location().to_owned(),
            path: path.to_owned(),
            reason: failure.reason,
            hint: failure.hint,
        }
    }
}

/// For how long caches may keep an object without asking, and what browsers take it for.
fn attributes(path: &str) -> Attributes {
    let never_changes =
        ["blobs/", "snapshot/", "log/tile/", layout::STAGING].iter().any(|folder| path.starts_with(folder));
    let mut attributes = Attributes::new();
    let cache = if never_changes { "public, max-age=31536000, immutable" } else { "public, max-age=10" };
    attributes.insert(Attribute::CacheControl, cache.into());
    let kind = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        Some("metadata") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    attributes.insert(Attribute::ContentType, kind.into());
    attributes
}
