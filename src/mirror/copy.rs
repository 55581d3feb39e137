//! Following a registry that can be reached.

use std::sync::Arc;

use super::blobs::{Transfer, fetch, missing};
use super::choice::{Chooser, Chosen};
use super::prune::prune;
use super::{MirrorError, verify::mirror_file};
use crate::registry::{Checkpoint, Choice, MIRROR_FILE, MirrorFile, Reader, RegistryError, Replica, log};

/// How many entries are appended at once: whole tiles, so that the tiles in between are not written partly first.
pub(super) const STEP: u64 = 1 << 12;

/// What is asked for besides the newest state.
#[derive(Clone, Debug, Default)]
pub struct CopyOptions {
    /// Left out: what the mirror holds already; in a new one, what the source holds.
    pub choice: Option<Choice>,
    /// The replica was opened to be rebuilt: look at every byte of the blobs too.
    pub repair: bool,
    /// Remove the blobs that are not chosen, once the new state is in place.
    pub prune: bool,
}

/// What a run did.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Copied {
    /// The number of entries in the log, and how many of them are new.
    pub entries: u64,
    pub new_entries: u64,
    /// Blobs that were fetched.
    pub blobs: u64,
    pub bytes: u64,
    /// Blobs that were removed.
    pub removed: u64,
    pub removed_bytes: u64,
    pub holds: Choice,
}

/// Brings `replica` to the state of `source`. A mirror that is at it already and keeps its choice costs nothing but the
/// request for that state.
pub fn copy(
    source: &Reader,
    mut replica: Replica,
    options: &CopyOptions,
    transfer: &Transfer,
) -> Result<Copied, MirrorError> {
    let store = Arc::clone(source.store()?);
    let checkpoint = source.checkpoint();
    let held = mirror_file(replica.dir())?.map(|file| file.holds);
    let holds = match options.choice.clone().or_else(|| held.clone()) {
        Some(choice) => choice,
        None => choice_of_source(source)?,
    };
    let chooser = Chooser::new(&holds)?;
    let old = replica.checkpoint().cloned();
    if let Some(old) = &old {
        check_continues(source, &replica, old)?;
    }
    let mut copied = Copied {
        entries: checkpoint.size,
        new_entries: checkpoint.size - old.as_ref().map_or(0, |old| old.size),
        blobs: 0,
        bytes: 0,
        removed: 0,
        removed_bytes: 0,
        holds: holds.clone(),
    };
    let same_choice = old.is_some() && held.unwrap_or_default() == holds;
    let own = replica.signed_checkpoint().map(<[u8]>::to_vec);
    // The same state may have been signed again, at a later time or by more witnesses.
    let is_newer = old.as_ref().is_none_or(|old| old.size < checkpoint.size || old.time <= checkpoint.time)
        && own.as_deref() != Some(source.signed_checkpoint());
    if is_newer || options.repair || !same_choice {
        append(source, &mut replica)?;
        let chosen = chosen(&replica, &chooser, same_choice && !options.repair)?;
        let wanted = missing(replica.dir(), &chosen, options.repair);
        (copied.blobs, copied.bytes) = wanted.total();
        fetch(&store, &replica, wanted, transfer)?;
        for (path, entry) in replica.missing_files() {
            let file = source.file(&path)?.filter(|file| file.len() as u64 == entry.length);
            let missing = || RegistryError::Missing { location: store.location().into(), path: path.clone() };
            replica.put_listed(&path, &file.ok_or_else(missing)?)?;
        }
        write_mirror_file(&replica, store_url(store.location()), &holds)?;
        let signed = own.as_deref().filter(|_| !is_newer).unwrap_or(source.signed_checkpoint());
        replica.commit(signed)?;
    }
    if options.prune {
        let chosen = chosen(&replica, &chooser, false)?;
        (copied.removed, copied.removed_bytes) = prune(replica.dir(), &chosen)?;
    }
    Ok(copied)
}

