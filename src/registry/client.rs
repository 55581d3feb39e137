//! What a client remembers of a registry between runs, and its cache of checked files.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Fresh, RegistryError, layout};
use crate::files;
use crate::model::Blake3;

/// The folders of one user in which registries are remembered. Several processes may share them.
#[derive(Clone, Debug)]
pub struct ClientFolders {
    /// Small files that must not be lost: which key is trusted for which place, and the last state seen there.
    pub state: PathBuf,
    /// Where evidence of forked logs is kept.
    pub evidence: PathBuf,
    /// Copies of a registry's files. Losing them costs time only.
    pub cache: PathBuf,
}

/// The last state seen at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// The place's identity: its absolute path, or its URL.
    pub location: String,
    /// The verifier key that has signed it: the one trusted at first use, or one that it handed the log over to.
    pub key: String,
    /// The signed checkpoint, as it was served.
    pub checkpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validator: Option<String>,
    /// Until when the server lets this state be used without asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh_until: Option<jiff::Timestamp>,
}

/// How far an index file went when it was last checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SeenFile {
    pub length: u64,
    /// Of that many bytes.
    pub blake3: Blake3,
    /// How many entries the log had then.
    pub log_size: u64,
}

impl Seen {
    /// The checkpoint, as a store is told of it.
    pub(super) fn known(&self) -> Fresh {
        let bytes = self.checkpoint.clone().into_bytes();
        Fresh { bytes, validator: self.validator.clone(), fresh_seconds: 0 }
    }

    pub(super) fn is_fresh(&self, now: jiff::Timestamp) -> bool {
        let longest = i64::from(layout::MAX_FRESH_SECONDS);
        // A clock that was set back must not make a state fresh for longer than a server may.
        self.fresh_until.is_some_and(|until| until > now && until.as_second() - now.as_second() <= longest)
    }

    pub(super) fn fresh_until(now: jiff::Timestamp, seconds: u32) -> Option<jiff::Timestamp> {
        let seconds = seconds.min(layout::MAX_FRESH_SECONDS);
        (seconds > 0)
            .then(|| jiff::Timestamp::from_second(now.as_second() + i64::from(seconds)).ok())
            .flatten()
    }
}

impl ClientFolders {
    /// Where the state of a place is kept.
    pub fn seen_path(&self, location: &str) -> PathBuf {
        self.state.join("registries").join(format!("{}.json", Blake3::of(location.as_bytes())))
    }

    /// What was seen at `location`, or none on the first visit.
    pub fn seen(&self, location: &str) -> Result<Option<Seen>, RegistryError> {
        read_state(&self.seen_path(location))
    }

    pub fn remember(&self, seen: &Seen) -> Result<(), RegistryError> {
        let bytes = serde_json::to_vec_pretty(seen).unwrap_or_default();
        replace_file(&self.seen_path(&seen.location), &bytes)
    }

    fn seen_files_path(&self, key: &str) -> PathBuf {
        self.state.join("owned").join(format!("{}.json", &Blake3::of(key.as_bytes()).to_string()[..32]))
    }

    /// The index files of the registry of this key of which is remembered how far they went, by path.
    pub fn seen_files(&self, key: &str) -> Result<BTreeMap<String, SeenFile>, RegistryError> {
        read_state(&self.seen_files_path(key)).map(Option::unwrap_or_default)
    }

    pub fn remember_files(&self, key: &str, files: &BTreeMap<String, SeenFile>) -> Result<(), RegistryError> {
        let bytes = serde_json::to_vec_pretty(files).unwrap_or_default();
        replace_file(&self.seen_files_path(key), &bytes)
    }

    /// The copy of a registry's file, or none. Unchecked: a caller compares its digest.
    pub fn cached(&self, key: &str, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.cached_path(key, path)).ok()
    }

    /// Whether there is a copy of a registry's file.
    pub fn has(&self, key: &str, path: &str) -> bool {
        self.cached_path(key, path).exists()
    }

    /// Keeps a checked file. A full disk or a read-only cache costs speed, not the command.
    pub fn keep(&self, key: &str, path: &str, bytes: &[u8]) {
        let _ = write_unsynced(&self.cached_path(key, path), bytes);
    }

    fn cached_path(&self, key: &str, path: &str) -> PathBuf {
        let mut file = self.cache.join("registries").join(&Blake3::of(key.as_bytes()).to_string()[..32]);
        file.extend(path.split('/'));
        file
    }
}

/// Reads what is remembered in a file, or none where there is no such file.
fn read_state<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RegistryError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RegistryError::io("read", path)(error)),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| RegistryError::State { path: path.to_owned(), reason: error.to_string() })
}

/// Writes a file of the cache as a whole. It is not synced: what a power cut leaves of it is found out by its digest.
fn write_unsynced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = files::temporary_file(folder)?;
    file.write_all(bytes)?;
    files::persist(file, path)
}

/// Writes a file as a whole: readers see the old bytes or the new ones. Only its owner may read it.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    replace_file_after(path, bytes, |_| Ok(()))
}

/// As `replace_file`; `prepare` gets the whole file just before it takes its name.
pub(super) fn replace_file_after(
    path: &Path,
    bytes: &[u8],
    prepare: impl FnOnce(&Path) -> Result<(), RegistryError>,
) -> Result<(), RegistryError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(RegistryError::io("make the folder", folder))?;
    let mut file = files::temporary_file(folder).map_err(RegistryError::io("write in", folder))?;
    file.write_all(bytes).map_err(RegistryError::io("write", path))?;
    file.as_file().sync_data().map_err(RegistryError::io("write", path))?;
    prepare(file.path())?;
    files::persist(file, path).map_err(RegistryError::io("replace", path))
}
