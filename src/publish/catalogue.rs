//! The packages of simple indexes, as far as they are known, in the form in which the resolver reads a registry.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use uv_distribution_filename::WheelFilename;

use super::Indexes;
use super::simple_index::{IndexFile, SimpleIndexError};
use crate::model::{
    Artifact, Blake3, Family, Package, PackageName, Release, ReleaseEntry, Requirement, Sha256, Version,
    ranges_of_specifiers_text,
};
use crate::package::Metadata;
use crate::resolve::{Found, Packages, PackagesError, ResolvedPackage};

/// A file of an index, and the index that lists it.
#[derive(Clone)]
pub(super) struct ListedFile {
    pub index: usize,
    pub file: IndexFile,
}

/// What is known of the packages of several indexes. The first index that has a name is the one that serves it.
///
/// A wheel whose metadata is not known yet counts as one that asks for nothing. So a solve over a catalogue that is not
/// complete never finds less than there is, and is true as soon as the metadata of every chosen wheel is known.
pub(super) struct Catalogue<'a> {
    indexes: &'a Indexes,
    /// Where wheels go that must be fetched as a whole for their metadata.
    staging: &'a Path,
    progress: &'a ProgressBar,
    packages: BTreeMap<PackageName, Option<Arc<Found>>>,
    files: HashMap<String, ListedFile>,
    known: HashSet<String>,
    /// Names that a solve asked for in vain.
    missing: Mutex<BTreeSet<PackageName>>,
}

/// The page of a package has not been fetched.
#[derive(Debug, thiserror::Error)]
#[error("its page has not been fetched yet")]
struct NotFetched;

impl Packages for Catalogue<'_> {
    fn package(&self, name: &PackageName) -> Result<Option<Arc<Found>>, PackagesError> {
        match self.packages.get(name) {
            Some(found) => Ok(found.clone()),
            None if name.family() != Family::Python => Ok(None),
            None => {
                self.prefetch(std::slice::from_ref(name));
                Err(Box::new(NotFetched))
            }
        }
    }

    fn prefetch(&self, names: &[PackageName]) {
        let unknown =
            names.iter().filter(|name| name.family() == Family::Python && !self.packages.contains_key(name));
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).extend(unknown.cloned());
    }

    fn searched(&self, _name: &PackageName) -> Vec<String> {
        self.indexes.all.iter().map(|index| index.url().to_string()).collect()
    }
}

impl<'a> Catalogue<'a> {
    pub(super) fn new(indexes: &'a Indexes, staging: &'a Path, progress: &'a ProgressBar) -> Self {
        Self {
            indexes,
            staging,
            progress,
            packages: BTreeMap::new(),
            files: HashMap::new(),
            known: HashSet::new(),
            missing: Mutex::default(),
        }
    }

    pub(super) fn file(&self, name: &str) -> Option<&ListedFile> {
        self.files.get(name)
    }

    pub(super) fn releases(&self, name: &PackageName) -> impl Iterator<Item = (&Version, &ReleaseEntry)> {
        self.packages.get(name).and_then(Option::as_ref).into_iter().flat_map(|found| &found.package.releases)
    }

    /// Fetches the pages that solves asked for since the last call. False if there were none.
    pub(super) async fn fetch_missing(&mut self) -> Result<bool, SimpleIndexError> {
        let missing = std::mem::take(self.missing.get_mut().unwrap_or_else(PoisonError::into_inner));
        let indexes = self.indexes;
        let any = !missing.is_empty();
        let mut pages = stream::iter(missing)
            .map(async |name| {
                for (at, index) in indexes.all.iter().enumerate() {
                    if let Some(files) = index.project(&name).await? {
                        return Ok((name, Some((at, files))));
                    }
                }
                Ok((name, None))
            })
            .buffer_unordered(indexes.requests);
        while let Some((name, page)) = pages.try_next().await? {
            let found = page.map(|(at, files)| {
                let registry = indexes.all[at].url().to_string();
                for file in &files {
                    self.files.insert(file.name.clone(), ListedFile { index: at, file: file.clone() });
                }
                Arc::new(Found { registry, package: Arc::new(package_of(&name, files)) })
            });
            self.packages.insert(name, found);
        }
        Ok(any)
    }

