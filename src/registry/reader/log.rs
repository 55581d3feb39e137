//! The log behind the records that are used.

use std::collections::{BTreeMap, BTreeSet};

use futures::executor::block_on;
use futures::future::{join, join_all};

use super::Reader;
use crate::model::{PackageName, ReleaseEntry, sealed_lines};
use crate::registry::log::{self, AuditPath, LogFiles, Parts};
use crate::registry::{RegistryError, layout};

impl Reader {
    /// Checks that every record behind these releases stands in the log where its seal line says, and so does every record
    /// that says who owns their names, or that another version of an owned name was withdrawn.
    pub fn check_inclusion<'a>(
        &self,
        releases: impl IntoIterator<Item = (&'a PackageName, &'a ReleaseEntry)>,
    ) -> Result<(), RegistryError> {
        let mut wanted: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        let prefixes = self.prefixes()?;
        for (name, release) in releases {
            let numbers = wanted.entry(name.index_path()).or_default();
            numbers.extend(&release.entries);
            numbers.extend(release.approvals.iter().map(|approval| approval.entry));
            let Some(package) = self.package(name)? else { continue };
            numbers.extend(package.owners.iter().map(|owners| owners.entry));
            let owned_prefix = prefixes.in_force(name, self.checkpoint.size).is_some();
            if owned_prefix || !package.owners.is_empty() {
                let yanked = package.releases.values().filter(|release| release.yanks > 0);
                numbers.extend(yanked.flat_map(|release| &release.entries));
            }
            let above = prefixes.owners.iter().filter(|(prefix, _)| prefix.covers(name));
            let above: Vec<u64> =
                above.flat_map(|(_, history)| history.iter().map(|owners| owners.entry)).collect();
            if !above.is_empty() {
                wanted.entry(layout::PREFIXES_INDEX.into()).or_default().extend(above);
            }
        }
        let mut entries = Vec::new();
        for (path, numbers) in wanted {
            let Some(bytes) = self.file(&path)? else { continue };
            let lines = sealed_lines(&path, &bytes)?.into_iter().filter(|line| numbers.contains(&line.entry));
            entries.extend(lines.map(|line| (line.entry, tlog_tiles::record_hash(line.line.as_bytes()))));
        }
        entries.sort_unstable_by_key(|(number, _)| *number);
        entries.dedup();
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
    async fn log_files(&self, paths: &[String], cached: bool) -> Result<Vec<Vec<u8>>, RegistryError> {
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
        join_all(paths.iter().map(read)).await.into_iter().collect()
    }

    /// Audit paths: of tiles that are in the cache from these, else from the files beside them. One that cannot be read is as one
    /// that is not there, and the tile tells why. In a folder, tiles cost nothing.
    async fn audit_paths(&self, paths: &[AuditPath], cached: bool) -> Vec<Option<Vec<u8>>> {
        let read = async |path: &AuditPath| {
            if self.store.local_path(&path.path()).is_some() {
                return None;
            }
            let kept = |name: &str| self.folders.cached(self.key(), name).filter(|_| cached);
            let of_tile = || path.of_tile(&kept(&path.tile_path())?);
            if let Some(bytes) = kept(&path.name()).or_else(of_tile) {
                return Some(bytes);
            }
            if self.offline {
                return None;
            }
            self.store.read_range(&path.path(), path.from(), path.length()).await.ok()?
        };
        join_all(paths.iter().map(read)).await
    }

    fn log_parts(
        &self,
        paths: &[String],
        audit_paths: &[AuditPath],
        cached: bool,
    ) -> Result<Parts, RegistryError> {
        let both = join(self.log_files(paths, cached), self.audit_paths(audit_paths, cached));
        let (files, audit_paths) = block_on(both);
        Ok((files?, audit_paths))
    }
}

impl LogFiles for Reader {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        block_on(self.log_files(paths, true))
    }

    fn read_with(&self, paths: &[String], audit_paths: &[AuditPath]) -> Result<Parts, RegistryError> {
        self.log_parts(paths, audit_paths, true)
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
        block_on(self.0.log_files(paths, false))
    }

    fn read_with(&self, paths: &[String], audit_paths: &[AuditPath]) -> Result<Parts, RegistryError> {
        self.0.log_parts(paths, audit_paths, false)
    }

    fn keep(&self, path: &str, tile: &[u8]) {
        self.0.keep(path, tile);
    }
}
