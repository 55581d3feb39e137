//! The resolver: one PubGrub solve over all families, the lock that keeps its result, and explanations of its failures.
//!
//! [`resolve`] solves for one target, [`resolve_all`] for several that share versions where they can.
//! Packages come through the [`Packages`] trait, so this module reads no files but the lock itself.

mod artifact;
mod candidates;
mod conflict;
mod decide;
mod explain;
mod facts;
mod hosts;
mod lock;
mod lock_file;
mod lock_inputs;
mod options;
mod order;
mod provider;
mod registries;
mod resolution;
mod rulebook;
mod rules;
mod specifiers;
mod suggest;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use conflict::Conflict;
pub use decide::{DecideError, Machine, decide_target};
pub use lock::{Lock, LockedArtifact, LockedPackage, LockedRegistry, LockedTarget};
pub use lock_file::LockError;
pub use lock_inputs::LockInputs;
pub use options::{Preferences, PrereleaseMode, ResolutionMode, ResolveOptions, Upgrade};
pub use registries::{Ambiguous, Registries};
pub use resolution::{Dependency, Resolution, ResolvedPackage};
pub use rulebook::{Judge, NoRules, Rulebook};
pub use targets::resolve_all;

use crate::model::{NameError, Package, PackageName, Requirement, RequirementError, Target, VersionError};

/// What a registry answered instead of a package; it says what was being read and what was wrong.
pub type PackagesError = Box<dyn std::error::Error + Send + Sync>;

/// Where packages come from: the registries of a project.
pub trait Packages {
    /// All that is known of `name`, or none.
    fn package(&self, name: &PackageName) -> Result<Option<Arc<Found>>, PackagesError>;

    /// Names that will be asked for soon; may start fetching.
    fn prefetch(&self, _names: &[PackageName]) {}

    /// The registries that `package` asks for `name`, in order, for the message that it is nowhere.
    fn searched(&self, _name: &PackageName) -> Vec<String> {
        Vec::new()
    }

    /// Existing names that are spelled nearly like `name`, best first.
    fn similar(&self, _name: &PackageName) -> Vec<PackageName> {
        Vec::new()
    }
}

/// A package, and the registry that serves it.
#[derive(Clone, Debug)]
pub struct Found {
    pub registry: String,
    pub package: Arc<Package>,
}

/// Who asks: how an explanation calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    Project,
    Environment,
    Import,
    Check,
}

impl std::fmt::Display for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Project => "the project",
            Self::Environment => "the environment",
            Self::Import => "the import",
            Self::Check => "the check",
        })
    }
}

/// What is to be resolved: the project's side of the question. The target is the other side.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub asker: Asker,
    pub requirements: &'a [Requirement],
    /// The project's own `requires-python`, as PEP 440 specifiers.
    pub requires_python: Option<&'a str>,
    /// The hosts that the project itself runs in: a host's name, and PEP 440 specifiers.
    pub hosts: &'a BTreeMap<String, String>,
    pub options: &'a ResolveOptions,
    pub preferences: &'a Preferences,
    pub packages: &'a dyn Packages,
    pub rulebook: &'a dyn Rulebook,
}

/// Why there is no resolution.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("cannot read the package `{name}`: {source}")]
    Packages { name: PackageName, source: PackagesError },
    #[error("the setting `{setting}` has an entry that is not a requirement: {source}")]
    Setting { setting: &'static str, source: RequirementError },
    #[error("the project's `{setting}` is not valid: {source}")]
    Project { setting: String, source: VersionError },
    #[error("the project's `hosts` names something that is not a host: {0}")]
    HostName(NameError),
    #[error("{0}")]
    Conflict(Box<Conflict>),
}

/// Finds one version for each package that the request needs on `target`.
pub fn resolve(request: &Request, target: &Target) -> Result<Resolution, ResolveError> {
    let rules = rules::Rules::new(request, target)?;
    match provider::solve(request, target, &rules) {
        Ok(solution) => resolution::assemble(request, target, &rules, solution),
        Err(provider::Failure::Unreadable(error)) => Err(error.into()),
        Err(provider::Failure::NoSolution(unsolved)) => {
            Err(ResolveError::Conflict(Box::new(explain::explain(request, target, &rules, &unsolved))))
        }
    }
}
