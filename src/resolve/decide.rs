//! Deciding a target: what was asked for, filled up with what the host release provides, and then by the machine.

use super::{Packages, PackagesError, Rulebook};
use crate::model::{PackageName, ReleaseEntry, Target, TargetError, TargetSpec, Version};
use crate::trust::policy::Violation;

/// What a target takes from the machine where nothing else says it.
pub trait Machine {
    /// The Python version to use, as `3.11.7`.
    fn python(&self) -> Result<String, PackagesError>;
    /// The platform of that Python, as wheel tags name it.
    fn platform(&self) -> Result<String, PackagesError>;
}

/// A target that cannot be decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("cannot read what `{host}` provides: {source}")]
    Packages { host: PackageName, source: PackagesError },
    #[error(
        "no registry here knows {host}\n  hint: add a registry that has its releases; `rvp registry init --with revit` makes one for Revit"
    )]
    NoHost { host: PackageName },
    #[error("{} {version} is not known\n  hint: known releases: {known}", host.as_str())]
    NoRelease { host: PackageName, version: Version, known: String },
    #[error("{} {version} is forbidden by {violation}\n  hint: {}", host.as_str(), violation.mend)]
    Forbidden { host: PackageName, version: Version, violation: Box<Violation> },
    #[error("this machine has no Python that the target could take: {0}")]
    Machine(PackagesError),
}

/// Decides one target. Its name is the same wherever the same target is asked for.
pub fn decide_target(
    spec: &TargetSpec,
    packages: &dyn Packages,
    rulebook: &dyn Rulebook,
    machine: &dyn Machine,
) -> Result<Target, DecideError> {
    let host = spec.host_parts()?;
    let provides = match &host {
        Some((name, version)) => host_release(packages, rulebook, name, version)?.release.provides,
        None => Default::default(),
    };
    let python = match spec.python.as_ref().or_else(|| provides.get("python")) {
        Some(python) => python.clone(),
        None => machine.python().map_err(DecideError::Machine)?,
    };
    let platform = match spec.platform.as_ref().or_else(|| provides.get("platform")) {
        Some(platform) => platform.clone(),
        None => machine.platform().map_err(DecideError::Machine)?,
    };
    let name = match &host {
        None => format!("python=={python} {platform}"),
        Some((host, version)) => {
            let mut name = format!("{}=={version}", host.as_str());
            if spec.python.is_some() {
                name.push_str(&format!(" python=={python}"));
            }
            if spec.platform.is_some() {
                name.push_str(&format!(" {platform}"));
            }
            name
        }
    };
    Ok(Target::new(name, host, provides, &python, platform.parse()?)?)
}

fn host_release(
    packages: &dyn Packages,
    rulebook: &dyn Rulebook,
    host: &PackageName,
    version: &Version,
) -> Result<ReleaseEntry, DecideError> {
    let unreadable = |source| DecideError::Packages { host: host.clone(), source };
    let found = packages
        .package(host)
        .map_err(unreadable)?
        .ok_or_else(|| DecideError::NoHost { host: host.clone() })?;
    let entry = found.package.releases.get(version).cloned().ok_or_else(|| {
        let known: Vec<String> = found.package.releases.keys().map(ToString::to_string).collect();
        DecideError::NoRelease { host: host.clone(), version: version.clone(), known: known.join(", ") }
    })?;
    match rulebook.against(&found, version, &entry).map_err(unreadable)? {
        None => Ok(entry),
        Some(violation) => Err(DecideError::Forbidden {
            host: host.clone(),
            version: version.clone(),
            violation: Box::new(violation),
        }),
    }
}
