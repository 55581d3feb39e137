//! Packages that depend on what is proposed, resolved before and after it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rayon::prelude::*;
use serde::Serialize;

use super::view::View;
use super::{explanation, resolve_one, targets};
use crate::model::{Package, PackageName, Record, ReleaseEntry, Requirement, Target, Version};
use crate::resolve::{Packages as _, Resolution, Rulebook};

/// What the proposal does to packages that depend on those that it is about.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dependents {
    /// How many packages were resolved again.
    pub examined: usize,
    /// Those that did resolve, and do not any more.
    pub broken: Vec<Broken>,
    /// Those that get other versions.
    pub changed: Vec<Moved>,
}

/// A package that does not resolve any more.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Broken {
    pub name: PackageName,
    pub version: String,
    pub targets: Vec<String>,
    /// Why, one sentence each.
    pub explanation: Vec<String>,
}

/// A package that gets other versions of what it needs.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Moved {
    pub name: PackageName,
    pub version: String,
    pub targets: Vec<String>,
    pub changes: Vec<VersionChange>,
}

/// Another version of a package in a resolution. None: it is not part of that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct VersionChange {
    pub name: PackageName,
    pub before: Option<String>,
    pub after: Option<String>,
}

impl fmt::Display for VersionChange {
    /// `acme-units 2.0 for 1.0`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, before, after } = self;
        match (before, after) {
            (Some(before), Some(after)) => write!(f, "{name} {after} for {before}"),
            (None, Some(after)) => write!(f, "{name} {after} more"),
            (Some(before), None) => write!(f, "{name} {before} no more"),
            (None, None) => write!(f, "{name}"),
        }
    }
}

/// The newest release of a package that is not yanked; a pre-release only where there is no other.
pub(super) struct Latest {
    pub name: PackageName,
    release: Option<(Version, BTreeSet<PackageName>)>,
}

impl Latest {
    /// Reads the committed bytes of an index file. None: it is not that of a package.
    pub fn read(path: &str, bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let named = |line| Record::parse(line).ok()?.package().ok()?;
        let name = text.lines().find_map(named).filter(|name| name.index_path() == path)?;
        let package = Package::parse(&name, bytes).ok()?;
        let usable = || package.releases.iter().rev().filter(|(_, entry)| entry.yanked.is_none());
        let newest = usable().find(|(version, _)| !version.is_prerelease()).or_else(|| usable().next());
        let release = newest.map(|(version, entry)| (version.clone(), dependencies(&name, entry)));
        Some(Self { name, release })
    }
}

/// The packages that any file of a release requires, by extras too.
fn dependencies(name: &PackageName, entry: &ReleaseEntry) -> BTreeSet<PackageName> {
    let of_files = entry.artifacts.iter().flat_map(|artifact| artifact.requires.iter().flatten());
    let texts = entry.release.requires.iter().chain(of_files);
    texts.filter_map(|text| Requirement::parse(name.family(), text).ok()).map(|one| one.name).collect()
}

/// What came of resolving one package for one target.
enum Outcome {
    Same,
    Broken(Vec<String>),
    Changed(Vec<VersionChange>),
}

/// Resolves every package of `all` that depends on one of `touched`: for `given` targets, or for those that it names itself.
pub(super) fn solve_again<R: Rulebook + Sync>(
    all: &[Latest],
    touched: &BTreeSet<PackageName>,
    before: &View,
    after: &View,
    rules: &R,
    given: &[Target],
) -> Dependents {
    let depends =
        |latest: &&Latest| latest.release.as_ref().is_some_and(|(_, needs)| !needs.is_disjoint(touched));
    let dependents: Vec<&Latest> = all.iter().filter(depends).collect();
    let solved: Vec<(Vec<Broken>, Vec<Moved>)> =
        dependents.par_iter().map(|latest| solve_one(latest, before, after, rules, given)).collect();
    let mut found = Dependents { examined: dependents.len(), ..Dependents::default() };
    for (broken, changed) in solved {
        found.broken.extend(broken);
        found.changed.extend(changed);
    }
    found.broken.sort();
    found.changed.sort();
    found
}

fn solve_one<R: Rulebook>(
    latest: &Latest,
    before: &View,
    after: &View,
    rules: &R,
    given: &[Target],
) -> (Vec<Broken>, Vec<Moved>) {
    let mut broken = BTreeMap::<Vec<String>, Vec<String>>::new();
    let mut changed = BTreeMap::<Vec<VersionChange>, Vec<String>>::new();
    let name = &latest.name;
    let found = before.package(name).ok().flatten();
    let Some((version, entry)) = latest
        .release
        .as_ref()
        .and_then(|(version, _)| Some((version, found.as_ref()?.package.releases.get(version)?)))
    else {
        return (Vec::new(), Vec::new());
    };
    let targets = match given {
        [] => targets::of_release(name, version, entry, before),
        given => given.to_vec(),
    };
    for target in &targets {
        match compare(name, version, target, before, after, rules) {
            Outcome::Same => {}
            Outcome::Broken(explanation) => {
                broken.entry(explanation).or_default().push(target.name.clone());
            }
            Outcome::Changed(changes) => changed.entry(changes).or_default().push(target.name.clone()),
        }
    }
    let version = version.to_string();
    let to_broken = |(explanation, targets)| Broken {
        name: name.clone(),
        version: version.clone(),
        targets,
        explanation,
    };
    let to_moved =
        |(changes, targets)| Moved { name: name.clone(), version: version.clone(), targets, changes };
    (broken.into_iter().map(to_broken).collect(), changed.into_iter().map(to_moved).collect())
}

fn compare<R: Rulebook>(
    name: &PackageName,
    version: &Version,
    target: &Target,
    before: &View,
    after: &View,
    rules: &R,
) -> Outcome {
    // What did not resolve before is not the fault of the proposal.
    let Ok(old) = resolve_one(name, version, target, before, rules) else { return Outcome::Same };
    match resolve_one(name, version, target, after, rules) {
        Err(error) => Outcome::Broken(explanation(&error)),
        Ok(new) => match changes(&old, &new) {
            none if none.is_empty() => Outcome::Same,
            changes => Outcome::Changed(changes),
        },
    }
}

fn changes(old: &Resolution, new: &Resolution) -> Vec<VersionChange> {
    let versions = |resolution: &Resolution| -> BTreeMap<PackageName, String> {
        resolution.packages.iter().map(|one| (one.name.clone(), one.version.to_string())).collect()
    };
    let (old, new) = (versions(old), versions(new));
    let names: BTreeSet<&PackageName> = old.keys().chain(new.keys()).collect();
    let change = |name: &PackageName| VersionChange {
        name: name.clone(),
        before: old.get(name).cloned(),
        after: new.get(name).cloned(),
    };
    names.into_iter().map(change).filter(|change| change.before != change.after).collect()
}
