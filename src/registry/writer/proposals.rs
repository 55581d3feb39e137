//! Where proposals wait to be sealed.

use rayon::prelude::*;

use super::{Change, Writer, by_path};
use crate::model::Record;
use crate::registry::backend::{Branch, Proposed};
use crate::registry::{RegistryError, seal};

impl Writer {
    /// Whether what is published here is proposed, as there is no key to seal it with.
    pub fn proposes(&self) -> bool {
        self.key.is_none()
    }

    /// The branch that proposals are to be merged into, where the registry is in a git repository.
    pub fn base_branch(&self) -> Result<Option<String>, RegistryError> {
        self.backend.base_branch()
    }

    /// Proposes `records`, all of which must be what a seal would commit now, with the blobs that were put before. `branch` is for a
    /// registry in a git repository.
    pub fn propose(
        &self,
        records: Vec<Record>,
        branch: &Branch,
        now: jiff::Timestamp,
    ) -> Result<Proposed, RegistryError> {
        let change = Change { records: by_path(records)?, ..Change::default() };
        let batches = self.in_parallel(|| self.judge(&change, self.time(now)?, seal::propose))?;
        let lines = batches.into_iter().filter(|batch| !batch.lines.is_empty());
        let lines: Vec<_> = lines.map(seal::Batch::into_proposal).collect();
        match lines.is_empty() {
            true => Ok(Proposed::WaitsAlready),
            false => self.backend.propose(&lines, branch),
        }
    }

    /// The index files that hold lines behind their committed ones: proposals, or the remains of a dead writer.
    pub fn proposed(&self) -> Result<Vec<String>, RegistryError> {
        let files = self.backend.index_files()?;
        let proposed = |(path, length): (String, u64)| {
            let committed = self.entry(&path)?.map_or(0, |entry| entry.length);
            Ok((committed < length).then_some(path))
        };
        self.in_parallel(|| files.into_par_iter().filter_map(|file| proposed(file).transpose()).collect())
    }
}
