//! The log behind the records that are used.

use futures::executor::block_on;
use futures::future::join_all;

use super::Reader;
use crate::model::{PackageName, Record, ReleaseEntry};
use crate::registry::RegistryError;
use crate::registry::log::{self, LogFiles};

impl Reader {
    /// Checks that every record behind these releases stands in the log where its seal line says.
    pub fn check_inclusion<'a>(
        &self,
        releases: impl IntoIterator<Item = (&'a PackageName, &'a ReleaseEntry)>,
    ) -> Result<(), RegistryError> {
        let mut entries = Vec::new();
        for (name, release) in releases {
            let Some(bytes) = self.file(&name.index_path())? else { continue };
            let mut open: Vec<&[u8]> = Vec::new();
            for line in bytes.split(|byte| *byte == b'\n') {
                let is_seal = std::str::from_utf8(line).ok().and_then(|line| match Record::parse(line) {
                    Ok(Record::Seal(seal)) => Some(seal),
                    _ => None,
                });
                let Some(seal) = is_seal else {
                    open.push(line);
                    continue;
                };
                for (number, line) in (seal.first..).zip(open.drain(..)) {
                    if release.entries.contains(&number) {
                        entries.push((number, tlog_tiles::record_hash(line)));
                    }
                }
            }
        }
        entries.sort_unstable_by_key(|(number, _)| *number);
        entries.dedup_by_key(|(number, _)| *number);
        self.check_log(|files| log::check_inclusion(files, &self.checkpoint, &entries))
    }

    /// Checks the log. Before the registry is blamed, it is asked: the fault may be a damaged cache's.
    pub(super) fn check_log(
        &self,
        check: impl Fn(&dyn LogFiles) -> Result<(), RegistryError>,
    ) -> Result<(), RegistryError> {
        match check(self) {
            Err(RegistryError::Log { .. }) if !self.offline => check(&PastCache(self)),
            done => done,
        }
    }

    /// Files of the log, from the cache where it has them and where `cached` says that it may be believed.
    fn log_files(&self, paths: &[String], cached: bool) -> Result<Vec<Vec<u8>>, RegistryError> {
        let read = async |path: &String| {
            let local = self.store.local_path(path).is_some();
            if cached
                && !local
                && let Some(bytes) = self.folders.cached(self.key(), path)
            {
                return Ok(bytes);
            }
            let missing =
                || RegistryError::Missing { location: self.store.location().into(), path: path.clone() };
            if self.offline && !local {
                return Err(missing());
            }
            self.store.read(path, 0, log::MAX_TILE).await?.ok_or_else(missing)
        };
        block_on(join_all(paths.iter().map(read))).into_iter().collect()
    }
}

impl LogFiles for Reader {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        self.log_files(paths, true)
    }

    fn keep(&self, path: &str, tile: &[u8]) {
        let local = self.store.local_path(path).is_some();
        if !local && self.folders.cached(self.key(), path).is_none_or(|known| known != tile) {
            self.folders.keep(self.key(), path, tile);
        }
    }
}

/// The log's files as the registry has them now.
struct PastCache<'a>(&'a Reader);

impl LogFiles for PastCache<'_> {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        self.0.log_files(paths, false)
    }

    fn keep(&self, path: &str, tile: &[u8]) {
        self.0.keep(path, tile);
    }
}
