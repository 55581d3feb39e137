//! A registry in a git repository, read at one commit straight from the objects: no work tree, no hooks, no filters, no submodules,
//! and no configuration but rvp's own.
//!
//! A repository on this machine (`git+file:`) is read where it is. Others are cloned into the cache, shallow, and what is new is
//! fetched when the state of the registry is asked for; everything after that is read at the commit that was found then.

mod backend;
mod clones;
mod failure;
mod http;
mod message;
mod place;
mod program;
mod proposal;
mod push;
mod staging;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use gix_transport::Protocol;
use gix_transport::client::blocking_io::http::Transport;

use super::credentials::{Credential, Login};
use super::http_failure::{Again, Failure};
use super::http_request::Requests;
use super::retry::{TRIES, backoff};
use super::store::{ByteStream, Fresh, Store, StoreError, StoreOptions, checked, without_credentials};
pub(super) use backend::GitBackend;
use clones::{Clones, MAX_OBJECT};
use http::{GitHttp, LastFailure};
pub use place::GitPlace;

/// A registry in a git repository. Its futures need a tokio runtime with time and network.
pub struct GitStore(Arc<Inner>);

struct Inner {
    location: String,
    place: GitPlace,
    clones: Clones,
    requests: Arc<Requests>,
    /// What is read; a fetch holds it until it knows.
    tip: Mutex<Option<Tip>>,
}

/// One commit of a repository.
#[derive(Clone)]
struct Tip {
    repository: gix::ThreadSafeRepository,
    commit: ObjectId,
    /// The whole name of the reference that led there, as the repository itself has it. None where that was not asked, or where none is.
    reference: Option<String>,
}

impl Tip {
    /// The commit that a reference of the repository leads to.
    fn at(repository: gix::ThreadSafeRepository, reference: &str) -> Result<Self, Failure> {
        let local = repository.to_thread_local();
        let commit = local
            .find_reference(reference)
            .and_then(|mut reference| reference.peel_to_commit())
            .map_err(|error| Failure::lasting(error.to_string(), "check the name of the branch or tag"))?
            .id;
        Ok(Self { repository, commit, reference: None })
    }
}

/// Why a file of a commit has no bytes to give.
enum Stop {
    TooLarge(u64),
    Damaged(String),
}

impl<E: std::error::Error> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl GitStore {
    /// `location` is a `GitPlace`; it may carry a user name and password, which go into no message.
    pub fn open(location: &str, options: &StoreOptions) -> Result<Self, StoreError> {
        let public = without_credentials(location);
        let mut place = GitPlace::parse(location).map_err(|reason| StoreError::Open {
            location: public.clone(),
            reason,
            hint: "write it as git+https://host/repository.git@branch#subdirectory=folder; the rest may be left out".into(),
        })?;
        let given = match place.repository.scheme() {
            // For ssh the user name is part of the address.
            "ssh" | "file" => None,
            _ => Credential::take_from(&mut place.repository),
        };
        let base = place.repository.clone();
        let login = Login::new(base.clone(), &public, given, options.sources.clone());
        Ok(Self(Arc::new(Inner {
            location: public,
            clones: Clones::new(&options.clones, &place),
            requests: Arc::new(Requests::new(base, &options.http, login)),
            place,
            tip: Mutex::new(None),
        })))
    }

    /// Runs `work` where it may wait for a disk or the network.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.0);
        match tokio::task::spawn_blocking(move || work(&inner)).await {
            Ok(done) => done,
            Err(error) => {
                Err(self.0.failed("", Failure::lasting(error.to_string(), "run the command again")))
            }
        }
    }
}

impl Inner {
    fn failed(&self, path: &str, failure: Failure) -> StoreError {
        let (location, path) = (self.location.clone(), path.to_owned());
        StoreError::Http { location, path, reason: failure.reason, hint: failure.hint }
    }

