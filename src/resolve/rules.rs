//! What the project asks of a resolution for one target, parsed: its requirements, and the settings that bend others'.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use uv_pep440::LocalVersionSlice;
use version_ranges::Ranges;

use super::hosts::{self, HostError, HostRanges};
use super::{PrereleaseMode, Request, ResolutionMode, ResolveError};
use crate::model::{Family, PackageName, Requirement, Target, Version, ranges_of_specifiers_text};

#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// The project's requirements that apply to the target, overridden where the settings say so.
    pub requirements: Vec<Requirement>,
    pub python: Ranges<Version>,
    pub hosts: HostRanges,
    pub constraints: Vec<Requirement>,
    pub overrides: BTreeMap<PackageName, Vec<Requirement>>,
    pub prerelease: PrereleaseMode,
    pub resolution: ResolutionMode,
    pub exclude_newer: Option<jiff::Timestamp>,
}

impl Rules {
    pub(super) fn new(request: &Request, target: &Target) -> Result<Self, ResolveError> {
        let options = request.options;
        let constraints = parse("constraint-dependencies", &options.constraint_dependencies, target)?;
        let mut overrides: BTreeMap<PackageName, Vec<Requirement>> = BTreeMap::new();
        for text in &options.override_dependencies {
            let requirement = parse_one("override-dependencies", text)?;
            let applies = requirement.applies(&target.markers, &[]);
            let replacing = overrides.entry(requirement.name.clone()).or_default();
            if applies {
                replacing.push(requirement);
            }
        }
        let project = |setting: &str, source| ResolveError::Project { setting: setting.into(), source };
        let python = match request.requires_python {
            Some(text) => {
                ranges_of_specifiers_text(text).map_err(|source| project("requires-python", source))?
            }
            None => Ranges::full(),
        };
        let hosts = hosts::applying(request.hosts, target).map_err(|error| match error {
            HostError::Version(source) => project("hosts", source),
            HostError::Name(source) => ResolveError::HostName(source),
        })?;
        let mut rules = Self {
            requirements: Vec::new(),
            python,
            hosts,
            constraints,
            overrides,
            prerelease: options.prerelease,
            resolution: options.resolution,
            exclude_newer: options.exclude_newer,
        };
        let asked = request.requirements.iter().filter(|one| one.applies(&target.markers, &[]));
        rules.requirements = asked.flat_map(|one| rules.overridden(one)).cloned().collect();
        // The order of requirements guides the search; how the project lists them must not.
        rules.requirements.sort_by(|a, b| (&a.name, &a.text).cmp(&(&b.name, &b.text)));
        Ok(rules)
    }

    /// What stands in for `requirement`: itself, or the overrides of its name.
    pub(super) fn overridden<'a>(&'a self, requirement: &'a Requirement) -> &'a [Requirement] {
        match self.overrides.get(&requirement.name) {
            Some(overrides) => overrides,
            None => std::slice::from_ref(requirement),
        }
    }

    /// Every requirement that is the project's own word, whether it asks for the package or not.
    fn own(&self) -> impl Iterator<Item = &Requirement> {
        self.requirements.iter().chain(&self.constraints).chain(self.overrides.values().flatten())
    }

    pub(super) fn is_direct(&self, name: &PackageName) -> bool {
        self.requirements.iter().any(|requirement| requirement.name == *name)
    }

    pub(super) fn prefers_lowest(&self, name: &PackageName) -> bool {
        match self.resolution {
            ResolutionMode::Highest => false,
            ResolutionMode::Lowest => true,
            ResolutionMode::LowestDirect => self.is_direct(name),
        }
    }

    /// Whether pre-releases of `name` are candidates; `only_prereleases` says that it has no other releases.
    pub(super) fn allows_prereleases(&self, name: &PackageName, only_prereleases: bool) -> bool {
        let explicit = || self.own().any(|one| one.name == *name && one.names_prerelease);
        match self.prerelease {
            PrereleaseMode::Disallow => false,
            PrereleaseMode::Allow => true,
            PrereleaseMode::IfNecessary => only_prereleases,
            PrereleaseMode::Explicit => explicit(),
            PrereleaseMode::IfNecessaryOrExplicit => only_prereleases || explicit(),
        }
    }

    /// Whether the project pins `name` to exactly this version, which admits a yanked release.
    pub(super) fn pins(&self, name: &PackageName, version: &Version) -> bool {
        self.own().any(|one| one.name == *name && is_exact(&one.ranges) && one.ranges.contains(version))
    }
}

/// Whether the ranges are those of `==`: one version, with any local part.
fn is_exact(ranges: &Ranges<Version>) -> bool {
    let Some((low, high)) = ranges.bounding_range() else { return false };
    match (low, high) {
        (Bound::Included(low), Bound::Included(high)) => low == high,
        (Bound::Included(Version::Pep440(low)), Bound::Excluded(Version::Pep440(high))) => {
            high.local() == LocalVersionSlice::Max && high.clone().without_local() == *low
        }
        _ => false,
    }
}

/// Distinct names, for a prefetch.
pub(super) fn names_of(requirements: &[Requirement]) -> Vec<PackageName> {
    requirements.iter().map(|one| one.name.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

fn parse(setting: &'static str, texts: &[String], target: &Target) -> Result<Vec<Requirement>, ResolveError> {
    let mut requirements = Vec::with_capacity(texts.len());
    for text in texts {
        let requirement = parse_one(setting, text)?;
        if requirement.applies(&target.markers, &[]) {
            requirements.push(requirement);
        }
    }
    Ok(requirements)
}

/// A Vitte requirement begins with `owner/name`; no Python requirement by version has a slash there.
fn parse_one(setting: &'static str, text: &str) -> Result<Requirement, ResolveError> {
    let name = text.split_whitespace().next().unwrap_or_default();
    let family = if name.contains('/') && !name.contains('@') { Family::Vitte } else { Family::Python };
    Requirement::parse(family, text).map_err(|source| ResolveError::Setting { setting, source })
}
