//! `simple/`: a static simple index of a registry, for pip and uv.
//!
//! The pages are made of the signed state, and nothing of rvp reads them: they may be deleted and made again. Where the folder
//! exists, every seal keeps it up to date: the log behind the state that the pages show says which packages changed. That
//! state is written last, so what a killed writer left undone is done by the next one.

mod core_metadata;
mod covered;
mod error;
mod files;
mod page;
mod root;

use std::fs::File;
use std::path::Path;

use futures::executor::block_on;
use rayon::prelude::*;

use crate::model::{Blake3, Package, PackageName};
use crate::registry::snapshot::{self, Entry};
use crate::registry::{Reader, Writer, layout};
use covered::Covered;
use files::{Elsewhere, Files, Folder, replace_if_changed};
use page::Page;

pub use error::ViewsError;

/// The folder of the views, relative to the registry.
pub const FOLDER: &str = "simple";

/// The views of a registry, for one who writes them.
pub struct Views<'a> {
    files: Box<dyn Files + 'a>,
}

/// The pages of a project: the one that every static host shows, and the one for hosts that are told to.
const HTML: &str = "index.html";
const JSON: &str = "index.json";

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Projects whose pages were made.
    pub projects: usize,
    /// Files whose content is not what it was.
    pub changed: usize,
}

impl Views<'static> {
    /// Those of a registry in a folder, once nobody else writes them. None: it keeps none. A state that is read after this is no
    /// older than the one that the pages show.
    pub fn open(registry: &Path) -> Result<Option<Self>, ViewsError> {
        match registry.join(FOLDER).is_dir() {
            true => Self::create(registry).map(Some),
            false => Ok(None),
        }
    }

    /// As `open`; a registry that keeps no views does from now on.
    pub fn create(registry: &Path) -> Result<Self, ViewsError> {
        let folder = registry.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(ViewsError::io("make the folder", &folder))?;
        let path = folder.join(layout::LOCK);
        let mut options = File::options();
        let lock = options.write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(ViewsError::io("open the lock", &path))?;
        lock.lock().map_err(ViewsError::io("take the lock", &path))?;
        Ok(Self { files: Box::new(Folder::new(registry, lock)) })
    }
}

impl<'a> Views<'a> {
    /// Those of a registry that stands in no folder. None: it keeps none. Others may write them meanwhile: whoever has refreshed them
    /// must look whether that is still the state of the registry, and else refresh them again.
    pub fn of_writer(writer: &'a Writer) -> Result<Option<Self>, ViewsError> {
        let files = Elsewhere(writer.backend());
        Ok(files.exists(covered::FILE)?.then(|| Self { files: Box::new(files) }))
    }

    /// As `of_writer`; a registry that keeps no views does from now on.
    pub fn create_by_writer(writer: &'a Writer) -> Result<Self, ViewsError> {
        let files = Elsewhere(writer.backend());
        if !files.exists(covered::FILE)? {
            Covered::forget(&files)?;
        }
        Ok(Self { files: Box::new(files) })
    }

    /// Whether they show the state of `reader`.
    pub fn are_of(&self, reader: &Reader) -> Result<bool, ViewsError> {
        Ok(Covered::read(&*self.files)?.is_some_and(|covered| covered.is_of(reader)))
    }

    /// Makes the pages of the packages that changed since the views were last made; all, where that cannot be told.
    /// `reader` was opened in the same place, after these views.
    pub fn refresh(&self, reader: &Reader) -> Result<Written, ViewsError> {
        let files = &*self.files;
        let Some(covered) = Covered::read(files)? else { return self.make_all(reader) };
        let Some(changed) = covered.changed(reader) else { return self.make_all(reader) };
        let mut entries = Vec::new();
        for path in changed {
            let entry = block_on(snapshot::lookup(reader, reader.checkpoint().snapshot, &path))?;
            entries.extend(entry.map(|entry| (path, entry)));
        }
        // They are listed before they have pages: those that have some are known to be listed.
        let mut new: Vec<PackageName> = Vec::new();
        for name in entries.iter().filter_map(|(path, _)| project(path)) {
            if !files.exists(&page_of(&name, JSON))? {
                new.push(name);
            }
        }
        let names: Vec<&str> = new.iter().map(PackageName::as_str).collect();
        let listed = match names.is_empty() {
            true => 0,
            false => match root::add(files, &names)? {
                Some(changed) => changed,
                None => return self.make_all(reader),
            },
        };
        let mut written = self.write_pages(reader, &entries, false)?;
        written.changed += listed;
        Covered::write(files, reader)?;
        Ok(written)
    }

    /// Makes all pages.
    pub fn make_all(&self, reader: &Reader) -> Result<Written, ViewsError> {
        // Until the end nothing is known to be right.
        let files = &*self.files;
        Covered::forget(files)?;
        let entries: Vec<(String, Entry)> =
            block_on(snapshot::all(reader, reader.checkpoint().snapshot))?.into_iter().collect();
        let projects: Vec<PackageName> = entries.iter().filter_map(|(path, _)| project(path)).collect();
        let listed = root::write(files, projects.iter().map(PackageName::as_str).collect())?;
        let mut written = self.write_pages(reader, &entries, true)?;
        written.changed += listed;
        Covered::write(files, reader)?;
        Ok(written)
    }

    /// Writes the pages of those of the files that are a project's. With `anew`, whatever is there may be wrong.
    fn write_pages(
        &self,
        reader: &Reader,
        entries: &[(String, Entry)],
        anew: bool,
    ) -> Result<Written, ViewsError> {
        reader.config()?;
        let files = &*self.files;
        let counts: Vec<usize> = entries
            .par_iter()
            .filter_map(|(path, entry)| Some((project(path)?, path, *entry)))
            .map(|(name, path, entry)| {
                let package = self.package(&name, path, entry)?;
                let page = Page::new(&package, |artifact| core_metadata::provide(files, artifact, anew))?;
                let html = replace_if_changed(files, &page_of(&name, HTML), page.html().as_bytes())?;
                let json = replace_if_changed(files, &page_of(&name, JSON), page.json()?.as_bytes())?;
                Ok(html + json)
            })
            .collect::<Result<_, ViewsError>>()?;
        Ok(Written { projects: counts.len(), changed: counts.into_iter().sum() })
    }

    /// A package at the state of which `entry` is. It is read past the reader's cache, which would grow to the size of the index.
    fn package(&self, name: &PackageName, path: &str, entry: Entry) -> Result<Package, ViewsError> {
        let bytes = self.files.read_range(path, 0, entry.length)?.unwrap_or_default();
        if bytes.len() as u64 != entry.length || Blake3::of(&bytes) != entry.digest {
            return Err(ViewsError::Altered { path: path.to_owned() });
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

/// The path of a page of a project.
fn page_of(name: &PackageName, page: &str) -> String {
    format!("{FOLDER}/{}/{page}", name.as_str())
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
