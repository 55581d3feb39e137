//! The releases in the records of a proposal, against what the registry has.

use std::collections::BTreeMap;

use super::description::{PolicyResult, ProposedRelease};
use crate::model::{Artifact, Package, PackageName, Record, Release, Signer, Version};
use crate::publish::{difference, release_before};

/// A release as it will be, and the files that it gets now.
struct Coming {
    release: Release,
    artifacts: Vec<Artifact>,
    files: Vec<(String, u64)>,
}

/// What reviewers of `records` have to know, where `known` has the packages of their names as they are, and `signers` have signed them
/// all. What policies say is the caller's to add. Records that stand for no release of these are passed over.
pub fn proposed_releases(
    known: &BTreeMap<PackageName, Package>,
    records: &[Record],
    signers: &[Signer],
) -> Vec<ProposedRelease> {
    let mut coming: BTreeMap<(PackageName, Version), Coming> = BTreeMap::new();
    for record in records {
        let (Ok(Some(name)), Some(text)) = (record.package(), version_of(record)) else { continue };
        let Ok(version) = Version::parse(name.family(), text) else { continue };
        let before = known.get(&name).and_then(|package| package.releases.get(&version));
        let key = (name, version);
        if let Record::Release(release) = record {
            let new = Coming { release: release.clone(), artifacts: Vec::new(), files: Vec::new() };
            coming.entry(key.clone()).or_insert(new);
        } else if let Some(before) = before {
            coming.entry(key.clone()).or_insert_with(|| Coming {
                release: before.release.clone(),
                artifacts: before.artifacts.clone(),
                files: Vec::new(),
            });
        }
        let Some(coming) = coming.get_mut(&key) else { continue };
        for artifact in record.artifacts() {
            coming.artifacts.push(artifact.clone());
            coming.files.push((artifact.file.clone(), artifact.size));
        }
    }
    let claimed: Vec<PackageName> = records
        .iter()
        .filter(|record| matches!(record, Record::Owners(_)))
        .filter_map(|record| record.package().ok().flatten())
        .collect();
    let described = coming.into_iter().map(|((name, version), Coming { release, artifacts, files })| {
        let previous = known.get(&name).and_then(|package| release_before(package, &version));
        ProposedRelease {
            difference: difference(previous, &release, &artifacts),
            claims: claimed.contains(&name),
            version: release.version,
            name,
            files,
            signers: signers.to_vec(),
            policy: PolicyResult::NoPolicy,
        }
    });
    described.collect()
}

/// The version that a record brings files to, as it spells it.
fn version_of(record: &Record) -> Option<&str> {
    match record {
        Record::Release(release) => Some(&release.version),
        Record::Add(add) => Some(&add.version),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Add, Blake3, Family, Sha256};
    use crate::publish::claim;

    fn artifact(file: &str) -> Artifact {
        Artifact {
            file: file.to_owned(),
            size: 10,
            blake3: Blake3::of(file.as_bytes()),
            sha256: Sha256::of(file.as_bytes()),
            requires: None,
            requires_python: None,
            provenance: None,
        }
    }

    fn release(name: &PackageName, version: &str, files: &[&str]) -> Record {
        let version = Version::parse(Family::Python, version).unwrap();
        let artifacts = files.iter().map(|file| artifact(file)).collect();
        Record::Release(Release { artifacts, ..Release::new(name, &version) })
    }

    fn add(name: &PackageName, version: &str, file: &str) -> Record {
        Record::Add(Add {
            family: Family::Python,
            name: name.as_str().to_owned(),
            version: version.to_owned(),
            artifacts: vec![artifact(file)],
            signatures: Vec::new(),
        })
    }

    #[test]
    fn new_releases_and_new_files_are_told_apart_from_what_is_there() {
        let name = PackageName::python("acme-walls").unwrap();
        let mut package = Package::new(name.clone());
        for record in [release(&name, "1.0", &["one.whl"]), release(&name, "1.1", &["two.whl"])] {
            package.apply("index", 1, record, jiff::Timestamp::UNIX_EPOCH, 0).unwrap();
        }
        let other = PackageName::python("acme-units").unwrap();
        let signer = Signer::Identity { identity: "ana@acme.example".to_owned(), issuer: "i".to_owned() };
        let records = [
            add(&name, "1.1", "more.whl"),
            claim(&other, "acme-units", &signer),
            release(&other, "2.0", &["a.whl"]),
            add(&other, "2.0", "b.whl"),
            add(&name, "9.9", "of-nothing.whl"),
        ];
        let known = BTreeMap::from([(name, package)]);
        let found = proposed_releases(&known, &records, &[signer]);
        let said: Vec<_> = found
            .iter()
            .map(|one| {
                let ProposedRelease { name, version, difference, files, claims, .. } = one;
                let files: Vec<_> = files.iter().map(|(file, _)| file.as_str()).collect();
                let (previous, size) =
                    (difference.previous.as_deref().unwrap_or("nothing"), difference.size.after);
                format!(
                    "{name} {version} after {previous}, {size} bytes, new: {}, claims: {claims}",
                    files.join(" ")
                )
            })
            .collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        acme-units 2.0 after nothing, 20 bytes, new: a.whl b.whl, claims: true
        acme-walls 1.1 after 1.0, 20 bytes, new: more.whl, claims: false
        ");
    }
}
