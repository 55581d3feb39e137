//! The releases of one package as the solver sees them: which are candidates for a target, and why the others are not.

use std::cell::OnceCell;
use std::sync::Arc;

use uv_normalize::ExtraName;
use version_ranges::Ranges;

use super::artifact::{Misfit, best_artifact};
use super::hosts::{self, HostRanges};
use super::rules::Rules;
use super::{Found, Preferences, Rulebook};
use crate::model::{PackageName, ReleaseEntry, Requirement, Target, Version, ranges_of_specifiers_text};
use crate::trust::policy::Violation;

/// All releases of a package, oldest first. Those that the settings leave out are kept, to be explained.
pub(super) struct Candidates<'a> {
    pub found: Arc<Found>,
    pub all: Vec<Candidate>,
    rulebook: &'a dyn Rulebook,
}

pub(super) struct Candidate {
    pub version: Version,
    /// Known without a look at the files, so for every release.
    left_out: Option<Exclusion>,
    /// Looked at when the solver first considers the release.
    examined: OnceCell<Result<Usable, Exclusion>>,
}

/// What the solver needs to know of a release that it may choose.
pub(super) struct Usable {
    /// The position of the file chosen, among those of the release; none if no file fits, and Python or a host does not either.
    pub artifact: Option<usize>,
    pub python: Ranges<Version>,
    pub hosts: HostRanges,
    requirements: Vec<Requirement>,
}

/// Why a release is not a candidate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exclusion {
    /// By the constraint of the project with this text.
    Constraint(Arc<str>),
    Newer,
    Yanked(String),
    Prerelease,
    Misfit(Misfit),
    /// Its own metadata is not valid.
    Metadata(String),
    /// By the rule of a policy.
    Forbidden(Violation),
    /// Policies must know more of it than could be found out.
    Unjudged(String),
}

impl<'r> Candidates<'r> {
    pub(super) fn new(
        found: Arc<Found>,
        rules: &Rules,
        preferences: &Preferences,
        target: &Target,
        rulebook: &'r dyn Rulebook,
    ) -> Self {
        let name = &found.package.name;
        let releases = &found.package.releases;
        let newer = |entry: &ReleaseEntry| rules.exclude_newer.is_some_and(|limit| entry.sealed > limit);
        let only_prereleases =
            releases.iter().all(|(version, entry)| version.is_prerelease() || newer(entry));
        let prereleases = rules.allows_prereleases(name, only_prereleases);
        let constraints: Vec<&Requirement> =
            rules.constraints.iter().filter(|constraint| constraint.name == *name).collect();
        let left_out = |version: &Version, entry: &ReleaseEntry| {
            if newer(entry) {
                return Some(Exclusion::Newer);
            }
            if let Some(constraint) = constraints.iter().find(|one| !one.ranges.contains(version)) {
                return Some(Exclusion::Constraint(constraint.text.clone()));
            }
            if version.is_prerelease() && !prereleases {
                return Some(Exclusion::Prerelease);
            }
            let reason = entry.yanked.as_ref()?;
            let locked = || preferences.of(name, &target.name).any(|locked| locked == version);
            (!rules.pins(name, version) && !locked()).then(|| Exclusion::Yanked(reason.clone()))
        };
        let all = releases.iter().map(|(version, entry)| Candidate {
            version: version.clone(),
            left_out: left_out(version, entry),
            examined: OnceCell::new(),
        });
        Self { all: all.collect(), found, rulebook }
    }

    /// Those within `ranges` that no setting leaves out, oldest first. Their files may not fit yet.
    pub(super) fn within<'a>(
        &'a self,
        ranges: &Ranges<Version>,
    ) -> impl DoubleEndedIterator<Item = &'a Candidate> {
        self.all.iter().filter(move |one| one.left_out.is_none() && ranges.contains(&one.version))
    }

    pub(super) fn get(&self, version: &Version) -> Option<&Candidate> {
        let at = self.all.binary_search_by(|one| one.version.cmp(version)).ok()?;
        self.all.get(at)
    }

    pub(super) fn entry(&self, version: &Version) -> Option<&ReleaseEntry> {
        self.found.package.releases.get(version)
    }

    /// What the solver needs of the release `candidate`, or why it may not choose it.
    pub(super) fn examine<'a>(
        &'a self,
        candidate: &'a Candidate,
        target: &Target,
    ) -> Result<&'a Usable, &'a Exclusion> {
        if let Some(exclusion) = &candidate.left_out {
            return Err(exclusion);
        }
        let examined = candidate.examined.get_or_init(|| match self.entry(&candidate.version) {
            Some(entry) => {
                let usable = Usable::of(&self.found.package.name, &candidate.version, entry, target)?;
                // Last: a policy may have to fetch and verify signatures.
                match self.rulebook.against(&self.found, &candidate.version, entry) {
                    Ok(None) => Ok(usable),
                    Ok(Some(violation)) => Err(Exclusion::Forbidden(violation)),
                    Err(error) => Err(Exclusion::Unjudged(error.to_string())),
                }
            }
            None => Err(Exclusion::Metadata("it is not released".into())),
        });
        examined.as_ref()
    }

    /// The release that the solver may choose, if it is one.
    pub(super) fn usable(&self, version: &Version, target: &Target) -> Option<&Usable> {
        self.examine(self.get(version)?, target).ok()
    }
}

impl Usable {
    fn of(
        name: &PackageName,
        version: &Version,
        entry: &ReleaseEntry,
        target: &Target,
    ) -> Result<Self, Exclusion> {
        let release = &entry.release;
        let best = best_artifact(name, version, &entry.artifacts, target);
        let artifact = best.as_ref().ok().and_then(|&at| entry.artifacts.get(at));
        let metadata = |error: &dyn std::fmt::Display| Exclusion::Metadata(error.to_string());
        let python = artifact
            .and_then(|artifact| artifact.requires_python.as_ref())
            .or(release.requires_python.as_ref())
            .map_or(Ok(Ranges::full()), |text| ranges_of_specifiers_text(text))
            .map_err(|error| metadata(&error))?;
        let hosts = hosts::applying(&release.hosts, target).map_err(|error| metadata(&error))?;
        if let Err(misfit) = best {
            // Where Python or the host stands against the release too, that is the better reason, and the solver finds it.
            if python.contains(&hosts::python_of(target)) && hosts::satisfied(&hosts, target) {
                return Err(Exclusion::Misfit(misfit));
            }
            return Ok(Self { artifact: None, python, hosts, requirements: Vec::new() });
        }
        let texts = artifact.and_then(|artifact| artifact.requires.as_ref()).unwrap_or(&release.requires);
        let requirements = texts
            .iter()
            .map(|text| Requirement::parse(release.family, text))
            .collect::<Result<_, _>>()
            .map_err(|error| metadata(&error))?;
        Ok(Self { artifact: best.ok(), python, hosts, requirements })
    }

    /// The requirements that apply to the target: those of the release itself, or those that `extra` adds.
    pub(super) fn requirements<'a>(
        &'a self,
        extra: Option<&ExtraName>,
        target: &Target,
        rules: &'a Rules,
    ) -> impl Iterator<Item = &'a Requirement> {
        let applies = move |one: &&Requirement| match extra {
            None => one.applies(&target.markers, &[]),
            Some(extra) => {
                one.applies(&target.markers, std::slice::from_ref(extra))
                    && !one.applies(&target.markers, &[])
            }
        };
        self.requirements.iter().filter(applies).flat_map(|one| rules.overridden(one))
    }
}
