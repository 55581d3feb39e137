//! How a change becomes the state of a bucket, where objects are replaced as a whole and writers know nothing of each other.
//!
//! All that a change writes is staged in one object first. Then the head is replaced, if it is still the one that the change was
//! computed from: that is the commit point, and of all who try one succeeds. What was staged is then put in its places, and
//! `log/checkpoint`, which readers go by, last. A writer that finds a head that is further than `log/checkpoint` puts the rest in place
//! itself before it does anything else, so that one that died holds up nobody; and to do so twice, or at once, changes nothing.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::objects::{Objects, Swap};
use crate::model::Blake3;
use crate::registry::backend::{Lines, Prepared, Replaced};
use crate::registry::checkpoint::position;
use crate::registry::store::Store as _;
use crate::registry::{RegistryError, layout};

/// What is staged of one change, at most; it stands in memory.
const MAX_STAGED: u64 = 1 << 30;
const MAX_HEAD: u64 = layout::MAX_CHECKPOINT + 65;

/// The last state that was committed, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// What the object `log/staging/<digest>` holds.
    staged: Blake3,
    /// The signed checkpoint.
    pub checkpoint: Vec<u8>,
}

impl Head {
    /// `log/head`: the digest in a line of its own, and the checkpoint.
    pub fn to_bytes(&self) -> Vec<u8> {
        [format!("{}\n", self.staged).as_bytes(), &self.checkpoint].concat()
    }

    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let staged = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
        Some(Self { staged, checkpoint: bytes[end + 1..].to_owned() })
    }

    fn path(&self) -> String {
        format!("{}{}", layout::STAGING, self.staged)
    }
}

/// The files of a change, as they stand in its object.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Staged {
    lines: Vec<StagedLines>,
    /// Tiles and nodes in base64, by path.
    files: BTreeMap<String, String>,
    replaced: Vec<StagedFile>,
}

/// What comes behind the committed bytes of an index file.
#[derive(Debug, Serialize, Deserialize)]
struct StagedLines {
    path: String,
    committed: u64,
    text: String,
}

/// A listed file; its bytes in base64.
#[derive(Debug, Serialize, Deserialize)]
struct StagedFile {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    bytes: String,
}

/// Puts the files of a change into an object of their own.
pub(super) fn stage(objects: &Objects, change: &Prepared) -> Result<(Head, Staged), RegistryError> {
    let encode = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    let lines = |Lines { path, committed, text, .. }: &Lines| StagedLines {
        path: path.clone(),
        committed: *committed,
        text: String::from_utf8_lossy(text).into_owned(),
    };
    let replaced = |Replaced { path, before, bytes }: &Replaced| StagedFile {
        path: path.clone(),
        before: before.as_deref().map(encode),
        bytes: encode(bytes),
    };
    let staged = Staged {
        lines: change.lines.iter().map(lines).collect(),
        files: change.files.iter().map(|(path, bytes)| (path.clone(), encode(bytes))).collect(),
        replaced: change.replaced.iter().map(replaced).collect(),
    };
    let bytes =
        serde_json::to_vec(&staged).map_err(|error| RegistryError::Record { reason: error.to_string() })?;
    if bytes.len() as u64 > MAX_STAGED {
        let reason = format!("one change may have {MAX_STAGED} bytes, and this one has {}", bytes.len());
        return Err(RegistryError::Record { reason });
    }
    let head = Head { staged: Blake3::of(&bytes), checkpoint: change.checkpoint.clone() };
    objects.put(&head.path(), &bytes)?;
    Ok((head, staged))
}

/// Removes what was staged, once nobody needs it.
pub(super) fn unstage(objects: &Objects, head: &Head) {
    // Nothing but space is lost if it stays.
    let _ = objects.remove(&head.path());
}

/// Puts all that a committed change has staged in its place, where its writer has not come to that.
pub(super) fn finish(objects: &Objects, head: &Head) -> Result<(), RegistryError> {
    match read_staged(objects, head)? {
        Some(staged) => apply(objects, head, &staged),
        // Another writer was faster, and has removed it.
        None if is_shown(objects, head)? => Ok(()),
        None => Err(damaged(objects, &head.path(), "it is missing")),
    }
}

