//! `simple/`: a static simple index of a registry in a directory, for pip and uv.
//!
//! The pages are made of the signed state, and nothing of rvp reads them: they may be deleted and made again. Where the folder
//! exists, every seal keeps it up to date: the log behind the state that the pages show says which packages changed. That
//! state is written last, so what a killed writer left undone is done by the next one.

mod core_metadata;
mod covered;
mod error;
mod page;
mod root;

use std::fs::File;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use rayon::prelude::*;

use crate::files::Unsynced;
use crate::model::{Blake3, Package, PackageName};
use crate::registry::snapshot::{self, Entry};
use crate::registry::{Reader, layout, replace_shared_file, write_shared_file_unsynced};
use covered::Covered;
use page::Page;

pub use error::ViewsError;

/// The folder of the views, relative to the registry.
pub const FOLDER: &str = "simple";

/// The pages of a folder: the one that every static host shows, and the one for hosts that are told to.
const HTML: &str = "index.html";
const JSON: &str = "index.json";

/// The views of a registry in a directory, locked for one writer.
pub struct Views {
    registry: PathBuf,
    folder: PathBuf,
    /// Held for as long as this lives. A state that is read under it is no older than the one that the pages show.
    _lock: File,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Projects whose pages were made.
    pub projects: usize,
    /// Files whose content is not what it was.
    pub changed: usize,
}

impl Views {
    /// Waits for another writer of the views. None: this registry keeps no views.
    pub fn open(registry: &Path) -> Result<Option<Self>, ViewsError> {
        let folder = registry.join(FOLDER);
        if !folder.is_dir() {
            return Ok(None);
        }
        Self::locked(registry, folder).map(Some)
    }

    /// As `open`; a registry that keeps no views does from now on.
    pub fn create(registry: &Path) -> Result<Self, ViewsError> {
        let folder = registry.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(ViewsError::io("make the folder", &folder))?;
        Self::locked(registry, folder)
    }

    fn locked(registry: &Path, folder: PathBuf) -> Result<Self, ViewsError> {
        let path = folder.join(layout::LOCK);
        let mut options = File::options();
        let lock = options.write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(ViewsError::io("open the lock", &path))?;
        lock.lock().map_err(ViewsError::io("take the lock", &path))?;
        Ok(Self { registry: registry.to_owned(), folder, _lock: lock })
    }

    /// Makes the pages of the packages that changed since the views were last made; all, where that cannot be told.
    /// `reader` was opened in the same directory, after these views.
    pub fn refresh(&self, reader: &Reader) -> Result<Written, ViewsError> {
        let Some(covered) = Covered::read(&self.folder) else { return self.make_all(reader) };
        let Some(changed) = covered.changed(reader) else { return self.make_all(reader) };
        let mut entries = Vec::new();
        for path in changed {
            let entry = block_on(snapshot::lookup(reader, reader.checkpoint().snapshot, &path))?;
            entries.extend(entry.map(|entry| (path, entry)));
        }
        // They are listed before they have pages: those that have some are known to be listed.
        let new: Vec<PackageName> = entries
            .iter()
            .filter_map(|(path, _)| project(path))
            .filter(|name| !self.folder.join(name.as_str()).join(JSON).exists())
            .collect();
        let names: Vec<&str> = new.iter().map(PackageName::as_str).collect();
        let listed = match names.is_empty() {
            true => 0,
            false => match root::add(&self.folder, &names)? {
                Some(changed) => changed,
                None => return self.make_all(reader),
            },
        };
        let mut written = self.write_pages(reader, &entries, None)?;
        written.changed += listed;
        Covered::write(&self.folder, reader)?;
        Ok(written)
    }

