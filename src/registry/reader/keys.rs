//! The key that a state is believed by: the one that is trusted, or one that it hands the log over to.

use futures::executor::block_on;

use super::Reader;
use crate::model::Blake3;
use crate::registry::rotation::{self, Handover};
use crate::registry::{Checkpoint, ClientFolders, Config, RegistryError, Store, layout};

/// A place that has shown a checkpoint.
pub(super) struct Visit<'a> {
    pub store: &'a dyn Store,
    pub folders: &'a ClientFolders,
    /// Whether the place may be asked for more.
    pub may_ask: bool,
    pub checkpoint: &'a [u8],
}

pub(super) struct Believed {
    pub checkpoint: Checkpoint,
    /// The key that has signed it.
    pub key: String,
    /// How that was found, if not known before.
    pub followed: Vec<Handover>,
}

impl Visit<'_> {
    fn verify(&self, key: &str) -> Result<Checkpoint, RegistryError> {
        Checkpoint::verify(self.store.location(), self.checkpoint, key)
    }

    /// Believes the checkpoint if `key` has signed it, a key that had the log before, or one that it hands the log over to.
    pub fn believe(&self, key: &str) -> Result<Believed, RegistryError> {
        let refused = match self.verify(key) {
            Ok(checkpoint) => return Ok(Believed { checkpoint, key: key.into(), followed: Vec::new() }),
            Err(error) => error,
        };
        if !matches!(refused, RegistryError::Signature { .. }) {
            return Err(refused);
        }
        let memory = self.folders.log_memory(key)?;
        for known in memory.keys() {
            if let Ok(checkpoint) = self.verify(&known) {
                return Ok(Believed { checkpoint, key: known, followed: Vec::new() });
            }
        }
        let lines = self.key_lines()?;
        let followed =
            rotation::follow(&lines, &memory.key, |key| self.verify(key).is_ok()).ok_or(refused)?;
        let key = followed.last().map_or(&memory.key, |last| &last.new).clone();
        Ok(Believed { checkpoint: self.verify(&key)?, key, followed })
    }

    /// Believes the key that the place shows, as there is nothing to compare it with.
    pub fn believe_first(&self, config: Option<Vec<u8>>) -> Result<Believed, RegistryError> {
        let location = self.store.location();
        let missing = || RegistryError::NotARegistry { location: location.into(), missing: layout::CONFIG };
        let key = Config::parse(location, &config.ok_or_else(missing)?)?.key;
        let Err(RegistryError::Signature { .. }) = self.verify(&key) else { return self.believe(&key) };
        // A writer that changes the key may be between the two files, or have died there.
        let before = self.read(&layout::before_last_change(layout::CONFIG), layout::MAX_CONFIG)?;
        let before = before.and_then(|bytes| Config::parse(location, &bytes).ok()).map(|config| config.key);
        self.believe(&before.filter(|key| self.verify(key).is_ok()).unwrap_or(key))
    }

    /// The handovers that lead from one key to another, or none.
    pub fn way(&self, from: &str, to: &str) -> Option<Vec<Handover>> {
        rotation::follow(&self.key_lines().ok()?, from, |key| key == to)
    }

    /// What stands in `index/keys`, unchecked. Caches on the way may not know its newest lines.
    fn key_lines(&self) -> Result<Vec<u8>, RegistryError> {
        let path = format!("{}?{}", layout::KEYS_INDEX, Blake3::of(self.checkpoint));
        Ok(self.read(&path, layout::MAX_KEYS)?.unwrap_or_default())
    }

    /// A file that nothing covers, or none.
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        if self.may_ask { Ok(block_on(self.store.read(path, 0, limit))?) } else { Ok(None) }
    }
}

impl Reader {
    /// Checks that the handovers by which the key was found are sealed in the state that it has signed.
    pub(super) fn check_followed(&self) -> Result<(), RegistryError> {
        let Some(first) = self.followed.first() else { return Ok(()) };
        let bad = |reason: String| RegistryError::Handover { location: self.store.location().into(), reason };
        let bytes = block_on(self.load(layout::KEYS_INDEX))?
            .ok_or_else(|| bad(format!("{} is not in the state that it has signed", layout::KEYS_INDEX)))?;
        let sealed = rotation::follow(&bytes, &first.old, |key| key == self.signed.key);
        if sealed.as_ref() != Some(&self.followed) {
            return Err(bad(format!("the handover to it is not sealed in {}", layout::KEYS_INDEX)));
        }
        Ok(())
    }
}

impl Reader {
    /// Whether the key of this state is `key`, or one that it has handed the log over to.
    pub fn has_followed(&self, key: &str) -> Result<bool, RegistryError> {
        if key == self.key() {
            return Ok(true);
        }
        let lines = self.file(layout::KEYS_INDEX)?;
        Ok(lines.is_some_and(|lines| rotation::follow(&lines, key, |new| new == self.key()).is_some()))
    }
}
