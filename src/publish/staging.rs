//! The folder where downloads wait until they are published.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::PublishError;

/// A staging folder that belongs to this process. Its files stay when it is dropped, so that a later import goes on with them.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    lock: File,
}

impl Staging {
    /// Makes or opens the staging folder beside the registry in `registry`: on the same disk, and never part of the registry.
    pub fn beside(registry: &Path) -> Result<Self, PublishError> {
        let absolute = std::path::absolute(registry).map_err(|source| PublishError::Io {
            action: "find",
            path: registry.into(),
            source,
        })?;
        let mut name = absolute.file_name().unwrap_or_default().to_owned();
        name.push(".import");
        Self::open(absolute.with_file_name(name))
    }

    /// Makes or opens this staging folder.
    pub fn open(folder: PathBuf) -> Result<Self, PublishError> {
        let failed = |source| PublishError::Io { action: "make the folder", path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(failed)?;
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder, lock }),
            Err(TryLockError::WouldBlock) => Err(PublishError::StagingBusy { folder }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes the folder, when what is in it is published.
    pub fn remove(self) -> Result<(), PublishError> {
        let Self { folder, lock } = self;
        // Windows removes no open file.
        drop(lock);
        fs::remove_dir_all(&folder).map_err(|source| PublishError::Io {
            action: "remove the folder",
            path: folder.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_imports_into_one_registry_do_not_share_a_staging_folder() {
        let folder = tempfile::tempdir().unwrap();
        let registry = folder.path().join("registry");
        let first = Staging::beside(&registry).unwrap();
        assert!(matches!(Staging::beside(&registry), Err(PublishError::StagingBusy { .. })));
        fs::write(first.folder().join("file.part"), "part").unwrap();
        drop(first);
        let second = Staging::beside(&registry).unwrap();
        assert!(second.folder().join("file.part").exists(), "a later import goes on with it");
        let path = second.folder().to_owned();
        second.remove().unwrap();
        assert!(!path.exists());
    }
}
