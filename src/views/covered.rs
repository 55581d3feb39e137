//! The state of the registry that the views show.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ViewsError;
use super::files::Files;
use crate::model::Record;
use crate::registry::log::{check_consistency, replay};
use crate::registry::{Checkpoint, Reader, RegistryError};

pub(super) const FILE: &str = "simple/.state.json";

/// Counted up when pages look different, so that they are all made anew.
const FORMAT: u32 = 2;

/// How far the log was when the views were made.
#[derive(Serialize, Deserialize)]
pub(super) struct Covered {
    format: u32,
    size: u64,
    /// The root of the log, in base64.
    root: String,
}

impl Covered {
    /// What the views show; none where that is not known.
    pub(super) fn read(files: &dyn Files) -> Result<Option<Self>, ViewsError> {
        let covered: Option<Self> = files.read(FILE)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(covered.filter(|covered| covered.format == FORMAT))
    }

    /// Says what they show, once all that was written lasts.
    pub(super) fn write(files: &dyn Files, reader: &Reader) -> Result<(), ViewsError> {
        let Checkpoint { size, .. } = *reader.checkpoint();
        let covered = Self { format: FORMAT, size, root: reader.checkpoint().root_base64() };
        let mut bytes = serde_json::to_vec(&covered)?;
        bytes.push(b'\n');
        files.sync()?;
        files.write(FILE, &bytes)?;
        files.finish()
    }

    /// Has it not be known what they show.
    pub(super) fn forget(files: &dyn Files) -> Result<(), ViewsError> {
        files.write(FILE, b"{}\n")?;
        files.sync()
    }

    /// Whether these are the views of the reader's state.
    pub(super) fn is_of(&self, reader: &Reader) -> bool {
        self.size == reader.checkpoint().size && self.root == reader.checkpoint().root_base64()
    }

    /// The files that were sealed since, by the log. None: the log does not continue this state, or it cannot be read.
    pub(super) fn changed(&self, reader: &Reader) -> Option<BTreeSet<String>> {
        let now = reader.checkpoint();
        let root = data_encoding::BASE64.decode(self.root.as_bytes()).ok()?;
        let root = tlog_tiles::Hash(root.try_into().ok()?);
        let before = Checkpoint { size: self.size, root, ..now.clone() };
        if self.size > now.size || check_consistency(reader, &before, now).is_err() {
            return None;
        }
        let mut changed = BTreeSet::new();
        let seals = replay(reader, now, self.size, |_, entry| {
            let bad = |reason: String| RegistryError::Log { reason };
            let line = std::str::from_utf8(entry).map_err(|error| bad(error.to_string()))?;
            if let Record::Seal(seal) = Record::parse(line).map_err(|error| bad(error.to_string()))? {
                changed.insert(seal.path);
            }
            Ok(())
        });
        seals.is_ok().then_some(changed)
    }
}
