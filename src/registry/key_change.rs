//! Files of a registry that are replaced, and its key above all: so that a writer that dies in between leaves no reader
//! without the file that its state names.
//!
//! The bytes of before are put beside the file first, then the new ones into it, and the checkpoint last. Readers of
//! the old state find what they need beside it, and those of the new one in its place.

use std::collections::BTreeMap;

use super::backend::Replaced;
use super::rotation::Handover;
use super::snapshot::Entry;
use super::writer::{Change, by_path};
use super::{Checkpoint, Config, LogKey, RegistryError, Sealed, Writer, layout};
use crate::model::{Blake3, FileRecord, MAX_RECORD, Record};

impl Writer {
    /// Hands the log over to `new`: in one seal, the key of before says so, `config.json` names the new key, and that signs.
    pub fn rotate_key(&mut self, new: LogKey, now: jiff::Timestamp) -> Result<Sealed, RegistryError> {
        let verifier_key = new.verifier_key()?;
        let old = self.config.key.clone();
        let handover = Handover::sign(self.log_key()?, &old, &verifier_key, self.checkpoint.size)?;
        let known = self.committed(layout::KEYS_INDEX)?;
        let had = |record: &Record| matches!(record, Record::Key(known) if known.key == verifier_key);
        if old == verifier_key
            || known.lines().filter_map(|line| Record::parse(line).ok()).any(|known| had(&known))
        {
            let reason =
                "the log has or had this key; a key that comes back could not be told from a stolen one";
            return Err(RegistryError::Key { key: verifier_key, reason: reason.into() });
        }
        let record = handover.record();
        let length = known.len() as u64 + 2 * MAX_RECORD as u64;
        if length > layout::MAX_KEYS {
            let reason = format!("{} would grow beyond {} bytes", layout::KEYS_INDEX, layout::MAX_KEYS);
            return Err(RegistryError::Record { reason });
        }
        let config = self.config_with("key", verifier_key.as_str().into())?;
        let files = BTreeMap::from([(layout::CONFIG.to_owned(), config)]);
        let mut records = vec![record];
        records.extend(files.iter().map(|(path, bytes)| file_record(path, bytes)));
        let change = Change { records: by_path(records)?, files, key: Some(new), ..Change::default() };
        let sealed = self.commit(change, now)?;
        self.config.key = verifier_key;
        Ok(sealed)
    }

    /// Says in `config.json` where else blobs are: URLs of web servers and buckets.
    pub fn set_blob_places(
        &mut self,
        places: &[String],
        now: jiff::Timestamp,
    ) -> Result<Sealed, RegistryError> {
        let config = self.config_with("blobs", places.into())?;
        let sealed = self.publish_file(layout::CONFIG, &config, now)?;
        self.config.blobs = places.to_vec();
        Ok(sealed)
    }

    /// `config.json` with another value in one field, and with all else as it was, fields that are not known here too.
    fn config_with(&self, field: &str, value: serde_json::Value) -> Result<Vec<u8>, RegistryError> {
        let location = self.backend.location();
        let bad = |reason: String| RegistryError::Config { location: location.into(), reason };
        let config = self.committed_listed(layout::CONFIG)?;
        let mut fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&config).map_err(|error| bad(error.to_string()))?;
        fields.insert(field.into(), value);
        let mut bytes = serde_json::to_vec_pretty(&fields).map_err(|error| bad(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// How a listed file gets other bytes.
    pub(super) fn replaced(&self, path: String, bytes: Vec<u8>) -> Result<Replaced, RegistryError> {
        let before = match self.entry(&path)? {
            Some(entry) => {
                let there = self.backend.read(&path, entry.length.saturating_add(1))?;
                there.filter(|bytes| is(Some(entry), bytes))
            }
            None => None,
        };
        Ok(Replaced { path, before, bytes })
    }

    /// What the registry demands of its own packages, as it was committed.
    pub fn policy(&self) -> Result<Option<Vec<u8>>, RegistryError> {
        match self.entry(layout::POLICY)? {
            Some(_) => self.committed_listed(layout::POLICY).map(Some),
            None => Ok(None),
        }
    }

    /// The committed bytes of a listed file, whether they stand in its place or, as a writer died, beside it.
    fn committed_listed(&self, path: &str) -> Result<Vec<u8>, RegistryError> {
        let entry = self.entry(path)?;
        let limit = entry.map_or(0, |entry| entry.length).saturating_add(1);
        for place in [path.to_owned(), layout::before_last_change(path)] {
            if let Some(found) = self.backend.read(&place, limit)?.filter(|bytes| is(entry, bytes)) {
                return Ok(found);
            }
        }
        Err(RegistryError::Altered {
            location: self.backend.location().into(),
            path: path.into(),
            reason: "its digest differs".into(),
        })
    }

    /// The committed text of an index file; empty where there is none.
    fn committed(&self, path: &str) -> Result<String, RegistryError> {
        Ok(String::from_utf8_lossy(&self.index(path)?.unwrap_or_default()).into_owned())
    }
}

/// What a registry says of itself in the state of its checkpoint. A writer that died while it changed the key has left
/// what it was to say: then what it said before is put back.
pub(super) fn committed_config(
    location: &str,
    config: &[u8],
    checkpoint: &[u8],
    before: impl FnOnce() -> Result<Option<Vec<u8>>, RegistryError>,
    put_back: impl FnOnce(&[u8]) -> Result<(), RegistryError>,
) -> Result<(Config, Checkpoint), RegistryError> {
    let parsed = Config::parse(location, config)?;
    let refused = match Checkpoint::verify(location, checkpoint, &parsed.key) {
        Ok(verified) => return Ok((parsed, verified)),
        Err(error) => error,
    };
    if !matches!(refused, RegistryError::Signature { .. }) {
        return Err(refused);
    }
    let before = before()?.and_then(|bytes| {
        let parsed = Config::parse(location, &bytes).ok()?;
        let verified = Checkpoint::verify(location, checkpoint, &parsed.key).ok()?;
        Some((bytes, parsed, verified))
    });
    let Some((bytes, parsed, verified)) = before else { return Err(refused) };
    put_back(&bytes)?;
    Ok((parsed, verified))
}

/// The record of a listed file.
pub(super) fn file_record(path: &str, bytes: &[u8]) -> Record {
    Record::File(FileRecord { path: path.into(), length: bytes.len() as u64, blake3: Blake3::of(bytes) })
}

fn is(entry: Option<Entry>, bytes: &[u8]) -> bool {
    entry.is_some_and(|entry| entry.length == bytes.len() as u64 && entry.digest == Blake3::of(bytes))
}
