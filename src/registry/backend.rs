//! Where a registry is written: one small trait for what a writer asks of the place, and the change that it makes there.
//!
//! A writer reads the state, computes all of a change in memory, and has the backend make it the next state in one step,
//! unless another writer was first. How that is done is the backend's own: a directory is locked and its checkpoint renamed into
//! place, a bucket compares and swaps an object, a git repository takes a push or rejects it.

use std::path::Path;
use std::time::Duration;

use url::Url;

use super::snapshot::Entry;
use super::{RegistryError, layout};
use crate::model::Blake3;

/// The files of one registry, for whoever writes it. Paths are relative, with `/` between parts.
pub(crate) trait Backend: Send + Sync {
    /// Where this is, for messages: a path or a URL without credentials.
    fn location(&self) -> &str;

    /// The folder, where it is one of this machine.
    fn folder(&self) -> Option<&Path> {
        None
    }

    /// How many threads are worth having for reading and writing here; 0 where as many as the machine has cores.
    fn threads(&self) -> usize {
        0
    }

    /// How long a writer waits at most once it was overtaken for the first time; later it is longer.
    fn first_wait(&self) -> Duration {
        Duration::from_millis(50)
    }

    /// The state as of now, which the next change continues; none where there is no registry yet. A commit is of a change of the
    /// state that this returned last.
    fn state(&self) -> Result<Option<State>, RegistryError>;

    /// The first `limit` bytes of a file, or none if it is not there.
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, RegistryError>;

    /// The bytes of a file from `from` on, `length` of them or fewer; none if it is not there.
    fn read_range(&self, path: &str, from: u64, length: u64) -> Result<Option<Vec<u8>>, RegistryError>;

    /// How many bytes a file has, or none if it is not there.
    fn length(&self, path: &str) -> Result<Option<u64>, RegistryError>;

    /// All files below `index/`, sorted, with their lengths.
    fn index_files(&self) -> Result<Vec<(String, u64)>, RegistryError>;

    /// How many bytes a blob may have here, if that has a limit.
    fn largest_blob(&self) -> Option<u64> {
        None
    }

    /// Writes the file `source`, of `size` bytes, as the blob `path`, unless it changes meanwhile. Nothing shows of it before a
    /// record names it.
    fn put_blob(&self, source: &Path, path: &str, digest: Blake3, size: u64) -> Result<(), RegistryError>;

    /// Writes a small blob, or another file that no record names.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), RegistryError>;

    /// Makes what was put so far show, which no record names; `what` is a title for it.
    fn publish_put(&self, _what: &str) -> Result<(), RegistryError> {
        Ok(())
    }

    /// Makes a change the next state, whole or not at all, for readers too.
    fn commit(&self, change: &Prepared) -> Result<Outcome, RegistryError>;

    /// The branch that proposals are for, where this is a git repository.
    fn base_branch(&self) -> Result<Option<String>, RegistryError> {
        Ok(None)
    }

    /// Puts lines behind the committed ones, with the blobs that were put before, for whoever seals to judge. Readers see nothing of it.
    fn propose(&self, _lines: &[Lines], _branch: &Branch) -> Result<Proposed, RegistryError> {
        Err(RegistryError::NoProposals { location: self.location().to_owned() })
    }
}

/// The branch of a git repository on which a proposal is pushed, and how.
#[derive(Clone, Debug, Default)]
pub struct Branch {
    /// Without `refs/heads/`.
    pub name: String,
    /// The repository that it is pushed to, where that is another one than the registry's: a fork.
    pub remote: Option<Url>,
    /// The whole name of the reference that is pushed to, where the server makes a request of that in place of a branch.
    pub reference: Option<String>,
    /// For the server: `git push -o`.
    pub options: Vec<String>,
}

/// What has become of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// All of it waits to be sealed already, in the index files themselves.
    WaitsAlready,
    /// In the index files, behind their committed lines.
    Appended,
    /// On a branch. `said` is what the server said to the push; nothing had to be pushed where the branch held all of it.
    Pushed { said: Option<String> },
}

/// The two files that say what state a registry is in.
pub(crate) struct State {
    pub config: Vec<u8>,
    /// The signed checkpoint.
    pub checkpoint: Vec<u8>,
}

/// A change that is computed, and only has to be written.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// What comes behind the committed bytes of index files.
    pub lines: Vec<Lines>,
    /// New tiles and nodes. What stands at such a path never changes.
    pub files: Vec<(String, Vec<u8>)>,
    /// Listed files that get other bytes.
    pub replaced: Vec<Replaced>,
    /// Index files of which nothing but the committed bytes is to be left, and how many those are. It comes after all else.
    pub cut: Vec<(String, u64)>,
    /// The new state, signed.
    pub checkpoint: Vec<u8>,
}

/// What is to stand behind the committed bytes of an index file.
#[derive(Debug)]
pub(crate) struct Lines {
    pub path: String,
    /// How many bytes are committed.
    pub committed: u64,
    /// What stands behind them now.
    pub behind: Vec<u8>,
    /// What is to stand there.
    pub text: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Replaced {
    pub path: String,
    /// The committed bytes, where they are known: readers of the state before may still need them, beside the file.
    pub before: Option<Vec<u8>>,
    pub bytes: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Committed,
    /// Another writer was first: nothing of the change shows, and it must be computed anew.
    Overtaken,
}

/// An index file, cut where the snapshot says that its committed bytes end.
pub(super) struct IndexFile {
    pub committed: Vec<u8>,
    pub behind: Vec<u8>,
}

/// How many bytes of an index file are looked at: what cannot be sealed in one go, because no index file may become that long,
/// is not read either.
pub(super) fn index_limit(entry: Option<Entry>) -> u64 {
    entry.map_or(0, |entry| entry.length).saturating_add(layout::MAX_INDEX)
}

/// Cuts the bytes of the index file `path`, of which the snapshot says `entry`, and checks the committed ones.
pub(super) fn cut_index(
    location: &str,
    path: &str,
    bytes: Option<Vec<u8>>,
    entry: Option<Entry>,
) -> Result<IndexFile, RegistryError> {
    let altered =
        |reason: String| RegistryError::Altered { location: location.into(), path: path.into(), reason };
    let mut committed = bytes.unwrap_or_default();
    let Some(entry) = entry else {
        return Ok(IndexFile { behind: committed, committed: Vec::new() });
    };
    let end = usize::try_from(entry.length).unwrap_or(usize::MAX);
    if end > committed.len() {
        return Err(altered(format!("it has {} bytes, and should have {end}", committed.len())));
    }
    let behind = committed.split_off(end);
    if Blake3::of(&committed) != entry.digest {
        return Err(altered("its digest differs".into()));
    }
    Ok(IndexFile { committed, behind })
}
