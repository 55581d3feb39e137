//! Writing a registry in a git repository.
//!
//! A change is one commit on top of the one that was fetched. The push of it is the compare-and-swap: a server takes it only while its
//! branch is where it was, so that of all who push at once one succeeds, and the others compute their change anew.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use gix::ObjectId;

use super::push::{Push, Pushed};
use super::staging::{Edits, Staging, files_below, size_at};
use super::{GitStore, Inner, Stop, Tip, failure, message};
use crate::model::Blake3;
use crate::registry::backend::{Backend, Branch, Lines, Outcome, Prepared, Proposed, State};
use crate::registry::http_failure::{Again, Failure};
use crate::registry::retry::{TRIES, backoff};
use crate::registry::store::StoreOptions;
use crate::registry::{RegistryError, layout};

/// The largest blob, in bytes: GitHub warns of more, and takes none of 100 MB.
const MAX_BLOB: u64 = 50 << 20;
/// How long one who was overtaken waits at most at first: about as long as another one needs to fetch and push.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The branch of a registry in a repository that has none.
const FIRST_BRANCH: &str = "main";

/// A registry in a git repository, for one of its writers.
pub(crate) struct GitBackend {
    pub(super) inner: Arc<Inner>,
    runtime: tokio::runtime::Handle,
    staging: RwLock<Staging>,
    /// The commit that the next one continues. None: the branch is still to be made.
    tip: Mutex<Option<Tip>>,
    /// Blobs for the next commit, by path.
    put: Mutex<BTreeMap<String, ObjectId>>,
    is_new: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl GitBackend {
    /// Waits for another writer that uses the same cache. Needs to be called where a tokio runtime is entered, and not on one of its
    /// threads.
    ///
    /// Where `is_new`, the branch need not be there.
    pub fn open(location: &str, options: &StoreOptions, is_new: bool) -> Result<Self, RegistryError> {
        let GitStore(inner) = GitStore::open(location, options)?;
        let folder = inner.clones.folder();
        let staging = Staging::begin(folder).map_err(RegistryError::io("write in", folder))?;
        let runtime = tokio::runtime::Handle::current();
        Ok(Self {
            inner,
            runtime,
            staging: RwLock::new(staging),
            tip: Mutex::new(None),
            put: Mutex::default(),
            is_new,
        })
    }

    pub(super) fn staging(&self) -> RwLockReadGuard<'_, Staging> {
        self.staging.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tip(&self) -> Option<Tip> {
        locked(&self.tip).clone()
    }

    fn fetch(&self) -> Result<Option<Tip>, RegistryError> {
        let _entered = self.runtime.enter();
        let found = match self.inner.newest() {
            Ok(None) if !self.is_new => Err(failure::no_reference(&self.inner.place)),
            found => found,
        };
        found.map_err(|failure| self.inner.failed(layout::CHECKPOINT, failure).into())
    }

    pub(super) fn stopped(&self, path: &str) -> impl FnOnce(Stop) -> RegistryError {
        move |stop| self.inner.stopped(path, stop).into()
    }

    pub(super) fn cannot_push(&self, failure: Failure) -> RegistryError {
        let Failure { reason, hint, .. } = failure;
        RegistryError::Push { location: self.inner.location.clone(), reason, hint }
    }

    /// From the top of the repository.
    fn full(&self, path: &str) -> Result<String, RegistryError> {
        Ok(self.inner.parts(path)?.join("/"))
    }

    /// The whole name of the branch.
    pub(super) fn branch(&self, tip: Option<&Tip>) -> Result<String, RegistryError> {
        let named = self.inner.place.reference.as_deref();
        let name = match tip.map(|tip| tip.reference.as_deref().unwrap_or_default()) {
            Some(found) => found.to_owned(),
            None => match named.unwrap_or(FIRST_BRANCH) {
                whole if whole.starts_with("refs/") => whole.to_owned(),
                short => format!("refs/heads/{short}"),
            },
        };
        if name.starts_with("refs/heads/") {
            return Ok(name);
        }
        let what = named.unwrap_or("its HEAD");
        Err(self.cannot_push(Failure::lasting(
            format!("{what} is no branch"),
            "name a branch behind @ at the end of the URL",
        )))
    }

    /// The bytes of an index file once `lines` stand in it.
    pub(super) fn with_lines(&self, lines: &Lines) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = self.read(&lines.path, lines.committed)?.unwrap_or_default();
        bytes.extend_from_slice(&lines.text);
        Ok(bytes)
    }

