//! What would work: the solve again, with one word of the project taken back at a time.

use std::collections::BTreeMap;
use std::ops::Bound;

use version_ranges::Ranges;

use super::candidates::Candidates;
use super::explain::Leaves;
use super::provider::{Node, Solution, solve};
use super::rules::Rules;
use super::specifiers::specifiers;
use super::{PrereleaseMode, Request, hosts};
use crate::model::{Family, PackageName, Requirement, Target, Version};

/// A solve takes milliseconds, and the packages are read already; but nobody reads more suggestions.
const MAX_TRIES: usize = 8;

/// Something of the project that a suggestion takes back.
enum Change<'a> {
    Requirement(&'a Requirement),
    Constraint(&'a Requirement),
    /// All overrides of this name.
    Override(&'a PackageName),
    Prereleases,
    Newer,
}

/// Tries the changes that bear on a conflict, and describes those that resolve it.
pub(super) fn suggest(request: &Request, target: &Target, rules: &Rules, leaves: &Leaves) -> Vec<String> {
    let involved = |name: &PackageName| {
        let node = Node::Package(name.clone());
        leaves.nothing.contains_key(&node)
            || leaves.needs.keys().any(|(from, to)| *from == node || *to == node)
    };
    let narrows = |one: &&Requirement| one.ranges != Ranges::full() && involved(&one.name);
    let requirements = rules.requirements.iter().filter(narrows).map(Change::Requirement);
    let constraints = rules.constraints.iter().filter(narrows).map(Change::Constraint);
    let overrides = rules.overrides.keys().filter(|name| involved(name)).map(Change::Override);
    let prereleases = (rules.prerelease != PrereleaseMode::Allow).then_some(Change::Prereleases);
    let newer = rules.exclude_newer.map(|_| Change::Newer);
    requirements
        .chain(constraints)
        .chain(overrides)
        .chain(prereleases)
        .chain(newer)
        .take(MAX_TRIES)
        .filter_map(|change| try_change(request, target, rules, &change))
        .chain(other_host(request, target, rules, leaves))
        .collect()
}

/// The releases of the host in which it would resolve, where the host stands against it.
fn other_host(request: &Request, target: &Target, rules: &Rules, leaves: &Leaves) -> Option<String> {
    let (host, _) = target.host.as_ref()?;
    if !leaves.needs.keys().any(|(_, to)| matches!(to, Node::Host(_))) {
        return None;
    }
    let without_host = Target { host: None, ..target.clone() };
    let unbound = Rules { hosts: Vec::new(), ..rules.clone() };
    let solution = solve(request, &without_host, &unbound).ok()?;
    let mut needed: BTreeMap<PackageName, Ranges<Version>> = rules.hosts.iter().cloned().collect();
    for (node, version) in solution.chosen.iter() {
        let Node::Package(name) = node else { continue };
        let candidates = solution.provider.candidates(name).ok()??;
        let hosts = hosts::applying(&candidates.entry(version)?.release.hosts, target).ok()?;
        for (name, ranges) in hosts {
            let all = needed.entry(name).or_insert_with(Ranges::full);
            *all = all.intersection(&ranges);
        }
    }
    if needed.values().any(Ranges::is_empty)
        || needed.get(host).is_none_or(|ranges| *ranges == Ranges::full())
    {
        return None;
    }
    let needed: Vec<String> = needed
        .iter()
        .map(|(name, ranges)| format!("{} {}", hosts::display_name(name), specifiers(ranges)))
        .collect();
    Some(format!("it resolves for a target with {}", needed.join(" and ")))
}

fn try_change(request: &Request, target: &Target, rules: &Rules, change: &Change) -> Option<String> {
    let mut changed = rules.clone();
    match change {
        Change::Requirement(requirement) => {
            for one in changed.requirements.iter_mut().filter(|one| one.name == requirement.name) {
                one.ranges = Ranges::full();
            }
        }
        Change::Constraint(constraint) => changed.constraints.retain(|one| one != *constraint),
        Change::Override(name) => changed = without_override(request, target, rules, name)?,
        Change::Prereleases => changed.prerelease = PrereleaseMode::Allow,
        Change::Newer => changed.exclude_newer = None,
    }
    let solution = solve(request, target, &changed).ok()?;
    Some(match change {
        Change::Requirement(requirement) => {
            let (version, ask) = instead(requirement, &solution)?;
            let name = requirement.name.as_str();
            format!("{name} {version} works with {}: ask for `{ask}`", hosts::describe(target))
        }
        Change::Constraint(constraint) => {
            format!("it resolves without the constraint `{}`", constraint.text)
        }
        Change::Override(name) => format!("it resolves without the override of {}", name.as_str()),
        Change::Prereleases => {
            "it resolves with pre-releases: set `prerelease = \"allow\"`, or require one by name".to_owned()
        }
        Change::Newer => "it resolves without `exclude-newer`".to_owned(),
    })
}

/// The rules with the requirements on `name` as they were before its overrides.
fn without_override(request: &Request, target: &Target, rules: &Rules, name: &PackageName) -> Option<Rules> {
    let texts = rules.overrides.get(name)?;
    let mut options = request.options.clone();
    options.override_dependencies.retain(|text| texts.iter().all(|one| *one.text != **text));
    Rules::new(&Request { options: &options, ..*request }, target).ok()
}

/// The version that a relaxed requirement gets, and a requirement that asks for it.
fn instead(requirement: &Requirement, solution: &Solution) -> Option<(Version, String)> {
    let name = &requirement.name;
    let version = solution.chosen.get(&Node::Package(name.clone()))?;
    let candidates = solution.provider.candidates(name).ok()??;
    let space = if name.family() == Family::Vitte { " " } else { "" };
    let ask = match upper_bound(&candidates, version, &requirement.ranges) {
        Some(bound) => format!("<{bound}"),
        None => format!(">={version}"),
    };
    Some((version.clone(), format!("{}{space}{ask}", name.as_str())))
}

/// A bound right above `version`, if that is lower than everything in `asked`: the next release, or where `asked` begins.
fn upper_bound(candidates: &Candidates, version: &Version, asked: &Ranges<Version>) -> Option<Version> {
    let (Bound::Included(start) | Bound::Excluded(start), _) = asked.bounding_range()? else { return None };
    if start <= version {
        return None;
    }
    let next = candidates.all.iter().map(|one| &one.version).find(|one| *one > version)?;
    Some(next.min(start).clone())
}
