//! The sentences of an explanation.

use std::collections::{BTreeMap, BTreeSet};

use uv_normalize::ExtraName;
use version_ranges::Ranges;

use super::Asker;
use super::artifact::Misfit;
use super::candidates::{Candidates, Exclusion};
use super::explain::{Leaves, Need};
use super::hosts;
use super::provider::{Node, Provider};
use super::specifiers::{specifiers, versions};
use crate::model::{PackageName, Version};

/// Releases of one package that need another in more ways than this are told in one sentence.
const MAX_SENTENCES: usize = 3;

pub(super) struct Teller<'a, 'p> {
    pub provider: &'a Provider<'p>,
    pub leaves: &'a Leaves,
}

impl Teller<'_, '_> {
    fn asker(&self) -> Asker {
        self.provider.request.asker
    }

    /// What one node needs of another.
    pub(super) fn needs(&self, from: &Node, to: &Node) -> Vec<String> {
        let all = self.leaves.needs.get(&(from.clone(), to.clone())).map(Vec::as_slice).unwrap_or_default();
        match (from, to) {
            (Node::Root, Node::Package(name) | Node::Extra(name, _)) => {
                let asked = self.provider.rules.requirements.iter().filter(|one| one.name == *name);
                asked.map(|one| format!("{} asks for `{}`", self.asker(), one.text)).collect()
            }
            (Node::Root, Node::Python | Node::Host(_)) => all
                .iter()
                .filter(|(_, needed)| *needed != Ranges::full())
                .map(|(_, needed)| {
                    let needed = specifiers(needed);
                    format!("{} runs in {to} {needed}; {}", self.asker(), self.target_has(to))
                })
                .collect(),
            // That an extra needs its own package goes without saying.
            (Node::Extra(name, _), Node::Package(base)) if name == base => Vec::new(),
            (Node::Package(name), _) => self.package_needs(name, None, to, all),
            (Node::Extra(name, extra), _) => self.package_needs(name, Some(extra), to, all),
            _ => Vec::new(),
        }
    }

    fn package_needs(
        &self,
        name: &PackageName,
        extra: Option<&ExtraName>,
        to: &Node,
        all: &[Need],
    ) -> Vec<String> {
        let Ok(Some(candidates)) = self.provider.candidates(name) else { return Vec::new() };
        // Versions that say the same share a sentence.
        let mut said: BTreeMap<String, Vec<&Version>> = BTreeMap::new();
        let considered = self.usable(&candidates);
        for (at, needed) in all {
            for &version in considered.iter().filter(|version| at.contains(version)) {
                let what = match to {
                    Node::Package(dependency) | Node::Extra(dependency, _) => self
                        .written(&candidates, version, extra, dependency)
                        .unwrap_or_else(|| format!("{to} {}", specifiers(needed))),
                    _ => format!("{to} {}; {}", specifiers(needed), self.target_has(to)),
                };
                said.entry(what).or_default().push(version);
            }
        }
        if said.len() > MAX_SENTENCES {
            let needed = all.iter().fold(Ranges::empty(), |union, (_, needed)| union.union(needed));
            let which = said.into_values().flatten().collect();
            said = BTreeMap::from([(self.one_of(to, &needed), which)]);
        }
        let subject = match extra {
            Some(extra) => format!("{}[{extra}]", name.as_str()),
            None => name.as_str().to_owned(),
        };
        said.into_iter()
            .map(|(what, mut which)| {
                which.sort();
                which.dedup();
                match which.len() {
                    1 => format!("{subject} {} needs {what}", versions(&which)),
                    all if all == considered.len() => {
                        format!("every usable release of {subject} needs {what}")
                    }
                    _ => format!("{subject} {} need {what}", versions(&which)),
                }
            })
            .collect()
    }

