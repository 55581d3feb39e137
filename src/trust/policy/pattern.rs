//! Which packages a rule is about.

use std::fmt;

use serde::{Deserialize, Deserializer};
use uv_pep440::VersionSpecifiers;
use version_ranges::Ranges;

use super::facts::ReleaseFacts;
use super::rule::list;
use crate::model::{Family, PackageName, Requirement, Version, matches_pattern, ranges_of_specifiers};
use crate::project::{FromText, Text};

/// Packages by name, and by version where some are meant only: `numpy`, `acme-*`, `scipy<1.12`, `vitte:acme/*`, `host:revit`.
///
/// `*` alone is every package of Python and Vitte; hosts are applications, and are meant only where `host:` says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackagePattern {
    /// As it is written.
    text: String,
    /// None: every family but the hosts.
    family: Option<Family>,
    /// Of normalised names; `*` stands for any characters other than `/`, `**` for any at all.
    name: String,
    versions: Option<Ranges<Version>>,
}

impl PackagePattern {
    pub fn matches(&self, name: &PackageName, version: &Version) -> bool {
        let family = match self.family {
            Some(family) => name.family() == family,
            None => name.family() != Family::Host,
        };
        family
            && matches_pattern(&self.name, name.as_str())
            && self.versions.as_ref().is_none_or(|versions| versions.contains(version))
    }

    /// Whether it is about some versions only.
    pub fn has_versions(&self) -> bool {
        self.versions.is_some()
    }

    /// Whether it is about every package of Python and Vitte.
    pub fn is_all(&self) -> bool {
        self.family.is_none() && self.versions.is_none()
    }
}

impl fmt::Display for PackagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromText for PackagePattern {
    const EXPECTED: &'static str = "packages such as \"numpy\", \"acme-*\" or \"scipy<1.12\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = |reason: &str| format!("`{}` does not name packages: {reason}", text.escape_debug());
        let end = text.find(|c: char| "<>=!~^ ".contains(c)).unwrap_or(text.len());
        let (name, versions) = (&text[..end], text[end..].trim());
        if name == "*" && versions.is_empty() {
            return Ok(Self { text: text.into(), family: None, name: "**".into(), versions: None });
        }
        let (family, name) = match name.split_once(':') {
            Some(("python", name)) => (Family::Python, name),
            Some(("vitte", name)) => (Family::Vitte, name),
            Some(("host", name)) => (Family::Host, name),
            Some(_) => return Err(wrong("before `:` stands `python`, `vitte` or `host`")),
            None if name.contains('/') => (Family::Vitte, name),
            None => (Family::Python, name),
        };
        let allowed = |c: char| {
            c.is_ascii_alphanumeric() || "-_.*".contains(c) || (c == '/' && family == Family::Vitte)
        };
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(wrong(
                "a name has ASCII letters, digits, `-`, `_` and `.`; `*` stands for any characters, and versions follow as in `scipy<1.12`",
            ));
        }
        if family == Family::Vitte && !name.contains('/') && name != "**" {
            return Err(wrong("a Vitte package is named `owner/name`"));
        }
        let ranges = match (versions, family) {
            ("", _) => None,
            (versions, Family::Vitte) => Some(
                Requirement::parse(family, &format!("a/a {versions}"))
                    .map_err(|_| wrong("its versions are not those of SemVer, such as `^1.2`"))?
                    .ranges,
            ),
            (versions, _) => {
                let specifiers = VersionSpecifiers::from_text(versions).map_err(|reason| wrong(&reason))?;
                Some(ranges_of_specifiers(specifiers))
            }
        };
        let name = name.to_ascii_lowercase().replace(['_', '.'], "-");
        Ok(Self { text: text.into(), family: Some(family), name, versions: ranges })
    }
}

impl<'de> Deserialize<'de> for PackagePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|Text(pattern)| pattern)
    }
}

/// Whether one of `patterns` is about the package.
pub(super) fn any_matches(patterns: &[PackagePattern], release: &ReleaseFacts) -> bool {
    patterns.iter().any(|one| one.matches(release.name, release.version))
}

/// `acme-*, revitpy-*, but not acme-old`
pub(super) fn scope(packages: &[PackagePattern], except: &[PackagePattern]) -> String {
    let packages = match packages {
        [all] if all.is_all() => "every package".to_owned(),
        packages => list(packages),
    };
    match except {
        [] => packages,
        except => format!("{packages}, but not {}", list(except)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str, version: &str) -> bool {
        let name: PackageName = name.parse().unwrap();
        let version = Version::parse(name.family(), version).unwrap();
        PackagePattern::from_text(pattern).unwrap().matches(&name, &version)
    }

    #[test]
    fn a_pattern_is_about_the_packages_of_one_family() {
        for (pattern, name, expected) in [
            ("*", "numpy", true),
            ("*", "vitte:acme/math", true),
            ("*", "host:revit", false),
            ("**", "vitte:acme/math", false),
            ("Acme_*", "acme-walls", true),
            ("acme-*", "acme", false),
            ("h*", "host:revit", false),
            ("v*", "vitte:acme/math", false),
            ("host:*", "host:revit", true),
            ("vitte:acme/*", "vitte:acme/math", true),
            ("acme/*", "vitte:acme/math", true),
            ("vitte:**", "vitte:acme/math", true),
            ("python:numpy", "numpy", true),
        ] {
            assert_eq!(matches(pattern, name, "1.0.0"), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn versions_are_those_of_the_family() {
        assert!(matches("requests<2.32", "requests", "2.31.0"));
        assert!(!matches("requests<2.32", "requests", "2.32.0"));
        assert!(matches("requests >=2, <3", "requests", "2.31.0"));
        assert!(matches("acme-*==1.*", "acme-walls", "1.7"));
        assert!(matches("vitte:acme/* ^1.2", "vitte:acme/math", "1.3.0"));
        assert!(!matches("vitte:acme/* ^1.2", "vitte:acme/math", "2.0.0"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let mut said = String::new();
        for text in [
            "",
            " ",
            "a b",
            "numpy[extra]",
            "npm:left-pad",
            "vitte:math",
            "numpy<",
            "é",
            "a;b",
            "a/b <x",
            "a@1",
        ] {
            said.push_str(&format!("{}\n", PackagePattern::from_text(text).unwrap_err()));
        }
        insta::assert_snapshot!(said);
    }
}
