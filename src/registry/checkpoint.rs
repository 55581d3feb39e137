//! The checkpoint: one small signed file that says how far the registry goes.
//!
//! It is a C2SP tlog-checkpoint, in a C2SP signed note, with two extension lines:
//!
//! ```text
//! acme
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! snapshot 6f1ed002ab5595859014ebf0951522d9…
//! time 2026-11-20T12:00:00Z
//!
//! — acme Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```

use signed_note::{Note, Verifier as _, VerifierList};
use tlog_tiles::Hash;

use super::RegistryError;
use super::log_key::{LogKey, sign_error, verifier};
use crate::model::Blake3;

/// A log of more entries is not read: the numbers of its hashes, about two for each entry, have 64 bits.
const MAX_SIZE: u64 = 1 << 62;

/// A state of a registry: the size and root of its log, and the snapshot of its files.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub origin: String,
    /// How many entries the log has.
    pub size: u64,
    /// The Merkle tree hash of those entries (RFC 6962).
    pub root: Hash,
    /// The root node of the snapshot.
    pub snapshot: Blake3,
    pub time: jiff::Timestamp,
}

impl Checkpoint {
    /// Signs the state: the bytes of `log/checkpoint`.
    pub fn sign(&self, key: &LogKey) -> Result<Vec<u8>, RegistryError> {
        let extension = format!("snapshot {}\ntime {}\n", self.snapshot, self.time);
        let body = tlog_tiles::Checkpoint::new(&self.origin, self.size, self.root, &extension)
            .map_err(sign_error)?;
        key.sign(&body.to_bytes())
    }

    /// Reads signed bytes, and believes them only if `verifier_key` has signed them for its own origin.
    pub fn verify(location: &str, bytes: &[u8], verifier_key: &str) -> Result<Self, RegistryError> {
        let bad = |reason: String| RegistryError::Checkpoint { location: location.into(), reason };
        let verifier = verifier(verifier_key)?;
        let origin = verifier.name().to_owned();
        let note = Note::from_bytes(bytes).map_err(|_| bad("it is not a signed note".into()))?;
        let (verified, _) = note
            .verify(&VerifierList::new(vec![Box::new(verifier)]))
            .map_err(|_| RegistryError::Signature { location: location.into(), key: verifier_key.into() })?;
        if verified.is_empty() {
            return Err(RegistryError::Signature { location: location.into(), key: verifier_key.into() });
        }
        let body = tlog_tiles::Checkpoint::from_bytes(note.text()).map_err(|error| bad(error.to_string()))?;
        if body.origin() != origin {
            return Err(bad(format!("its origin is `{}`, and its key is that of `{origin}`", body.origin())));
        }
        if body.size() > MAX_SIZE {
            return Err(bad(format!(
                "its log has {} entries, and {MAX_SIZE} are the most that there can be",
                body.size()
            )));
        }
        let extension = |name: &str| {
            let mut found =
                body.extension().lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            match (found.next(), found.next()) {
                (Some(value), None) => Ok(value),
                (None, _) => Err(bad(format!("it has no `{name}` line"))),
                (Some(_), Some(_)) => Err(bad(format!("it has two `{name}` lines"))),
            }
        };
        let snapshot = extension("snapshot")?.parse().map_err(|error| bad(format!("{error}")))?;
        let text = extension("time")?;
        let time: jiff::Timestamp = text.parse().map_err(|error| bad(format!("its time: {error}")))?;
        if time.subsec_nanosecond() != 0 || time.to_string() != text {
            return Err(bad(format!("its time `{text}` is not in whole seconds of UTC")));
        }
        Ok(Self { origin, size: body.size(), root: *body.hash(), snapshot, time })
    }

    /// The root as the checkpoint writes it.
    pub fn root_base64(&self) -> String {
        self.root.to_string()
    }
}

/// How far the signed bytes of a checkpoint are, by its size and then by its time: of two states of one registry, which is the
/// later. Nothing is believed: that is for whoever goes by the state. None for bytes that are no checkpoint.
pub(super) fn position(bytes: &[u8]) -> Option<(u64, jiff::Timestamp)> {
    let note = Note::from_bytes(bytes).ok()?;
    let body = tlog_tiles::Checkpoint::from_bytes(note.text()).ok()?;
    let time = body.extension().lines().find_map(|line| line.strip_prefix("time ")?.parse().ok())?;
    Some((body.size(), time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_no_larger_than_its_hashes_can_be_numbered() {
        let (key, verifier_key) = LogKey::generate("acme").unwrap();
        let read = |size| {
            let state = Checkpoint {
                origin: "acme".into(),
                size,
                root: tlog_tiles::EMPTY_HASH,
                snapshot: Blake3::of(b""),
                time: jiff::Timestamp::UNIX_EPOCH,
            };
            Checkpoint::verify("here", &state.sign(&key).unwrap(), &verifier_key)
                .map_err(|error| error.to_string())
        };
        assert!(read(MAX_SIZE).is_ok());
        assert!(read(MAX_SIZE + 1).unwrap_err().contains("the most that there can be"));
    }
}