/// Puts all of a committed change in its place, whoever else does so too.
pub(super) fn apply(objects: &Objects, head: &Head, staged: &Staged) -> Result<(), RegistryError> {
    let decode = |path: &str, text: &str| {
        let bytes = data_encoding::BASE64.decode(text.as_bytes());
        bytes.map_err(|error| damaged(objects, &head.path(), &format!("{path}: {error}")))
    };
    staged.files.par_iter().try_for_each(|(path, text)| objects.put(path, &decode(path, text)?))?;
    staged.lines.par_iter().try_for_each(|lines| append(objects, lines))?;
    for StagedFile { path, before, bytes } in &staged.replaced {
        if let Some(before) = before {
            let beside = layout::before_last_change(path);
            replace(objects, head, &beside, &decode(&beside, before)?)?;
        }
        replace(objects, head, path, &decode(path, bytes)?)?;
    }
    show(objects, head)?;
    unstage(objects, head);
    Ok(())
}

fn read_staged(objects: &Objects, head: &Head) -> Result<Option<Staged>, RegistryError> {
    let path = head.path();
    let Some(bytes) = objects.read(&path, 0, MAX_STAGED)? else { return Ok(None) };
    if Blake3::of(&bytes) != head.staged {
        return Err(damaged(objects, &path, "its digest differs"));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(objects, &path, &error.to_string()))
}

/// Has an index file hold the lines. It only grows, so that one which begins with them is this far or further, and one that
/// does not has never been.
fn append(objects: &Objects, lines: &StagedLines) -> Result<(), RegistryError> {
    let StagedLines { path, committed, text } = lines;
    let committed = usize::try_from(*committed).unwrap_or(usize::MAX);
    loop {
        let found = objects.find(path, 2 * layout::MAX_INDEX)?;
        let (mut bytes, version) = found.map_or((Vec::new(), None), |one| (one.bytes, Some(one.version)));
        if bytes.len() < committed {
            let reason = format!("it has {} bytes, and should have {committed}", bytes.len());
            return Err(damaged(objects, path, &reason));
        }
        if bytes[committed..].starts_with(text.as_bytes()) {
            return Ok(());
        }
        bytes.truncate(committed);
        bytes.extend_from_slice(text.as_bytes());
        if objects.swap(path, version.as_ref(), &bytes)? == Swap::Done {
            return Ok(());
        }
    }
}

/// Gives a listed file other bytes, unless the registry has gone on since: then it has had them.
fn replace(objects: &Objects, head: &Head, path: &str, bytes: &[u8]) -> Result<(), RegistryError> {
    loop {
        let found = objects.find(path, layout::MAX_INDEX)?;
        if found.as_ref().is_some_and(|found| found.bytes == bytes) || !is_head(objects, head)? {
            return Ok(());
        }
        let version = found.map(|found| found.version);
        if objects.swap(path, version.as_ref(), bytes)? == Swap::Done {
            return Ok(());
        }
    }
}

/// Shows readers the state, unless they see a later one.
fn show(objects: &Objects, head: &Head) -> Result<(), RegistryError> {
    loop {
        let found = objects.find(layout::CHECKPOINT, layout::MAX_CHECKPOINT)?;
        if found.as_ref().is_some_and(|found| position(&found.bytes) >= position(&head.checkpoint)) {
            return Ok(());
        }
        let version = found.map(|found| found.version);
        if objects.swap(layout::CHECKPOINT, version.as_ref(), &head.checkpoint)? == Swap::Done {
            return Ok(());
        }
    }
}

/// Whether readers see the state or a later one.
pub(super) fn is_shown(objects: &Objects, head: &Head) -> Result<bool, RegistryError> {
    let found = objects.read(layout::CHECKPOINT, 0, layout::MAX_CHECKPOINT)?;
    Ok(found.is_some_and(|found| position(&found) >= position(&head.checkpoint)))
}

/// Whether no other change was committed since.
pub(super) fn is_head(objects: &Objects, head: &Head) -> Result<bool, RegistryError> {
    Ok(objects.read(layout::HEAD, 0, MAX_HEAD)?.is_some_and(|found| found == head.to_bytes()))
}

/// The last state that was committed, and its version; none where this bucket was never written to in this way.
pub(super) fn read(objects: &Objects) -> Result<Option<(Head, object_store::UpdateVersion)>, RegistryError> {
    let Some(found) = objects.find(layout::HEAD, MAX_HEAD)? else { return Ok(None) };
    let head = Head::parse(&found.bytes);
    let head = head.ok_or_else(|| damaged(objects, layout::HEAD, "it does not name a state"))?;
    Ok(Some((head, found.version)))
}

fn damaged(objects: &Objects, path: &str, reason: &str) -> RegistryError {
    RegistryError::Altered {
        location: objects.store.location().to_owned(),
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}
