//! Proving a copy complete, however it was made.

use std::path::Path;

use futures::executor::block_on;

use super::MirrorError;
use super::blobs::read_bundle;
use super::choice::{Chooser, Chosen};
use crate::registry::{self, Choice, MIRROR_FILE, MirrorFile, Reader, layout, snapshot};

/// What a copy holds, and all that is wrong with it.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verified {
    pub entries: u64,
    pub packages: u64,
    pub releases: u64,
    /// The blobs that it is to hold.
    pub blobs: u64,
    pub blob_bytes: u64,
    pub holds: Choice,
    /// One sentence each. None: the copy is complete.
    pub problems: Vec<String>,
}

/// Checks a copy in the folder `dir`, which `reader` reads: the log is replayed, every file compared with it, and every
/// blob that is to be here with its digest. `each_blob` hears of every blob done, with its size.
pub fn verify(
    reader: &Reader,
    dir: &Path,
    each_blob: &(dyn Fn(u64) + Sync),
) -> Result<Verified, MirrorError> {
    let holds = mirror_file(dir)?.map(|file| file.holds).unwrap_or_default();
    let chooser = Chooser::new(&holds)?;
    let report = registry::verify(reader, true, each_blob)?;
    let mut problems = report.problems;
    let store = reader.store()?;
    let mut chosen = Chosen::default();
    for path in index_paths(reader)? {
        // A file that cannot be read is among the problems already.
        let Ok(Some(bytes)) = reader.file(&path) else { continue };
        if let Err(error) = chooser.add(&path, &bytes, &mut chosen) {
            problems.push(error.to_string());
        }
    }
    let missing = chosen.artifacts.keys().filter(|path| !dir.join(path).exists());
    problems.extend(missing.map(|path| format!("{path} is missing")));
    for (path, bundle) in &chosen.bundles {
        if !dir.join(path).exists() {
            problems.push(format!("{path} is missing"));
        } else if let Err(error) = block_on(read_bundle(&**store, path, bundle)) {
            problems.push(error.to_string());
        }
    }
    let (blobs, blob_bytes) = chosen.total();
    Ok(Verified {
        entries: report.entries,
        packages: report.packages,
        releases: report.releases,
        blobs,
        blob_bytes,
        holds,
        problems,
    })
}

/// What the choice takes of all packages.
pub(super) fn chosen(reader: &Reader, chooser: &Chooser) -> Result<Chosen, MirrorError> {
    let mut chosen = Chosen::default();
    for path in index_paths(reader)? {
        if let Some(bytes) = reader.file(&path)? {
            chooser.add(&path, &bytes, &mut chosen)?;
        }
    }
    Ok(chosen)
}

fn index_paths(reader: &Reader) -> Result<Vec<String>, MirrorError> {
    let entries = block_on(snapshot::all(reader, reader.checkpoint().snapshot))?;
    Ok(entries.into_keys().filter(|path| layout::is_index_path(path)).collect())
}

/// `mirror.json` of the folder `dir`; none where there is no such file.
pub(super) fn mirror_file(dir: &Path) -> Result<Option<MirrorFile>, MirrorError> {
    match std::fs::read(dir.join(MIRROR_FILE)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(MirrorError::io("read", dir.join(MIRROR_FILE))(error)),
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| MirrorError::MirrorFile { dir: dir.into(), reason: error.to_string() }),
    }
}
