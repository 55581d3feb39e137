//! Artifacts on their way into a registry: read, hashed, and described in the words of a record.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{PublishError, Refused, SmallBlob, StagedBlob};
use crate::model::{Digester, Family, PackageName, Release, Version, ranges_of_specifiers_text};
use crate::package::{self, ArtifactInfo, Metadata};

/// Host requirements: the host's name, and PEP 440 specifiers for its version.
pub type Hosts = BTreeMap<String, String>;

/// The names in `Requires-External` that are hosts; others are libraries of the system, which no resolver knows.
const KNOWN_HOSTS: [&str; 1] = ["revit"];

/// An artifact that is to be published.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub name: PackageName,
    pub version: Version,
    pub is_wheel: bool,
    /// What its metadata says, as a release record without artifacts.
    pub release: Release,
    /// The reason, which may be empty, if its release is withdrawn where it comes from.
    pub yanked: Option<String>,
    pub blob: StagedBlob,
    /// The attestations that came with it, checked.
    pub provenance: Option<SmallBlob>,
}

/// What came of reading several artifacts.
#[derive(Debug, Default)]
pub struct ReadArtifacts {
    pub incoming: Vec<Incoming>,
    pub refused: Vec<Refused>,
}

/// Reads and hashes artifacts in parallel. `hosts` are host requirements besides those of the metadata, by package.
pub fn read_artifacts(paths: &[PathBuf], hosts: impl Fn(&PackageName) -> Hosts + Sync) -> ReadArtifacts {
    let read = |path: &PathBuf| Incoming::read(hash(path)?, &hosts);
    let results: Vec<_> = paths.par_iter().map(read).collect();
    let mut all = ReadArtifacts::default();
    for (path, result) in paths.iter().zip(results) {
        match result {
            Ok(incoming) => all.incoming.push(incoming),
            Err(error) => all.refused.push(Refused { files: vec![path.clone()], error }),
        }
    }
    all
}

impl Incoming {
    /// Reads the metadata of an artifact that is hashed already.
    pub fn read(blob: StagedBlob, hosts: impl Fn(&PackageName) -> Hosts) -> Result<Self, PublishError> {
        let info = package::read_artifact(&blob.path)?;
        let mut all_hosts = hosts_of_metadata(&info.metadata)?;
        all_hosts.extend(hosts(&info.name));
        let ArtifactInfo { name, version, metadata, wheel } = info;
        let release = Release {
            family: name.family(),
            name: metadata.name,
            version: metadata.version,
            requires: metadata.requires_dist,
            requires_python: metadata.requires_python,
            extras: metadata.provides_extra,
            hosts: all_hosts,
            provides: BTreeMap::new(),
            license: metadata.license,
            summary: metadata.summary,
            artifacts: Vec::new(),
            signatures: Vec::new(),
        };
        Ok(Self { name, version, is_wheel: wheel.is_some(), release, yanked: None, blob, provenance: None })
    }

    /// The release in words: `numpy 1.26.4`.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

/// Both digests of a file, read in pieces.
fn hash(path: &Path) -> Result<StagedBlob, PublishError> {
    let failed = |source| PublishError::Io { action: "read", path: path.into(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut digester = Digester::default();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => break,
            length => digester.update(&buffer[..length]),
        }
    }
    let (blake3, sha256, size) = digester.finish();
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(StagedBlob { path: path.into(), file, blake3, sha256, size })
}

/// The hosts in `Requires-External`, each written as `revit (>=2022,<2028)` or `revit >=2022`.
fn hosts_of_metadata(metadata: &Metadata) -> Result<Hosts, PublishError> {
    let mut hosts = Hosts::new();
    for text in &metadata.requires_external {
        let end =
            text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(text.len());
        let (name, versions) = text.split_at(end);
        let Ok(name) = PackageName::new(Family::Host, name) else { continue };
        if !KNOWN_HOSTS.contains(&name.as_str()) {
            continue;
        }
        if versions.contains(';') {
            return Err(PublishError::HostText(text.clone()));
        }
        let versions = versions.trim().trim_start_matches('(').trim_end_matches(')').trim();
        ranges_of_specifiers_text(versions).map_err(|source| PublishError::HostVersions {
            host: name.as_str().to_owned(),
            name: metadata.name.clone(),
            source,
        })?;
        hosts.insert(name.as_str().to_owned(), versions.to_owned());
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(requires_external: &[&str]) -> Result<Hosts, PublishError> {
        let external: String =
            requires_external.iter().map(|text| format!("Requires-External: {text}\n")).collect();
        let text = format!("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n{external}");
        hosts_of_metadata(&Metadata::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn hosts_are_told_from_libraries_of_the_system() {
        let expected = Hosts::from([("revit".to_owned(), ">=2022,<2028".to_owned())]);
        for text in ["revit (>=2022,<2028)", "Revit >=2022,<2028", "revit>=2022,<2028"] {
            assert_eq!(hosts(&["libpng (>=1.5)", text, "C", "?"]).unwrap(), expected, "{text}");
        }
        assert_eq!(hosts(&["revit"]).unwrap()["revit"], "", "any release");
    }

    #[test]
    fn a_host_requirement_that_cannot_be_read_is_an_error() {
        assert!(matches!(hosts(&["revit (new)"]), Err(PublishError::HostVersions { .. })));
        let marked = hosts(&["revit (>=2022); sys_platform == 'win32'"]);
        assert!(matches!(marked, Err(PublishError::HostText(_))));
    }
}
