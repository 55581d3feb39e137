//! The withdrawal of a release.

use super::PublishError;
use crate::model::{Package, Record, Version, Yank};

/// The record that withdraws `version` of `package`, for `reason`. Locks that name it keep working.
pub fn yank(package: &Package, version: &Version, reason: &str) -> Result<Record, PublishError> {
    let Some(entry) = package.releases.get(version) else {
        let newest: Vec<String> = package.releases.keys().rev().take(5).map(ToString::to_string).collect();
        let there = match newest.len() {
            0 => "it has no release of that package".to_owned(),
            _ => format!("its newest versions are {}", newest.join(", ")),
        };
        return Err(PublishError::NoSuchVersion {
            name: package.name.clone(),
            version: version.clone(),
            there,
        });
    };
    if let Some(reason) = &entry.yanked {
        return Err(PublishError::AlreadyYanked {
            name: package.name.clone(),
            version: version.clone(),
            reason: reason.clone(),
        });
    }
    Ok(Record::Yank(Yank {
        family: entry.release.family,
        name: entry.release.name.clone(),
        version: entry.release.version.clone(),
        yanked: true,
        reason: reason.to_owned(),
    }))
}
