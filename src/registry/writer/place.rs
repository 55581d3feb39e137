//! The places that a writer can write to.

use std::path::PathBuf;

use crate::registry::backend::Backend;
use crate::registry::backend_dir::DirBackend;
use crate::registry::bucket::{BucketBackend, BucketPlace};
use crate::registry::git::GitBackend;
use crate::registry::{RegistryError, StoreOptions};

/// Where a registry is written. Writers of a folder take turns, as do those of a git repository on one machine; those of a bucket do not
/// wait for each other.
pub enum Place {
    Folder(PathBuf),
    Bucket(Box<BucketPlace>),
    /// A branch of a git repository, written as `GitPlace` reads it.
    Git(String, Box<StoreOptions>),
}

impl Place {
    /// `is_new`: a registry is to be made there.
    pub(super) fn backend(self, is_new: bool) -> Result<Box<dyn Backend>, RegistryError> {
        Ok(match self {
            Self::Folder(dir) => Box::new(DirBackend::open(&dir)?),
            Self::Bucket(place) => Box::new(BucketBackend::open(*place)?),
            Self::Git(location, options) => Box::new(GitBackend::open(&location, &options, is_new)?),
        })
    }
}
