//! The vectors of signed records, written by `index-schema/vectors/make.py`, which shares no code with this program.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rvp::model::{PackageName, Record, Signer, Version, Why};
use rvp::registry::{Authority, ClientFolders, DirStore, OpenOptions, Reader, SignedRecord, verify};
use rvp::trust::{RecordVerifier, check, check_all};
use serde::Deserialize;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("index-schema/vectors")
}

#[test]
fn bundles_sign_the_records_of_the_vectors_and_no_others() {
    #[derive(Deserialize)]
    struct Vectors {
        registry: String,
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        case: String,
        is: String,
        path: String,
        line: String,
        bundle: String,
    }
    let text = std::fs::read_to_string(vectors().join("signatures.json")).unwrap();
    let Vectors { registry, cases } = serde_json::from_str(&text).unwrap();
    assert!(cases.len() > 15);
    let verifier = RecordVerifier::default();
    for Case { case, is, path, line, bundle } in cases {
        let record = Record::parse(&line).unwrap_or_else(|error| panic!("{case}: {error}"));
        let key = record.signatures()[0].key.clone();
        let bundles = vec![Arc::new(bundle.into_bytes())];
        let signed = SignedRecord { path: &path, line: &line, record: &record, bundles };
        let found = verifier.signers(&registry, &signed);
        match is.as_str() {
            "good" => assert_eq!(found, Ok(vec![Signer::Key { key: key.unwrap() }]), "{case}"),
            _ => assert!(found.is_err(), "{case}"),
        }
    }
}

#[test]
fn a_registry_with_owners_is_read_and_replayed() {
    let home = tempfile::tempdir().unwrap();
    let folders = ClientFolders {
        state: home.path().join("state"),
        cache: home.path().join("cache"),
        evidence: home.path().join("evidence"),
    };
    let location = vectors().join("owned");
    let store = Arc::new(DirStore::open(&location).unwrap());
    let reader = Reader::open(store, folders, &OpenOptions::default()).unwrap();
    let name = PackageName::python("acme-walls").unwrap();
    let version = Version::parse(name.family(), "1.0").unwrap();
    let verifier = RecordVerifier::default();
    let facts = check(&verifier, &reader, &[(name.clone(), version.clone())]).unwrap().remove(0);
    let package = reader.package(&name).unwrap().unwrap();
    let ana = package.owners[0].set.keys().next().unwrap().clone();
    assert_eq!(facts.records, [vec![Signer::Key { key: ana.clone() }]]);
    assert_eq!(facts.owned, Some(Why::Owned));
    let [(Signer::Key { key: ben }, true)] = &facts.approvals[..] else { panic!("{:?}", facts.approvals) };
    assert_ne!(*ben, ana);
    reader.check_inclusion([(&name, &package.releases[&version])]).unwrap();
    let report = verify(&reader, false, &|_| {}).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(check_all(&verifier, &reader, &report.names).unwrap(), Vec::<String>::new());
}
