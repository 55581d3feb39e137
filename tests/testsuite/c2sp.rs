//! The forms of C2SP against others than ourselves: a public log and its witnesses, another implementation of RFC 6962,
//! and the vectors of `index-schema/vectors`, which are written from the specifications alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use rvp::model::Blake3;
use rvp::registry::log::{LogFiles, append, check_consistency, check_inclusion, prove_consistency};
use rvp::registry::{Checkpoint, RegistryError, Witness, WitnessKey, cosignatures};
use serde::Deserialize;
use sigstore_merkle::{hash_leaf, verify_consistency_proof};
use sigstore_types::Sha256Hash;
use tlog_tiles::{EMPTY_HASH, Hash, record_hash};

/// A checkpoint of the staging log arche2025h1 of Certificate Transparency, as its host served it in May 2026 (at
/// arche2025h1.staging.ct.transparency.dev/checkpoint), with the cosignatures of public witnesses.
const PUBLIC: &str = "\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
";
const PUBLIC_LOG: &str =
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
const PUBLIC_WITNESS: &str = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";

#[test]
fn a_public_log_and_its_witness_are_believed_and_nothing_altered_is() {
    // The signature is found to be good, and only then that this log has no snapshot of ours.
    let error = Checkpoint::verify("here", PUBLIC.as_bytes(), PUBLIC_LOG).unwrap_err().to_string();
    assert!(error.contains("it has no `snapshot` line"), "{error}");
    let witness = Witness::parse(PUBLIC_WITNESS).unwrap();
    let cosigned = witness.cosigned(PUBLIC.as_bytes()).unwrap();
    assert_eq!((cosigned.witness.as_str(), cosigned.time), ("remora.n621.de", 0x6a12_2120));

    for (from, to) in [("1432088532", "1432088533"), ("U7WM79", "U7WM78"), ("arche2025h1", "arche2025h2")] {
        let altered = PUBLIC.replacen(from, to, 1);
        let error = Checkpoint::verify("here", altered.as_bytes(), PUBLIC_LOG).unwrap_err();
        assert!(matches!(error, RegistryError::Signature { .. }), "{error}");
        assert_eq!(witness.cosigned(altered.as_bytes()), None);
    }
    // The time is signed too.
    assert_eq!(witness.cosigned(PUBLIC.replace("2net5wAAAABqEiEgP", "2net5wAAAABqEiEhP").as_bytes()), None);
}

/// The vectors of cosignatures, from `make.py`.
#[test]
fn cosignatures_are_those_of_the_vectors() {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Cases {
        private_key: String,
        witness: String,
        cases: Vec<Case>,
        bad_keys: BTreeMap<String, String>,
    }
    #[derive(Deserialize)]
    struct Case {
        case: String,
        time: Option<u64>,
        text: String,
    }
    let cases: Cases = vectors("cosignatures.json");
    let key = WitnessKey::parse(&cases.private_key).unwrap();
    assert_eq!((key.verifier_key(), key.to_text()), (cases.witness.clone(), cases.private_key));
    for Case { case, time, text } in cases.cases {
        let found = cosignatures(text.as_bytes(), &[cases.witness.clone(), cases.witness.clone()]).unwrap();
        assert_eq!(found.iter().map(|one| one.time).collect::<Vec<_>>(), Vec::from_iter(time), "{case}");
        if let Some(time) = time {
            let line = key.cosign(text.as_bytes(), time).unwrap();
            assert!(text.contains(&line), "{case}: {line}");
        }
    }
    for (case, bad) in cases.bad_keys {
        assert!(Witness::parse(&bad).is_err(), "{case}");
    }
}

fn vectors<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("index-schema/vectors").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[derive(Default)]
struct Files(RefCell<BTreeMap<String, Vec<u8>>>);

impl LogFiles for Files {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        let files = self.0.borrow();
        let missing = |path: &String| RegistryError::Log { reason: format!("there is no {path}") };
        paths.iter().map(|path| files.get(path).cloned().ok_or_else(|| missing(path))).collect()
    }
}

fn entry(number: u64) -> String {
    format!("{{\"kind\":\"x\",\"n\":{number}}}")
}

/// A log of 300 entries that grew by one at a time, and all its states.
fn grown() -> (Files, Vec<Checkpoint>) {
    let state = |size, root| Checkpoint {
        origin: "t".into(),
        size,
        root,
        snapshot: Blake3::of(b""),
        time: jiff::Timestamp::UNIX_EPOCH,
    };
    let (files, mut states) = (Files::default(), vec![state(0, EMPTY_HASH)]);
    for number in 0..300 {
        let last = &states[states.len() - 1];
        let appended = append(&files, last.size, last.root, &[entry(number)]).unwrap();
        files.0.borrow_mut().extend(appended.files);
        states.push(state(appended.size, appended.root));
    }
    (files, states)
}

/// The proofs of every size up to 300 to some larger sizes, checked by another implementation; and what each must not prove.
#[test]
fn proofs_are_those_of_another_implementation() {
    let (files, states) = grown();
    let theirs = |hash: &Hash| Sha256Hash::new(hash.0);
    let other = Sha256Hash::new([7; 32]);
    let sizes = (1..40).chain([63, 64, 65, 127, 128, 129, 200, 255, 256, 257, 258, 299, 300]);
    for new in sizes.map(|size| &states[size]) {
        for old in &states[1..=usize::try_from(new.size).unwrap()] {
            let (root, proof) = prove_consistency(&files, old.size, new).unwrap();
            assert_eq!(root, old.root);
            let proof: Vec<Sha256Hash> = proof.iter().map(theirs).collect();
            let check = |old_root: &Sha256Hash| {
                verify_consistency_proof(old.size, new.size, &proof, old_root, &theirs(&new.root))
            };
            check(&theirs(&root)).unwrap_or_else(|error| panic!("{} in {}: {error}", old.size, new.size));
            assert!(check(&other).is_err());
            check_consistency(&files, old, new).unwrap();
        }
        let all: Vec<(u64, Hash)> =
            (0..new.size).map(|number| (number, record_hash(entry(number).as_bytes()))).collect();
        for (number, hash) in &all {
            assert_eq!(theirs(hash), hash_leaf(entry(*number).as_bytes()));
        }
        check_inclusion(&files, new, &all).unwrap();
        let mut wrong = all.clone();
        wrong.rotate_left(1);
        let wrong: Vec<(u64, Hash)> =
            all.iter().zip(wrong).map(|((number, _), (_, hash))| (*number, hash)).collect();
        assert!(new.size == 1 || check_inclusion(&files, new, &wrong).is_err());
    }
    let forged = Checkpoint { root: Hash([7; 32]), ..states[100].clone() };
    assert!(matches!(check_consistency(&files, &forged, &states[300]), Err(RegistryError::Fork { .. })));
}

/// All consistency proofs of some sizes, from `make.py`, which writes them from the text of RFC 6962.
#[test]
fn proofs_are_those_of_the_vectors() {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Case {
        size: u64,
        /// SHA-256 of the proofs of all smaller sizes, from 1 on, one after the other.
        consistency_sha256: String,
    }
    let (files, states) = grown();
    for Case { size, consistency_sha256 } in vectors::<Vec<Case>>("proofs.json") {
        let new = &states[usize::try_from(size).unwrap()];
        let proofs: Vec<u8> = (1..size)
            .flat_map(|old| prove_consistency(&files, old, new).unwrap().1)
            .flat_map(|hash| hash.0)
            .collect();
        assert_eq!(rvp::model::Sha256::of(&proofs).to_string(), consistency_sha256, "{size}");
    }
}