    /// What releases with many different requirements on one node have in common.
    fn one_of(&self, to: &Node, needed: &Ranges<Version>) -> String {
        let (Node::Package(name) | Node::Extra(name, _)) = to else {
            return format!("{to} {} or narrower; {}", specifiers(needed), self.target_has(to));
        };
        let existing = self.provider.candidates(name).ok().flatten();
        let simple = existing.map(|existing| needed.simplify(existing.all.iter().map(|one| &one.version)));
        let needed = simple.filter(|simple| *simple != Ranges::full()).unwrap_or_else(|| needed.clone());
        format!("{to} {} or narrower", specifiers(&needed))
    }

    /// The requirement on `dependency` as the release states it, without its marker.
    fn written(
        &self,
        candidates: &Candidates,
        version: &Version,
        extra: Option<&ExtraName>,
        dependency: &PackageName,
    ) -> Option<String> {
        let usable = candidates.usable(version, self.provider.target)?;
        let texts: BTreeSet<&str> = usable
            .requirements(extra, self.provider.target, self.provider.rules)
            .filter(|one| one.name == *dependency)
            .filter_map(|one| one.text.split(';').next())
            .map(str::trim)
            .collect();
        let texts: Vec<String> = texts.into_iter().map(|text| format!("`{text}`")).collect();
        let overridden = self.provider.rules.overrides.contains_key(dependency);
        let by = if overridden { format!(" (by {}'s override)", self.asker()) } else { String::new() };
        (!texts.is_empty()).then(|| texts.join(" and ") + &by)
    }

    /// The target's side of a host or Python requirement.
    fn target_has(&self, node: &Node) -> String {
        let target = self.provider.target;
        match node {
            Node::Host(name) => match (hosts::provided(target, name), &target.host) {
                (Some(version), Some((host, _))) if host != name => {
                    format!(
                        "the target {} has {} {version}",
                        hosts::describe(target),
                        hosts::display_name(name)
                    )
                }
                _ => format!("the target is {}", hosts::describe(target)),
            },
            _ => match &target.host {
                Some(_) => format!("the target {} has Python {}", hosts::describe(target), target.python),
                None => format!("the target has Python {}", target.python),
            },
        }
    }

    /// Why there is no candidate of a node.
    pub(super) fn nothing(&self, node: &Node) -> Vec<String> {
        let (Node::Package(name) | Node::Extra(name, _)) = node else { return Vec::new() };
        let Some(ranges) = self.leaves.nothing.get(node) else { return Vec::new() };
        let candidates = match self.provider.candidates(name) {
            Ok(Some(candidates)) => candidates,
            Ok(None) => {
                let searched = self.provider.request.packages.searched(name);
                let searched =
                    if searched.is_empty() { "any registry".to_owned() } else { searched.join(", ") };
                return vec![format!("there is no package `{name}` in {searched}")];
            }
            Err(_) => return Vec::new(),
        };
        let has_others = self.leaves.needs.keys().any(|(from, _)| from == node);
        let mut excluded: BTreeMap<&Exclusion, Vec<&Version>> = BTreeMap::new();
        for candidate in candidates.all.iter().filter(|one| ranges.contains(&one.version)) {
            if let Err(exclusion) = candidates.examine(candidate, self.provider.target) {
                excluded.entry(exclusion).or_default().push(&candidate.version);
            }
        }
        if has_others {
            // What is left out by default is no part of the story when there are releases that were considered.
            excluded
                .retain(|exclusion, _| !matches!(exclusion, Exclusion::Prerelease | Exclusion::Yanked(_)));
        } else if excluded.is_empty() {
            let wanted = specifiers(&ranges.simplify(candidates.all.iter().map(|one| &one.version)));
            return vec![self.gap(name, &wanted, &candidates)];
        }
        let mut facts = Vec::new();
        let mut misfits: Vec<(&Version, &Misfit)> = Vec::new();
        for (why, which) in excluded {
            match why {
                Exclusion::Misfit(misfit) => misfits.extend(which.iter().map(|&version| (version, misfit))),
                _ => facts.push(self.excluded(name, why, &which)),
            }
        }
        facts.extend(self.misfits(name, misfits));
        facts
    }