    /// Makes all pages.
    pub fn make_all(&self, reader: &Reader) -> Result<Written, ViewsError> {
        // Until the end nothing is known to be right.
        Covered::remove(&self.folder)?;
        let entries: Vec<(String, Entry)> =
            block_on(snapshot::all(reader, reader.checkpoint().snapshot))?.into_iter().collect();
        let projects: Vec<PackageName> = entries.iter().filter_map(|(path, _)| project(path)).collect();
        let listed = root::write(&self.folder, projects.iter().map(PackageName::as_str).collect())?;
        let unsynced = Unsynced::default();
        let mut written = self.write_pages(reader, &entries, Some(&unsynced))?;
        written.changed += listed;
        // A power cut before this has them all made again.
        unsynced.sync().map_err(|(path, error)| ViewsError::io("write", path)(error))?;
        Covered::write(&self.folder, reader)?;
        Ok(written)
    }

    /// Writes the pages of those of the files that are a project's. With `all`, whatever is there may be wrong, and what is written
    /// is on the disk once that says so; else it is when this returns.
    fn write_pages(
        &self,
        reader: &Reader,
        entries: &[(String, Entry)],
        all: Option<&Unsynced>,
    ) -> Result<Written, ViewsError> {
        reader.config()?;
        let counts: Vec<usize> = entries
            .par_iter()
            .filter_map(|(path, entry)| Some((project(path)?, path, *entry)))
            .map(|(name, path, entry)| {
                let package = self.package(&name, path, entry)?;
                let page = Page::new(&package, |artifact| {
                    core_metadata::provide(&self.registry.join(layout::blob(artifact)), &artifact.file, all)
                })?;
                let folder = self.folder.join(name.as_str());
                let html = replace_if_changed(&folder.join(HTML), page.html().as_bytes(), all)?;
                let json = replace_if_changed(&folder.join(JSON), page.json()?.as_bytes(), all)?;
                Ok(html + json)
            })
            .collect::<Result<_, ViewsError>>()?;
        Ok(Written { projects: counts.len(), changed: counts.into_iter().sum() })
    }

    /// A package at the state of which `entry` is. It is read past the reader's cache, which would grow to the size of the index.
    fn package(&self, name: &PackageName, path: &str, entry: Entry) -> Result<Package, ViewsError> {
        let full = self.registry.join(path);
        let mut bytes = std::fs::read(&full).map_err(ViewsError::io("read", &full))?;
        bytes.truncate(usize::try_from(entry.length).unwrap_or(usize::MAX));
        if bytes.len() as u64 != entry.length || Blake3::of(&bytes) != entry.digest {
            return Err(ViewsError::Altered { path: full });
        }
        Ok(Package::parse(name, &bytes)?)
    }
}

/// The Python package of an index file; a simple index holds no others. One with the name of a device of Windows has no page:
/// the folder that clients ask for could not be copied to every system.
fn project(path: &str) -> Option<PackageName> {
    let name = PackageName::python(path.rsplit('/').next()?).ok()?;
    (name.index_path() == path).then_some(name)
}

/// Writes a file as a whole, unless it has these bytes: its time of modification is what static hosts make an ETag of.
/// It is on the disk once `unsynced` says so; without that, when this returns. Returns how many files changed.
fn replace_if_changed(path: &Path, bytes: &[u8], unsynced: Option<&Unsynced>) -> Result<usize, ViewsError> {
    let changed = !std::fs::read(path).is_ok_and(|known| known == bytes);
    match unsynced {
        Some(unsynced) => {
            if changed {
                write_shared_file_unsynced(path, bytes)?;
            }
            // What is there may be of a process that was killed, and not be on the disk yet.
            unsynced.add(path);
        }
        None if changed => replace_shared_file(path, bytes)?,
        None => {}
    }
    Ok(usize::from(changed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_known_by_its_index_file() {
        let name = |path| project(path).map(|name| name.as_str().to_owned());
        assert_eq!(name("index/python/ac/me/acme-walls").as_deref(), Some("acme-walls"));
        for path in [
            "index/python/co/n_/con_",
            "index/host/re/vi/revit",
            "index/python/xx/me/acme",
            "index/files",
            "config.json",
        ] {
            assert_eq!(name(path), None, "{path}");
        }
    }
}
