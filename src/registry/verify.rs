//! Verifying a whole registry: the log is replayed, everything else is compared with what it says.

mod blobs;

pub(crate) use blobs::check_file;

use std::collections::BTreeMap;

use futures::future::BoxFuture;

use super::snapshot::{self, Entry, Nodes};
use super::{Reader, RegistryError, layout, log, rotation};
use crate::model::{Artifact, Blake3, Package, PackageName, Prefixes, Record};

/// What was looked at, and everything that is wrong with it.
#[derive(Debug, Default, serde::Serialize)]
pub struct Report {
    pub entries: u64,
    pub packages: u64,
    pub releases: u64,
    pub blobs: u64,
    pub blob_bytes: u64,
    /// The packages whose records could be read.
    #[serde(skip)]
    pub names: Vec<PackageName>,
    /// One sentence each. None: the registry is sound.
    pub problems: Vec<String>,
}

/// How many blobs are held at a time with what is to be checked of them: of a large registry there are millions.
const AT_ONCE: usize = 10_000;

/// Checks a registry from its log to its last blob. `each_blob` hears of every blob
/// done, with its size. With `blobs_elsewhere`, blobs that are not there are no problem. An error is a registry that
/// cannot even be replayed.
pub fn verify(
    reader: &Reader,
    blobs_elsewhere: bool,
    each_blob: &(dyn Fn(u64) + Sync),
) -> Result<Report, RegistryError> {
    let store = reader.store()?;
    let mut report = Report { entries: reader.checkpoint().size, ..Report::default() };
    let (index, mut entries) = replay(reader)?;
    for (path, replayed) in &index {
        let entry = Entry { length: replayed.len() as u64, digest: Blake3::of(replayed) };
        entries.insert(path.clone(), entry);
    }
    let rebuilt = futures::executor::block_on(snapshot::update(&NoNodes, None, entries.clone()))?;
    if rebuilt.0 != reader.checkpoint().snapshot {
        report.problems.push(format!(
            "the signed snapshot {} is not the one that the log leads to, {}",
            reader.checkpoint().snapshot,
            rebuilt.0
        ));
    }
    for path in entries.keys() {
        match reader.file_once(path) {
            Ok(Some(found)) => {
                if index.get(path).is_some_and(|replayed| *replayed != found) {
                    report.problems.push(format!("{path} holds other lines than the log"));
                }
            }
            Ok(None) => report.problems.push(format!("{path} is in the log, and not in the signed snapshot")),
            Err(error) => report.problems.push(error.to_string()),
        }
    }
    if let Some(Err(error)) = index.get(layout::PREFIXES_INDEX).map(|bytes| Prefixes::parse(bytes)) {
        report.problems.push(error.to_string());
    }
    if let Some(keys) = index.get(layout::KEYS_INDEX) {
        report.problems.extend(rotation::check_all(keys, reader.key()).err());
    }
    let of_all = [layout::FILES_INDEX, layout::KEYS_INDEX, layout::PREFIXES_INDEX];
    let mut blob_problems = Vec::new();
    let mut artifacts: BTreeMap<String, Artifact> = BTreeMap::new();
    let mut check = |artifacts: &mut BTreeMap<String, Artifact>, report: &mut Report| {
        blob_problems.extend(blobs::check(&**store, artifacts, blobs_elsewhere, each_blob));
        report.blobs += artifacts.len() as u64;
        report.blob_bytes += artifacts.values().map(|artifact| artifact.size).sum::<u64>();
        artifacts.clear();
    };
    for (path, replayed) in index.iter().filter(|(path, _)| !of_all.contains(&path.as_str())) {
        match package_of(path, replayed) {
            Ok(package) => {
                report.packages += 1;
                report.names.push(package.name.clone());
                report.releases += package.releases.len() as u64;
                let all = package.releases.into_values().flat_map(|release| release.artifacts);
                artifacts.extend(all.map(|artifact| (layout::blob(&artifact), artifact)));
            }
            Err(problem) => report.problems.push(problem),
        }
        if artifacts.len() >= AT_ONCE {
            check(&mut artifacts, &mut report);
        }
    }
    check(&mut artifacts, &mut report);
    blob_problems.sort();
    report.problems.extend(blob_problems);
    Ok(report)
}

/// The bytes of index files, as the log alone tells them.
type FilesByPath = BTreeMap<String, Vec<u8>>;

/// The index files, and what the last `file` record says of each other file, from the log alone.
fn replay(reader: &Reader) -> Result<(FilesByPath, BTreeMap<String, Entry>), RegistryError> {
    let mut index = FilesByPath::new();
    let mut files = BTreeMap::new();
    let mut open: Vec<Vec<u8>> = Vec::new();
    log::replay(reader, reader.checkpoint(), 0, |number, entry| {
        let bad = |reason: String| RegistryError::Log { reason: format!("entry {number}: {reason}") };
        let line = std::str::from_utf8(entry).map_err(|_| bad("it is not UTF-8".into()))?;
        let record = Record::parse(line).map_err(|error| bad(error.to_string()))?;
        let Record::Seal(seal) = record else {
            if let Record::File(file) = record {
                files.insert(file.path, Entry { length: file.length, digest: file.blake3 });
            }
            open.push(entry.to_vec());
            return Ok(());
        };
        if seal.count != open.len() as u64 || seal.first.checked_add(seal.count) != Some(number) {
            return Err(bad(format!(
                "the seal says {} records from {} on, and ends {} records",
                seal.count,
                seal.first,
                open.len()
            )));
        }
        let file = index.entry(seal.path).or_default();
        // Without it, the vectors of a large registry are half empty.
        file.reserve(open.iter().map(|line| line.len() + 1).sum::<usize>() + entry.len() + 1);
        for line in open.drain(..).chain([entry.to_vec()]) {
            file.extend(line);
            file.push(b'\n');
        }
        Ok(())
    })?;
    if !open.is_empty() {
        return Err(RegistryError::Log { reason: "the last records have no seal line".into() });
    }
    Ok((index, files))
}

/// Reads an index file by the name that its first record gives.
fn package_of(path: &str, bytes: &[u8]) -> Result<Package, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{path} is not UTF-8"))?;
    let name = text
        .lines()
        .filter_map(|line| Record::parse(line).ok()?.package().ok()?)
        .next()
        .ok_or_else(|| format!("{path} names no package"))?;
    if name.index_path() != path {
        return Err(format!("{path} holds the records of {name}"));
    }
    Package::parse(&name, bytes).map_err(|error| error.to_string())
}

/// A trie that is built from nothing reads no nodes.
struct NoNodes;

impl Nodes for NoNodes {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        Box::pin(async move { Err(RegistryError::SnapshotNode { digest }) })
    }
}
