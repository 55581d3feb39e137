//! Generations: the states that an environment has had, each complete on its own.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::InstallError;
use super::plan::Plan;
use super::tree::Conflict;
use crate::model::Blake3;

/// The file in a generation's folder that says what it is.
const FILE: &str = "generation.json";

/// One state of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Rises by one with each change; the name of the folder below `generations`.
    pub number: u64,
    /// Digest of everything that the generation depends on; equal for equal trees.
    pub fingerprint: Blake3,
    pub conflicts: Vec<Conflict>,
    pub plan: Plan,
}

/// What applying a plan did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The environment has been like that before.
    Unchanged,
    /// The environment has a new generation.
    Changed { generation: u64, conflicts: Vec<Conflict> },
}

impl Generation {
    /// Reads what the generation in `folder` is; none when there is none, or its file was lost in a power failure.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()
    }

    /// When the generation in `folder` was written.
    pub(super) fn time(folder: &Path) -> Option<SystemTime> {
        fs::metadata(folder.join(FILE)).and_then(|file| file.modified()).ok()
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), InstallError> {
        let path = folder.join(FILE);
        let text = serde_json::to_vec(self).map_err(std::io::Error::from);
        text.and_then(|text| fs::write(&path, text)).map_err(InstallError::io("write", &path))
    }
}
