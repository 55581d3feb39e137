//! The vectors of `index-schema/vectors` against this program. They were written by an implementation that shares no
//! code with it (`make.py` there), or by hand.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use futures::future::BoxFuture;
use jsonschema::{Registry, Resource, Validator};
use rvp::model::{Artifact, Blake3, Family, PackageName, Record, Sha256};
use rvp::registry::log::{LogFiles, append, replay};
use rvp::registry::snapshot::{self, Entry, Nodes};
use rvp::registry::{Checkpoint, Config, LogKey, RegistryError, SealOptions, Writer, layout};
use serde::Deserialize;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("index-schema")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(folder().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json<T: serde::de::DeserializeOwned>(path: &str) -> T {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn validator(schema: &str) -> Validator {
    let artifact = Resource::from_contents(json::<Value>("schemas/artifact.json"));
    let registry = Registry::new().add("urn:rvp:format:1:artifact", artifact).unwrap().prepare().unwrap();
    let schema: Value = json(&format!("schemas/{schema}.json"));
    jsonschema::options().with_registry(&registry).build(&schema).unwrap()
}

#[test]
fn good_records_are_read_and_fit_their_schemas() {
    let validators: BTreeMap<&str, Validator> =
        ["release", "add", "yank", "owners", "prefix", "approve", "seal", "file", "key"]
            .map(|kind| (kind, validator(kind)))
            .into();
    for line in text("vectors/records-good.jsonl").lines() {
        let record = Record::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let value: Value = serde_json::from_str(line).unwrap();
        if let Some(validator) = validators.get(value["kind"].as_str().unwrap()) {
            validator.validate(&value).unwrap_or_else(|error| panic!("{line}: {error}"));
            let written = record.to_line().unwrap();
            assert_eq!(Record::parse(&written).unwrap(), record);
            validator.validate(&serde_json::from_str(&written).unwrap()).unwrap();
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BadRecord {
    case: String,
    refused_when: String,
    line: String,
}

#[test]
fn bad_records_are_refused() {
    let all: Vec<BadRecord> =
        text("vectors/records-bad.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (at_parse, at_seal): (Vec<_>, Vec<_>) = all.into_iter().partition(|bad| bad.refused_when == "parse");
    for bad in at_parse {
        assert!(Record::parse(&bad.line).is_err(), "{}", bad.case);
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("registry");
    let (key, verifier_key) = LogKey::generate("bad").unwrap();
    let config =
        Config { format: 1, name: "bad".into(), key: verifier_key, max_age_days: None, blobs: Vec::new() };
    let now = jiff::Timestamp::now();
    let taken = Record::parse(r#"{"kind":"release","family":"python","name":"a","version":"0.1"}"#).unwrap();
    Writer::create(&dir, &config, key.clone(), vec![taken], now).unwrap();
    let mut writer = Writer::open(&dir, |_| Ok(key)).unwrap();
    let (blob, artifact) = vector_blob();
    writer.put_blob(&blob, "a-1.0-py3-none-any.whl", artifact.blake3, artifact.size).unwrap();
    let before = writer.checkpoint().clone();
    let path = dir.join("index/python/a_/__/a");
    let committed = std::fs::read(&path).unwrap();
    for bad in at_seal {
        std::fs::write(&path, [&committed, bad.line.as_bytes(), b"\n"].concat()).unwrap();
        let sealed = writer.seal_proposals(now, SealOptions::default()).unwrap();
        let reasons: Vec<&str> = sealed.dropped.iter().map(|dropped| dropped.reason.as_str()).collect();
        assert_eq!((sealed.records, reasons.len()), (0, 1), "{}: {reasons:?}", bad.case);
        assert_eq!(sealed.checkpoint.root, before.root, "{}", bad.case);
    }
}

/// The blob of the vectors' registry, and what its record says of it.
fn vector_blob() -> (PathBuf, Artifact) {
    let line = text("vectors/registry/index/python/ac/me/acme-walls");
    let Ok(Record::Release(release)) = Record::parse(line.lines().next().unwrap()) else {
        panic!("the first line is a release");
    };
    let artifact = release.artifacts.into_iter().next().unwrap();
    (folder().join("vectors/registry").join(layout::blob(&artifact)), artifact)
}

#[test]
fn names_own_their_index_files() {
    #[derive(Deserialize)]
    struct Names {
        good: Vec<Good>,
        bad: Vec<Bad>,
    }
    #[derive(Deserialize)]
    struct Good {
        family: Family,
        name: String,
        normalised: String,
        path: String,
    }
    #[derive(Deserialize)]
    struct Bad {
        family: Family,
        name: String,
    }
    let names: Names = json("vectors/names.json");
    for Good { family, name, normalised, path } in names.good {
        let name = PackageName::new(family, &name).unwrap();
        assert_eq!((name.as_str(), name.index_path()), (normalised.as_str(), path));
    }
    for Bad { family, name } in names.bad {
        assert!(PackageName::new(family, &name).is_err(), "{family} {name:?}");
    }
}

struct NodeMap(BTreeMap<Blake3, Vec<u8>>);

impl Nodes for NodeMap {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        Box::pin(async move { self.0.get(&digest).cloned().ok_or(RegistryError::SnapshotNode { digest }) })
    }
}

#[test]
fn snapshots_have_the_nodes_of_the_vectors() {
    #[derive(Deserialize)]
    struct Case {
        case: String,
        entries: BTreeMap<String, Listed>,
        root: Blake3,
        nodes: BTreeMap<String, String>,
    }
    #[derive(Deserialize)]
    struct Listed {
        length: u64,
        blake3: Blake3,
    }
    for Case { case, entries, root, nodes } in json::<Vec<Case>>("vectors/snapshots.json") {
        let entries: BTreeMap<String, Entry> = entries
            .into_iter()
            .map(|(path, Listed { length, blake3 })| (path, Entry { length, digest: blake3 }))
            .collect();
        let file = |text: String| data_encoding::BASE64.decode(text.as_bytes()).unwrap();
        let nodes: BTreeMap<Blake3, Vec<u8>> =
            nodes.into_iter().map(|(digest, text)| (digest.parse().unwrap(), file(text))).collect();
        let nothing = NodeMap(BTreeMap::new());
        let made = block_on(snapshot::update(&nothing, None, entries.clone())).unwrap();
        assert_eq!(made, (root, nodes.clone()), "{case}");
        assert_eq!(block_on(snapshot::all(&NodeMap(nodes), root)).unwrap(), entries, "{case}");
    }
}

#[derive(Default)]
struct FileMap(RefCell<BTreeMap<String, Vec<u8>>>);

impl LogFiles for FileMap {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        let files = self.0.borrow();
        let missing = |path: &String| RegistryError::Log { reason: format!("there is no {path}") };
        paths.iter().map(|path| files.get(path).cloned().ok_or_else(|| missing(path))).collect()
    }
}

#[test]
fn logs_have_the_roots_and_tiles_of_the_vectors() {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Case {
        size: u64,
        root: String,
        files_sha256: BTreeMap<String, Sha256>,
    }
    #[derive(Deserialize)]
    struct Cases {
        entry: String,
        logs: Vec<Case>,
    }
    let Cases { entry, logs } = json("vectors/logs.json");
    let entry = |number: u64| entry.replace("<number>", &number.to_string());
    // One log that grows from case to case, so that every case also checks the step that leads to it.
    let files = FileMap::default();
    let (mut size, mut root) = (0, tlog_tiles::EMPTY_HASH);
    for case in logs {
        let entries: Vec<String> = (size..case.size).map(entry).collect();
        let appended = append(&files, size, root, &entries).unwrap();
        (size, root) = (appended.size, appended.root);
        files.0.borrow_mut().extend(appended.files);
        assert_eq!((size, root.to_string()), (case.size, case.root));
        for (path, digest) in case.files_sha256 {
            let found = files.0.borrow().get(&path).map(|bytes| Sha256::of(bytes));
            assert_eq!(found, Some(digest), "{path} of a log of {size} entries");
        }
        let (snapshot, time) = (Blake3::of(b""), jiff::Timestamp::UNIX_EPOCH);
        let mut count = 0;
        replay(&files, &Checkpoint { origin: "t".into(), size, root, snapshot, time }, 0, |number, found| {
            assert_eq!(found, entry(number).as_bytes());
            count += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(count, size);
    }
}

#[test]
fn checkpoints_are_believed_or_refused_as_the_vectors_say() {
    #[derive(Deserialize)]
    struct Cases {
        key: String,
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        case: String,
        is: String,
        text: String,
    }
    let Cases { key, cases } = json("vectors/checkpoints.json");
    for Case { case, is, text } in cases {
        let found = match Checkpoint::verify("here", text.as_bytes(), &key) {
            Ok(_) => "good",
            Err(RegistryError::Signature { .. }) => "signature",
            Err(RegistryError::Checkpoint { .. }) => "damaged",
            Err(error) => panic!("{case}: {error}"),
        };
        assert_eq!(found, is, "{case}");
    }
}

/// The example in the documentation of Go's `sumdb/note`.
#[test]
fn keys_and_signatures_are_those_of_go() {
    let verifier_key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key = LogKey::parse("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz");
    assert!(key.unwrap().matches(verifier_key));
    let note = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n\
                \n\
                — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    // The signature is found to be good, and only then the text not to be a checkpoint.
    let error = Checkpoint::verify("here", note.as_bytes(), verifier_key).unwrap_err();
    assert!(matches!(error, RegistryError::Checkpoint { .. }), "{error}");
    let altered = note.replace("don't", "do");
    let error = Checkpoint::verify("here", altered.as_bytes(), verifier_key).unwrap_err();
    assert!(matches!(error, RegistryError::Signature { .. }), "{error}");
}

/// Every file under `dir` but the lock, by its path.
fn files_under(dir: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for item in walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap) {
        if item.file_type().is_file() && item.file_name() != layout::LOCK {
            let parts: Vec<_> =
                item.path().strip_prefix(dir).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
            // Tiles hold hashes; one character for each byte keeps them comparable, and failures readable.
            let bytes = std::fs::read(item.path()).unwrap();
            files.insert(parts.join("/"), bytes.into_iter().map(char::from).collect());
        }
    }
    files
}

#[test]
fn a_whole_registry_is_written_byte_for_byte() {
    let expected = folder().join("vectors/registry");
    validator("config").validate(&json("vectors/registry/config.json")).unwrap();
    let config = Config::parse("the vectors", text("vectors/registry/config.json").as_bytes()).unwrap();
    let key = LogKey::parse(&text("vectors/registry.key")).unwrap();
    // Three seals, one second apart: what each committed is read from the vectors, and written anew.
    let records = |path: &str, seal: usize| -> Vec<Record> {
        let all = text(&format!("vectors/registry/{path}"));
        let mut seals = all.lines().map(|line| Record::parse(line).unwrap());
        let mut batch = Vec::new();
        for _ in 0..=seal {
            batch = seals.by_ref().take_while(|record| !matches!(record, Record::Seal(_))).collect();
        }
        batch
    };
    let at = |second: i64| jiff::Timestamp::from_second(1_767_225_600 + second).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("registry");
    Writer::create(&dir, &config, key.clone(), records("index/host/re/vi/revit", 0), at(0)).unwrap();
    let mut writer = Writer::open(&dir, |_| Ok(key)).unwrap();
    let (blob, artifact) = vector_blob();
    writer.put_blob(&blob, &artifact.file, artifact.blake3, artifact.size).unwrap();
    let walls = "index/python/ac/me/acme-walls";
    let second = [records("index/vitte/ro/us/roussov/con_", 0), records(walls, 0)].concat();
    writer.publish(second, at(1)).unwrap();
    writer.publish(records(walls, 1), at(2)).unwrap();

    let (made, expected) = (files_under(&dir), files_under(&expected));
    assert_eq!(made.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (path, bytes) in made {
        assert_eq!(bytes, expected[&path], "{path}");
    }
}
