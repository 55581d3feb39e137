//! Versions of every family, in one type that the resolver can order.

use std::fmt;
use std::ops::Bound;

use version_ranges::Ranges;

use super::Family;

/// A version: PEP 440 for Python packages and hosts, SemVer for Vitte packages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    Pep440(uv_pep440::Version),
    SemVer(semver::Version),
}

/// A text that is not a version, or not a version requirement, of its family.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    #[error("`{text}` is not a PEP 440 version: {reason}")]
    Pep440 { text: String, reason: String },
    #[error("`{text}` is not a SemVer version: {reason}")]
    SemVer { text: String, reason: String },
    #[error("`{text}` is not a PEP 440 version specifier: {reason}")]
    Specifier { text: String, reason: String },
    #[error("`{text}` is not a SemVer requirement: {reason}")]
    Requirement { text: String, reason: String },
}

impl Version {
    pub fn parse(family: Family, text: &str) -> Result<Self, VersionError> {
        match family {
            Family::Python | Family::Host => text
                .parse()
                .map(Version::Pep440)
                .map_err(|error| VersionError::Pep440 { text: text.into(), reason: one_line(&error) }),
            Family::Vitte => text.parse().map(Version::SemVer).map_err(|error: semver::Error| {
                VersionError::SemVer { text: text.into(), reason: error.to_string() }
            }),
        }
    }

    /// True for alpha, beta, candidate and development releases.
    pub fn is_prerelease(&self) -> bool {
        match self {
            Version::Pep440(version) => version.any_prerelease(),
            Version::SemVer(version) => !version.pre.is_empty(),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Version::Pep440(version) => version.fmt(f),
            Version::SemVer(version) => version.fmt(f),
        }
    }
}

/// The versions that PEP 440 specifiers admit, `>=1.2,<2`.
pub fn ranges_of_specifiers(specifiers: uv_pep440::VersionSpecifiers) -> Ranges<Version> {
    Ranges::<uv_pep440::Version>::from(specifiers)
        .into_iter()
        .map(|(low, high)| (low.map(Version::Pep440), high.map(Version::Pep440)))
        .collect()
}

/// The versions that the text of PEP 440 specifiers admits; the empty text admits all.
pub fn ranges_of_specifiers_text(text: &str) -> Result<Ranges<Version>, VersionError> {
    let specifiers = text
        .parse::<uv_pep440::VersionSpecifiers>()
        .map_err(|error| VersionError::Specifier { text: text.into(), reason: one_line(&error) })?;
    Ok(ranges_of_specifiers(specifiers))
}

/// The versions that a SemVer requirement admits, as Cargo reads it: `1.2`, `^1.2`, `~1.2`, `>=1, <3`, `=1.2.3`, `1.*`.
///
/// A pre-release is admitted only where its own release numbers are named: `^1.2` does not admit `2.0.0-rc.1`,
/// which a plain interval `[1.2.0, 2.0.0)` would.
pub fn ranges_of_semver(text: &str) -> Result<Ranges<Version>, VersionError> {
    let requirement = text
        .parse::<semver::VersionReq>()
        .map_err(|error| VersionError::Requirement { text: text.into(), reason: error.to_string() })?;
    Ok(requirement
        .comparators
        .iter()
        .map(ranges_of_comparator)
        .fold(Ranges::full(), |all, one| all.intersection(&one)))
}

fn ranges_of_comparator(comparator: &semver::Comparator) -> Ranges<Version> {
    use semver::Op;
    let (major, minor, patch) = (comparator.major, comparator.minor, comparator.patch);
    let exact = semver::Version {
        pre: comparator.pre.clone(),
        ..semver::Version::new(major, minor.unwrap_or(0), patch.unwrap_or(0))
    };
    // Just below any pre-release of the given numbers, so that an upper bound leaves them all out.
    let before = |major: u64, minor: u64, patch: u64| semver::Version {
        pre: semver::Prerelease::new("0").unwrap_or(semver::Prerelease::EMPTY),
        ..semver::Version::new(major, minor, patch)
    };
    let next_unnamed = match (minor, patch) {
        (None, _) => before(major.saturating_add(1), 0, 0),
        (Some(minor), None) => before(major, minor.saturating_add(1), 0),
        (Some(minor), Some(patch)) => before(major, minor, patch.saturating_add(1)),
    };
    let caret = match (major, minor, patch) {
        (0, Some(0), Some(patch)) => before(0, 0, patch.saturating_add(1)),
        (0, Some(minor), _) => before(0, minor.saturating_add(1), 0),
        _ => before(major.saturating_add(1), 0, 0),
    };
    let tilde = match minor {
        Some(minor) => before(major, minor.saturating_add(1), 0),
        None => before(major.saturating_add(1), 0, 0),
    };
    let between = |low: semver::Version, high: semver::Version| {
        Ranges::from_range_bounds((
            Bound::Included(Version::SemVer(low)),
            Bound::Excluded(Version::SemVer(high)),
        ))
    };
    match comparator.op {
        Op::Exact if patch.is_some() => Ranges::singleton(Version::SemVer(exact)),
        Op::Exact | Op::Wildcard => between(exact, next_unnamed),
        Op::Caret => between(exact, caret),
        Op::Tilde => between(exact, tilde),
        Op::GreaterEq => Ranges::higher_than(Version::SemVer(exact)),
        Op::Greater if patch.is_some() => Ranges::strictly_higher_than(Version::SemVer(exact)),
        Op::Greater => Ranges::higher_than(Version::SemVer(next_unnamed)),
        Op::LessEq if patch.is_some() => Ranges::lower_than(Version::SemVer(exact)),
        Op::LessEq => Ranges::strictly_lower_than(Version::SemVer(next_unnamed)),
        Op::Less if comparator.pre.is_empty() => {
            Ranges::strictly_lower_than(Version::SemVer(before(exact.major, exact.minor, exact.patch)))
        }
        Op::Less => Ranges::strictly_lower_than(Version::SemVer(exact)),
        _ => Ranges::empty(),
    }
}

/// The parsers of PEP 440 point at the offending character on lines of their own; one line is enough here.
fn one_line(error: &impl fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(requirement: &str, version: &str) -> bool {
        let version = Version::parse(Family::Vitte, version).unwrap();
        ranges_of_semver(requirement).unwrap().contains(&version)
    }

    #[test]
    fn caret_leaves_out_pre_releases_of_the_next_major() {
        assert!(admits("^1.2", "1.9.0"));
        assert!(!admits("^1.2", "2.0.0-rc.1"));
        assert!(!admits("^1.2", "2.0.0"));
        assert!(!admits("0.3", "0.4.0"));
        assert!(admits("^1.2.0-rc.1", "1.2.0-rc.2"));
    }

    #[test]
    fn ranges_agree_with_the_semver_crate_on_releases() {
        for requirement in [
            "*",
            "1",
            "^1.2.3",
            "~1.2",
            "=1.2.3",
            "=1.2",
            ">1.2",
            ">=1.2.3, <2",
            "<=1.2",
            "1.*",
            "<1.2.3",
            ">1.2.3",
        ] {
            for version in ["0.9.0", "1.0.0", "1.2.0", "1.2.3", "1.2.4", "1.3.0", "2.0.0", "3.1.4"] {
                let expected =
                    requirement.parse::<semver::VersionReq>().unwrap().matches(&version.parse().unwrap());
                assert_eq!(admits(requirement, version), expected, "{requirement} {version}");
            }
        }
    }
}
