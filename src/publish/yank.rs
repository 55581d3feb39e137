//! The withdrawal of a release, and its return.

use super::PublishError;
use crate::model::{Package, Record, ReleaseEntry, Version, Yank};

/// The record that withdraws `version` of `package`, for `reason`. Locks that name it keep working.
pub fn yank(package: &Package, version: &Version, reason: &str) -> Result<Record, PublishError> {
    let entry = entry(package, version)?;
    if let Some(reason) = &entry.yanked {
        return Err(PublishError::AlreadyYanked {
            name: package.name.clone(),
            version: version.clone(),
            reason: reason.clone(),
        });
    }
    Ok(record(entry, true, reason))
}

/// The record that gives a withdrawn release back, for `reason`.
pub fn undo_yank(package: &Package, version: &Version, reason: &str) -> Result<Record, PublishError> {
    let entry = entry(package, version)?;
    if entry.yanked.is_none() {
        return Err(PublishError::NotYanked { name: package.name.clone(), version: version.clone() });
    }
    Ok(record(entry, false, reason))
}

/// The release, or which ones there are.
pub(super) fn entry<'a>(package: &'a Package, version: &Version) -> Result<&'a ReleaseEntry, PublishError> {
    package.releases.get(version).ok_or_else(|| {
        let newest: Vec<String> = package.releases.keys().rev().take(5).map(ToString::to_string).collect();
        let there = match newest.len() {
            0 => "it has no release of that package".to_owned(),
            _ => format!("its newest versions are {}", newest.join(", ")),
        };
        PublishError::NoSuchVersion { name: package.name.clone(), version: version.clone(), there }
    })
}

fn record(entry: &ReleaseEntry, yanked: bool, reason: &str) -> Record {
    Record::Yank(Yank {
        family: entry.release.family,
        name: entry.release.name.clone(),
        version: entry.release.version.clone(),
        yanked,
        reason: reason.to_owned(),
        revision: Some(entry.yanks + 1),
        signatures: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PackageName;

    const RELEASES: [&str; 2] = [
        r#"{"kind":"release","family":"python","name":"Demo","version":"1.0"}"#,
        r#"{"kind":"release","family":"python","name":"Demo","version":"2.0"}"#,
    ];

    fn package(lines: &[&str]) -> Package {
        let name = PackageName::python("demo").unwrap();
        let mut package = Package::new(name);
        for line in lines {
            let record = Record::parse(line).unwrap();
            package.apply("index", 1, record, jiff::Timestamp::UNIX_EPOCH, 0).unwrap();
        }
        package
    }

    fn version(text: &str) -> Version {
        Version::parse(crate::model::Family::Python, text).unwrap()
    }

    #[test]
    fn a_release_is_yanked_once() {
        let record = yank(&package(&RELEASES), &version("1.0.0"), "wrong units").unwrap();
        let line = record.to_line().unwrap();
        let yanked = package(&[RELEASES[0], RELEASES[1], &line]);
        let error = yank(&yanked, &version("1.0"), "again").unwrap_err().to_string();
        assert_eq!(error, "demo 1.0 is already yanked: wrong units");
    }

    #[test]
    fn a_version_that_is_not_there_is_told_from_those_that_are() {
        let error = yank(&package(&RELEASES), &version("3.0"), "").unwrap_err().to_string();
        assert_eq!(error, "demo 3.0 is not in the registry; its newest versions are 2.0, 1.0");
    }
}
