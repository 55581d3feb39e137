//! The releases of a proposal, and the packages as they will be.

use std::collections::{BTreeMap, BTreeSet};

use super::{Problem, Report};
use crate::model::{Artifact, Package, PackageName, Record, ReleaseEntry, Version};
use crate::registry::{ProposedRecord, Reader};

/// A release that gets files.
pub(super) struct ProposedRelease {
    pub name: PackageName,
    pub version: Version,
    /// As it will be.
    pub entry: ReleaseEntry,
    /// Those of the proposal that bring files.
    pub records: Vec<ProposedRecord>,
    /// Else files are added to one that is committed.
    pub is_new: bool,
}

impl ProposedRelease {
    /// `acme-walls 2.0`
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// The files that the proposal brings.
    pub fn new_files(&self) -> impl Iterator<Item = &Artifact> {
        self.records.iter().flat_map(|record| files(&record.record))
    }
}

/// The packages that records which resolvers heed are about: releases, files, and yanks.
pub(super) fn packages(records: &[ProposedRecord]) -> BTreeSet<PackageName> {
    let matters = |record: &Record| matches!(record, Record::Release(_) | Record::Add(_) | Record::Yank(_));
    let of_packages = records.iter().filter(|proposed| matters(&proposed.record));
    of_packages.filter_map(|proposed| proposed.record.package().ok()?).collect()
}

/// Adds `records` to the packages of the registry, as a seal at the time `now` would.
pub(super) fn apply(
    reader: &Reader,
    records: &[ProposedRecord],
    now: jiff::Timestamp,
    report: &mut Report,
) -> (Vec<ProposedRelease>, BTreeMap<PackageName, Package>) {
    let mut packages: BTreeMap<PackageName, Package> = BTreeMap::new();
    let mut brought: BTreeMap<(PackageName, Version), Vec<ProposedRecord>> = BTreeMap::new();
    for (proposed, entry) in records.iter().zip(reader.checkpoint().size..) {
        let Ok(Some(name)) = proposed.record.package() else { continue };
        let package = match packages.entry(name.clone()) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => match reader.package(&name) {
                Ok(known) => place
                    .insert(known.map_or_else(|| Package::new(name.clone()), |known| Package::clone(&known))),
                Err(error) => {
                    report.failures.push(Problem::new(&name, format!("cannot be read: {error}")));
                    continue;
                }
            },
        };
        if let Err(error) = package.apply(&proposed.path, 0, proposed.record.clone(), now, entry) {
            report.failures.push(Problem::new(&name, format!("cannot be read: {error}")));
        }
        if let Some(version) = brings_files(&proposed.record) {
            brought.entry((name, version)).or_default().push(proposed.clone());
        }
    }
    let release = |((name, version), records): ((PackageName, Version), Vec<ProposedRecord>)| {
        let entry = packages.get(&name)?.releases.get(&version)?.clone();
        let is_new = records.iter().any(|proposed| matches!(proposed.record, Record::Release(_)));
        Some(ProposedRelease { name, version, entry, records, is_new })
    };
    (brought.into_iter().filter_map(release).collect(), packages)
}

/// The version of the release that a record brings files to.
pub(super) fn brings_files(record: &Record) -> Option<Version> {
    match record {
        Record::Release(release) => release.parsed_version().ok(),
        Record::Add(add) => Version::parse(add.family, &add.version).ok(),
        _ => None,
    }
}

fn files(record: &Record) -> &[Artifact] {
    match record {
        Record::Release(release) => &release.artifacts,
        Record::Add(add) => &add.artifacts,
        _ => &[],
    }
}