    /// The newest of the releases that have no file for the target stands for all.
    fn misfits(&self, name: &PackageName, mut misfits: Vec<(&Version, &Misfit)>) -> Option<String> {
        misfits.sort_unstable();
        let (newest, misfit) = misfits.pop()?;
        let others = match misfits.len() {
            0 => String::new(),
            1 => "; 1 older release does not fit either".to_owned(),
            more => format!("; {more} older releases do not fit either"),
        };
        Some(format!("{name} {newest} {}{others}", misfit.describe(self.provider.target)))
    }

    /// The versions that the target admits, the newest first.
    fn usable<'c>(&self, candidates: &'c Candidates) -> Vec<&'c Version> {
        let usable =
            candidates.all.iter().filter(|one| candidates.examine(one, self.provider.target).is_ok());
        usable.map(|one| &one.version).collect()
    }

    fn gap(&self, name: &PackageName, wanted: &str, candidates: &Candidates) -> String {
        let existing = self.usable(candidates);
        let registry = &candidates.found.registry;
        match existing.as_slice() {
            [] => format!("{registry} has no usable release of {name}"),
            existing => format!("{registry} has no {name} {wanted}; it has {}", versions(existing)),
        }
    }

    fn excluded(&self, name: &PackageName, why: &Exclusion, which: &[&Version]) -> String {
        let list = versions(which);
        let is = if which.len() > 1 { "are" } else { "is" };
        match why {
            Exclusion::Constraint(text) => {
                format!("{name} {list} {is} left out by {}'s constraint `{text}`", self.asker())
            }
            Exclusion::Newer => {
                let limit = self.provider.rules.exclude_newer;
                let limit = limit.map(|limit| limit.to_string()).unwrap_or_default();
                format!("{name} {list} {is} newer than `exclude-newer` admits ({limit})")
            }
            Exclusion::Yanked(reason) if reason.is_empty() => format!("{name} {list} {is} yanked"),
            Exclusion::Yanked(reason) => format!("{name} {list} {is} yanked: {reason}"),
            Exclusion::Prerelease => {
                let noun = if which.len() > 1 { "pre-releases" } else { "a pre-release" };
                format!("{name} {list} {is} {noun}, which the setting `prerelease` leaves out")
            }
            Exclusion::Misfit(misfit) => format!("{name} {list} {}", misfit.describe(self.provider.target)),
            Exclusion::Metadata(reason) => {
                format!("{name} {list} cannot be used, its metadata is not valid: {reason}")
            }
            Exclusion::Forbidden(violation) => format!("{name} {list} {is} forbidden by {violation}"),
            Exclusion::Unjudged(reason) => format!("{name} {list} cannot be judged by a policy: {reason}"),
        }
    }
}

/// What would have a policy admit the releases that it forbids.
pub(super) fn describe_mends(provider: &Provider, leaves: &Leaves) -> Vec<String> {
    let mut mends = Vec::new();
    for (node, ranges) in &leaves.nothing {
        let (Node::Package(name) | Node::Extra(name, _)) = node else { continue };
        let Ok(Some(candidates)) = provider.candidates(name) else { continue };
        for candidate in candidates.all.iter().filter(|one| ranges.contains(&one.version)) {
            if let Err(Exclusion::Forbidden(violation)) = candidates.examine(candidate, provider.target) {
                mends.push(format!("{}: {}", name, violation.mend));
            }
        }
    }
    mends.sort_unstable();
    mends.dedup();
    mends
}

/// Names that may have been meant instead of one that is nowhere.
pub(super) fn describe_missing(provider: &Provider, node: &Node) -> Option<String> {
    let (Node::Package(name) | Node::Extra(name, _)) = node else { return None };
    if !matches!(provider.candidates(name), Ok(None)) {
        return None;
    }
    let similar: Vec<String> =
        provider.request.packages.similar(name).iter().take(3).map(|name| format!("`{name}`")).collect();
    (!similar.is_empty()).then(|| format!("did you mean {}?", similar.join(" or ")))
}
