//! Where proposals wait to be sealed.

use rayon::prelude::*;

use super::Writer;
use crate::registry::RegistryError;

impl Writer {
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
