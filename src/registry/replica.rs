//! A copy of a registry in a directory, brought forward from one state of its source to a later one.
//!
//! All of a registry follows from its log, but for the bytes of blobs and of listed files: the lines of the index
//! files, the tiles, and the nodes of the snapshot. So a copy takes the entries and makes the rest. When the log and the
//! snapshot have the roots that the source has signed, what was made is the source's, byte for byte, and it continues
//! what stood here before: there is no way to get there from another history.
//!
//! Everything is written before the checkpoint, which is replaced last. Until then no reader sees any of it, and a
//! later run writes the same bytes to the same places.

mod files;

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use futures::future::BoxFuture;
use rayon::prelude::*;

use super::directory::{
    index_file, lock, read_log, read_node, replace_checkpoint, replace_shared_file, sync_folder,
};
use super::key_change::committed_config;
use super::log::{self, LogFiles};
use super::snapshot::{self, Entry, Nodes};
use super::{Checkpoint, Config, RegistryError, layout};
use crate::files::Unsynced;
use crate::model::{Blake3, FileRecord, Record};

/// Where a run keeps what has arrived of blobs. Its presence marks a copy that is not finished.
const ARRIVING: &str = ".mirror";

/// A directory that is a copy, locked for one writer.
pub struct Replica {
    dir: PathBuf,
    /// The state that readers see.
    committed: Option<Committed>,
    /// What has been appended so far, seen by readers or not.
    size: u64,
    root: tlog_tiles::Hash,
    /// The snapshot that `grown` and `listed` change.
    base: Option<Blake3>,
    /// Index files, and how long they are by now.
    grown: BTreeMap<String, u64>,
    listed: BTreeMap<String, Entry>,
    /// Partial tiles between the states, which no checkpoint will ever name.
    passing: Vec<String>,
    /// Records whose seal line has not come yet.
    open: Vec<(String, Option<FileRecord>)>,
    /// What `commit` has to have on the disk first.
    unsynced: Unsynced,
    /// Held for as long as this lives.
    _lock: File,
}

struct Committed {
    checkpoint: Checkpoint,
    /// Its bytes.
    signed: Vec<u8>,
    /// The key that has signed it.
    key: String,
}

impl Replica {
    /// Takes the lock of the copy in `dir`, waiting for another writer. A folder that is absent or empty, or where a
    /// first run has ended early, is a copy of nothing yet. With `rebuild` everything is made again from the first
    /// entry, and mended where it differs; what is right stays untouched. So is half a copy, as others leave it.
    pub fn open(dir: &Path, rebuild: bool) -> Result<Self, RegistryError> {
        std::fs::create_dir_all(dir).map_err(RegistryError::io("make the folder", dir))?;
        let is_registry = |dir: &Path| {
            let config = std::fs::read(dir.join(layout::CONFIG)).ok();
            config.is_some_and(|config| Config::parse(&dir.display().to_string(), &config).is_ok())
        };
        // In this order: whoever makes the first copy takes the one away only when the other is there.
        let may_be_copy = || {
            dir.join(ARRIVING).exists()
                || dir.join(layout::CHECKPOINT).exists()
                || (rebuild && is_registry(dir))
        };
        if !may_be_copy() {
            let mut others = dir.read_dir().map_err(RegistryError::io("read the folder", dir))?.flatten();
            // Another process may have begun in the meantime.
            if others.any(|entry| entry.file_name() != layout::LOCK) && !may_be_copy() {
                return Err(RegistryError::NotEmpty { path: dir.into() });
            }
            std::fs::create_dir_all(dir.join(ARRIVING))
                .map_err(RegistryError::io("make a folder in", dir))?;
        }
        let lock = lock(dir)?;
        let committed = match committed(dir) {
            // What is too damaged to be read can be made again, and says nothing.
            Err(_) if rebuild => None,
            committed => committed?,
        };
        let start = committed.as_ref().map(|state| &state.checkpoint).filter(|_| !rebuild);
        Ok(Self {
            dir: dir.into(),
            size: start.map_or(0, |state| state.size),
            root: start.map_or(tlog_tiles::EMPTY_HASH, |state| state.root),
            base: start.map(|state| state.snapshot),
            committed,
            grown: BTreeMap::new(),
            listed: BTreeMap::new(),
            passing: Vec::new(),
            open: Vec::new(),
            unsynced: Unsynced::default(),
            _lock: lock,
        })
    }

    /// The key of the copy in `dir`, before anything is changed there; none where there is no copy yet.
    pub fn key_at(dir: &Path) -> Result<Option<String>, RegistryError> {
        Ok(committed(dir)?.map(|state| state.key))
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The state that readers see; none in a new copy.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.committed.as_ref().map(|state| &state.checkpoint)
    }

