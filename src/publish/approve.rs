//! The approval of a release by a reviewer.

use super::PublishError;
use super::yank::entry;
use crate::model::{Approve, Blake3, Package, Record, SealedLine, Version};

/// The record that approves `version` of `package` as it stands in `lines`, those of its index file.
pub fn approve(package: &Package, version: &Version, lines: &[SealedLine]) -> Result<Record, PublishError> {
    let release = &entry(package, version)?.release;
    let is_of = |text: &str| Version::parse(package.name.family(), text).is_ok_and(|of| of == *version);
    let reviewed = lines.iter().filter(|line| match &line.record {
        Record::Release(release) => is_of(&release.version),
        Record::Add(add) => is_of(&add.version),
        _ => false,
    });
    Ok(Record::Approve(Approve {
        family: release.family,
        name: release.name.clone(),
        version: release.version.clone(),
        records: reviewed.map(|line| Blake3::of(line.line.as_bytes())).collect(),
        signatures: Vec::new(),
    }))
}
