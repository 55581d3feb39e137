//! Version ranges and lists of versions as people write them.

use std::ops::Bound;

use version_ranges::Ranges;

use crate::model::Version;

/// `>=1.2,<2`, or several of these joined by `or`; empty for all versions.
pub(super) fn specifiers(ranges: &Ranges<Version>) -> String {
    let segments: Vec<String> = readable(ranges)
        .iter()
        .map(|(low, high)| match (low, high) {
            (Bound::Included(low), Bound::Included(high)) if low == high => format!("=={low}"),
            _ => [lower(low), upper(high)].into_iter().flatten().collect::<Vec<_>>().join(","),
        })
        .collect();
    segments.join(" or ")
}

fn lower(bound: Bound<&Version>) -> Option<String> {
    match bound {
        Bound::Included(version) => Some(format!(">={version}")),
        Bound::Excluded(version) => Some(format!(">{version}")),
        Bound::Unbounded => None,
    }
}

fn upper(bound: Bound<&Version>) -> Option<String> {
    match bound {
        Bound::Included(version) => Some(format!("<={version}")),
        Bound::Excluded(version) => Some(format!("<{version}")),
        Bound::Unbounded => None,
    }
}

/// Bounds that only an order needs, such as "the last local version of 1.2", become the versions that people wrote.
fn readable(ranges: &Ranges<Version>) -> Ranges<Version> {
    ranges
        .iter()
        .flat_map(|segment| match segment {
            (low, high) if is_pep440(low) || is_pep440(high) => {
                let one = Ranges::from_range_bounds((pep440(low), pep440(high)));
                uv_pep440::strip_local_version_sentinels(&one)
                    .into_iter()
                    .map(|(low, high)| (low.map(Version::Pep440), high.map(Version::Pep440)))
                    .collect()
            }
            (low, high) => vec![(low.cloned(), high.map(without_lowest_prerelease))],
        })
        .collect()
}

fn is_pep440(bound: Bound<&Version>) -> bool {
    matches!(bound, Bound::Included(Version::Pep440(_)) | Bound::Excluded(Version::Pep440(_)))
}

fn pep440(bound: Bound<&Version>) -> Bound<uv_pep440::Version> {
    match bound {
        Bound::Included(Version::Pep440(version)) => Bound::Included(version.clone()),
        Bound::Excluded(Version::Pep440(version)) => Bound::Excluded(version.clone()),
        _ => Bound::Unbounded,
    }
}

/// `2.0.0-0` stands below every pre-release of 2.0.0; people write `<2.0.0`.
fn without_lowest_prerelease(version: &Version) -> Version {
    match version {
        Version::SemVer(semver) if semver.pre.as_str() == "0" => {
            Version::SemVer(semver::Version::new(semver.major, semver.minor, semver.patch))
        }
        other => other.clone(),
    }
}

/// Versions, rising, in a few words: `1.0`, `1.0 and 1.1`, or `1.0 to 2.3 (7 releases)`.
pub(super) fn versions(versions: &[&Version]) -> String {
    match versions {
        [] => "no release".to_owned(),
        [one] => one.to_string(),
        [first, last] => format!("{first} and {last}"),
        [first, second, last] => format!("{first}, {second} and {last}"),
        [first, .., last] => format!("{first} to {last} ({} releases)", versions.len()),
    }
}
