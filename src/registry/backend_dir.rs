//! Writing a registry in a folder of this machine, or of a share.
//!
//! The order is what makes it safe (DESIGN.md, rule 2): blobs, index lines, tiles, snapshot nodes, and the checkpoint
//! last. Until the checkpoint is renamed into place nothing of it exists for a reader; afterwards all of it does.
//! One writer at a time holds the lock, so the rename is a compare-and-swap.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::backend::{Backend, Branch, Lines, Outcome, Prepared, Proposed, Replaced, State};
use super::directory::{lock, put_blob, read_range, replace_checkpoint, replace_shared_file, sync_folder};
use super::{RegistryError, layout};
use crate::model::Blake3;

/// A registry in a folder, locked for one writer.
pub(crate) struct DirBackend {
    dir: PathBuf,
    location: String,
    /// Held for as long as this lives. None: nothing is written.
    _lock: Option<File>,
}

impl DirBackend {
    /// Takes the lock of the registry in `dir`, waiting for another writer.
    pub fn open(dir: &Path) -> Result<Self, RegistryError> {
        // Whatever is no registry gets no lock.
        match std::fs::metadata(dir.join(layout::CHECKPOINT)) {
            Ok(_) => Self::begin(dir),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let location = dir.display().to_string();
                Err(RegistryError::NotARegistry { location, missing: layout::CHECKPOINT })
            }
            Err(error) => Err(RegistryError::io("read", dir.join(layout::CHECKPOINT))(error)),
        }
    }

    /// As `open`, of a folder where there is no registry yet.
    pub fn begin(dir: &Path) -> Result<Self, RegistryError> {
        Ok(Self { _lock: Some(lock(dir)?), ..Self::for_reading(dir) })
    }

    /// For whoever reads as a writer does, and writes nothing: the folder may be one that only may be read.
    pub fn for_reading(dir: &Path) -> Self {
        Self { dir: dir.into(), location: dir.display().to_string(), _lock: None }
    }

    /// Puts lines behind the committed bytes of their file, in place of whatever stands there. A proposal that is sealed stands in the
    /// file at every moment, so that a writer that dies here loses none.
    fn append(&self, lines: &Lines) -> Result<(), RegistryError> {
        let path = self.dir.join(&lines.path);
        let folder = path.parent().unwrap_or(&self.dir);
        std::fs::create_dir_all(folder).map_err(RegistryError::io("make the folder", folder))?;
        if let Some(more) = lines.text.strip_prefix(&lines.behind[..]) {
            let append = |path: &Path| -> std::io::Result<()> {
                let mut file = File::options().write(true).create(true).truncate(false).open(path)?;
                file.seek(SeekFrom::Start(lines.committed + lines.behind.len() as u64))?;
                file.write_all(more)?;
                file.sync_data()
            };
            return append(&path).map_err(RegistryError::io("append to", &path));
        }
        let mut whole = Vec::new();
        match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => {
                let read = opened.and_then(|file| file.take(lines.committed).read_to_end(&mut whole));
                read.map_err(RegistryError::io("read", &path))?;
            }
        }
        whole.extend_from_slice(&lines.text);
        replace_shared_file(&path, &whole)
    }

    /// Gives a listed file other bytes, with those of before beside it.
    fn replace(&self, file: &Replaced) -> Result<(), RegistryError> {
        if let Some(before) = &file.before {
            self.put(&layout::before_last_change(&file.path), before)?;
        }
        self.put(&file.path, &file.bytes)
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
}

impl Backend for DirBackend {
    fn location(&self) -> &str {
        &self.location
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.dir)
    }

    fn state(&self) -> Result<Option<State>, RegistryError> {
        let Some(checkpoint) = self.read(layout::CHECKPOINT, layout::MAX_CHECKPOINT)? else {
            return Ok(None);
        };
        let config = self.read(layout::CONFIG, layout::MAX_CONFIG)?;
        let missing =
            || RegistryError::NotARegistry { location: self.location.clone(), missing: layout::CONFIG };
        Ok(Some(State { config: config.ok_or_else(missing)?, checkpoint }))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        read_range(&self.dir, path, 0, limit)
    }

    fn read_range(&self, path: &str, from: u64, length: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        read_range(&self.dir, path, from, length)
    }

    fn length(&self, path: &str) -> Result<Option<u64>, RegistryError> {
        let path = self.dir.join(path);
        match path.metadata() {
            Ok(metadata) => Ok(metadata.is_file().then_some(metadata.len())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(RegistryError::io("read", path)(error)),
        }
    }

    fn index_files(&self) -> Result<Vec<(String, u64)>, RegistryError> {
        let mut found = Vec::new();
        let root = self.dir.join("index");
        for item in walkdir::WalkDir::new(&root).sort_by_file_name() {
            let item = item.map_err(|error| {
                let path = error.path().unwrap_or(&root).to_owned();
                RegistryError::io("read the folder", path)(error.into())
            })?;
            // A name that begins with a dot is that of a temporary file, which a writer left that died.
            if !item.file_type().is_file() || item.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let parts: Option<Vec<&str>> = item
                .path()
                .strip_prefix(&self.dir)
                .ok()
                .and_then(|path| path.iter().map(|part| part.to_str()).collect());
            let Some(path) = parts.map(|parts| parts.join("/")) else { continue };
            let metadata = item.metadata();
            let metadata = metadata.map_err(|error| RegistryError::io("read", item.path())(error.into()))?;
            found.push((path, metadata.len()));
        }
        Ok(found)
    }

    fn put_blob(&self, source: &Path, path: &str, digest: Blake3, size: u64) -> Result<(), RegistryError> {
        if self.length(path)? == Some(size) {
            return Ok(());
        }
        let mut from = File::open(source).map_err(RegistryError::io("read", source))?;
        let put = put_blob(&self.dir, &mut from, source, path, digest, size)?;
        put.map_err(|_| RegistryError::SourceChanged { path: source.into() })
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        replace_shared_file(&self.dir.join(path), bytes)
    }

    fn commit(&self, change: &Prepared) -> Result<Outcome, RegistryError> {
        change.lines.par_iter().try_for_each(|lines| self.append(lines))?;
        change.files.par_iter().try_for_each(|(path, bytes)| self.put(path, bytes))?;
        change.replaced.iter().try_for_each(|file| self.replace(file))?;
        // The commit point.
        replace_checkpoint(&self.dir.join(layout::CHECKPOINT), &change.checkpoint)?;
        sync_folder(&self.dir.join("log"))?;
        change.cut.iter().try_for_each(|(path, committed)| self.cut(path, *committed))?;
        Ok(Outcome::Committed)
    }

    fn propose(&self, lines: &[Lines], _branch: &Branch) -> Result<Proposed, RegistryError> {
        lines.par_iter().try_for_each(|lines| self.append(lines))?;
        Ok(Proposed::Appended)
    }
}
