//! The plan of a publish: from artifacts and what a registry already has, to the records and blobs it lacks.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::{Incoming, PublishError, SmallBlob, Staged, StagedBlob};
use crate::model::{
    Add, Artifact, MAX_RECORD, Package, PackageName, Record, Release, ReleaseEntry, Requirement, Version,
    Yank, ranges_of_specifiers_text,
};

/// What a publish would do.
#[derive(Debug, Default)]
pub struct Plan {
    /// What is new.
    pub staged: Staged,
    /// Files that the registry has with the same bytes.
    pub already_there: Vec<PathBuf>,
    pub refused: Vec<Refused>,
}

/// Files that are not published, and why.
#[derive(Debug)]
pub struct Refused {
    pub files: Vec<PathBuf>,
    pub error: PublishError,
}

/// Plans the publish of `incoming` into a registry where `known` holds the packages of these names that it has.
///
/// A release is planned whole or not at all, save for single files that the registry has with other bytes.
pub fn plan(incoming: Vec<Incoming>, known: &BTreeMap<PackageName, Package>) -> Plan {
    let mut releases: BTreeMap<(PackageName, Version), Vec<Incoming>> = BTreeMap::new();
    for artifact in incoming {
        releases.entry((artifact.name.clone(), artifact.version.clone())).or_default().push(artifact);
    }
    let mut plan = Plan::default();
    for ((name, version), artifacts) in releases {
        let entry = known.get(&name).and_then(|package| package.releases.get(&version));
        plan.add_release(artifacts, entry);
    }
    plan
}

impl Plan {
    fn add_release(&mut self, mut artifacts: Vec<Incoming>, entry: Option<&ReleaseEntry>) {
        let key = |artifact: &Incoming| {
            (!artifact.is_wheel, artifact.blob.file.clone(), artifact.blob.path.clone())
        };
        artifacts.sort_by_cached_key(key);
        let yanked = artifacts.iter().find_map(|artifact| artifact.yanked.clone());
        let Some(first) = artifacts.first() else { return };
        let (name, version) = (first.name.clone(), first.version.clone());
        let spelling = entry.map_or_else(|| first.release.clone(), |entry| entry.release.clone());

        let artifacts = self.without_known(artifacts, entry);
        let small_blobs = artifacts.iter().filter_map(|artifact| artifact.provenance.clone()).collect();
        let (records, blobs, small_blobs) = match records_of(&artifacts, entry) {
            Ok(records) => {
                (records, artifacts.into_iter().map(|artifact| artifact.blob).collect(), small_blobs)
            }
            Err(error) => {
                let files = artifacts.into_iter().map(|artifact| artifact.blob.path).collect();
                self.refused.push(Refused { files, error });
                (Vec::new(), Vec::new(), Vec::new())
            }
        };
        let exists = entry.is_some() || !records.is_empty();
        self.staged.records.extend(records);
        self.staged.blobs.extend::<Vec<StagedBlob>>(blobs);
        self.staged.small_blobs.extend::<Vec<SmallBlob>>(small_blobs);
        let known_yanked = entry.is_some_and(|entry| entry.yanked.is_some());
        if let Some(reason) = yanked.filter(|_| exists && !known_yanked) {
            self.staged.records.push(Record::Yank(Yank {
                family: name.family(),
                name: spelling.name,
                version: version.to_string(),
                yanked: true,
                reason,
                revision: Some(1 + entry.map_or(0, |entry| entry.yanks)),
                signatures: Vec::new(),
            }));
        }
    }

    /// The artifacts that the release does not have yet, each file name once.
    fn without_known(&mut self, artifacts: Vec<Incoming>, entry: Option<&ReleaseEntry>) -> Vec<Incoming> {
        let known = entry.map_or(&[][..], |entry| &entry.artifacts);
        let mut digests: HashMap<String, _> =
            known.iter().map(|known| (known.file.clone(), known.sha256)).collect();
        let mut new = Vec::new();
        for artifact in artifacts {
            let StagedBlob { file, path, sha256: here, .. } = artifact.blob.clone();
            match digests.get(&file) {
                None => {
                    digests.insert(file, here);
                    new.push(artifact);
                }
                Some(there) if *there == here => self.already_there.push(path),
                Some(&there) => {
                    let error = PublishError::OtherBytes { file, there, here };
                    self.refused.push(Refused { files: vec![path], error });
                }
            }
        }
        new
    }
}

