//! What stands first in a bundle: what it carries, from which state to which.

use serde::{Deserialize, Serialize};

use crate::model::Blake3;
use crate::registry::Choice;

/// The version of bundles that this module knows.
pub(super) const FORMAT: u32 = 1;

/// The member with the new entries of the log, each behind its length in 16 bits, as in a tile of entries.
pub(super) const ENTRIES: &str = "log/entries";
/// The member with the signed checkpoint: the last.
pub(super) const CHECKPOINT: &str = "log/checkpoint";

/// The member `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Manifest {
    pub format: u32,
    /// The verifier key of the registry. Believed only by a copy that has none yet.
    pub key: String,
    /// How many entries the log has in the state that this continues: 0 for a whole registry.
    pub from: u64,
    /// How many it has in the state that this leads to.
    pub to: u64,
    /// What a copy holds once this is applied.
    pub holds: Choice,
    /// All other members, in their order.
    pub members: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    pub name: String,
    pub size: u64,
    pub blake3: Blake3,
}

impl Member {
    /// The bytes of blobs and of listed files are named by their digest; what they are called, the records say.
    pub fn data(size: u64, blake3: Blake3) -> Self {
        Self { name: format!("data/{blake3}"), size, blake3 }
    }

    pub fn has_valid_name(&self) -> bool {
        [ENTRIES, CHECKPOINT].contains(&self.name.as_str()) || self.name == format!("data/{}", self.blake3)
    }
}
