//! The cache folder: finished blobs by digest, and those that are still arriving.
//!
//! ```text
//! <blake3>        a finished blob, moved here only after its digest was right
//! <blake3>.part   its first bytes, while it is not finished; locked by the process that writes it
//! ```
//!
//! To make a file costs more than to fill it, on many disks: hence no file for the lock, and one flat folder.
//! Nothing is synced to the disk, because a finished blob is checked again each time it is used. The time of its
//! last use is its mtime.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::mpsc::Receiver;

use super::FetchError;
use super::check::{Check, Mismatch, check_file};
use super::progress::{Event, Progress};
use crate::files;
use crate::model::Artifact;

/// Where one blob stands in the cache.
pub(super) struct Entry {
    file: String,
    finished: PathBuf,
    part: PathBuf,
    sha256: bool,
}

/// What became of the wish to download a blob.
pub(super) enum Claim {
    /// It is in the cache.
    Finished(PathBuf),
    /// Another process, or another thread, is at it.
    Busy,
    /// It is ours to download, from what is there already.
    Ours(Partial),
}

/// A blob that is arriving. It holds the lock; dropping it keeps what has arrived.
pub(super) struct Partial {
    file: File,
    check: Check,
    entry: Entry,
}

impl Entry {
    pub fn new(cache: &Path, artifact: &Artifact, sha256: bool) -> Self {
        let digest = artifact.blake3.to_string();
        let part = cache.join(format!("{digest}.part"));
        Self { file: artifact.file.clone(), part, finished: cache.join(digest), sha256 }
    }

    pub fn claim(self, artifact: &Artifact) -> Result<Claim, FetchError> {
        // Without a lock, so that a cache that is read-only serves what it has.
        if self.is_finished(artifact)? {
            return Ok(Claim::Finished(self.finished));
        }
        let in_part = |source| self.error(&self.part)(source);
        if let Some(cache) = self.part.parent() {
            fs::create_dir_all(cache).map_err(self.error(cache))?;
        }
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&self.part).map_err(in_part)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Claim::Busy),
            Err(TryLockError::Error(source)) => return Err(in_part(source)),
        }
        // Another process may have finished it between the first look and the lock: then what was opened here may be
        // the finished blob itself under its former name, which nothing may write to.
        if self.is_finished(artifact)? {
            return Ok(Claim::Finished(self.finished));
        }
        let mut check = Check::new(self.sha256);
        check.update_from(&file).map_err(in_part)?;
        let mut partial = Partial { file, check, entry: self };
        if partial.length() > artifact.size {
            partial.clear()?;
        }
        Ok(Claim::Ours(partial))
    }

    fn error(&self, path: &Path) -> impl Fn(io::Error) -> FetchError {
        FetchError::cache(&self.file, path)
    }

    /// A blob that was damaged in the cache counts as absent: the download replaces it.
    fn is_finished(&self, artifact: &Artifact) -> Result<bool, FetchError> {
        let checked =
            check_file(&self.finished, artifact, self.sha256).map_err(self.error(&self.finished))?;
        let finished = matches!(checked, Some(Ok(())));
        if finished {
            // For eviction, which is free to find an older time where the cache is read-only.
            let file = File::options().append(true).open(&self.finished);
            let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
        }
        Ok(finished)
    }
}

impl Partial {
    pub fn length(&self) -> u64 {
        self.check.length()
    }

    /// Throws away what has arrived.
    pub fn clear(&mut self) -> Result<(), FetchError> {
        let cleared = self.file.set_len(0).and_then(|()| self.file.rewind());
        cleared.map_err(self.entry.error(&self.entry.part))?;
        self.check = Check::new(self.entry.sha256);
        Ok(())
    }

    /// Writes pieces until there are no more.
    pub fn receive(
        mut self,
        mut pieces: Receiver<Bytes>,
        progress: &dyn Progress,
    ) -> Result<Self, FetchError> {
        while let Some(piece) = pieces.blocking_recv() {
            self.file.write_all(&piece).map_err(self.entry.error(&self.entry.part))?;
            self.check.update(&piece);
            progress.report(Event::Received(piece.len() as u64));
        }
        Ok(self)
    }

    /// Moves the blob to its place, if it is the one expected.
    pub fn finish(self, artifact: &Artifact) -> Result<Result<PathBuf, (Self, Mismatch)>, FetchError> {
        if let Err(mismatch) = self.check.compare(artifact) {
            return Ok(Err((self, mismatch)));
        }
        // While the file is open, and so locked. A blob that was found damaged gives way.
        let Self { file, entry, .. } = self;
        files::rename(&entry.part, &entry.finished).map_err(entry.error(&entry.finished))?;
        drop(file);
        Ok(Ok(entry.finished))
    }
}