/// The records for new artifacts of one release, wheels first: a release record if it is new, and `add` records.
fn records_of(artifacts: &[Incoming], entry: Option<&ReleaseEntry>) -> Result<Vec<Record>, PublishError> {
    let Some(first) = artifacts.first() else { return Ok(Vec::new()) };
    let mut release = match entry {
        Some(entry) => entry.release.clone(),
        None => first.release.clone(),
    };
    release.artifacts.clear();
    // An sdist often does not know its requirements before it is built; where there is a wheel, that one is asked.
    let speaks = |artifact: &Incoming| artifact.is_wheel || (entry.is_none() && !first.is_wheel);
    let mut lines = Vec::with_capacity(artifacts.len());
    for artifact in artifacts {
        if speaks(artifact) {
            check_metadata(artifact)?;
            check_hosts(artifact, &release)?;
            if entry.is_none() {
                let more = artifact.release.extras.iter().filter(|extra| !release.extras.contains(extra));
                let more: Vec<String> = more.cloned().collect();
                release.extras.extend(more);
            }
        }
        lines.push(artifact_of(artifact, speaks(artifact).then_some(&release)));
    }
    split(release, lines, entry.is_none())
        .map_err(|source| PublishError::Record { release: first.title(), source })
}

/// The entry of one artifact, with what its metadata says otherwise than `release`.
fn artifact_of(incoming: &Incoming, release: Option<&Release>) -> Artifact {
    let StagedBlob { file, size, blake3, sha256, .. } = incoming.blob.clone();
    let own = &incoming.release;
    let requires = release.filter(|release| release.requires != own.requires).map(|_| own.requires.clone());
    // The empty text admits every version: it stands for metadata that asks for none.
    let requires_python = release
        .filter(|release| release.requires_python != own.requires_python)
        .map(|_| own.requires_python.clone().unwrap_or_default());
    let provenance = incoming.provenance.as_ref().map(SmallBlob::file);
    Artifact { file, size, blake3, sha256, requires, requires_python, provenance }
}

/// Every text that a resolver will read is read here first: what it cannot use must not enter a registry.
fn check_metadata(artifact: &Incoming) -> Result<(), PublishError> {
    for text in &artifact.release.requires {
        Requirement::parse(artifact.name.family(), text)
            .map_err(|source| PublishError::Requirement { release: artifact.title(), source })?;
    }
    if let Some(text) = &artifact.release.requires_python {
        ranges_of_specifiers_text(text)
            .map_err(|source| PublishError::RequiresPython { release: artifact.title(), source })?;
    }
    Ok(())
}

fn check_hosts(artifact: &Incoming, release: &Release) -> Result<(), PublishError> {
    if artifact.release.hosts == release.hosts {
        return Ok(());
    }
    let words = |hosts: &BTreeMap<String, String>| match hosts.len() {
        0 => "none".to_owned(),
        _ => hosts.iter().map(|(host, versions)| format!("{host} {versions}")).collect::<Vec<_>>().join(", "),
    };
    Err(PublishError::OtherHosts {
        file: artifact.blob.file.clone(),
        release: artifact.title(),
        here: words(&artifact.release.hosts),
        there: words(&release.hosts),
    })
}

/// What a record keeps free for the signatures that are added to it.
const SIGNATURES: usize = 1024;

/// Spreads artifacts over records so that each fits into a log entry. `is_new`: the first is the release record itself.
fn split(
    release: Release,
    artifacts: Vec<Artifact>,
    is_new: bool,
) -> Result<Vec<Record>, crate::model::RecordError> {
    let head = Add {
        family: release.family,
        name: release.name.clone(),
        version: release.version.clone(),
        artifacts: Vec::new(),
        signatures: Vec::new(),
    };
    // `,"artifacts":[]` is not written for a release without any.
    const LIST: usize = r#","artifacts":[]"#.len();
    let add_length = Record::Add(head.clone()).to_line()?.len() + LIST;
    let mut length =
        if is_new { Record::Release(release.clone()).to_line()?.len() + LIST } else { add_length };
    let mut parts: Vec<Vec<Artifact>> = vec![Vec::new()];
    for artifact in artifacts {
        let more = serde_json::to_string(&artifact)
            .map_err(|error| crate::model::RecordError::Json(error.to_string()))?
            .len()
            + 1;
        if length + more + SIGNATURES > MAX_RECORD {
            parts.push(Vec::new());
            length = add_length;
        }
        length += more;
        if let Some(part) = parts.last_mut() {
            part.push(artifact);
        }
    }
    let mut parts = parts.into_iter();
    let mut records = Vec::new();
    if is_new {
        let artifacts = parts.next().unwrap_or_default();
        records.push(Record::Release(Release { artifacts, ..release }));
    }
    let adds = parts.filter(|part| !part.is_empty());
    records.extend(adds.map(|artifacts| Record::Add(Add { artifacts, ..head.clone() })));
    for record in &records {
        record.to_line()?;
    }
    Ok(records)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