    /// The commit to read: the one that was found, else the one of the last run, else what a fetch brings. With `ask` always the
    /// newest.
    fn tip(&self, ask: bool) -> Result<Tip, Failure> {
        let mut tip = self.tip.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tip) = tip.as_ref().filter(|_| !ask) {
            return Ok(tip.clone());
        }
        let found = match self.clones.known().filter(|_| !ask && self.place.repository.scheme() != "file") {
            Some(known) => known,
            None => self.newest()?.ok_or_else(|| failure::no_reference(&self.place))?,
        };
        Ok(tip.insert(found).clone())
    }

    /// The commit that the place has now. None: it has no such branch, or no commit at all.
    fn newest(&self) -> Result<Option<Tip>, Failure> {
        match self.place.repository.scheme() {
            "file" => self.local_tip(),
            _ => self.fetch_patiently(),
        }
    }

    /// Fetches until it is done, or not to be expected.
    fn fetch_patiently(&self) -> Result<Option<Tip>, Failure> {
        let mut tries = 1;
        loop {
            let failure = match self.fetch() {
                Ok(tip) => return Ok(tip),
                Err(failure) => failure,
            };
            let wait = match failure.again {
                Again::AfterBackoff if tries < TRIES => backoff(self.requests.settings.first_backoff, tries),
                Again::After(wait) if tries < TRIES => wait,
                _ => return Err(failure),
            };
            std::thread::sleep(wait);
            tries += 1;
        }
    }

    fn fetch(&self) -> Result<Option<Tip>, Failure> {
        let url = &self.place.repository;
        let failure = LastFailure::default();
        let runtime = tokio::runtime::Handle::current();
        let fetched = if url.scheme() == "ssh" {
            self.clones.fetch(&self.place, |remote| {
                let (url, version) = remote.sanitized_url_and_version(gix::remote::Direction::Fetch)?;
                let ssh = remote.repo().ssh_connect_options()?;
                gix_transport::client::blocking_io::connect::connect(
                    url,
                    gix_transport::client::blocking_io::connect::Options { version, ssh, trace: false },
                )
            })
        } else {
            let http = GitHttp::new(Arc::clone(&self.requests), runtime, Arc::clone(&failure));
            self.clones.fetch(&self.place, |remote| {
                let (url, _) = remote.sanitized_url_and_version(gix::remote::Direction::Fetch)?;
                Ok(Transport::new_http(http, url, Protocol::V2, false))
            })
        };
        // What the requests say is more than what gix makes of it.
        let said = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        fetched.map_err(|fault| said.unwrap_or(fault))
    }

    fn local_tip(&self) -> Result<Option<Tip>, Failure> {
        let folder = self.local_folder()?;
        let repository = gix::ThreadSafeRepository::open_opts(&folder, clones::options()).map_err(|_| {
            Failure::lasting(
                format!("{} is not a git repository", folder.display()),
                "check the path; for a registry of plain files in a folder, write the path alone",
            )
        })?;
        let names = match self.place.reference.as_deref() {
            None => {
                let head = repository.to_thread_local().head_name().ok().flatten();
                vec![head.map_or("HEAD".to_owned(), |name| name.as_bstr().to_string())]
            }
            Some(name) if name.starts_with("refs/") => vec![name.to_owned()],
            Some(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
        };
        let at = |name: String| {
            let tip = Tip::at(repository.clone(), &name).ok()?;
            Some(Tip { reference: Some(name), ..tip })
        };
        Ok(names.into_iter().find_map(at))
    }

    fn local_folder(&self) -> Result<PathBuf, Failure> {
        self.place
            .repository
            .to_file_path()
            .map_err(|()| Failure::lasting("it is not the URL of a local folder", "write git+file:///folder"))
    }

    /// The parts of the path of a file, from the top of the repository.
    fn parts<'a>(&'a self, path: &'a str) -> Result<Vec<&'a str>, StoreError> {
        let (file, _) = checked(&self.location, path)?;
        let folder = self.place.folder.split('/').filter(|part| !part.is_empty());
        Ok(folder.chain(file.split('/')).collect())
    }

    fn read(&self, tip: &Tip, path: &str, from: u64, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        read_at(tip, &self.parts(path)?, from, limit).map_err(|stop| self.stopped(path, stop))
    }

    fn stopped(&self, path: &str, stop: Stop) -> StoreError {
        match stop {
            Stop::TooLarge(limit) => {
                StoreError::TooLarge { location: self.location.clone(), path: path.to_owned(), limit }
            }
            Stop::Damaged(reason) => self.failed(
                path,
                Failure::lasting(reason, "the repository or its clone in the cache is damaged: remove the folder `git` of the cache, and try again"),
            ),
        }
    }

    /// The bytes of a file at the commit that is read.
    fn read_now(&self, path: &str, from: u64, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        checked(&self.location, path)?;
        let tip = self.tip(false).map_err(|failure| self.failed(path, failure))?;
        self.read(&tip, path, from, limit)
    }
}

