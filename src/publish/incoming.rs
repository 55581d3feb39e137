//! Artifacts on their way into a registry: read, hashed, and described in the words of a record.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{PublishError, Refused, StagedBlob};
use crate::model::{Digester, Family, PackageName, Release, Version, ranges_of_specifiers_text};
use crate::package::{self, ArtifactInfo};

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
        let mut all_hosts = hosts_of_metadata(&info)?;
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
        };
        Ok(Self { name, version, is_wheel: wheel.is_some(), release, yanked: None, blob })
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
fn hosts_of_metadata(info: &ArtifactInfo) -> Result<Hosts, PublishError> {
    let mut hosts = Hosts::new();
    for text in &info.metadata.requires_external {
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
        check_host_versions(name.as_str(), versions, &format!("the metadata of {}", info.name))?;
        hosts.insert(name.as_str().to_owned(), versions.to_owned());
    }
    Ok(hosts)
}

/// The host requirements of the project whose `pyproject.toml` is `project`, if it is the project of the package `name`:
/// `hosts` of `[tool.rvp]`.
pub fn hosts_of_project(project: &toml::Table, name: &PackageName) -> Result<Hosts, PublishError> {
    let project_name =
        project.get("project").and_then(|table| table.get("name")).and_then(toml::Value::as_str);
    if project_name.and_then(|text| PackageName::python(text).ok()).as_ref() != Some(name) {
        return Ok(Hosts::new());
    }
    let Some(hosts) = project.get("tool").and_then(|tool| tool.get("rvp")?.get("hosts")) else {
        return Ok(Hosts::new());
    };
    let table = hosts.as_table().ok_or(PublishError::HostTable)?;
    let mut hosts = Hosts::new();
    for (host, versions) in table {
        let host = PackageName::new(Family::Host, host)?;
        let versions = versions.as_str().ok_or(PublishError::HostTable)?;
        check_host_versions(host.as_str(), versions, "pyproject.toml")?;
        hosts.insert(host.as_str().to_owned(), versions.to_owned());
    }
    Ok(hosts)
}

fn check_host_versions(host: &str, versions: &str, from: &str) -> Result<(), PublishError> {
    ranges_of_specifiers_text(versions).map(drop).map_err(|source| PublishError::HostVersions {
        host: host.to_owned(),
        from: from.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(project: &str, name: &str) -> Result<Hosts, PublishError> {
        hosts_of_project(&project.parse().unwrap(), &PackageName::python(name).unwrap())
    }

    #[test]
    fn hosts_of_a_project_are_those_of_its_own_package() {
        let project = "[project]\nname = 'Site_Tools'\n[tool.rvp]\nhosts = { Revit = '>=2022,<2028' }";
        assert_eq!(
            hosts(project, "site-tools").unwrap(),
            Hosts::from([("revit".into(), ">=2022,<2028".into())])
        );
        assert_eq!(hosts(project, "other").unwrap(), Hosts::new());
    }

    #[test]
    fn hosts_that_cannot_be_read_are_an_error() {
        let with = |hosts: &str| format!("[project]\nname = 'x'\n[tool.rvp]\nhosts = {hosts}");
        assert!(matches!(hosts(&with("['revit']"), "x"), Err(PublishError::HostTable)));
        assert!(matches!(hosts(&with("{ revit = 2025 }"), "x"), Err(PublishError::HostTable)));
        assert!(matches!(hosts(&with("{ revit = 'new' }"), "x"), Err(PublishError::HostVersions { .. })));
    }
}
