//! The store: every wheel unpacked once, under the digest of its bytes, for all environments of a machine.
//!
//! `<root>/<first two digits>/<blake3>/` has the folders of the areas and the file `manifest`. Files are read-only;
//! folders are not, since Python keeps its byte code in the `__pycache__` next to a module, which all environments share.
//! An artifact appears by one rename of a finished folder, so several processes need no lock: one of them wins,
//! and what the others or a killed process leave in `<root>/staging` is removed after a day.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

use super::InstallError;
use super::arrange::{self, join};
use super::manifest::Manifest;
use crate::fetch::digest_of_file;
use crate::files;
use crate::model::Blake3;
use crate::package::Wheel;

/// A folder in staging that nobody has touched for so long belongs to a process that died.
const STAGING_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The store of unpacked artifacts of this machine.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// An artifact that stands in the store.
#[derive(Clone, Debug)]
pub struct Unpacked {
    pub artifact: Blake3,
    pub(super) folder: PathBuf,
    pub(super) manifest: Arc<Manifest>,
}

impl Store {
    /// The store at `root`, which is made when it is not there.
    pub fn open(root: &Path) -> Result<Self, InstallError> {
        fs::create_dir_all(root).map_err(InstallError::io("create the store", root))?;
        let root = std::path::absolute(root).map_err(InstallError::io("find the store", root))?;
        Ok(Self { root })
    }

    /// Where the store is, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the artifact stands in the store; looks at nothing but its manifest's being there.
    pub fn has(&self, artifact: Blake3) -> bool {
        self.folder(artifact).join("manifest").exists()
    }

    /// The artifact, if it stands in the store and its manifest and top-level files are there.
    pub fn get(&self, artifact: Blake3) -> Option<Unpacked> {
        self.read(artifact).ok()
    }

    /// The artifact, unpacked first where the store does not have it; `wheel` is only called then.
    ///
    /// The path that `wheel` returns is checked to have the digest `artifact`; it may end in any name, so `file` says
    /// what the wheel is called. What is damaged in the store is unpacked again.
    pub fn ensure<E: From<InstallError>>(
        &self,
        artifact: Blake3,
        file: &str,
        wheel: impl FnOnce() -> Result<PathBuf, E>,
    ) -> Result<Unpacked, E> {
        match self.read(artifact) {
            Ok(unpacked) => Ok(unpacked),
            Err(_) => Ok(self.unpack(artifact, file, &wheel()?)?),
        }
    }

    /// Reads every file of an unpacked artifact and compares it with the manifest.
    pub fn verify(&self, unpacked: &Unpacked) -> Result<(), InstallError> {
        let damaged = |reason: String| InstallError::Damaged { path: unpacked.folder.clone(), reason };
        unpacked.manifest.rows().par_iter().filter(|row| !row.hash.is_empty()).try_for_each(|row| {
            let path = join(&unpacked.folder, &row.path);
            let bytes =
                fs::read(&path).map_err(|error| damaged(format!("{} cannot be read: {error}", row.path)))?;
            if row.is_of(&bytes) {
                return Ok(());
            }
            Err(damaged(format!("{} is not what was unpacked", row.path)))
        })
    }

    fn folder(&self, artifact: Blake3) -> PathBuf {
        let digits = artifact.to_string();
        self.root.join(&digits[..2]).join(digits)
    }

    fn read(&self, artifact: Blake3) -> Result<Unpacked, InstallError> {
        let folder = self.folder(artifact);
        let path = folder.join("manifest");
        let text = fs::read_to_string(&path).map_err(InstallError::io("read", &path))?;
        let manifest = Manifest::parse(&text)
            .map_err(|reason| InstallError::Damaged { path: folder.clone(), reason })?;
        for top in &manifest.head.tops {
            let path = folder.join(top.area.folder()).join(&top.name);
            fs::symlink_metadata(&path).map_err(InstallError::io("find", &path))?;
        }
        Ok(Unpacked { artifact, folder, manifest: Arc::new(manifest) })
    }

    fn unpack(&self, artifact: Blake3, file: &str, wheel: &Path) -> Result<Unpacked, InstallError> {
        check_digest(wheel, artifact)?;
        let staging = self.root.join("staging");
        fs::create_dir_all(&staging).map_err(InstallError::io("create the folder", &staging))?;
        remove_abandoned(&staging);
        // The temporary folder is for its owner alone; what is made in it has the usual permissions.
        let temporary = temporary_folder(&staging)?;
        let stage = temporary.path().join("artifact");
        fs::create_dir(&stage).map_err(InstallError::io("create the folder", &stage))?;
        let manifest = arrange::unpack(&Wheel::open_as(wheel, file)?, &stage)?;
        let path = stage.join("manifest");
        let text = manifest.to_text().map_err(io::Error::from).map_err(InstallError::io("write", &path))?;
        fs::write(&path, text).map_err(InstallError::io("write", &path))?;

        let folder = self.folder(artifact);
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).map_err(InstallError::io("create the folder", parent))?;
        }
        if let Err(source) = files::rename(&stage, &folder) {
            // Another process was faster, or what stands there is damaged.
            if let Ok(unpacked) = self.read(artifact) {
                return Ok(unpacked);
            }
            if !folder.exists() {
                return Err(InstallError::Io { action: "rename a folder to", path: folder, source });
            }
            files::rename(&folder, &temporary.path().join("damaged"))
                .map_err(InstallError::io("set aside the damaged folder", &folder))?;
            files::rename(&stage, &folder).map_err(InstallError::io("rename a folder to", &folder))?;
        }
        Ok(Unpacked { artifact, folder, manifest: Arc::new(manifest) })
    }
}

impl Unpacked {
    /// Where the artifact stands in the store.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn check_digest(wheel: &Path, expected: Blake3) -> Result<(), InstallError> {
    let found = digest_of_file(wheel).map_err(InstallError::io("read", wheel))?;
    if found == expected {
        return Ok(());
    }
    Err(InstallError::Digest { path: wheel.to_owned(), expected, found })
}

fn temporary_folder(parent: &Path) -> Result<tempfile::TempDir, InstallError> {
    tempfile::tempdir_in(parent).map_err(InstallError::io("create a folder in", parent))
}

/// Best effort: what cannot be removed now can be another day.
fn remove_abandoned(staging: &Path) {
    let abandoned = |entry: &fs::DirEntry| {
        let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        changed
            .and_then(|time| SystemTime::now().duration_since(time).ok())
            .is_some_and(|age| age > STAGING_AGE)
    };
    for entry in fs::read_dir(staging).into_iter().flatten().flatten().filter(abandoned) {
        let _ = fs::remove_dir_all(entry.path());
    }
}
