//! The lock: what was resolved, for which targets, and from which state of which registries.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uv_normalize::ExtraName;

use super::order::install_order;
use super::{Dependency, LockInputs, Resolution, ResolvedPackage};
use crate::model::{Blake3, PackageName, Platform, Sha256, Target, TargetError, TargetSpec, Version};

/// The content of `rvp.lock`. The same resolutions give the same lock, whatever order they come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    pub inputs: LockInputs,
    /// Sorted by name.
    pub targets: Vec<LockedTarget>,
    /// Sorted by name; only those that serve a package.
    pub registries: Vec<LockedRegistry>,
    /// Sorted by name and version. A name stands twice only with different targets.
    pub packages: Vec<LockedPackage>,
}

/// A target as it was decided, with what its host release provides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedTarget {
    pub name: String,
    /// `revit==2025.4`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// `3.11`, or with a patch number.
    pub python: String,
    /// `win_amd64`
    pub platform: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub provides: BTreeMap<String, String>,
}

/// The signed state of a registry that the lock was made from. It names no place, so that any mirror will do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedRegistry {
    pub name: String,
    /// The key of its log, as a `signed-note` verifier key.
    pub key: String,
    /// The number of entries in the log.
    pub size: u64,
    /// The root hash of the log.
    pub root: Sha256,
    /// The root of the snapshot.
    pub snapshot: Blake3,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedPackage {
    pub name: PackageName,
    pub version: Version,
    pub registry: String,
    /// The project itself requires it.
    pub direct: bool,
    pub extras: BTreeSet<ExtraName>,
    /// Those for any of its targets; one that a target does not need is not locked for that target.
    pub dependencies: BTreeSet<Dependency>,
    /// Names of the targets, sorted; none means all.
    pub targets: Vec<String>,
    /// Sorted by file name.
    pub artifacts: Vec<LockedArtifact>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedArtifact {
    pub file: String,
    /// Length in bytes.
    pub size: u64,
    pub blake3: Blake3,
    pub sha256: Sha256,
    /// Names of the targets, sorted; none means all of the package's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
}

impl Lock {
    /// The lock of `resolutions`, each for one of `targets`. Of `registries`, those that serve a package are kept.
    pub fn new(
        inputs: LockInputs,
        targets: &[Target],
        registries: &[LockedRegistry],
        resolutions: &[Resolution],
    ) -> Self {
        let mut releases: BTreeMap<(&PackageName, &Version), Vec<(&str, &ResolvedPackage)>> = BTreeMap::new();
        for resolution in resolutions {
            for package in &resolution.packages {
                let release = releases.entry((&package.name, &package.version)).or_default();
                release.push((&resolution.target, package));
            }
        }
        let packages: Vec<LockedPackage> =
            releases.into_values().filter_map(|release| lock_package(&release, resolutions.len())).collect();
        let serves = |registry: &&LockedRegistry| packages.iter().any(|one| one.registry == registry.name);
        let mut registries: Vec<LockedRegistry> = registries.iter().filter(serves).cloned().collect();
        registries.sort_unstable();
        let mut targets: Vec<LockedTarget> = targets.iter().map(LockedTarget::of).collect();
        targets.sort_unstable();
        Self { inputs, targets, registries, packages }
    }

    /// What is locked for the target of this name, with its file: dependencies before what depends on them.
    pub fn install_order(&self, target: &str) -> Vec<(&LockedPackage, &LockedArtifact)> {
        let chosen: BTreeMap<&PackageName, (&LockedPackage, &LockedArtifact)> = self
            .packages
            .iter()
            .filter(|package| is_for(&package.targets, target))
            .filter_map(|package| {
                let artifact = package.artifacts.iter().find(|one| is_for(&one.targets, target))?;
                Some((&package.name, (package, artifact)))
            })
            .collect();
        let edges = chosen.iter().map(|(&name, (package, _))| (name, &package.dependencies)).collect();
        install_order(&edges).into_iter().filter_map(|name| chosen.get(name).copied()).collect()
    }
}

/// Whether a list of target names, where none means all, has this one.
pub(super) fn is_for(targets: &[String], target: &str) -> bool {
    targets.is_empty() || targets.iter().any(|name| name == target)
}

/// One release with the targets that chose it.
fn lock_package(release: &[(&str, &ResolvedPackage)], all_targets: usize) -> Option<LockedPackage> {
    let (_, first) = release.first()?;
    let sorted = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        names.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
    };
    let mut files: BTreeMap<&str, Vec<(&str, &ResolvedPackage)>> = BTreeMap::new();
    for &(target, package) in release {
        files.entry(&package.artifact.file).or_default().push((target, package));
    }
    let artifacts = files.into_values().filter_map(|users| {
        let (_, user) = users.first()?;
        let for_all = users.len() == release.len();
        Some(LockedArtifact {
            file: user.artifact.file.clone(),
            size: user.artifact.size,
            blake3: user.artifact.blake3,
            sha256: user.artifact.sha256,
            targets: if for_all { Vec::new() } else { sorted(&mut users.iter().map(|(name, _)| *name)) },
        })
    });
    let for_all = release.len() == all_targets;
    Some(LockedPackage {
        name: first.name.clone(),
        version: first.version.clone(),
        registry: first.registry.clone(),
        direct: release.iter().any(|(_, package)| package.direct),
        extras: release.iter().flat_map(|(_, package)| package.extras.iter().cloned()).collect(),
        dependencies: merged(release.iter().flat_map(|(_, package)| &package.dependencies)),
        targets: if for_all { Vec::new() } else { sorted(&mut release.iter().map(|(name, _)| *name)) },
        artifacts: artifacts.collect(),
    })
}

/// One edge for each name, with the extras of all.
fn merged<'a>(edges: impl Iterator<Item = &'a Dependency>) -> BTreeSet<Dependency> {
    let mut by_name: BTreeMap<&PackageName, BTreeSet<ExtraName>> = BTreeMap::new();
    for edge in edges {
        by_name.entry(&edge.name).or_default().extend(edge.extras.iter().cloned());
    }
    by_name.into_iter().map(|(name, extras)| Dependency { name: name.clone(), extras }).collect()
}

impl LockedTarget {
    /// A target, once it is decided.
    pub fn of(target: &Target) -> Self {
        Self {
            name: target.name.clone(),
            host: target.host.as_ref().map(|(name, version)| format!("{}=={version}", name.as_str())),
            python: target.python.to_string(),
            platform: target.platform.to_string(),
            provides: target.provides.clone(),
        }
    }

    /// The target, without asking a registry.
    pub fn target(&self) -> Result<Target, TargetError> {
        let host = TargetSpec { host: self.host.clone(), ..TargetSpec::default() }.host_parts()?;
        let platform: Platform = self.platform.parse()?;
        Target::new(self.name.clone(), host, self.provides.clone(), &self.python, platform)
    }
}
