//! What a client remembers of a log, whichever places have shown it: so that two places cannot show two logs.
//!
//! One small file for each log, by its key. It is read when a place shows something new, and written when that is more
//! than was known. Where a log has a new key, its memory moves to that key's file, and the old one says so.

use std::fs::File;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::RegistryError;
use super::client::{ClientFolders, replace_file};
use super::rotation::Handover;
use crate::model::Blake3;

/// How many states are kept: the newest one, and those that no place has yet proven to be part of it.
const MAX_STATES: usize = 16;
/// How many keys of one log are followed.
const MAX_KEYS: usize = 64;

/// A signed note, and the verifier key that has signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signed {
    pub key: String,
    pub note: String,
    /// The place that has shown it first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
}

impl Signed {
    /// The size of the log in a checkpoint, whose second line it is.
    fn size(&self) -> u64 {
        self.note.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0)
    }
}

/// What is known of one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogMemory {
    /// The newest key that is known.
    pub key: String,
    /// The notes of the keys before it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    handovers: Vec<Signed>,
    /// Checkpoints, the largest last.
    #[serde(default)]
    pub states: Vec<Signed>,
}

/// What a visit has added to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Learnt {
    /// The newest key, and the handovers that lead to it.
    pub key: String,
    pub handovers: Vec<Handover>,
    /// Checkpoints that were found to be part of `state`.
    pub proven: Vec<Signed>,
    /// A checkpoint that is not part of a known one.
    pub state: Option<Signed>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    /// The log's key is another one since.
    Moved {
        next: String,
    },
    Log(LogMemory),
}

impl LogMemory {
    fn new(key: &str) -> Self {
        Self { key: key.into(), handovers: Vec::new(), states: Vec::new() }
    }

    /// Whether the log has or had this key.
    pub fn had(&self, key: &str) -> bool {
        self.keys().any(|known| known == key)
    }

    /// The newest key, and those before it.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        std::iter::once(self.key.clone()).chain(self.handovers.iter().map(|one| one.key.clone()))
    }

    pub fn handovers(&self) -> Vec<Handover> {
        self.handovers.iter().filter_map(|one| Handover::verify(&one.note, &one.key)).collect()
    }

    /// Takes in what is known under another of the log's keys. The way to the newest key stays the longer one.
    pub fn absorb(&mut self, other: Self) {
        if other.handovers.len() > self.handovers.len() {
            self.handovers = other.handovers;
        }
        for state in other.states {
            if self.states.iter().all(|known| known.note != state.note) {
                self.states.push(state);
            }
        }
    }
}

impl ClientFolders {
    fn log_path(&self, key: &str) -> PathBuf {
        self.state.join("logs").join(format!("{}.json", Blake3::of(key.as_bytes())))
    }

    /// What is known of the log that has or had this key.
    pub(super) fn log_memory(&self, key: &str) -> Result<LogMemory, RegistryError> {
        let mut key = key.to_owned();
        for _ in 0..MAX_KEYS {
            let path = self.log_path(&key);
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
                Err(error) => return Err(RegistryError::io("read", path)(error)),
            };
            match serde_json::from_slice(&bytes) {
                Ok(Kept::Moved { next }) => key = next,
                Ok(Kept::Log(memory)) => return Ok(memory),
                Err(error) => return Err(RegistryError::State { path, reason: error.to_string() }),
            }
        }
        Ok(LogMemory::new(&key))
    }

    /// Adds what was learnt. Other processes may do so at the same time: what they have found stays, and what of it is
    /// not proven to be part of our state waits until it is.
    pub(super) fn remember_log(&self, learnt: &Learnt) -> Result<(), RegistryError> {
        let folder = self.state.join("logs");
        std::fs::create_dir_all(&folder).map_err(RegistryError::io("make the folder", &folder))?;
        let lock = folder.join(".lock");
        let held = File::options().write(true).create(true).truncate(false).open(&lock);
        let held = held.and_then(|file| file.lock().map(|()| file));
        let _held = held.map_err(RegistryError::io("take the lock", &lock))?;

        let mut memory = LogMemory::new(&learnt.key);
        for key in learnt.handovers.iter().map(|one| &one.old).chain([&learnt.key]) {
            memory.absorb(self.log_memory(key)?);
        }
        if learnt.handovers.len() > memory.handovers.len() {
            let signed = |one: &Handover| Signed {
                key: one.old.clone(),
                note: one.note.clone(),
                place: String::new(),
            };
            memory.handovers = learnt.handovers.iter().map(signed).collect();
        }
        memory.states.retain(|known| learnt.proven.iter().all(|proven| proven.note != known.note));
        if let Some(state) = &learnt.state {
            memory.absorb(LogMemory { states: vec![state.clone()], ..LogMemory::new(&learnt.key) });
        }
        memory.states.sort_by_key(Signed::size);
        memory.states.drain(..memory.states.len().saturating_sub(MAX_STATES));
        replace_file(&self.log_path(&learnt.key), &serde_json::to_vec_pretty(&memory).unwrap_or_default())?;
        for old in learnt.handovers.iter().map(|one| &one.old) {
            let moved = serde_json::json!({ "next": learnt.key });
            replace_file(&self.log_path(old), moved.to_string().as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::LogKey;

    fn state(key: &str, size: u64) -> Signed {
        Signed { key: key.into(), note: format!("acme\n{size}\n"), place: "here".into() }
    }

    fn sizes(memory: &LogMemory) -> Vec<u64> {
        memory.states.iter().map(Signed::size).collect()
    }

    #[test]
    fn it_is_bounded_and_moves_to_a_new_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let folders = ClientFolders { state: path.clone(), evidence: path.clone(), cache: path };
        let ((one, first), (_, second)) =
            (LogKey::generate("acme").unwrap(), LogKey::generate("acme").unwrap());
        let learn = |key: &str, size, proven: &[u64]| Learnt {
            key: key.into(),
            proven: proven.iter().map(|size| state(key, *size)).collect(),
            state: Some(state(key, size)),
            ..Learnt::default()
        };
        for size in [90, 10, 20, 30] {
            folders.remember_log(&learn(&first, size, &[])).unwrap();
        }
        folders.remember_log(&learn(&first, 95, &[90, 20])).unwrap();
        assert_eq!(sizes(&folders.log_memory(&first).unwrap()), [10, 30, 95]);
        for size in 40..70 {
            folders.remember_log(&learn(&first, size, &[])).unwrap();
        }
        let kept = sizes(&folders.log_memory(&first).unwrap());
        assert_eq!((kept.len(), kept[0], kept[MAX_STATES - 1]), (MAX_STATES, 55, 95));

        // Another place was visited first under the new key: both memories become one.
        folders.remember_log(&learn(&second, 97, &[])).unwrap();
        let handover = Handover::sign(&one, &first, &second, 96).unwrap();
        let learnt = Learnt { handovers: vec![handover.clone()], ..learn(&second, 98, &[]) };
        folders.remember_log(&learnt).unwrap();
        for key in [&first, &second] {
            let memory = folders.log_memory(key).unwrap();
            assert_eq!((&memory.key, memory.handovers()), (&second, vec![handover.clone()]));
            assert_eq!(sizes(&memory)[MAX_STATES - 3..], [95, 97, 98]);
        }
    }
}
