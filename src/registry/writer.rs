//! Writing a registry: what is to be the next state is computed here, and made so by a [`Backend`].

mod blobs;
mod create;
mod place;
mod proposals;
mod reading;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::executor::block_on;
use rayon::prelude::*;

use super::backend::{Backend, Outcome, Prepared, State};
use super::blob_places::BlobPlaces;
use super::key_change::{committed_config, file_record};
use super::log;
use super::present::InBackend;
use super::seal::{self, Batch, Dropped};
use super::snapshot;
use super::{Authority, Checkpoint, Config, LogKey, RegistryError, StoreOptions, backoff, layout};
use crate::model::{Blake3, Prefixes, Record};

pub use place::Place;

/// How far the clock of this machine may be behind that of another one that sealed before it, in seconds: less than that, and
/// the new state is of the same second as the old one.
const CLOCKS_DIFFER: i64 = 300;

/// A registry, opened for one writer.
pub struct Writer {
    pub(super) backend: Box<dyn Backend>,
    pub(super) config: Config,
    /// None: it can propose, and seal nothing.
    pub(super) key: Option<LogKey>,
    pub(super) checkpoint: Checkpoint,
    /// Who knows signatures. None: signed records cannot be sealed, and unsigned ones only where nobody owns their names.
    authority: Option<Arc<dyn Authority>>,
    /// The other places of blobs, where they may be asked.
    pub(super) elsewhere: Option<BlobPlaces>,
    /// Blobs that were put, by path.
    put: Mutex<HashSet<String>>,
    /// Nodes of the snapshot that were read.
    nodes: Mutex<HashMap<Blake3, Vec<u8>>>,
    /// Threads for a place that is far away.
    pool: Option<rayon::ThreadPool>,
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
#[derive(Clone, Default)]
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
    /// Takes the lock of the registry in `dir`, waiting for another writer, and reads its state.
    /// `key` finds the private half of the registry's key.
    pub fn open(
        dir: &Path,
        key: impl FnOnce(&Config) -> Result<LogKey, RegistryError>,
    ) -> Result<Self, RegistryError> {
        Self::open_at(Place::Folder(dir.into()), |config| key(config).map(Some))
    }

    /// As `open`, of a registry anywhere. Without a key, what is published is proposed. Needs to be called where a tokio runtime is
    /// entered, unless the place is a folder.
    pub fn open_at(
        place: Place,
        key: impl FnOnce(&Config) -> Result<Option<LogKey>, RegistryError>,
    ) -> Result<Self, RegistryError> {
        Self::at(place.backend(false)?, key)
    }

    fn at(
        backend: Box<dyn Backend>,
        key: impl FnOnce(&Config) -> Result<Option<LogKey>, RegistryError>,
    ) -> Result<Self, RegistryError> {
        let (config, checkpoint) = state(&*backend)?;
        let key = key(&config)?;
        let mut writer = Self::new(backend, config, key, checkpoint)?;
        writer.check_continues()?;
        Ok(writer)
    }

    fn new(
        backend: Box<dyn Backend>,
        config: Config,
        key: Option<LogKey>,
        checkpoint: Checkpoint,
    ) -> Result<Self, RegistryError> {
        let pool = match backend.threads() {
            0 => None,
            threads => rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok(),
        };
        Ok(Self {
            backend,
            config,
            key,
            checkpoint,
            authority: None,
            elsewhere: None,
            put: Mutex::default(),
            nodes: Mutex::default(),
            pool,
        })
    }

    /// Refuses to go on from a copy that is older than what its key sealed last.
    fn check_continues(&mut self) -> Result<(), RegistryError> {
        let Some(key) = self.key.clone() else { return Ok(()) };
        let Some(last) = key.last_sealed()? else { return Ok(()) };
        let check = |this: &Self| key.check_continues(this.backend.location(), this, &this.checkpoint, &last);
        match check(self) {
            // Another writer with this key may have sealed after the state was read, and before what it remembers was.
            Err(RegistryError::Behind { .. }) => {
                self.reload()?;
                check(self)
            }
            checked => checked,
        }
    }