    pub(super) fn edits(&self, files: Vec<(&str, Vec<u8>)>) -> Result<Edits, RegistryError> {
        let staging = self.staging();
        let mut edits = Edits::new();
        for (path, id) in &*locked(&self.put) {
            edits.insert(self.full(path)?, Some(*id));
        }
        for (path, bytes) in files {
            let id = staging.put(&bytes).map_err(self.stopped(path))?;
            edits.insert(self.full(path)?, Some(id));
        }
        Ok(edits)
    }

    /// What a change writes.
    fn edits_of(&self, change: &Prepared) -> Result<Edits, RegistryError> {
        let mut files = Vec::new();
        for lines in &change.lines {
            files.push((lines.path.as_str(), self.with_lines(lines)?));
        }
        files.extend(change.files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())));
        let beside: Vec<(String, &Vec<u8>)> = change
            .replaced
            .iter()
            .filter_map(|file| Some((layout::before_last_change(&file.path), file.before.as_ref()?)))
            .collect();
        files.extend(beside.iter().map(|(path, bytes)| (path.as_str(), (*bytes).clone())));
        files.extend(change.replaced.iter().map(|file| (file.path.as_str(), file.bytes.clone())));
        files.push((layout::CHECKPOINT, change.checkpoint.clone()));
        for (path, committed) in change.cut.iter().filter(|(_, committed)| *committed > 0) {
            files.push((path, self.read(path, *committed)?.unwrap_or_default()));
        }
        let mut edits = self.edits(files)?;
        for (path, _) in change.cut.iter().filter(|(_, committed)| *committed == 0) {
            edits.insert(self.full(path)?, None);
        }
        Ok(edits)
    }
}

impl GitBackend {
    /// Makes the files of the tip with these edits the next commit of the branch, unless that has gone on.
    fn push_commit(&self, edits: &Edits, message: &str) -> Result<Outcome, RegistryError> {
        let parent = self.tip();
        let reference = self.branch(parent.as_ref())?;
        let staging = self.staging();
        let tree = staging.tree(parent.as_ref(), edits).map_err(self.stopped(layout::CHECKPOINT))?;
        let commit =
            staging.commit(tree, parent.as_ref(), message).map_err(|failure| self.cannot_push(failure))?;
        // A branch that is there grows or is left alone; where there is none, none may have come.
        let expected = parent.is_none().then_some("");
        let push = Push { commit: commit.to_string(), reference: &reference, expected, options: &[] };
        let url = &self.inner.place.repository;
        let mut tries = 1;
        loop {
            let pushed = self.inner.push(&staging.folder, url, &push);
            let failure = match pushed {
                Pushed::Done(_) => break,
                Pushed::Overtaken => return Ok(Outcome::Overtaken),
                Pushed::Failed(failure) => failure,
            };
            // Whatever was said, the branch shows what has become of it.
            let now = self.fetch().ok().map(|tip| tip.map(|tip| tip.commit));
            if now == Some(Some(commit)) {
                break;
            }
            if now.is_some_and(|now| now != parent.as_ref().map(|parent| parent.commit)) {
                return Ok(Outcome::Overtaken);
            }
            if failure.again == Again::No || tries == TRIES {
                return Err(self.cannot_push(failure));
            }
            std::thread::sleep(backoff(self.inner.requests.settings.first_backoff, tries));
            tries += 1;
        }
        *locked(&self.tip) = Some(staging.tip(commit, &reference));
        locked(&self.put).clear();
        Ok(Outcome::Committed)
    }
}

