//! Adding what a bundle carries to a copy.

use std::io::Read as _;
use std::path::Path;

use super::MirrorError;
use super::blobs::{missing, put};
use super::choice::{Chooser, Chosen};
use super::container::Container;
use super::copy::{STEP, chosen, of_replica, write_mirror_file};
use super::verify::mirror_file;
use crate::fetch::{Event, Progress};
use crate::model::{Blake3, Record};
use crate::registry::snapshot::Entry;
use crate::registry::{Checkpoint, Choice, Config, RegistryError, Replica, believe, layout, log};

/// What applying a bundle did.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Applied {
    /// The number of entries in the log, and how many of them are new.
    pub entries: u64,
    pub new_entries: u64,
    pub blobs: u64,
    pub bytes: u64,
    pub holds: Choice,
}

/// Adds the bundle `file` to the copy in `dir`, which is made if it is not there. All of the file is checked against its
/// manifest, and its state against the key of the copy (or `key`, or for a new copy the one that the bundle names),
/// and that its entries lead from the one to the
/// other, before anything is written. What a run that was cut has written is not written again; once all is there, applying
/// changes nothing.
pub fn apply(
    file: &Path,
    dir: &Path,
    key: Option<&str>,
    progress: &dyn Progress,
) -> Result<Applied, MirrorError> {
    let container = Container::open(file)?;
    let members = &container.manifest.members;
    let bytes = members.iter().map(|member| member.size).fold(0, u64::saturating_add);
    progress.report(Event::Wanted { files: members.len() as u64, bytes });
    container.check(&|length| progress.report(Event::Received(length)))?;
    let signed = container.checkpoint()?;
    let manifest = &container.manifest;
    let chooser = Chooser::new(&manifest.holds)?;

    // Before the folder is touched: with the key that is trusted already, if there is one.
    let location = file.display().to_string();
    let known = Replica::key_at(dir)?;
    let handovers = handovers(&container)?;
    if let Some(key) = key {
        believe(&location, &signed, key, &handovers)?;
    }
    let trusted = known.as_deref().or(key).unwrap_or(&manifest.key);
    let (checkpoint, key) = believe(&location, &signed, trusted, &handovers)?;
    if checkpoint.size != manifest.to {
        return Err(container.damaged("its manifest speaks of another state than its checkpoint".into()));
    }
    let gap = |has| MirrorError::Gap { path: file.into(), dir: dir.into(), from: manifest.from, has };
    if known.is_none() && manifest.from > 0 {
        return Err(gap(0));
    }
    let mut replica = Replica::open(dir, false)?;
    let old = replica.checkpoint().cloned();
    let has = old.as_ref().map_or(0, |old| old.size);
    if manifest.from > has {
        return Err(gap(has));
    }
    let mut applied = Applied {
        entries: has.max(checkpoint.size),
        new_entries: checkpoint.size.saturating_sub(has),
        blobs: 0,
        bytes: 0,
        holds: manifest.holds.clone(),
    };
    if let Some(old) = old.as_ref().filter(|old| old.size > checkpoint.size) {
        // The copy has gone on since.
        log::check_consistency(&replica, &checkpoint, old).map_err(|error| of_replica(&replica, error))?;
        return Ok(applied);
    }
    check_continues(&container, &replica, &checkpoint)?;
    append(&container, &mut replica, &checkpoint)?;
    let wanted = missing(dir, &chosen(&replica, &chooser, false)?, false);
    check_carried(&container, file, dir, &wanted)?;
    (applied.blobs, applied.bytes) = wanted.total();
    put_blobs(&container, &replica, &wanted)?;
    for (path, entry) in replica.missing_files() {
        replica.put_listed(&path, &listed_file(&container, &path, entry, &key)?)?;
    }
    let source = mirror_file(dir)?.and_then(|file| file.source);
    write_mirror_file(&replica, source, &manifest.holds)?;
    let is_older = old.is_some_and(|old| old.time > checkpoint.time);
    let signed = replica.signed_checkpoint().filter(|_| is_older).map_or(signed, <[u8]>::to_vec);
    replica.commit(&signed)?;
    Ok(applied)
}

/// The lines in which keys of the log hand over to others; they prove themselves.
fn handovers(container: &Container) -> Result<Vec<u8>, MirrorError> {
    let mut lines = Vec::new();
    for entry in container.entries()? {
        let entry = entry?;
        if let Ok(Record::Key(_)) = Record::parse(&entry) {
            lines.extend_from_slice(entry.as_bytes());
            lines.push(b'\n');
        }
    }
    Ok(lines)
}

