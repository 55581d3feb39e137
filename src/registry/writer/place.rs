//! The places that a writer can write to.

use std::path::Path;

use crate::registry::backend::Backend;
use crate::registry::backend_dir::DirBackend;
use crate::registry::git::GitBackend;
use crate::registry::{RegistryError, StoreOptions};

/// Where a registry is written.
pub enum Place<'a> {
    Folder(&'a Path),
    /// A branch of a git repository, written as `GitPlace` reads it.
    Git(&'a str, &'a StoreOptions),
}

impl Place<'_> {
    pub(super) fn backend(&self) -> Result<Box<dyn Backend>, RegistryError> {
        Ok(match self {
            Self::Folder(dir) => Box::new(DirBackend::open(dir)?),
            Self::Git(location, options) => Box::new(GitBackend::open(location, options)?),
        })
    }
}