/// What the source holds, which may be a mirror itself: more than that cannot be had from it.
pub fn choice_of_source(source: &Reader) -> Result<Choice, MirrorError> {
    let file = futures::executor::block_on(MirrorFile::read(&**source.store()?))?;
    Ok(file.map(|file| file.holds).unwrap_or_default())
}

/// A mirror only goes forward, along one history.
fn check_continues(source: &Reader, replica: &Replica, old: &Checkpoint) -> Result<(), MirrorError> {
    let new = source.checkpoint();
    if let Some(key) = replica.key()
        && !source.has_followed(key)?
    {
        let location = source.store()?.location().to_owned();
        return Err(RegistryError::Signature { location, key: key.to_owned() }.into());
    }
    if new.size < old.size {
        return Err(MirrorError::Behind {
            location: source.store()?.location().to_owned(),
            dir: replica.dir().into(),
            found: new.size,
            has: old.size,
        });
    }
    if new.size == old.size && (new.root != old.root || new.snapshot != old.snapshot) {
        let (seen, found) = (old.root_base64(), new.root_base64());
        return Err(RegistryError::Fork { size: old.size, seen, found, evidence: None }.into());
    }
    if new.size > old.size {
        log::check_consistency(source, old, new)?;
    }
    Ok(())
}

/// Takes the entries that the replica lacks, each proven to be in the signed log.
fn append(source: &Reader, replica: &mut Replica) -> Result<(), MirrorError> {
    let checkpoint = source.checkpoint();
    let mut entries: Vec<String> = Vec::new();
    log::replay(source, checkpoint, replica.size(), |number, entry| {
        let entry = std::str::from_utf8(entry)
            .map_err(|_| RegistryError::Log { reason: format!("entry {number} is not UTF-8") })?;
        entries.push(entry.to_owned());
        if (number + 1).is_multiple_of(STEP) {
            replica.append(&std::mem::take(&mut entries))?;
        }
        Ok(())
    })
    .and_then(|()| if entries.is_empty() { Ok(()) } else { replica.append(&entries) })
    .and_then(|()| replica.finish(checkpoint))
    .map_err(|error| of_replica(replica, error))
}

/// A file of the mirror itself that is not what it should be: that can be mended.
pub(super) fn of_replica(replica: &Replica, error: RegistryError) -> MirrorError {
    let dir = replica.dir();
    let ours = match &error {
        RegistryError::Io { path, source, .. } => {
            source.kind() == std::io::ErrorKind::NotFound && path.starts_with(dir)
        }
        RegistryError::Altered { location, .. } => *location == dir.display().to_string(),
        RegistryError::SnapshotNode { .. } => replica.checkpoint().is_some(),
        _ => false,
    };
    if ours { MirrorError::damaged(dir, &error) } else { error.into() }
}

/// What the choice takes of the state that was finished, or of those packages that this run has changed.
pub(super) fn chosen(
    replica: &Replica,
    chooser: &Chooser,
    only_changed: bool,
) -> Result<Chosen, MirrorError> {
    let mut chosen = Chosen::default();
    let of_replica = |error| of_replica(replica, error);
    for (path, entry) in replica.index_files(only_changed).map_err(of_replica)? {
        chooser.add(&path, &replica.index(&path, entry).map_err(of_replica)?, &mut chosen)?;
    }
    Ok(chosen)
}

/// Says what the mirror holds, before it does: what is there then is there already.
pub(super) fn write_mirror_file(
    replica: &Replica,
    source: Option<String>,
    holds: &Choice,
) -> Result<(), MirrorError> {
    let file = MirrorFile { source, holds: holds.clone() };
    Ok(replica.put(MIRROR_FILE, &file.to_bytes())?)
}

/// A URL is of use to others; the path of a folder is not.
fn store_url(location: &str) -> Option<String> {
    location.contains("://").then(|| location.to_owned())
}
