//! Many blobs at once, from any store, into the cache.

use std::collections::HashMap;
use std::future::{pending, ready};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};

use super::FetchError;
use super::check::{Mismatch, check_file};
use super::partial::{Claim, Entry, Partial};
use super::progress::{Event, Progress};
use crate::model::{Artifact, Blake3};
use crate::registry::{ByteStream, Store, StoreError, backoff, layout};

/// From this size on a download is bound by the line, and a few at once fill it; below, by round trips.
const LARGE: u64 = 1024 * 1024;
const LARGE_AT_ONCE: usize = 8;
const SMALL_AT_ONCE: usize = 32;
/// How often in a row a connection may break without having brought a byte.
const BREAKS: u32 = 4;
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// How often to look whether another process has finished.
const POLL: Duration = Duration::from_millis(100);
/// How many pieces of a stream may wait for the disk.
const PIECES: usize = 32;

/// An artifact, and the registry to fetch it from.
#[derive(Clone)]
pub struct Wanted {
    pub store: Arc<dyn Store>,
    pub artifact: Artifact,
}

/// A file whose bytes were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The registry's own file: not to be moved, altered or removed.
    InPlace(PathBuf),
    /// A file in the cache, which can be fetched again.
    Cached(PathBuf),
}

impl Fetched {
    pub fn path(&self) -> &Path {
        let (Self::InPlace(path) | Self::Cached(path)) = self;
        path
    }
}

/// Fetches artifacts into a cache folder that several processes may share. A clone shares the limits.
#[derive(Clone)]
pub struct Downloader(Arc<Shared>);

struct Shared {
    runtime: Handle,
    cache: PathBuf,
    progress: Arc<dyn Progress>,
    sha256: bool,
    large: Semaphore,
    small: Semaphore,
}

/// Downloads under way. Dropping this stops them; what has arrived is continued the next time.
pub struct Downloads(JoinSet<Result<(Blake3, Fetched), FetchError>>);

impl Downloader {
    /// `cache` is made when the first file arrives; `sha256` asks for that digest too, besides BLAKE3 and the size.
    pub fn new(runtime: Handle, cache: PathBuf, progress: Arc<dyn Progress>, sha256: bool) -> Self {
        let (large, small) = (Semaphore::new(LARGE_AT_ONCE), Semaphore::new(SMALL_AT_ONCE));
        Self(Arc::new(Shared { runtime, cache, progress, sha256, large, small }))
    }

    /// Starts to fetch. A blob that is wanted several times is fetched once.
    pub fn start(&self, wanted: impl IntoIterator<Item = Wanted>) -> Downloads {
        let wanted: HashMap<Blake3, Wanted> =
            wanted.into_iter().map(|wanted| (wanted.artifact.blake3, wanted)).collect();
        self.0.progress.report(Event::Wanted {
            files: wanted.len() as u64,
            bytes: wanted.values().map(|wanted| wanted.artifact.size).fold(0, u64::saturating_add),
        });
        let mut downloads = JoinSet::new();
        for (digest, Wanted { store, artifact }) in wanted {
            let transfer = Transfer {
                shared: Arc::clone(&self.0),
                store,
                path: layout::blob(&artifact),
                artifact: Arc::new(artifact),
            };
            downloads.spawn_on(async move { Ok((digest, transfer.run().await?)) }, &self.0.runtime);
        }
        Downloads(downloads)
    }

    /// Fetches all of `wanted`. The first error stops the others.
    pub async fn fetch(
        &self,
        wanted: impl IntoIterator<Item = Wanted>,
    ) -> Result<HashMap<Blake3, Fetched>, FetchError> {
        let mut downloads = self.start(wanted);
        let mut fetched = HashMap::new();
        while let Some(done) = downloads.next().await {
            fetched.extend([done?]);
        }
        Ok(fetched)
    }
}

impl Downloads {
    /// The next file that is complete, in the order in which they arrive; none when all are.
    pub async fn next(&mut self) -> Option<Result<(Blake3, Fetched), FetchError>> {
        Some(joined(ready(self.0.join_next().await?)).await)
    }
}

/// What a store gave of a blob.
enum Received {
    /// Not more than the index says; whether it is that is still to be checked.
    All(Partial),
    TooMuch(Partial),
    /// It says that there is no such file.
    Nothing(Partial),
}

/// One blob on its way.
struct Transfer {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    path: String,
    artifact: Arc<Artifact>,
}

impl Transfer {
    async fn run(self) -> Result<Fetched, FetchError> {
        let slots = if self.artifact.size < LARGE { &self.shared.small } else { &self.shared.large };
        let _slot = slots.acquire().await.expect("it is never closed");
        let fetched = match self.store.local_path(&self.path) {
            Some(path) => Fetched::InPlace(self.check_in_place(path).await?),
            None => Fetched::Cached(self.download().await?),
        };
        self.report(Event::Finished { file: &self.artifact.file });
        Ok(fetched)
    }

