//! The universe that PubGrub solves over: the project, its target, packages, and packages with extras.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::fmt;
use std::rc::Rc;

use pubgrub::{
    Dependencies, DependencyConstraints, DependencyProvider, PackageResolutionStatistics, PubGrubError,
    SelectedDependencies,
};
use rustc_hash::FxHashMap;
use uv_normalize::ExtraName;
use version_ranges::Ranges;

use super::candidates::{Candidates, Exclusion};
use super::rules::{Rules, names_of};
use super::{PackagesError, Request, ResolveError, hosts};
use crate::model::{PackageName, Requirement, Target, Version};

/// What PubGrub calls a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Node {
    /// The project. It has one version.
    Root,
    /// The interpreter. Its one version is the target's.
    Python,
    /// A host, or something that it provides. Its one version is what the target offers, if it does.
    Host(PackageName),
    Package(PackageName),
    /// A package with one of its extras: depends on the package at the same version, and on what the extra asks.
    Extra(PackageName, ExtraName),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Root => f.write_str("the project"),
            Node::Python => f.write_str("Python"),
            Node::Host(name) => f.write_str(&hosts::display_name(name)),
            Node::Package(name) => name.fmt(f),
            Node::Extra(name, extra) => write!(f, "{name}[{extra}]"),
        }
    }
}

pub(super) type DerivationTree = pubgrub::DerivationTree<Node, Ranges<Version>, std::convert::Infallible>;

/// A package that could not be read, which ends the solve.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the package `{name}`: {source}")]
pub(super) struct Unreadable {
    name: PackageName,
    source: PackagesError,
}

pub(super) enum Failure<'a> {
    Unreadable(Unreadable),
    NoSolution(Box<Unsolved<'a>>),
}

/// A failed solve: why, and what was known by then.
pub(super) struct Unsolved<'a> {
    pub tree: DerivationTree,
    pub provider: Provider<'a>,
}

/// The version chosen for each node, and what was known of the packages.
pub(super) struct Solution<'a> {
    pub chosen: SelectedDependencies<Node, Version>,
    pub provider: Provider<'a>,
}

pub(super) fn solve<'a>(
    request: &'a Request<'a>,
    target: &'a Target,
    rules: &'a Rules,
) -> Result<Solution<'a>, Failure<'a>> {
    let provider = Provider { request, target, rules, known: RefCell::default(), seen: RefCell::default() };
    match pubgrub::resolve(&provider, Node::Root, root_version()) {
        Ok(chosen) => Ok(Solution { chosen, provider }),
        Err(PubGrubError::NoSolution(tree)) => {
            Err(Failure::NoSolution(Box::new(Unsolved { tree, provider })))
        }
        Err(
            PubGrubError::ErrorRetrievingDependencies { source, .. }
            | PubGrubError::ErrorChoosingVersion { source, .. }
            | PubGrubError::ErrorInShouldCancel(source),
        ) => Err(Failure::Unreadable(source)),
    }
}

fn root_version() -> Version {
    Version::Pep440(uv_pep440::Version::new([0]))
}

pub(super) struct Provider<'a> {
    pub request: &'a Request<'a>,
    pub target: &'a Target,
    pub rules: &'a Rules,
    known: RefCell<FxHashMap<PackageName, Option<Rc<Candidates<'a>>>>>,
    /// The order in which nodes were first asked for.
    seen: RefCell<FxHashMap<Node, u32>>,
}

impl<'a> Provider<'a> {
    /// The releases of a package, or none if no registry serves it. Asks the registries once for each name.
    pub(super) fn candidates(&self, name: &PackageName) -> Result<Option<Rc<Candidates<'a>>>, Unreadable> {
        if let Some(known) = self.known.borrow().get(name) {
            return Ok(known.clone());
        }
        let found = self
            .request
            .packages
            .package(name)
            .map_err(|source| Unreadable { name: name.clone(), source })?;
        let Request { preferences, rulebook, .. } = *self.request;
        let candidates = found
            .map(|found| Rc::new(Candidates::new(found, self.rules, preferences, self.target, rulebook)));
        self.known.borrow_mut().insert(name.clone(), candidates.clone());
        if let Some(candidates) = &candidates {
            self.prefetch_likely(name, candidates)?;
        }
        Ok(candidates)
    }

    /// Starts fetching what the release that is likely chosen needs, long before it is chosen: all packages of one depth
    /// are read before the first of them is decided, so the time on the network is that of the depth, not of the number.
    fn prefetch_likely(&self, name: &PackageName, candidates: &Candidates) -> Result<(), Unreadable> {
        let likely = self.best(name, candidates, &Ranges::full())?;
        if let Some(usable) = likely.and_then(|version| candidates.usable(version, self.target)) {
            let needed: Vec<PackageName> =
                usable.requirements(None, self.target, self.rules).map(|one| one.name.clone()).collect();
            self.request.packages.prefetch(&needed);
        }
        Ok(())
    }

    fn choose(&self, name: &PackageName, range: &Ranges<Version>) -> Result<Option<Version>, Unreadable> {
        match self.candidates(name)? {
            Some(candidates) => Ok(self.best(name, &candidates, range)?.cloned()),
            None => Ok(None),
        }
    }

    /// The candidate within `range` that the preferences and the settings put first.
    fn best<'c>(
        &self,
        name: &PackageName,
        candidates: &'c Candidates,
        range: &Ranges<Version>,
    ) -> Result<Option<&'c Version>, Unreadable> {
        let preferred = self.request.preferences.of(name, &self.target.name);
        let preferred = preferred.filter_map(|version| candidates.get(version));
        let mut preferred = preferred.filter(|candidate| range.contains(&candidate.version));
        let mut within = candidates.within(range);
        let next = || {
            preferred.next().or_else(|| match self.rules.prefers_lowest(name) {
                true => within.next(),
                false => within.next_back(),
            })
        };
        for candidate in std::iter::from_fn(next) {
            match candidates.examine(candidate, self.target) {
                Ok(_) => return Ok(Some(&candidate.version)),
                Err(Exclusion::Unjudged(reason)) => {
                    return Err(Unreadable { name: name.clone(), source: reason.clone().into() });
                }
                Err(_) => {}
            }
        }
        Ok(None)
    }

    fn dependencies_of_root(&self) -> Vec<(Node, Ranges<Version>)> {
        let mut dependencies = vec![(Node::Python, self.rules.python.clone())];
        dependencies
            .extend(self.rules.hosts.iter().map(|(name, ranges)| (Node::Host(name.clone()), ranges.clone())));
        self.request.packages.prefetch(&names_of(&self.rules.requirements));
        for requirement in &self.rules.requirements {
            add(&mut dependencies, requirement);
        }
        dependencies
    }

    fn dependencies_of_package(
        &self,
        name: &PackageName,
        extra: Option<&ExtraName>,
        version: &Version,
    ) -> Result<Vec<(Node, Ranges<Version>)>, Unreadable> {
        let mut dependencies = Vec::new();
        let Some(candidates) = self.candidates(name)? else { return Ok(dependencies) };
        let Some(usable) = candidates.usable(version, self.target) else { return Ok(dependencies) };
        if extra.is_some() {
            dependencies.push((Node::Package(name.clone()), Ranges::singleton(version.clone())));
        } else {
            dependencies.push((Node::Python, usable.python.clone()));
            dependencies
                .extend(usable.hosts.iter().map(|(name, ranges)| (Node::Host(name.clone()), ranges.clone())));
        }
        let requirements: Vec<&Requirement> = usable.requirements(extra, self.target, self.rules).collect();
        self.request
            .packages
            .prefetch(&requirements.iter().map(|requirement| requirement.name.clone()).collect::<Vec<_>>());
        for requirement in requirements {
            add(&mut dependencies, requirement);
        }
        Ok(dependencies)
    }
}

