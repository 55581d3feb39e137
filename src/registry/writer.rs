//! Writing a registry in a directory.
//!
//! The order is what makes it safe (DESIGN.md, rule 2): blobs, index lines, tiles, snapshot nodes, and the checkpoint
//! last. Until the checkpoint is renamed into place nothing of it exists for a reader; afterwards all of it does.
//! One writer at a time holds the lock, so the rename is a compare-and-swap.

mod blobs;
mod proposals;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::executor::block_on;
use futures::future::BoxFuture;
use rayon::prelude::*;

use super::directory::{
    InDirectory, index_file, lock, read_log, read_node, replace_checkpoint, replace_shared_file,
    set_readable, sync_folder,
};
use super::key_change::committed_config;
use super::log::{self, LogFiles};
use super::seal::{self, Batch, Dropped};
use super::snapshot::{self, Entry, Nodes};
use super::{Authority, Checkpoint, Config, LogKey, RegistryError, layout};
use crate::files;
use crate::model::{Blake3, FileRecord, Package, PackageName, Prefixes, Record};

/// A directory registry, locked for one writer.
pub struct Writer {
    pub(super) dir: PathBuf,
    pub(super) config: Config,
    pub(super) key: LogKey,
    pub(super) checkpoint: Checkpoint,
    /// Who knows signatures. None: signed records cannot be sealed, and unsigned ones only where nobody owns their names.
    authority: Option<Arc<dyn Authority>>,
    /// Held for as long as the writer lives.
    _lock: File,
}

/// What a seal did.
#[derive(Debug)]
pub struct Sealed {
    pub checkpoint: Checkpoint,
    /// Records committed, seal lines not counted.
    pub records: usize,
    /// Lines that stood behind the committed ones and were not fit to be sealed. Those of a file that something was
    /// sealed in are gone; a file of nothing but such lines is left as it was, for whoever proposed them to mend,
    /// unless [`SealOptions::drop_refused`] is set.
    pub dropped: Vec<Dropped>,
}

/// What a seal is to commit.
#[derive(Default)]
pub(super) struct Change {
    /// Records by index file, to which the proposals there are added.
    pub records: BTreeMap<String, Vec<Record>>,
    /// New bytes of listed files, whose records are among those above.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Signs the new state in place of the key of before.
    pub key: Option<LogKey>,
    pub options: SealOptions,
}

/// How proposals are sealed.
#[derive(Clone, Copy, Debug, Default)]
pub struct SealOptions {
    /// Seal artifacts whose blobs are not in this directory, too.
    pub blobs_elsewhere: bool,
    /// Remove all lines that are not fit to be sealed.
    pub drop_refused: bool,
}