    async fn check_in_place(&self, path: PathBuf) -> Result<PathBuf, FetchError> {
        let (artifact, sha256) = (Arc::clone(&self.artifact), self.shared.sha256);
        let (path, checked) = self
            .blocking(move || {
                let checked = check_file(&path, &artifact, sha256);
                (path, checked)
            })
            .await;
        match checked {
            Ok(Some(Ok(()))) => {
                self.report(Event::Received(self.artifact.size));
                Ok(path)
            }
            Ok(Some(Err(mismatch))) => Err(self.content(mismatch)),
            Ok(None) => Err(self.missing().await),
            Err(source) => {
                let location = self.store.location().to_owned();
                Err(StoreError::Io { location, path: self.path.clone(), source }.into())
            }
        }
    }

    async fn download(&self) -> Result<PathBuf, FetchError> {
        let mut partial = match self.claim().await? {
            Ok(partial) => partial,
            Err(finished) => return Ok(finished),
        };
        self.report(Event::Started { file: &self.artifact.file });
        let mut past_caches = false;
        loop {
            let artifact = Arc::clone(&self.artifact);
            let (mut wrong, error) = match self.receive(partial, past_caches).await? {
                Received::Nothing(partial) => (partial, self.missing().await),
                Received::TooMuch(partial) => {
                    let expected = format!("{} bytes", self.artifact.size);
                    (partial, self.content(Mismatch { expected, found: "more".to_owned() }))
                }
                Received::All(partial) => match self.blocking(move || partial.finish(&artifact)).await? {
                    Ok(path) => return Ok(path),
                    Err((partial, mismatch)) => (partial, self.content(mismatch)),
                },
            };
            if wrong.length() > 0 {
                self.report(Event::Discarded { file: &self.artifact.file, bytes: wrong.length() });
                wrong.clear()?;
            }
            if past_caches {
                return Err(error);
            }
            // What was here from before may have been wrong; or a cache on the way gave an old file, or an old 404.
            past_caches = true;
            partial = wrong;
        }
    }

    /// The partial file to go on with, or the finished one.
    async fn claim(&self) -> Result<Result<Partial, PathBuf>, FetchError> {
        let mut waiting = false;
        loop {
            let entry = Entry::new(&self.shared.cache, &self.artifact, self.shared.sha256);
            let artifact = Arc::clone(&self.artifact);
            match self.blocking(move || entry.claim(&artifact)).await? {
                Claim::Ours(partial) => {
                    self.report(Event::Received(partial.length()));
                    return Ok(Ok(partial));
                }
                Claim::Finished(path) => {
                    self.report(Event::Received(self.artifact.size));
                    return Ok(Err(path));
                }
                Claim::Busy if waiting => {}
                Claim::Busy => {
                    waiting = true;
                    self.report(Event::Waiting { file: &self.artifact.file });
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Fetches until the file has its length or the store has no more of it, going on where a connection broke.
    async fn receive(&self, mut partial: Partial, past_caches: bool) -> Result<Received, FetchError> {
        let path =
            if past_caches { format!("{}?{}", self.path, self.artifact.blake3) } else { self.path.clone() };
        let mut breaks = 0;
        while partial.length() < self.artifact.size {
            let before = partial.length();
            let stream = match self.store.stream(&path, before, self.artifact.size - before).await {
                Ok(stream) => stream,
                Err(StoreError::TooLarge { .. }) => return Ok(Received::TooMuch(partial)),
                Err(error) => return Err(error.into()),
            };
            let Some(stream) = stream else { return Ok(Received::Nothing(partial)) };
            let broken;
            (partial, broken) = self.write(partial, stream).await?;
            match broken {
                Some(StoreError::TooLarge { .. }) => return Ok(Received::TooMuch(partial)),
                None if partial.length() == before => break,
                _ if partial.length() > before => breaks = 0,
                None => {}
                Some(error) => {
                    breaks += 1;
                    if breaks == BREAKS {
                        return Err(error.into());
                    }
                    tokio::time::sleep(backoff(FIRST_BACKOFF, breaks)).await;
                }
            }
        }
        Ok(Received::All(partial))
    }

    /// Appends what comes from `stream`, with the error that ended it. Writing and hashing have a thread of their own.
    async fn write(
        &self,
        partial: Partial,
        mut stream: ByteStream,
    ) -> Result<(Partial, Option<StoreError>), FetchError> {
        let (sender, receiver) = mpsc::channel(PIECES);
        let progress = Arc::clone(&self.shared.progress);
        let writer = self.shared.runtime.spawn_blocking(move || partial.receive(receiver, progress.as_ref()));
        let mut broken = None;
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => {
                    // The writer has gone only if it failed, and then says how.
                    if sender.send(piece).await.is_err() {
                        break;
                    }
                }
                Err(error) => broken = Some(error),
            }
        }
        drop(sender);
        Ok((joined(writer).await?, broken))
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        joined(self.shared.runtime.spawn_blocking(work)).await
    }

    fn content(&self, Mismatch { expected, found }: Mismatch) -> FetchError {
        let location = self.store.location().to_owned();
        FetchError::Content { location, path: self.path.clone(), expected, found }
    }

    async fn missing(&self) -> FetchError {
        FetchError::missing(&*self.store, &self.path).await
    }

    fn report(&self, event: Event<'_>) {
        self.shared.progress.report(event);
    }
}

/// The result of a task. It has none where the runtime ends before it has run, as it does after an error: then nobody waits for it.
async fn joined<T>(task: impl Future<Output = Result<T, JoinError>>) -> T {
    match task.await.map_err(JoinError::try_into_panic) {
        Ok(result) => result,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_)) => pending().await,
    }
}
