//! The result of a solve for one target: what to install, why, and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use uv_normalize::ExtraName;

use super::order::install_order;
use super::provider::{Node, Provider, Solution};
use super::rules::Rules;
use super::{Request, ResolveError, hosts};
use crate::model::{Artifact, PackageName, ReleaseEntry, Requirement, Target, Version};

/// One version for each package that a target needs.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The target's name.
    pub target: String,
    /// Dependencies come before what depends on them; in a cycle, in an order that is the same each time.
    pub packages: Vec<ResolvedPackage>,
    /// What the user should know, though there is a resolution.
    pub warnings: Vec<String>,
}

/// A package in a resolution.
#[derive(Clone, Debug)]
pub struct ResolvedPackage {
    pub name: PackageName,
    pub version: Version,
    /// The registry that serves it.
    pub registry: String,
    /// The file that fits the target best.
    pub artifact: Artifact,
    /// The release, with all its files and its places in the log.
    pub entry: ReleaseEntry,
    /// The project itself requires it.
    pub direct: bool,
    pub extras: BTreeSet<ExtraName>,
    pub dependencies: BTreeSet<Dependency>,
}

/// What a package in a resolution, with its extras, needs of another: an edge of the graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    pub name: PackageName,
    pub extras: BTreeSet<ExtraName>,
}

impl fmt::Display for Dependency {
    /// `name`, or `name[extra,extra]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        if !self.extras.is_empty() {
            let extras: Vec<&str> = self.extras.iter().map(AsRef::as_ref).collect();
            write!(f, "[{}]", extras.join(","))?;
        }
        Ok(())
    }
}

/// Turns the versions that PubGrub chose into packages in install order.
pub(super) fn assemble(
    request: &Request,
    target: &Target,
    rules: &Rules,
    solution: Solution,
) -> Result<Resolution, ResolveError> {
    let mut versions: BTreeMap<PackageName, (Version, BTreeSet<ExtraName>)> = BTreeMap::new();
    for (node, version) in solution.chosen.iter() {
        let (name, extra) = match node {
            Node::Package(name) => (name, None),
            Node::Extra(name, extra) => (name, Some(extra)),
            Node::Root | Node::Python | Node::Host(_) => continue,
        };
        let (_, extras) = versions.entry(name.clone()).or_insert_with(|| (version.clone(), BTreeSet::new()));
        extras.extend(extra.cloned());
    }
    let mut packages: BTreeMap<PackageName, ResolvedPackage> = BTreeMap::new();
    let mut warnings = Vec::new();
    for (name, (version, extras)) in versions {
        let unchecked = |warnings: &mut Vec<String>, entry: &ReleaseEntry| {
            if target.host.is_none() && !entry.release.hosts.is_empty() {
                let wanted: Vec<String> =
                    entry.release.hosts.iter().map(|(host, range)| format!("{host} {range}")).collect();
                warnings.push(format!(
                    "{name} {version} asks for {}; the target {target} has no host, so this was not checked",
                    wanted.join(" or ")
                ));
            }
        };
        if let Some(package) = package(&solution.provider, rules, &name, &version, extras)? {
            unchecked(&mut warnings, &package.entry);
            warn(&mut warnings, &package);
            packages.insert(name, package);
        }
    }
    if target.host.is_none() && !request.hosts.is_empty() {
        warnings.push(format!(
            "the project says where it runs (`hosts`); the target {} has no host, so this was not checked",
            hosts::describe(target)
        ));
    }
    let edges = packages.iter().map(|(name, package)| (name, &package.dependencies)).collect();
    let order: Vec<PackageName> = install_order(&edges).into_iter().cloned().collect();
    let packages = order.iter().filter_map(|name| packages.remove(name)).collect();
    Ok(Resolution { target: target.name.clone(), packages, warnings })
}

fn package(
    provider: &Provider,
    rules: &Rules,
    name: &PackageName,
    version: &Version,
    extras: BTreeSet<ExtraName>,
) -> Result<Option<ResolvedPackage>, ResolveError> {
    let candidates = provider.candidates(name).map_err(ResolveError::from)?;
    let Some(candidates) = candidates else { return Ok(None) };
    let (Some(usable), Some(entry)) =
        (candidates.usable(version, provider.target), candidates.entry(version))
    else {
        return Ok(None);
    };
    let Some(artifact) = usable.artifact.and_then(|at| entry.artifacts.get(at)) else { return Ok(None) };
    let mut edges: BTreeMap<PackageName, BTreeSet<ExtraName>> = BTreeMap::new();
    let mut add = |requirement: &Requirement| {
        // A package that asks for another extra of itself is one package still.
        if requirement.name != *name {
            edges.entry(requirement.name.clone()).or_default().extend(requirement.extras.iter().cloned());
        }
    };
    usable.requirements(None, provider.target, rules).for_each(&mut add);
    for extra in &extras {
        usable.requirements(Some(extra), provider.target, rules).for_each(&mut add);
    }
    Ok(Some(ResolvedPackage {
        name: name.clone(),
        version: version.clone(),
        registry: candidates.found.registry.clone(),
        artifact: artifact.clone(),
        entry: entry.clone(),
        direct: rules.is_direct(name),
        extras,
        dependencies: edges.into_iter().map(|(name, extras)| Dependency { name, extras }).collect(),
    }))
}

fn warn(warnings: &mut Vec<String>, package: &ResolvedPackage) {
    let ResolvedPackage { name, version, entry, .. } = package;
    if let Some(reason) = &entry.yanked {
        let reason = if reason.is_empty() { "no reason given" } else { reason };
        warnings.push(format!(
            "{name} {version} is yanked ({reason}); it was chosen because the lock or an exact requirement names it"
        ));
    }
    for extra in &package.extras {
        let is_known = |known: &String| known.parse::<ExtraName>().is_ok_and(|known| known == *extra);
        if !entry.release.extras.iter().any(is_known) {
            warnings.push(format!("{name} {version} has no extra `{extra}`"));
        }
    }
}
