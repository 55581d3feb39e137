//! What a target offers to packages: its Python, its host release, and what that host provides.

use std::collections::BTreeMap;

use version_ranges::Ranges;

use crate::model::{
    Family, NameError, PackageName, Target, Version, VersionError, ranges_of_specifiers_text,
};

/// Requirements on a host or on what it provides, as a release or a project states them.
pub(super) type HostRanges = Vec<(PackageName, Ranges<Version>)>;

#[derive(Debug, thiserror::Error)]
pub(super) enum HostError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Version(#[from] VersionError),
}

/// The full Python version of a target, without a pre-release part: `requires-python` speaks of releases.
pub(super) fn python_of(target: &Target) -> Version {
    Version::Pep440(target.markers.python_full_version().version.only_release())
}

/// The version in which a target offers `name`: that of its host, or of something its host provides, such as `dotnet`.
pub(super) fn provided(target: &Target, name: &PackageName) -> Option<Version> {
    let (host, version) = target.host.as_ref()?;
    if host == name {
        return Some(version.clone());
    }
    Version::parse(Family::Host, target.provides.get(name.as_str())?).ok()
}

/// Those of `hosts` that `target` has to satisfy.
///
/// A package that names several hosts runs in each of them: only the range of the target's own host counts then, and
/// that of what the host provides. A package that names other hosts alone cannot run in the target's. A target without
/// a host satisfies everything.
pub(super) fn applying(hosts: &BTreeMap<String, String>, target: &Target) -> Result<HostRanges, HostError> {
    let Some((host, _)) = &target.host else { return Ok(Vec::new()) };
    let mut all = Vec::with_capacity(hosts.len());
    for (name, specifiers) in hosts {
        all.push((PackageName::new(Family::Host, name)?, ranges_of_specifiers_text(specifiers)?));
    }
    let names_the_host = all.iter().any(|(name, _)| name == host);
    all.retain(|(name, _)| !names_the_host || provided(target, name).is_some());
    Ok(all)
}

/// Whether `target` satisfies requirements that apply to it.
pub(super) fn satisfied(hosts: &HostRanges, target: &Target) -> bool {
    hosts.iter().all(|(name, ranges)| provided(target, name).is_some_and(|version| ranges.contains(&version)))
}

/// A host as people write it: `Revit`, `.NET`.
pub(super) fn display_name(name: &PackageName) -> String {
    match name.as_str() {
        "dotnet" => ".NET".to_owned(),
        other => {
            let mut letters = other.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
        }
    }
}

/// What the target is, in words: `Revit 2025.4`, or `Python 3.11 on win_amd64`.
pub(super) fn describe(target: &Target) -> String {
    match &target.host {
        Some((host, version)) => format!("{} {version}", display_name(host)),
        None => describe_python(target),
    }
}

/// The interpreter and platform of the target, in words: `Python 3.11 on win_amd64`.
pub(super) fn describe_python(target: &Target) -> String {
    format!("Python {} on {}", target.python, target.platform)
}