/// The object of a file. A link or a submodule is no file.
fn find_at(repository: &gix::Repository, commit: ObjectId, parts: &[&str]) -> Result<Option<ObjectId>, Stop> {
    let mut id = repository.find_commit(commit)?.tree_id()?.detach();
    for (at, part) in parts.iter().enumerate() {
        let tree = repository.find_tree(id)?;
        let Some(entry) = tree.iter().flatten().find(|entry| entry.filename() == part.as_bytes()) else {
            return Ok(None);
        };
        let is_last = at + 1 == parts.len();
        match entry.kind() {
            EntryKind::Tree if !is_last => {}
            EntryKind::Blob | EntryKind::BlobExecutable if is_last => {}
            EntryKind::Blob | EntryKind::BlobExecutable => return Ok(None),
            _ => return Err(Stop::Damaged("it is not a file".to_owned())),
        }
        id = entry.object_id();
    }
    Ok(Some(id))
}

/// The bytes of a file from `from` on. Sizes are looked at before anything is inflated.
fn read_at(tip: &Tip, parts: &[&str], from: u64, limit: u64) -> Result<Option<Vec<u8>>, Stop> {
    let repository = tip.repository.to_thread_local();
    let Some(id) = find_at(&repository, tip.commit, parts)? else { return Ok(None) };
    let size = repository.find_header(id)?.size();
    if size.saturating_sub(from) > limit {
        return Err(Stop::TooLarge(limit));
    }
    if size > MAX_OBJECT {
        return Err(Stop::TooLarge(MAX_OBJECT));
    }
    if size <= from {
        return Ok(Some(Vec::new()));
    }
    let mut bytes = repository.find_blob(id)?.take_data();
    bytes.drain(..usize::try_from(from).unwrap_or(bytes.len()).min(bytes.len()));
    Ok(Some(bytes))
}

impl Store for GitStore {
    fn location(&self) -> &str {
        &self.0.location
    }

    fn read<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        let path = path.to_owned();
        self.blocking(move |inner| inner.read_now(&path, from, limit)).boxed()
    }

    fn stream<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<ByteStream>, StoreError>> {
        let path = path.to_owned();
        async move {
            let bytes = self.blocking(move |inner| inner.read_now(&path, from, limit)).await?;
            let piece = |bytes: Vec<u8>| stream::iter([Ok(Bytes::from(bytes))]).boxed();
            Ok(bytes.map(|bytes| if bytes.is_empty() { stream::empty().boxed() } else { piece(bytes) }))
        }
        .boxed()
    }

    fn read_fresh<'a>(
        &'a self,
        path: &'a str,
        known: Option<&'a Fresh>,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Fresh>, StoreError>> {
        let (path, known) = (path.to_owned(), known.cloned());
        self.blocking(move |inner| {
            checked(&inner.location, &path)?;
            let tip = inner.tip(true).map_err(|failure| inner.failed(&path, failure))?;
            let validator = Some(tip.commit.to_string());
            if let Some(known) = known.filter(|known| known.validator == validator) {
                return Ok(Some(known));
            }
            let bytes = inner.read(&tip, &path, 0, limit)?;
            Ok(bytes.map(|bytes| Fresh { bytes, validator, fresh_seconds: 0 }))
        })
        .boxed()
    }

    fn local_path(&self, _path: &str) -> Option<PathBuf> {
        None
    }
}
