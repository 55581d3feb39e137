//! The log behind the records that are used.

use futures::executor::block_on;
use futures::future::join_all;

use super::Reader;
use crate::model::{Blake3, PackageName, Record, ReleaseEntry};
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
        log::check_inclusion(self, &self.checkpoint, &entries)
    }
}

impl Reader {
    /// A file of the log. Those never change under one name, so the cache is asked first.
    async fn load_log_file(&self, path: &str) -> Result<Vec<u8>, RegistryError> {
        let local = self.store.local_path(path).is_some();
        if let Some(bytes) = (!local).then(|| self.folders.cached(&self.key, path)).flatten().and_then(unpack)
        {
            return Ok(bytes);
        }
        let missing = || RegistryError::Missing { location: self.store.location().into(), path: path.into() };
        if self.offline && !local {
            return Err(missing());
        }
        self.store.read(path, 0, log::MAX_TILE).await?.ok_or_else(missing)
    }
}

impl LogFiles for Reader {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        block_on(join_all(paths.iter().map(|path| self.load_log_file(path)))).into_iter().collect()
    }

    fn keep(&self, path: &str, bytes: &[u8]) {
        if self.store.local_path(path).is_none() {
            self.folders.keep_once(&self.key, path, &pack(bytes));
        }
    }
}

/// A tile as it is cached: behind its own digest, so that a damaged copy is known and fetched again.
fn pack(bytes: &[u8]) -> Vec<u8> {
    [&Blake3::of(bytes).0[..], bytes].concat()
}

fn unpack(packed: Vec<u8>) -> Option<Vec<u8>> {
    let (digest, bytes) = packed.split_first_chunk::<32>()?;
    (Blake3::of(bytes) == Blake3(*digest)).then(|| bytes.to_vec())
}
