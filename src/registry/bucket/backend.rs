//! Writing a registry in a bucket.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use object_store::UpdateVersion;

use super::head;
use super::objects::{Objects, Swap};
use super::{BucketStore, probe};
use crate::model::Blake3;
use crate::registry::backend::{Backend, Outcome, Prepared, State};
use crate::registry::checkpoint::position;
use crate::registry::store::Store as _;
use crate::registry::{RegistryError, layout};

/// Requests at once: what waits is the network, not this machine.
const THREADS: usize = 32;

/// A bucket, and what it takes to write there.
pub struct BucketPlace {
    pub store: BucketStore,
    /// The folder in which it is remembered of which stores it is known that they compare and swap.
    pub probed: PathBuf,
    /// A file that all writers lock in turn, where the store does not.
    pub lock: Option<PathBuf>,
}

/// A registry in a bucket, for one of its writers.
pub(crate) struct BucketBackend {
    objects: Objects,
    /// The file that says that the store compares and swaps.
    probed: PathBuf,
    /// The version of the head that was read last; none where there is none.
    version: Mutex<Option<UpdateVersion>>,
}

impl BucketBackend {
    /// Waits for the lock, where there is one. Needs to be called where a tokio runtime is entered.
    pub fn open(place: BucketPlace) -> Result<Self, RegistryError> {
        let BucketPlace { store, probed, lock } = place;
        let probed = probed.join(Blake3::of(store.identity().as_bytes()).to_string());
        let lock = lock.as_deref().map(shared_lock).transpose()?;
        Ok(Self { objects: Objects::new(store, lock), probed, version: Mutex::default() })
    }
}

/// Takes the lock of the file `path`, once it is seen that locks work there: not every share has them.
fn shared_lock(path: &Path) -> Result<File, RegistryError> {
    let open = || File::options().write(true).create(true).truncate(false).open(path);
    let lock = open().map_err(RegistryError::io("open the lock", path))?;
    lock.lock().map_err(RegistryError::io("take the lock", path))?;
    let second = open().map_err(RegistryError::io("open the lock", path))?;
    match second.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(lock),
        Err(TryLockError::Error(error)) => Err(RegistryError::io("take the lock", path)(error)),
        Ok(()) => Err(RegistryError::io("take the lock", path)(std::io::Error::other(
            "this file system lets two take it at once; name a file on another one",
        ))),
    }
}

impl Backend for BucketBackend {
    fn location(&self) -> &str {
        self.objects.store.location()
    }

    fn threads(&self) -> usize {
        THREADS
    }

    fn state(&self) -> Result<Option<State>, RegistryError> {
        let found = head::read(&self.objects)?;
        let mut checkpoint = self.objects.read(layout::CHECKPOINT, 0, layout::MAX_CHECKPOINT)?;
        let version = match found {
            Some((head, version)) => {
                // A later one that readers see was put there from elsewhere, as by a copy of a whole folder.
                if checkpoint.as_deref().is_none_or(|shown| position(shown) < position(&head.checkpoint)) {
                    head::finish(&self.objects, &head)?;
                    checkpoint = Some(head.checkpoint);
                }
                Some(version)
            }
            None => None,
        };
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = version;
        let Some(checkpoint) = checkpoint else { return Ok(None) };
        let config = self.objects.read(layout::CONFIG, 0, layout::MAX_CONFIG)?;
        let location = || self.location().to_owned();
        let missing = || RegistryError::NotARegistry { location: location(), missing: layout::CONFIG };
        Ok(Some(State { config: config.ok_or_else(missing)?, checkpoint }))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        self.objects.read(path, 0, limit)
    }

    fn read_range(&self, path: &str, from: u64, length: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        self.objects.read(path, from, length)
    }

    fn length(&self, path: &str) -> Result<Option<u64>, RegistryError> {
        self.objects.length(path)
    }

    fn index_files(&self) -> Result<Vec<(String, u64)>, RegistryError> {
        self.objects.list("index")
    }

    fn put_blob(&self, source: &Path, path: &str, digest: Blake3, size: u64) -> Result<(), RegistryError> {
        match self.length(path)? == Some(size) {
            true => Ok(()),
            false => self.objects.put_file(source, path, digest, size),
        }
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        self.objects.put(path, bytes)
    }

    fn commit(&self, change: &Prepared) -> Result<Outcome, RegistryError> {
        probe::check(&self.objects, &self.probed)?;
        let (head, staged) = head::stage(&self.objects, change)?;
        let version = self.version.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // The commit point.
        let swapped = self.objects.swap(layout::HEAD, version.as_ref(), &head.to_bytes());
        // A request whose answer was lost may have been made again, and then finds what it wrote itself.
        if !matches!(swapped, Ok(Swap::Done)) && !head::is_head(&self.objects, &head)? {
            head::unstage(&self.objects, &head);
            return swapped.map(|_| Outcome::Overtaken);
        }
        let unfinished = |error: RegistryError| RegistryError::Unfinished {
            location: self.location().to_owned(),
            reason: error.to_string(),
        };
        head::apply(&self.objects, &head, &staged).map_err(unfinished)?;
        change.cut.iter().try_for_each(|(path, committed)| self.cut(path, *committed))?;
        Ok(Outcome::Committed)
    }
}

impl BucketBackend {
    /// Removes what stands behind the committed bytes of an index file, unless it changes meanwhile.
    fn cut(&self, path: &str, committed: u64) -> Result<(), RegistryError> {
        if committed == 0 {
            return self.objects.remove(path);
        }
        let Some(mut found) = self.objects.find(path, 2 * layout::MAX_INDEX)? else { return Ok(()) };
        found.bytes.truncate(usize::try_from(committed).unwrap_or(usize::MAX));
        self.objects.swap(path, Some(&found.version), &found.bytes).map(drop)
    }
}