/// A requirement is one on the package itself, and one on each extra that it names.
fn add(dependencies: &mut Vec<(Node, Ranges<Version>)>, requirement: &Requirement) {
    dependencies.push((Node::Package(requirement.name.clone()), requirement.ranges.clone()));
    for extra in &requirement.extras {
        dependencies.push((Node::Extra(requirement.name.clone(), extra.clone()), requirement.ranges.clone()));
    }
}

/// What is decided first. The order decides which of several solutions is found, and how fast.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priority {
    /// Breadth first, which leaves the newest versions to what the project names itself.
    Seen { conflicts: u32, order: Reverse<u32> },
    /// At most one candidate: deciding it cannot be wrong, and narrows the others.
    Forced(Reverse<u32>),
    /// Only stands for its base, so it decides that one along with it.
    Extra(Reverse<u32>),
    /// The target, and what has no candidates or cannot be read: nothing to decide.
    Given,
}

impl DependencyProvider for Provider<'_> {
    type P = Node;
    type V = Version;
    type VS = Ranges<Version>;
    type M = std::convert::Infallible;
    type Err = Unreadable;
    type Priority = Priority;

    fn prioritize(
        &self,
        node: &Node,
        range: &Ranges<Version>,
        statistics: &PackageResolutionStatistics,
    ) -> Priority {
        /// A few conflicts are no sign of trouble yet.
        const TROUBLE: u32 = 5;
        let order = {
            let mut seen = self.seen.borrow_mut();
            let next = seen.len() as u32;
            Reverse(*seen.entry(node.clone()).or_insert(next))
        };
        match node {
            Node::Root | Node::Python | Node::Host(_) => Priority::Given,
            Node::Extra(..) => Priority::Extra(order),
            Node::Package(name) => match self.candidates(name) {
                Ok(Some(candidates)) if candidates.within(range).nth(1).is_none() => Priority::Forced(order),
                Ok(Some(_)) => Priority::Seen { conflicts: statistics.conflict_count() / TROUBLE, order },
                Ok(None) | Err(_) => Priority::Given,
            },
        }
    }

    fn choose_version(&self, node: &Node, range: &Ranges<Version>) -> Result<Option<Version>, Unreadable> {
        let only = |version: Version| Ok(range.contains(&version).then_some(version));
        match node {
            Node::Root => only(root_version()),
            Node::Python => only(hosts::python_of(self.target)),
            Node::Host(name) => match hosts::provided(self.target, name) {
                Some(version) => only(version),
                None => Ok(None),
            },
            Node::Package(name) | Node::Extra(name, _) => self.choose(name, range),
        }
    }

    fn get_dependencies(
        &self,
        node: &Node,
        version: &Version,
    ) -> Result<Dependencies<Node, Ranges<Version>, std::convert::Infallible>, Unreadable> {
        let dependencies = match node {
            Node::Root => self.dependencies_of_root(),
            Node::Python | Node::Host(_) => Vec::new(),
            Node::Package(name) => self.dependencies_of_package(name, None, version)?,
            Node::Extra(name, extra) => self.dependencies_of_package(name, Some(extra), version)?,
        };
        Ok(Dependencies::Available(dependencies.into_iter().collect::<DependencyConstraints<_, _>>()))
    }
}

impl From<Unreadable> for ResolveError {
    fn from(Unreadable { name, source }: Unreadable) -> Self {
        ResolveError::Packages { name, source }
    }
}