    /// The bytes of that state's checkpoint.
    pub fn signed_checkpoint(&self) -> Option<&[u8]> {
        self.committed.as_ref().map(|state| &state.signed[..])
    }

    /// The key that has signed that state.
    pub fn key(&self) -> Option<&str> {
        self.committed.as_ref().map(|state| state.key.as_str())
    }

    /// Up to which entry of the log this copy has come.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// A folder in the copy, not part of it, for what is not whole yet. `commit` removes it.
    pub fn arriving(&self) -> PathBuf {
        self.dir.join(ARRIVING)
    }

    /// Writes the entries that follow those that are here, and the lines and tiles that they make. Nothing shows.
    pub fn append(&mut self, entries: &[String]) -> Result<(), RegistryError> {
        let mut lines: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (number, line) in (self.size..).zip(entries) {
            self.sort_line(number, line, &mut lines)?;
        }
        let this = &*self;
        let grown = lines
            .into_par_iter()
            .map(|(path, text)| {
                let at = match this.grown.get(&path) {
                    Some(length) => *length,
                    None => this.committed_length(&path)?,
                };
                let file = this.dir.join(&path);
                write_at(&file, at, &text).map_err(RegistryError::io("append to", &file))?;
                Ok((path, at + text.len() as u64))
            })
            .collect::<Result<Vec<_>, RegistryError>>()?;
        let appended =
            log::append(this, this.size, this.root, entries).map_err(|error| this.own_log(error))?;
        let new = |path: &&String| stem(path) != path.as_str() && !this.dir.join(path.as_str()).exists();
        let passing: Vec<String> = appended.files.keys().filter(new).cloned().collect();
        appended.files.par_iter().try_for_each(|(path, bytes)| this.put_for_commit(path, bytes))?;
        let follow: HashSet<&str> = appended.files.keys().map(|path| stem(path)).collect();
        let (gone, stay) =
            this.passing.iter().partition::<Vec<&String>, _>(|path| follow.contains(stem(path)));
        for path in gone {
            // Nothing but space is lost if it stays.
            let path = this.dir.join(path);
            let _ = std::fs::remove_file(&path);
            this.unsynced.forget(&path);
        }
        self.passing = stay.into_iter().cloned().chain(passing).collect();
        self.grown.extend(grown);
        (self.size, self.root) = (appended.size, appended.root);
        Ok(())
    }

    /// The root of the log once entries with these hashes follow. Nothing is written.
    pub fn root_after(&self, added: &[tlog_tiles::Hash]) -> Result<tlog_tiles::Hash, RegistryError> {
        let added = added.iter().copied();
        log::root_after(self, self.size, self.root, added).map_err(|error| self.own_log(error))
    }

    /// Nothing but the tiles of the copy can be what does not hold together.
    fn own_log(&self, error: RegistryError) -> RegistryError {
        match error {
            RegistryError::Log { reason } => RegistryError::Altered {
                location: self.dir.display().to_string(),
                path: "log".into(),
                reason,
            },
            error => error,
        }
    }

