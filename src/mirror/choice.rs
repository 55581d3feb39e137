//! Which blobs a choice takes of a package.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Artifact, BundleFile, Family, Package, PackageName, Platform, Record, ReleaseEntry, Target, TargetError,
    Version, matches_pattern,
};
use crate::registry::{Choice, ChosenFile, layout};

use super::MirrorError;

/// Blobs by their paths.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub artifacts: BTreeMap<String, Artifact>,
    /// The bundles in which records are signed, and the attestations of artifacts.
    pub bundles: BTreeMap<String, BundleFile>,
    /// How many packages and releases were looked at.
    pub packages: u64,
    pub releases: u64,
}

impl Chosen {
    /// All paths.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.artifacts.keys().chain(self.bundles.keys()).map(String::as_str)
    }

    /// How many blobs, and how many bytes.
    pub fn total(&self) -> (u64, u64) {
        let artifacts = self.artifacts.values().map(|artifact| artifact.size);
        let sizes = artifacts.chain(self.bundles.values().map(|bundle| bundle.size));
        sizes.fold((0, 0), |(blobs, bytes), size| (blobs + 1, u64::saturating_add(bytes, size)))
    }
}

/// A choice, made ready to be asked.
pub(super) struct Chooser<'a> {
    choice: &'a Choice,
    targets: Vec<Target>,
    files: Option<BTreeSet<&'a ChosenFile>>,
}

impl<'a> Chooser<'a> {
    pub fn new(choice: &'a Choice) -> Result<Self, TargetError> {
        let target = |chosen: &crate::registry::ChosenTarget| {
            let platform: Platform = chosen.platform.parse()?;
            Target::new(chosen.python.clone(), None, BTreeMap::new(), &chosen.python, platform)
        };
        Ok(Self {
            targets: choice.targets.iter().map(target).collect::<Result<_, _>>()?,
            files: choice.files.as_ref().map(|files| files.iter().collect()),
            choice,
        })
    }

    /// Adds what the choice takes of the index file `path`, whose committed bytes are given.
    pub fn add(&self, path: &str, bytes: &[u8], chosen: &mut Chosen) -> Result<(), MirrorError> {
        if path == layout::FILES_INDEX {
            return Ok(());
        }
        let records = records(path, bytes)?;
        let name = records.iter().find_map(|record| record.package().transpose());
        let Some(name) = name.transpose().map_err(|error| bad_index(path, &error))? else {
            // What is said of all packages is needed for each of them.
            add_bundles(&records, chosen);
            return Ok(());
        };
        let package = Package::parse(&name, bytes).map_err(|error| bad_index(path, &error))?;
        chosen.packages += 1;
        chosen.releases += package.releases.len() as u64;
        if !self.takes_name(&name) {
            return Ok(());
        }
        let mut taken = self.files.is_none();
        for (version, artifact) in self.releases(&package) {
            if self.takes_file(&name, version, artifact) {
                taken = true;
                if let Some(provenance) = &artifact.provenance {
                    chosen.bundles.insert(layout::provenance(provenance), provenance.clone());
                }
                chosen.artifacts.insert(layout::blob(artifact), artifact.clone());
            }
        }
        if taken {
            add_bundles(&records, chosen);
        }
        Ok(())
    }

    fn takes_name(&self, name: &PackageName) -> bool {
        let any =
            |patterns: &[String]| patterns.iter().any(|pattern| matches_pattern(pattern, name.as_str()));
        (self.choice.include.is_empty() || any(&self.choice.include)) && !any(&self.choice.exclude)
    }

    /// The files of the releases that are new enough.
    fn releases<'p>(&self, package: &'p Package) -> Vec<(&'p Version, &'p Artifact)> {
        let files = |(version, release): (&'p Version, &'p ReleaseEntry)| {
            release.artifacts.iter().map(move |artifact| (version, artifact))
        };
        match self.choice.latest {
            None => package.releases.iter().flat_map(files).collect(),
            Some(latest) => {
                let newest = package.releases.iter().rev().filter(|(_, release)| release.yanked.is_none());
                newest.take(latest as usize).flat_map(files).collect()
            }
        }
    }

    fn takes_file(&self, name: &PackageName, version: &Version, artifact: &Artifact) -> bool {
        if let Some(files) = &self.files {
            return files.contains(&ChosenFile { file: artifact.file.clone(), blake3: artifact.blake3 });
        }
        if self.targets.is_empty() || name.family() != Family::Python {
            return true;
        }
        match artifact.wheel_of(name, version) {
            Some(wheel) => self.targets.iter().any(|target| wheel.is_compatible(&target.tags)),
            None => self.choice.sdists,
        }
    }
}

fn records(path: &str, bytes: &[u8]) -> Result<Vec<Record>, MirrorError> {
    let text = std::str::from_utf8(bytes).map_err(|error| bad_index(path, &error))?;
    text.lines().map(|line| Record::parse(line).map_err(|error| bad_index(path, &error))).collect()
}

fn add_bundles(records: &[Record], chosen: &mut Chosen) {
    for bundle in records.iter().flat_map(Record::signatures) {
        chosen.bundles.insert(layout::bundle(bundle), bundle.clone());
    }
}

fn bad_index(path: &str, reason: &dyn std::fmt::Display) -> MirrorError {
    MirrorError::Index { path: path.to_owned(), reason: reason.to_string() }
}
