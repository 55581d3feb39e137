//! What a release says that it runs in: the targets that it is resolved for where nobody names others.

use std::collections::{BTreeMap, BTreeSet};

use super::proposed::ProposedRelease;
use super::{Problem, Report};
use crate::model::{
    Family, PackageName, ReleaseEntry, Target, TargetSpec, Version, ranges_of_specifiers_text,
};
use crate::resolve::{Machine, NoRules, Packages, PackagesError, decide_target};

/// The last release of each minor version of CPython that is tried. Which one it is makes a difference only to those that
/// need a newer one.
const PYTHONS: [&str; 6] = ["3.8.20", "3.9.25", "3.10.19", "3.11.14", "3.12.12", "3.13.9"];

/// Where a release of any platform is tried.
const ANY_PLATFORM: &str = "win_amd64";

/// The targets of a release; where there are none, the report says why.
pub(super) fn claimed(
    release: &ProposedRelease,
    packages: &dyn Packages,
    report: &mut Report,
) -> Vec<Target> {
    let targets = of_release(&release.name, &release.version, &release.entry, packages);
    if targets.is_empty() && release.name.family() != Family::Host {
        let reason = match release.entry.release.hosts.is_empty() {
            true => {
                "was not resolved: none of its files is a wheel for a Python and a platform that are tried"
            }
            false => "was not resolved: no release is known of a host that it runs in",
        };
        report.warnings.push(Problem::new(release.title(), reason));
    }
    targets
}

/// The hosts that it names, or else the Pythons and platforms of its wheels.
pub(super) fn of_release(
    name: &PackageName,
    version: &Version,
    entry: &ReleaseEntry,
    packages: &dyn Packages,
) -> Vec<Target> {
    match entry.release.hosts.is_empty() {
        true => of_files(name, version, entry),
        false => entry
            .release
            .hosts
            .iter()
            .flat_map(|(host, versions)| of_host(host, versions, packages))
            .collect(),
    }
}

/// The newest release of a host in each year, or other first number of its version, among those that `versions` admits.
fn of_host(host: &str, versions: &str, packages: &dyn Packages) -> Vec<Target> {
    let Ok(name) = PackageName::new(Family::Host, host) else { return Vec::new() };
    let Ok(versions) = ranges_of_specifiers_text(versions) else { return Vec::new() };
    let Ok(Some(found)) = packages.package(&name) else { return Vec::new() };
    let mut newest: BTreeMap<u64, &Version> = BTreeMap::new();
    for (version, entry) in &found.package.releases {
        if let Version::Pep440(parts) = version
            && entry.yanked.is_none()
            && versions.contains(version)
        {
            // Releases rise.
            newest.insert(parts.release().first().copied().unwrap_or_default(), version);
        }
    }
    let spec = |version: &&Version| TargetSpec {
        host: Some(format!("{}=={version}", name.as_str())),
        ..TargetSpec::default()
    };
    newest
        .values()
        .filter_map(|version| decide_target(&spec(version), packages, &NoRules, &NoMachine).ok())
        .collect()
}

/// Each Python with each platform that some file runs on.
fn of_files(name: &PackageName, version: &Version, entry: &ReleaseEntry) -> Vec<Target> {
    let wheels: Vec<_> = entry
        .artifacts
        .iter()
        .filter_map(|artifact| Some((artifact, artifact.wheel_of(name, version)?)))
        .collect();
    let is_any = name.family() == Family::Vitte;
    let of_wheels = wheels.iter().flat_map(|(_, wheel)| wheel.platform_tags());
    let mut platforms: BTreeSet<String> = of_wheels.filter_map(|tag| platform(&tag.to_string())).collect();
    platforms.extend(is_any.then(|| ANY_PLATFORM.to_owned()));
    let mut targets = Vec::new();
    for python in PYTHONS {
        for platform in &platforms {
            let Ok(parsed) = platform.parse() else { continue };
            let title = format!("python=={python} {platform}");
            let Ok(target) = Target::new(title, None, BTreeMap::new(), python, parsed) else { continue };
            let runs = wheels.iter().any(|(artifact, wheel)| {
                let text = artifact.requires_python.as_ref().or(entry.release.requires_python.as_ref());
                let python = Version::Pep440(target.python.clone());
                let admits = |text: &String| {
                    ranges_of_specifiers_text(text).is_ok_and(|versions| versions.contains(&python))
                };
                wheel.is_compatible(&target.tags) && text.is_none_or(admits)
            });
            if runs || (is_any && python == PYTHONS[PYTHONS.len() - 1]) {
                targets.push(target);
            }
        }
    }
    targets
}

/// A platform of today that a platform tag is for: what a wheel needs at least is seldom enough for what it depends on.
fn platform(tag: &str) -> Option<String> {
    /// At least this version of the C library, or of macOS.
    fn at_least(prefix: &str, least: (u16, u16), rest: &str) -> Option<String> {
        let mut parts = rest.splitn(3, '_');
        let version = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let architecture = match parts.next()? {
            "universal2" | "universal" => "arm64",
            other => other,
        };
        let (major, minor) = version.max(least);
        Some(format!("{prefix}_{major}_{minor}_{architecture}"))
    }
    const GLIBC: (u16, u16) = (2, 28);
    if tag == "any" {
        return Some(ANY_PLATFORM.into());
    }
    for old in ["manylinux1_", "manylinux2010_", "manylinux2014_"] {
        if let Some(architecture) = tag.strip_prefix(old) {
            return Some(format!("manylinux_{}_{}_{architecture}", GLIBC.0, GLIBC.1));
        }
    }
    if tag.starts_with("win") {
        return Some(tag.to_owned());
    }
    match tag.split_once('_')? {
        ("manylinux", rest) => at_least("manylinux", GLIBC, rest),
        ("musllinux", rest) => at_least("musllinux", (1, 2), rest),
        ("macosx", rest) => at_least("macosx", (14, 0), rest),
        _ => None,
    }
}

/// A check says the same on every machine.
struct NoMachine;

impl Machine for NoMachine {
    fn python(&self) -> Result<String, PackagesError> {
        Err("the host's release does not say which Python it has".into())
    }

    fn platform(&self) -> Result<String, PackagesError> {
        Err("the host's release does not say which platform it is for".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_those_of_today() {
        for (tag, expected) in [
            ("any", Some("win_amd64")),
            ("win32", Some("win32")),
            ("manylinux2014_x86_64", Some("manylinux_2_28_x86_64")),
            ("manylinux_2_17_aarch64", Some("manylinux_2_28_aarch64")),
            ("manylinux_2_34_x86_64", Some("manylinux_2_34_x86_64")),
            ("musllinux_1_1_x86_64", Some("musllinux_1_2_x86_64")),
            ("macosx_10_9_universal2", Some("macosx_14_0_arm64")),
            ("macosx_15_0_x86_64", Some("macosx_15_0_x86_64")),
            ("linux_x86_64", None),
            ("manylinux_x", None),
        ] {
            assert_eq!(platform(tag).as_deref(), expected, "{tag}");
        }
    }
}