    /// Takes one entry: a record waits for its seal line, which says where all of them stand.
    fn sort_line(
        &mut self,
        number: u64,
        line: &str,
        lines: &mut BTreeMap<String, Vec<u8>>,
    ) -> Result<(), RegistryError> {
        let bad = |reason: String| RegistryError::Log { reason: format!("entry {number}: {reason}") };
        let seal = match Record::parse(line).map_err(|error| bad(error.to_string()))? {
            Record::Seal(seal) => seal,
            Record::File(file) => {
                self.open.push((line.to_owned(), Some(file)));
                return Ok(());
            }
            _ => {
                self.open.push((line.to_owned(), None));
                return Ok(());
            }
        };
        if seal.count != self.open.len() as u64 || seal.first.checked_add(seal.count) != Some(number) {
            return Err(bad("the seal ends other records than it says".into()));
        }
        if !layout::is_index_path(&seal.path) {
            return Err(bad(format!("`{}` is not the path of an index file", seal.path.escape_debug())));
        }
        let text = lines.entry(seal.path.clone()).or_default();
        for (line, file) in self.open.drain(..) {
            if let Some(file) = file {
                if seal.path != layout::FILES_INDEX || !layout::is_listed_file(&file.path) {
                    return Err(bad(format!("it cannot list the file `{}`", file.path.escape_debug())));
                }
                self.listed.insert(file.path, Entry { length: file.length, digest: file.blake3 });
            }
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
        Ok(())
    }

    /// How long an index file is before anything is appended, once what stands there is found to be right.
    fn committed_length(&self, path: &str) -> Result<u64, RegistryError> {
        let Some(base) = self.base else { return Ok(0) };
        let Some(entry) = block_on(snapshot::lookup(self, base, path))? else { return Ok(0) };
        index_file(&self.dir, path, Some(entry))?;
        Ok(entry.length)
    }

    /// Ends the appending: checks that log and snapshot are those of `checkpoint`, and writes the nodes that are new.
    pub fn finish(&mut self, checkpoint: &Checkpoint) -> Result<(), RegistryError> {
        if !self.open.is_empty() {
            return Err(RegistryError::Log { reason: "the last records have no seal line".into() });
        }
        if self.size != checkpoint.size || self.root != checkpoint.root {
            return Err(RegistryError::Fork {
                size: self.size,
                seen: self.root.to_string(),
                found: checkpoint.root_base64(),
                evidence: None,
            });
        }
        let mut changes = self
            .grown
            .par_iter()
            .map(|(path, length)| {
                let digest = self.settle(path, *length)?;
                Ok((path.clone(), Entry { length: *length, digest }))
            })
            .collect::<Result<BTreeMap<_, _>, RegistryError>>()?;
        changes.extend(self.listed.clone());
        let snapshot = match (self.base, changes.is_empty()) {
            (Some(base), true) => base,
            (base, _) => {
                let (root, nodes) = block_on(snapshot::update(self, base, changes))?;
                nodes.par_iter().try_for_each(|(digest, bytes)| {
                    self.put_for_commit(&layout::snapshot_node(*digest), bytes)
                })?;
                root
            }
        };
        if snapshot != checkpoint.snapshot {
            return Err(RegistryError::Log {
                reason: format!(
                    "the signed snapshot {} is not the one that it leads to, {snapshot}",
                    checkpoint.snapshot
                ),
            });
        }
        self.base = Some(snapshot);
        Ok(())
    }

    /// Has an index file end where its lines do; gives its digest.
    fn settle(&self, path: &str, length: u64) -> Result<Blake3, RegistryError> {
        let file = self.dir.join(path);
        let settle = || {
            let open = File::options().read(true).write(true).open(&file)?;
            let mut hasher = blake3::Hasher::new();
            std::io::copy(&mut (&open).take(length), &mut hasher)?;
            if open.metadata()?.len() > length {
                open.set_len(length)?;
            }
            Ok(Blake3(*hasher.finalize().as_bytes()))
        };
        let digest = settle().map_err(RegistryError::io("write", &file))?;
        self.unsynced.add(&file);
        Ok(digest)
    }

    /// The moment in which readers see the new state. `signed` is the checkpoint that was finished.
    pub fn commit(&self, signed: &[u8]) -> Result<(), RegistryError> {
        self.unsynced.sync().map_err(|(path, error)| RegistryError::io("write", path)(error))?;
        let checkpoint = self.dir.join(layout::CHECKPOINT);
        if !std::fs::read(&checkpoint).is_ok_and(|there| there == signed) {
            replace_checkpoint(&checkpoint, signed)?;
            sync_folder(&self.dir.join("log"))?;
        }
        // Nothing but space is lost if it stays.
        let _ = std::fs::remove_dir_all(self.dir.join(ARRIVING));
        Ok(())
    }
}

/// The path of a tile without the width of a partial one.
fn stem(path: &str) -> &str {
    path.split_once(".p/").map_or(path, |(stem, _)| stem)
}

/// The state in `dir`.
fn committed(dir: &Path) -> Result<Option<Committed>, RegistryError> {
    let read = |path: &str| match std::fs::read(dir.join(path)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RegistryError::io("read", dir.join(path))(error)),
    };
    let Some(signed) = read(layout::CHECKPOINT)? else { return Ok(None) };
    let location = dir.display().to_string();
    let config = read(layout::CONFIG)?
        .ok_or_else(|| RegistryError::NotARegistry { location: location.clone(), missing: layout::CONFIG })?;
    let before = || read(&layout::before_last_change(layout::CONFIG));
    let put_back = |bytes: &[u8]| replace_shared_file(&dir.join(layout::CONFIG), bytes);
    let (config, checkpoint) = committed_config(&location, &config, &signed, before, put_back)?;
    Ok(Some(Committed { checkpoint, signed, key: config.key }))
}

/// Has `text` stand at `at` in a file, whatever is behind it. Where it does already, nothing is written: a reader may
/// be at it.
fn write_at(path: &Path, at: u64, text: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    file.seek(SeekFrom::Start(at))?;
    let mut there = Vec::with_capacity(text.len());
    (&file).take(text.len() as u64).read_to_end(&mut there)?;
    if there != text {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(text)?;
    }
    Ok(())
}

impl Nodes for Replica {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        Box::pin(async move { read_node(&self.dir, digest) })
    }
}

impl LogFiles for Replica {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        read_log(&self.dir, paths)
    }
}