impl Writer {
    /// Makes a new, sealed registry in `dir`, which must be absent or empty. It appears there whole or not at all.
    pub fn create(
        dir: &Path,
        config: &Config,
        key: LogKey,
        records: Vec<Record>,
        now: jiff::Timestamp,
    ) -> Result<Sealed, RegistryError> {
        if dir.join(layout::CHECKPOINT).exists() {
            return Err(RegistryError::Exists { path: dir.into() });
        }
        if dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(RegistryError::NotEmpty { path: dir.into() });
        }
        let parent = match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(parent).map_err(RegistryError::io("make the folder", parent))?;
        let staging = files::temporary_folder(parent, files::Purpose::NewRegistry)
            .map_err(RegistryError::io("make a folder in", parent))?;
        let bytes = config.to_bytes();
        replace_shared_file(&staging.path().join(layout::CONFIG), &bytes)?;
        let mut records = records;
        records.push(Record::File(FileRecord {
            path: layout::CONFIG.into(),
            length: bytes.len() as u64,
            blake3: Blake3::of(&bytes),
        }));
        let nothing = Checkpoint {
            origin: config.name.clone(),
            size: 0,
            root: tlog_tiles::EMPTY_HASH,
            snapshot: Blake3::of(b""),
            time: now,
        };
        let sealed = {
            let mut writer = Self {
                dir: staging.path().into(),
                config: config.clone(),
                key,
                checkpoint: nothing,
                authority: None,
                _lock: lock(staging.path())?,
            };
            writer.publish(records, now)?
        };
        match std::fs::remove_dir(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(RegistryError::io("replace the empty folder", dir)(error));
            }
            _ => {}
        }
        let staged = staging.keep();
        files::rename(&staged, dir).map_err(RegistryError::io("move the new registry to", dir))?;
        set_readable(dir)?;
        Ok(sealed)
    }

    /// Takes the lock of the registry in `dir`, waiting for another writer, and reads its state.
    /// `key` finds the private half of the registry's key.
    pub fn open(
        dir: &Path,
        key: impl FnOnce(&Config) -> Result<LogKey, RegistryError>,
    ) -> Result<Self, RegistryError> {
        let not_a_registry =
            |missing| RegistryError::NotARegistry { location: dir.display().to_string(), missing };
        let read = |path: &'static str| match std::fs::read(dir.join(path)) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(not_a_registry(path)),
            Err(error) => Err(RegistryError::io("read", dir.join(path))(error)),
        };
        read(layout::CHECKPOINT)?;
        let lock = lock(dir)?;
        let (config, checkpoint) = committed_config(dir, &read(layout::CONFIG)?, &read(layout::CHECKPOINT)?)?;
        let key = key(&config)?;
        let writer = Self { dir: dir.into(), config, key, checkpoint, authority: None, _lock: lock };
        writer.key.check_continues(&dir.display().to_string(), &writer, &writer.checkpoint)?;
        Ok(writer)
    }

    /// Lets `authority` judge the signatures of what is sealed.
    #[must_use]
    pub fn with_authority(self, authority: Arc<dyn Authority>) -> Self {
        Self { authority: Some(authority), ..self }
    }

    /// The folder of the registry.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// All committed releases of a package, or none.
    pub fn package(&self, name: &PackageName) -> Result<Option<Package>, RegistryError> {
        match self.index(&name.index_path())? {
            Some(bytes) => Ok(Some(Package::parse(name, &bytes)?)),
            None => Ok(None),
        }
    }

    /// Who owns which prefixes of names.
    pub fn prefixes(&self) -> Result<Prefixes, RegistryError> {
        match self.index(layout::PREFIXES_INDEX)? {
            Some(bytes) => Ok(Prefixes::parse(&bytes)?),
            None => Ok(Prefixes::default()),
        }
    }

    /// The committed bytes of an index file, or none.
    pub fn index(&self, path: &str) -> Result<Option<Vec<u8>>, RegistryError> {
        let Some(entry) = self.entry(path)? else { return Ok(None) };
        Ok(Some(index_file(&self.dir, path, Some(entry))?.committed))
    }

    /// Commits `records`, and the fit proposals that stand in the same index files.
    pub fn publish(&mut self, records: Vec<Record>, now: jiff::Timestamp) -> Result<Sealed, RegistryError> {
        self.commit(Change { records: by_path(records)?, ..Change::default() }, now)
    }

    /// Puts a listed file into the registry, in place of one that is there, with the record of it.
    pub fn publish_file(
        &mut self,
        path: &str,
        bytes: &[u8],
        now: jiff::Timestamp,
    ) -> Result<Sealed, RegistryError> {
        let record = FileRecord { path: path.into(), length: bytes.len() as u64, blake3: Blake3::of(bytes) };
        let records = by_path(vec![Record::File(record)])?;
        let files = BTreeMap::from([(path.to_owned(), bytes.to_owned())]);
        self.commit(Change { records, files, ..Change::default() }, now)
    }

    /// Commits the proposals in all index files.
    pub fn seal_proposals(
        &mut self,
        now: jiff::Timestamp,
        options: SealOptions,
    ) -> Result<Sealed, RegistryError> {
        let paths = self.proposed()?;
        let records = paths.into_iter().map(|path| (path, Vec::new())).collect();
        self.commit(Change { records, options, ..Change::default() }, now)
    }

    pub(super) fn commit(&mut self, change: Change, now: jiff::Timestamp) -> Result<Sealed, RegistryError> {
        let Change { records, files: replaced, key, options } = change;
        if now < self.checkpoint.time {
            return Err(RegistryError::Clock { now, sealed: self.checkpoint.time });
        }
        let now = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
        let this = &*self;
        let present =
            InDirectory { dir: &this.dir, need_blobs: !options.blobs_elsewhere, replaced: &replaced };
        let rules = seal::Rules {
            registry: &this.config.name,
            present: &present,
            authority: this.authority.as_deref(),
            prefixes: &Prefixes::default(),
            time: now,
        };
        let prepare = |(path, records): (String, Vec<Record>), rules| {
            let file = index_file(&this.dir, &path, this.entry(&path)?)?;
            seal::prepare(path, &file.committed, file.behind, records, rules)
        };
        // Owners of prefixes come first, and have the lower numbers: the other records of this seal are under them.
        let mut records = records;
        let first = match records.remove_entry(layout::PREFIXES_INDEX) {
            Some(of_prefixes) => Some(prepare(of_prefixes, rules)?),
            None => None,
        };
        let prefixes = match &first {
            Some(batch) => batch.prefixes.clone(),
            None => this.prefixes()?,
        };
        let rules = seal::Rules { prefixes: &prefixes, ..rules };
        let others: Vec<Batch> =
            records.into_par_iter().map(|one| prepare(one, rules)).collect::<Result<_, _>>()?;
        let mut batches: Vec<Batch> = first.into_iter().chain(others).collect();
        let refused_only: Vec<(String, u64)> = batches
            .iter()
            .filter(|batch| batch.lines.is_empty() && !batch.dropped.is_empty())
            .map(|batch| (batch.path.clone(), batch.committed_length))
            .collect();
        let mut dropped = Vec::new();
        for batch in &mut batches {
            let stays = batch.lines.is_empty() && !options.drop_refused;
            dropped
                .extend(std::mem::take(&mut batch.dropped).into_iter().map(|one| Dropped { stays, ..one }));
        }
        batches.retain(|batch| !batch.lines.is_empty());
        let records = batches.iter().map(|batch| batch.lines.len()).sum();
        let mut next = self.checkpoint.size;
        for batch in &mut batches {
            next = batch.end(next, now)?;
        }
        let changes = batches
            .par_iter()
            .map(|batch| this.append_lines(batch))
            .collect::<Result<Vec<_>, RegistryError>>()?
            .into_iter()
            .flatten()
            .collect();
        let entries: Vec<String> = batches.into_iter().flat_map(|batch| batch.lines).collect();
        let appended = log::append(self, self.checkpoint.size, self.checkpoint.root, &entries)?;
        let old = (self.checkpoint.size > 0).then_some(self.checkpoint.snapshot);
        let (snapshot, nodes) = block_on(snapshot::update(self, old, changes))?;
        let nodes = nodes.into_iter().map(|(digest, bytes)| (layout::snapshot_node(digest), bytes));
        let files: Vec<(String, Vec<u8>)> = appended.files.into_iter().chain(nodes).collect();
        files.par_iter().try_for_each(|(path, bytes)| self.put(path, bytes))?;
        replaced.iter().try_for_each(|(path, bytes)| self.replace_listed(path, bytes))?;
        let checkpoint = Checkpoint {
            origin: self.config.name.clone(),
            size: appended.size,
            root: appended.root,
            snapshot,
            time: now,
        };
        let key = key.unwrap_or_else(|| self.key.clone());
        // The commit point.
        replace_checkpoint(&self.dir.join(layout::CHECKPOINT), &checkpoint.sign(&key)?)?;
        sync_folder(&self.dir.join("log"))?;
        key.remember(&checkpoint);
        (self.key, self.checkpoint) = (key, checkpoint.clone());
        if options.drop_refused {
            refused_only.iter().try_for_each(|(path, committed)| self.cut(path, *committed))?;
        }
        Ok(Sealed { checkpoint, records, dropped })
    }

    /// Puts a batch behind the committed bytes of its file, in place of whatever stands there, and says what the
    /// snapshot will say of it and of the files that its records name. A proposal that is sealed stands in the file at
    /// every moment, so that a writer that dies here loses none.
    fn append_lines(&self, batch: &Batch) -> Result<Vec<(String, Entry)>, RegistryError> {
        let path = self.dir.join(&batch.path);
        let folder = path.parent().unwrap_or(&self.dir);
        std::fs::create_dir_all(folder).map_err(RegistryError::io("make the folder", folder))?;
        if let Some(more) = batch.text.strip_prefix(&batch.behind[..]) {
            let append = |path: &Path| -> std::io::Result<()> {
                let mut file = File::options().write(true).create(true).truncate(false).open(path)?;
                file.seek(std::io::SeekFrom::Start(batch.committed_length + batch.behind.len() as u64))?;
                file.write_all(more)?;
                file.sync_data()
            };
            append(&path).map_err(RegistryError::io("append to", &path))?;
        } else {
            let mut whole = index_file(&self.dir, &batch.path, self.entry(&batch.path)?)?.committed;
            whole.extend_from_slice(&batch.text);
            self.put(&batch.path, &whole)?;
        }
        let mut entries = batch.files.clone();
        entries.push((batch.path.clone(), batch.entry));
        Ok(entries)
    }

    /// Removes what stands behind the committed bytes of an index file.
    fn cut(&self, path: &str, committed: u64) -> Result<(), RegistryError> {
        let path = self.dir.join(path);
        let cut = match committed {
            0 => std::fs::remove_file(&path),
            _ => File::options().write(true).open(&path).and_then(|file| file.set_len(committed)),
        };
        cut.map_err(RegistryError::io("remove the refused lines of", &path))
    }

    pub(super) fn put(&self, path: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        replace_shared_file(&self.dir.join(path), bytes)
    }

    pub(super) fn entry(&self, path: &str) -> Result<Option<Entry>, RegistryError> {
        if self.checkpoint.size == 0 {
            return Ok(None);
        }
        block_on(snapshot::lookup(self, self.checkpoint.snapshot, path))
    }
}

/// The records, by the index file that each belongs into.
pub(super) fn by_path(records: Vec<Record>) -> Result<BTreeMap<String, Vec<Record>>, RegistryError> {
    let mut by_path: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in records {
        by_path.entry(seal::path_of(&record)?).or_default().push(record);
    }
    Ok(by_path)
}

impl Nodes for Writer {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        Box::pin(async move { read_node(&self.dir, digest) })
    }
}

impl LogFiles for Writer {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        read_log(&self.dir, paths)
    }
}