/// Proves that the entries lead from the state of the copy to the one that is signed, before any is written.
fn check_continues(
    container: &Container,
    replica: &Replica,
    checkpoint: &Checkpoint,
) -> Result<(), MirrorError> {
    let manifest = &container.manifest;
    let mut next = manifest.from;
    let mut added = Vec::new();
    for entry in container.entries()? {
        let hash = tlog_tiles::record_hash(entry?.as_bytes());
        if next >= replica.size() {
            added.push(hash);
        }
        next += 1;
    }
    if next != manifest.to {
        return Err(container.damaged("it has other entries than its manifest says".into()));
    }
    let root = replica.root_after(&added).map_err(|error| of_replica(replica, error))?;
    if root != checkpoint.root {
        let (path, dir) = (container.path().into(), replica.dir().into());
        return Err(MirrorError::NotContinued { path, dir, has: replica.size() });
    }
    Ok(())
}

/// Takes the entries that the copy does not have.
fn append(container: &Container, replica: &mut Replica, checkpoint: &Checkpoint) -> Result<(), MirrorError> {
    let mut step: Vec<String> = Vec::new();
    let first = replica.size();
    for (number, entry) in (container.manifest.from..).zip(container.entries()?) {
        let entry = entry?;
        if number < first {
            continue;
        }
        step.push(entry);
        if (number + 1).is_multiple_of(STEP) {
            replica.append(&std::mem::take(&mut step)).map_err(|error| of_replica(replica, error))?;
        }
    }
    replica
        .append(&step)
        .and_then(|()| replica.finish(checkpoint))
        .map_err(|error| of_replica(replica, error))
}

/// What the choice takes must be in the copy or in the bundle, or the copy would claim what it does not hold.
fn check_carried(container: &Container, file: &Path, dir: &Path, wanted: &Chosen) -> Result<(), MirrorError> {
    let artifacts = wanted.artifacts.iter().map(|(path, artifact)| (path, artifact.blake3));
    let bundles = wanted.bundles.iter().map(|(path, bundle)| (path, bundle.blake3));
    let lacking: Vec<&String> = artifacts
        .chain(bundles)
        .filter(|(_, digest)| !container.has_data(*digest))
        .map(|(path, _)| path)
        .collect();
    match lacking.first() {
        None => Ok(()),
        Some(example) => Err(MirrorError::Lacking {
            path: file.into(),
            dir: dir.into(),
            missing: lacking.len(),
            example: (*example).clone(),
        }),
    }
}

fn put_blobs(container: &Container, replica: &Replica, wanted: &Chosen) -> Result<(), MirrorError> {
    let path = container.path();
    for artifact in wanted.artifacts.values() {
        let mut from = container.data(artifact.blake3)?;
        put(replica, &mut from, path, artifact, &path.display().to_string())?;
    }
    for (name, bundle) in &wanted.bundles {
        let bytes = read(container, bundle.blake3, layout::MAX_BUNDLE)?;
        if bytes.len() as u64 != bundle.size {
            return Err(container.damaged(format!("{name} has another size than its record says")));
        }
        replica.put(name, &bytes)?;
    }
    Ok(())
}

/// The bytes of a listed file. The configuration must be one that this version reads, of this very registry.
fn listed_file(container: &Container, path: &str, entry: Entry, key: &str) -> Result<Vec<u8>, MirrorError> {
    let bytes = read(container, entry.digest, layout::MAX_INDEX)?;
    if bytes.len() as u64 != entry.length {
        return Err(container.damaged(format!("{path} has another size than its record says")));
    }
    if path == layout::CONFIG {
        let location = container.path().display().to_string();
        let config = Config::parse(&location, &bytes)?;
        if config.key != key {
            let reason = format!("it names the key {}, and {key} signed it", config.key);
            return Err(RegistryError::Config { location, reason }.into());
        }
    }
    Ok(bytes)
}

/// The bytes of a small member, whose digest was checked with the rest of the file, and is again.
fn read(container: &Container, digest: Blake3, limit: u64) -> Result<Vec<u8>, MirrorError> {
    let mut bytes = Vec::new();
    let read = container.data(digest)?.take(limit).read_to_end(&mut bytes);
    read.map_err(MirrorError::io("read", container.path()))?;
    if Blake3::of(&bytes) != digest {
        return Err(container.damaged("it changed while it was read".into()));
    }
    Ok(bytes)
}