    /// Fetches the metadata of those of `wheels` for which it is not known. False if it is known for all.
    ///
    /// What is not valid takes the wheel out of the catalogue; the reason is added to `unusable`.
    pub(super) async fn fetch_metadata(
        &mut self,
        wheels: impl IntoIterator<Item = Wheel>,
        unusable: &mut Vec<(String, SimpleIndexError)>,
    ) -> Result<bool, SimpleIndexError> {
        let wheels: BTreeSet<Wheel> =
            wheels.into_iter().filter(|wheel| !self.known.contains(&wheel.file)).collect();
        let wanted: Vec<(Wheel, ListedFile)> = wheels
            .into_iter()
            .filter_map(|wheel| {
                let listed = self.files.get(&wheel.file)?.clone();
                Some((wheel, listed))
            })
            .collect();
        let any = !wanted.is_empty();
        let (indexes, staging, progress) = (self.indexes, self.staging, self.progress);
        let mut fetched = stream::iter(wanted)
            .map(async |(wheel, listed)| {
                let metadata = indexes.all[listed.index].metadata(&listed.file, staging, progress).await;
                (wheel, listed, metadata)
            })
            .buffer_unordered(indexes.requests);
        while let Some((wheel, listed, metadata)) = fetched.next().await {
            let metadata = metadata.and_then(|metadata| check(&wheel, &listed, metadata));
            match metadata {
                Ok(metadata) => self.learn(&wheel, Some(metadata)),
                Err(error @ SimpleIndexError::Metadata { .. }) => {
                    self.learn(&wheel, None);
                    unusable.push((wheel.file.clone(), error));
                }
                Err(error) => return Err(error),
            }
            self.known.insert(wheel.file);
        }
        Ok(any)
    }

    /// Writes the metadata of a wheel into its entry, or takes the wheel out if it has none that can be used.
    fn learn(&mut self, wheel: &Wheel, metadata: Option<Metadata>) {
        let Some(Some(found)) = self.packages.get_mut(&wheel.name) else { return };
        let package = Arc::make_mut(&mut Arc::make_mut(found).package);
        let Some(entry) = package.releases.get_mut(&wheel.version) else { return };
        match metadata {
            None => entry.artifacts.retain(|artifact| artifact.file != wheel.file),
            Some(metadata) => {
                for artifact in entry.artifacts.iter_mut().filter(|artifact| artifact.file == wheel.file) {
                    artifact.requires = Some(metadata.requires_dist.clone());
                    artifact.requires_python = metadata.requires_python.clone();
                }
            }
        }
    }
}

/// A wheel of a package in the catalogue.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wheel {
    pub name: PackageName,
    pub version: Version,
    pub file: String,
}

impl Wheel {
    pub(super) fn of(package: &ResolvedPackage) -> Self {
        Self {
            name: package.name.clone(),
            version: package.version.clone(),
            file: package.artifact.file.clone(),
        }
    }
}

/// Metadata that a registry would not take is found before the wheel is chosen.
fn check(wheel: &Wheel, listed: &ListedFile, metadata: Metadata) -> Result<Metadata, SimpleIndexError> {
    let invalid = |reason: String| SimpleIndexError::Metadata { url: listed.file.url.to_string(), reason };
    if *metadata.package_name() != wheel.name || *metadata.package_version() != wheel.version {
        return Err(invalid(format!("it is of {} {}", metadata.name, metadata.version)));
    }
    for text in &metadata.requires_dist {
        Requirement::parse(Family::Python, text).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(metadata)
}

/// A package as its page tells it: the versions and files, and which Python they want.
fn package_of(name: &PackageName, files: Vec<IndexFile>) -> Package {
    let mut by_version: BTreeMap<Version, Vec<IndexFile>> = BTreeMap::new();
    for file in files {
        if let Ok(wheel) = WheelFilename::from_str(&file.name)
            && PackageName::python(wheel.name.as_ref()).is_ok_and(|of_file| of_file == *name)
        {
            by_version.entry(Version::Pep440(wheel.version)).or_default().push(file);
        }
    }
    let releases = by_version.into_iter().map(|(version, files)| {
        let entry = entry_of(name, &version, files);
        (version, entry)
    });
    Package { releases: releases.collect(), ..Package::new(name.clone()) }
}

fn entry_of(name: &PackageName, version: &Version, mut files: Vec<IndexFile>) -> ReleaseEntry {
    // An index withdraws files, a registry releases: a release is yanked when nothing of it is left.
    let yanked = match files.iter().all(|file| file.yanked.is_some()) {
        true => files.iter().find_map(|file| file.yanked.clone()),
        false => None,
    };
    if yanked.is_none() {
        files.retain(|file| file.yanked.is_none());
    }
    let usable = files.into_iter().filter(|file| {
        file.requires_python.as_ref().is_none_or(|text| ranges_of_specifiers_text(text).is_ok())
    });
    ReleaseEntry {
        release: Release::new(name, version),
        artifacts: usable.map(artifact_of).collect(),
        yanked,
        yanks: 0,
        approvals: Vec::new(),
        sealed: jiff::Timestamp::UNIX_EPOCH,
        completed: jiff::Timestamp::UNIX_EPOCH,
        entries: Vec::new(),
    }
}

/// The solver looks at names and requirements only: the digests are not known before the download.
fn artifact_of(file: IndexFile) -> Artifact {
    Artifact {
        file: file.name,
        size: file.size.unwrap_or(0),
        blake3: Blake3([0; 32]),
        sha256: file.sha256.unwrap_or(Sha256([0; 32])),
        requires: None,
        requires_python: file.requires_python,
        provenance: None,
    }
}