impl Backend for GitBackend {
    fn location(&self) -> &str {
        &self.inner.location
    }

    fn first_wait(&self) -> Duration {
        FIRST_WAIT
    }

    fn state(&self) -> Result<Option<State>, RegistryError> {
        let found = self.fetch()?;
        if let Some(tip) = &found {
            let mut staging = self.staging.write().unwrap_or_else(PoisonError::into_inner);
            let folder = staging.folder.clone();
            staging.continue_from(tip).map_err(RegistryError::io("write in", folder))?;
        }
        *locked(&self.tip) = found;
        let Some(checkpoint) = self.read(layout::CHECKPOINT, layout::MAX_CHECKPOINT)? else {
            return Ok(None);
        };
        let config = self.read(layout::CONFIG, layout::MAX_CONFIG)?;
        let location = || self.inner.location.clone();
        let missing = || RegistryError::NotARegistry { location: location(), missing: layout::CONFIG };
        Ok(Some(State { config: config.ok_or_else(missing)?, checkpoint }))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        let put = locked(&self.put).get(path).copied();
        let found = match (put, self.tip()) {
            (Some(id), _) => Some(self.staging().read(id).map_err(self.stopped(path))?),
            (None, Some(tip)) => self.inner.read(&tip, path, 0, super::clones::MAX_OBJECT)?,
            (None, None) => None,
        };
        Ok(found.map(|mut bytes| {
            bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            bytes
        }))
    }

    fn read_range(&self, path: &str, from: u64, length: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        let bytes = self.read(path, from.saturating_add(length))?;
        Ok(bytes
            .map(|mut bytes| bytes.split_off(usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len()))))
    }

    fn length(&self, path: &str) -> Result<Option<u64>, RegistryError> {
        let put = locked(&self.put).get(path).copied();
        match (put, self.tip()) {
            (Some(id), _) => self.staging().size(id).map(Some).map_err(self.stopped(path)),
            (None, Some(tip)) => size_at(&tip, &self.inner.parts(path)?).map_err(self.stopped(path)),
            (None, None) => Ok(None),
        }
    }

    fn index_files(&self) -> Result<Vec<(String, u64)>, RegistryError> {
        match self.tip() {
            Some(tip) => {
                files_below(&tip, &self.inner.parts("index")?, "index").map_err(self.stopped("index"))
            }
            None => Ok(Vec::new()),
        }
    }

    fn largest_blob(&self) -> Option<u64> {
        Some(MAX_BLOB)
    }

    fn put_blob(&self, source: &Path, path: &str, digest: Blake3, size: u64) -> Result<(), RegistryError> {
        if self.length(path)? == Some(size) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let read = File::open(source).and_then(|file| file.take(size + 1).read_to_end(&mut bytes));
        read.map_err(RegistryError::io("read", source))?;
        if bytes.len() as u64 != size || Blake3::of(&bytes) != digest {
            return Err(RegistryError::SourceChanged { path: source.into() });
        }
        self.put(path, &bytes)
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let id = self.staging().put(bytes).map_err(self.stopped(path))?;
        locked(&self.put).insert(path.to_owned(), id);
        Ok(())
    }

    fn commit(&self, change: &Prepared) -> Result<Outcome, RegistryError> {
        let edits = self.edits_of(change)?;
        self.push_commit(&edits, &message::of_seal(&change.lines))
    }

    fn publish_put(&self, what: &str) -> Result<(), RegistryError> {
        let edits = self.edits(Vec::new())?;
        if !edits.is_empty() && self.push_commit(&edits, what)? == Outcome::Overtaken {
            // It was made for a state that is past.
            locked(&self.put).clear();
            self.state()?;
        }
        Ok(())
    }

    fn base_branch(&self) -> Result<Option<String>, RegistryError> {
        let name = self.branch(self.tip().as_ref())?;
        Ok(name.strip_prefix("refs/heads/").map(str::to_owned))
    }

    fn propose(&self, lines: &[Lines], branch: &Branch) -> Result<Proposed, RegistryError> {
        self.propose_on(lines, branch)
    }
}
