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

use signed_note::{Note, Signer as _, StandardSigner, StandardVerifier, Verifier as _, VerifierList};
use tlog_tiles::Hash;

use super::RegistryError;
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
        let bad = |reason: String| RegistryError::Sign { reason };
        let extension = format!("snapshot {}\ntime {}\n", self.snapshot, self.time);
        let body = tlog_tiles::Checkpoint::new(&self.origin, self.size, self.root, &extension)
            .map_err(|error| bad(error.to_string()))?;
        let mut note = Note::new(&body.to_bytes(), &[]).map_err(|error| bad(error.to_string()))?;
        let signer = StandardSigner::new(&key.0).map_err(|error| bad(error.to_string()))?;
        note.add_sigs(&[&signer]).map_err(|error| bad(error.to_string()))?;
        Ok(note.to_bytes())
    }

    /// Reads signed bytes, and believes them only if `verifier_key` has signed them for its own origin.
    pub fn verify(location: &str, bytes: &[u8], verifier_key: &str) -> Result<Self, RegistryError> {
        let bad = |reason: String| RegistryError::Checkpoint { location: location.into(), reason };
        let verifier = StandardVerifier::new(verifier_key)
            .map_err(|error| RegistryError::Key { key: verifier_key.into(), reason: error.to_string() })?;
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

/// `name+hash` of a verifier key: enough to tell keys apart, and fit to name a file. The key behind it is base64, which
/// has `+` among its digits.
pub fn key_stem(verifier_key: &str) -> &str {
    verifier_key.match_indices('+').nth(1).map_or(verifier_key, |(end, _)| &verifier_key[..end])
}

/// The private key of a log, as a C2SP signed-note signer key: `PRIVATE+KEY+name+hash+key`. Never printed.
#[derive(Clone)]
pub struct LogKey(String);

impl LogKey {
    /// A new Ed25519 key for the origin `name`, and its public half.
    pub fn generate(name: &str) -> Result<(Self, String), RegistryError> {
        if !signed_note::is_key_name_valid(name) {
            return Err(RegistryError::Name { name: name.into() });
        }
        let seed: [u8; 32] = rand::random();
        let signing = ed25519_dalek::SigningKey::from_bytes(&seed);
        let verifier_key = signed_note::new_ed25519_verifier_key(name, &signing.verifying_key());
        let stem = key_stem(&verifier_key);
        let private = [&[1_u8][..], &seed].concat();
        let text = format!("PRIVATE+KEY+{stem}+{}", data_encoding::BASE64.encode(&private));
        Ok((Self::parse(&text)?, verifier_key))
    }

    /// Reads a signer key.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let text = text.trim();
        StandardSigner::new(text).map_err(|error| RegistryError::Sign { reason: error.to_string() })?;
        Ok(Self(text.to_owned()))
    }

    /// The text that `parse` reads.
    pub fn to_text(&self) -> &str {
        &self.0
    }

    /// Whether this is the private half of `verifier_key`.
    pub fn matches(&self, verifier_key: &str) -> bool {
        let (Ok(signer), Ok(verifier)) = (StandardSigner::new(&self.0), StandardVerifier::new(verifier_key))
        else {
            return false;
        };
        let message = b"rvp: does this key match\n";
        signer.name() == verifier.name()
            && signer.sign(message).is_ok_and(|signature| verifier.verify(message, &signature))
    }
}

impl std::fmt::Debug for LogKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogKey(…)")
    }
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

    #[test]
    fn every_new_key_signs_and_is_known_by_its_stem() {
        // Enough keys that some have a `+` among their base64 digits.
        for _ in 0..40 {
            let (key, verifier_key) = LogKey::generate("acme").unwrap();
            assert!(key.matches(&verifier_key));
            assert_eq!(key_stem(&verifier_key).len(), "acme+01234567".len());
        }
    }
}