    pub(super) fn log_key(&self) -> Result<&LogKey, RegistryError> {
        self.key
            .as_ref()
            .ok_or_else(|| RegistryError::NotSealing { location: self.backend.location().into() })
    }

    /// Goes on from what is the state by now.
    fn reload(&mut self) -> Result<(), RegistryError> {
        let (config, checkpoint) = state(&*self.backend)?;
        if config.key != self.config.key {
            let location = self.backend.location().to_owned();
            return Err(RegistryError::KeyChanged { location, key: config.key });
        }
        (self.config, self.checkpoint) = (config, checkpoint);
        Ok(())
    }

    /// Runs `work` with as many threads as are worth having for this registry. The runtime that is entered here is entered there.
    pub fn in_parallel<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let Some(pool) = &self.pool else { return work() };
        let runtime = tokio::runtime::Handle::try_current().ok();
        pool.install(|| {
            let _entered = runtime.as_ref().map(|runtime| runtime.enter());
            work()
        })
    }

    /// Lets `authority` judge the signatures of what is sealed.
    #[must_use]
    pub fn with_authority(self, authority: Arc<dyn Authority>) -> Self {
        Self { authority: Some(authority), ..self }
    }

    /// The folder of the registry, where it stands in one.
    pub fn folder(&self) -> Option<&Path> {
        self.backend.folder()
    }

    /// Lets blobs be looked for and put in the other places that the registry names. `options` must not have its own credentials.
    /// Needs to be called where a tokio runtime is entered.
    pub fn with_blob_places(self, options: &StoreOptions) -> Result<Self, RegistryError> {
        let elsewhere = BlobPlaces::open(&self.config, options)?;
        Ok(Self { elsewhere, ..self })
    }

    /// Where the registry stands, for messages and rules: without credentials. Text as it was opened, but for a folder that is no text.
    pub fn location(&self) -> &str {
        self.backend.location()
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
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
        let records = by_path(vec![file_record(path, bytes)])?;
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
        let began = Instant::now();
        let mut overtaken = 0;
        loop {
            // What others sealed meanwhile may be of a later time than `now`.
            let now = now + jiff::SignedDuration::try_from(began.elapsed()).unwrap_or_default();
            let (prepared, sealed) = self.in_parallel(|| self.prepare(change.clone(), now))?;
            match self.in_parallel(|| self.backend.commit(&prepared))? {
                Outcome::Committed => {
                    self.key = change.key.or_else(|| self.key.take());
                    self.log_key()?.remember(&sealed.checkpoint);
                    self.checkpoint = sealed.checkpoint.clone();
                    return Ok(sealed);
                }
                Outcome::Overtaken => {
                    overtaken += 1;
                    std::thread::sleep(backoff(self.backend.first_wait(), overtaken));
                    self.reload()?;
                    // It may have been this very change that was first, if the answer to it was lost.
                    if log::check_consistency(self, &sealed.checkpoint, &self.checkpoint).is_ok() {
                        self.log_key()?.remember(&self.checkpoint);
                        return Ok(sealed);
                    }
                }
            }
        }
    }

    /// Has `judge` choose the lines for each index file.
    pub(super) fn judge(
        &self,
        change: &Change,
        now: jiff::Timestamp,
        judge: seal::Judge,
    ) -> Result<Vec<Batch>, RegistryError> {
        let put = self.put.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let present = InBackend::new(
            &*self.backend,
            !change.options.blobs_elsewhere,
            &put,
            &change.files,
            self.elsewhere.as_ref(),
        );
        let rules = seal::Rules {
            registry: &self.config.name,
            present: &present,
            authority: self.authority.as_deref(),
            prefixes: &Prefixes::default(),
            time: now,
        };
        let judge = |path: &String, records: &Vec<Record>, rules| {
            let file = self.index_file(path, self.entry(path)?)?;
            judge(path.clone(), &file.committed, file.behind, records.clone(), rules)
        };
        // Owners of prefixes come first, and have the lower numbers: the other records of this seal are under them.
        let first = match change.records.get_key_value(layout::PREFIXES_INDEX) {
            Some((path, records)) => Some(judge(path, records, rules)?),
            None => None,
        };
        let prefixes = match &first {
            Some(batch) => batch.prefixes.clone(),
            None => self.prefixes()?,
        };
        let rules = seal::Rules { prefixes: &prefixes, ..rules };
        let others = change.records.par_iter().filter(|(path, _)| *path != layout::PREFIXES_INDEX);
        let others = others.map(|(path, records)| judge(path, records, rules)).collect::<Result<Vec<_>, _>>();
        if let Some(failure) = present.failure() {
            return Err(failure);
        }
        Ok(first.into_iter().chain(others?).collect())
    }

    /// Computes a change: nothing is written.
    fn prepare(&self, change: Change, now: jiff::Timestamp) -> Result<(Prepared, Sealed), RegistryError> {
        let now = self.time(now)?;
        let mut batches = self.judge(&change, now, seal::prepare)?;
        let Change { files: replaced, key, options, .. } = change;
        let refused_only = |batch: &&Batch| batch.lines.is_empty() && !batch.dropped.is_empty();
        let cut = match options.drop_refused {
            true => batches
                .iter()
                .filter(refused_only)
                .map(|one| (one.path.clone(), one.committed_length))
                .collect(),
            false => Vec::new(),
        };
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
        let changes = batches.iter_mut().flat_map(Batch::entries).collect();
        let entries: Vec<String> =
            batches.iter_mut().flat_map(|batch| std::mem::take(&mut batch.lines)).collect();
        let appended = log::append(self, self.checkpoint.size, self.checkpoint.root, &entries)?;
        let old = (self.checkpoint.size > 0).then_some(self.checkpoint.snapshot);
        let (snapshot, nodes) = block_on(snapshot::update(self, old, changes))?;
        let nodes = nodes.into_iter().map(|(digest, bytes)| (layout::snapshot_node(digest), bytes));
        let checkpoint = Checkpoint {
            origin: self.config.name.clone(),
            size: appended.size,
            root: appended.root,
            snapshot,
            time: now,
        };
        let prepared = Prepared {
            lines: batches.into_iter().map(Batch::into_lines).collect(),
            files: appended.files.into_iter().chain(nodes).collect(),
            replaced: replaced
                .into_iter()
                .map(|(path, bytes)| self.replaced(path, bytes))
                .collect::<Result<_, _>>()?,
            cut,
            checkpoint: checkpoint.sign(key.as_ref().map_or_else(|| self.log_key(), Ok)?)?,
        };
        Ok((prepared, Sealed { checkpoint, records, dropped }))
    }

    /// The time of the next state, in whole seconds: never before that of the last one.
    fn time(&self, now: jiff::Timestamp) -> Result<jiff::Timestamp, RegistryError> {
        let sealed = self.checkpoint.time;
        if sealed.as_second() - now.as_second() > CLOCKS_DIFFER {
            return Err(RegistryError::Clock { now, sealed });
        }
        Ok(jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).max(sealed))
    }
}

/// The state that a registry is in.
fn state(backend: &dyn Backend) -> Result<(Config, Checkpoint), RegistryError> {
    let location = backend.location();
    let missing = layout::CHECKPOINT;
    let State { config, checkpoint } =
        backend.state()?.ok_or_else(|| RegistryError::NotARegistry { location: location.into(), missing })?;
    let before = || backend.read(&layout::before_last_change(layout::CONFIG), layout::MAX_CONFIG);
    let (config, verified) =
        committed_config(location, &config, &checkpoint, before, |bytes| backend.put(layout::CONFIG, bytes))?;
    Ok((config, verified))
}

/// The records, by the index file that each belongs into.
pub(super) fn by_path(records: Vec<Record>) -> Result<BTreeMap<String, Vec<Record>>, RegistryError> {
    let mut by_path: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in records {
        by_path.entry(seal::path_of(&record)?).or_default().push(record);
    }
    Ok(by_path)
}
