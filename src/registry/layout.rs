//! The names of a registry's files, and how large each may be. Paths are relative, with `/` between parts.

use crate::model::{Artifact, Blake3, BundleFile, Record, RecordError};

pub const CONFIG: &str = "config.json";
/// What the registry demands of its own packages; there may be none.
pub const POLICY: &str = "policy.toml";
pub const CHECKPOINT: &str = "log/checkpoint";
/// In a bucket: the last state that was committed, which `log/checkpoint` follows.
pub const HEAD: &str = "log/head";
/// In a bucket: the folder of what changes write, until it stands in its places.
pub const STAGING: &str = "log/staging/";
/// The index file whose records name every file of the registry that is not an index file.
pub const FILES_INDEX: &str = "index/files";
/// The index file whose records name the owners of prefixes of names.
pub const PREFIXES_INDEX: &str = crate::model::PREFIXES_PATH;
/// The index file in which the log's keys hand over to each other.
pub const KEYS_INDEX: &str = "index/keys";
/// Taken by a writer of a directory for as long as it writes. Empty, and never read.
pub const LOCK: &str = ".lock";

/// The file name of every blob that is a Sigstore bundle.
pub const BUNDLE: &str = "bundle.sigstore.json";

/// For how long a server may let its checkpoint be used without asking, in seconds. What it says beyond that is not
/// heeded: a host must not be able to hide new states for long.
pub const MAX_FRESH_SECONDS: u32 = 600;

/// How far a checkpoint's time may be ahead of this machine's clock, in seconds: clocks differ, and a state of the far future would
/// stay fresh for as long, and keep honest ones from being sealed.
pub const MAX_AHEAD_SECONDS: i64 = 24 * 3600;

/// Larger files are refused before they are read: a reader's memory is not in the hands of the host.
pub const MAX_CONFIG: u64 = 1 << 20;
/// `index/keys`, which a client may have to read before it can check anything.
pub const MAX_KEYS: u64 = 1 << 20;
pub const MAX_CHECKPOINT: u64 = 1 << 16;
pub const MAX_SNAPSHOT_NODE: u64 = 1 << 17;
/// The committed bytes of one index file: 64 MiB, some 60,000 releases.
pub const MAX_INDEX: u64 = 1 << 26;
/// A Sigstore bundle; the largest statement is far smaller.
pub const MAX_BUNDLE: u64 = 1 << 22;

/// The index file in which a record stands, or none for kinds that no one publishes.
pub fn index_path(record: &Record) -> Result<Option<String>, RecordError> {
    Ok(match record {
        Record::File(_) => Some(FILES_INDEX.to_owned()),
        Record::Prefix(_) => Some(PREFIXES_INDEX.to_owned()),
        Record::Key(_) => Some(KEYS_INDEX.to_owned()),
        record => record.package()?.map(|name| name.index_path()),
    })
}

/// `blobs/ab/<blake3>/<file>`: the digest makes it unique, the file name lets pip read the URL.
pub fn blob(artifact: &Artifact) -> String {
    blob_of(artifact.blake3, &artifact.file)
}

pub fn blob_of(digest: Blake3, file: &str) -> String {
    let digest = digest.to_string();
    format!("blobs/{}/{digest}/{file}", &digest[..2])
}

/// `blobs/ab/<blake3>/bundle.sigstore.json`
pub fn bundle(file: &BundleFile) -> String {
    blob_of(file.blake3, BUNDLE)
}

/// The file name of every blob of attestations (PEP 740).
pub const PROVENANCE: &str = "provenance.json";
pub const MAX_PROVENANCE: u64 = 4 << 20;

/// `blobs/ab/<blake3>/provenance.json`
pub fn provenance(file: &BundleFile) -> String {
    blob_of(file.blake3, PROVENANCE)
}

/// `snapshot/<blake3>`
pub fn snapshot_node(digest: Blake3) -> String {
    format!("snapshot/{digest}")
}

/// Whether `name` can be the name of a blob: one part of a path, on every system.
pub fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '!');
    !name.is_empty()
        && name.len() <= 240
        && name.chars().all(plain)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !crate::model::is_windows_device(name.split('.').next().unwrap_or_default())
}

/// Where the bytes stand that a listed file had before its last change: readers of the state before may still need them.
pub fn before_last_change(path: &str) -> String {
    format!("{path}{BEFORE}")
}

const BEFORE: &str = ".before";

/// Whether `path` can be that of a file which `index/files` lists: outside the folders that have rules of their own,
/// and one word, as a snapshot leaf separates its words by spaces.
pub fn is_listed_file(path: &str) -> bool {
    let own_rules = ["index", "log", "snapshot", "blobs"];
    path.len() <= 240
        && !path.to_ascii_lowercase().ends_with(BEFORE)
        && path != super::MIRROR_FILE
        && path.split('/').all(is_file_name)
        && !path.split('/').next().is_some_and(|top| own_rules.contains(&top.to_ascii_lowercase().as_str()))
}

/// Whether `path` can be that of an index file: what a seal line says becomes a path on a disk where a copy is made.
pub fn is_index_path(path: &str) -> bool {
    path.len() <= 240
        && path.strip_prefix("index/").is_some_and(|rest| rest.split('/').all(is_file_name))
        && !path.contains(|c: char| c.is_ascii_uppercase())
}
