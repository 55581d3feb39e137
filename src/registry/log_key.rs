//! The keys of a log: how they are written, compared by people, and kept.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use signed_note::{Note, StandardSigner, StandardVerifier, Verifier as _};
use tlog_tiles::Hash;

use super::log::{self, LogFiles};
use super::{Checkpoint, RegistryError, client::replace_file};

/// `name+hash` of a verifier key: enough to tell keys apart, and fit to name a file. The key behind it is base64, which
/// has `+` among its digits.
pub fn key_stem(verifier_key: &str) -> &str {
    verifier_key.match_indices('+').nth(1).map_or(verifier_key, |(end, _)| &verifier_key[..end])
}

/// The SHA-256 of the 32 bytes of a public key, in 16 groups of 4 hexadecimal digits: what people compare aloud.
/// `verifier_key` is that of a log or of a witness.
pub fn key_fingerprint(verifier_key: &str) -> Result<String, RegistryError> {
    let bad = |reason: &str| RegistryError::Key { key: verifier_key.into(), reason: reason.into() };
    let encoded = verifier_key.splitn(3, '+').nth(2).ok_or_else(|| bad("it has not three parts"))?;
    let bytes = data_encoding::BASE64.decode(encoded.as_bytes()).map_err(|_| bad("its key is not base64"))?;
    let public = bytes.get(1..33).filter(|_| bytes.len() == 33);
    let digest = Sha256::digest(public.ok_or_else(|| bad("its key has not 32 bytes"))?);
    let digits = data_encoding::HEXLOWER.encode(&digest);
    let groups: Vec<&str> = (0..16).map(|group| &digits[group * 4..group * 4 + 4]).collect();
    Ok(groups.join(" "))
}

/// The name of a log's verifier key, which is the origin of its checkpoints.
pub(super) fn key_name(verifier_key: &str) -> Result<String, RegistryError> {
    Ok(verifier(verifier_key)?.name().to_owned())
}

pub(super) fn verifier(verifier_key: &str) -> Result<StandardVerifier, RegistryError> {
    StandardVerifier::new(verifier_key)
        .map_err(|error| RegistryError::Key { key: verifier_key.into(), reason: error.to_string() })
}

/// The private key of a log, as a C2SP signed-note signer key: `PRIVATE+KEY+name+hash+key`. Never printed.
#[derive(Clone)]
pub struct LogKey {
    text: String,
    /// Where the last state that it sealed is remembered.
    memory: Option<PathBuf>,
}

/// The last state that a key has sealed. It stands beside the key, so that a registry which was restored from an old copy
/// is not sealed: its clients would see a fork.
#[derive(PartialEq, Serialize, Deserialize)]
pub(super) struct LastSealed {
    size: u64,
    /// In base64, as in a checkpoint.
    root: String,
}

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
        StandardSigner::new(text).map_err(sign_error)?;
        Ok(Self { text: text.to_owned(), memory: None })
    }

    /// Has the key, which is kept in the file `path`, remember beside it what it seals.
    #[must_use]
    pub fn kept_at(self, path: &Path) -> Self {
        let mut file = path.as_os_str().to_owned();
        file.push(".sealed");
        Self { memory: Some(file.into()), ..self }
    }

    /// The text that `parse` reads.
    pub fn to_text(&self) -> &str {
        &self.text
    }

    /// The public half, as a verifier key.
    pub fn verifier_key(&self) -> Result<String, RegistryError> {
        let bad = || RegistryError::Sign { reason: "its key is damaged".into() };
        let mut parts = self.text.splitn(5, '+').skip(2);
        let (name, seed) = (parts.next().ok_or_else(bad)?, parts.nth(1).ok_or_else(bad)?);
        let bytes = data_encoding::BASE64.decode(seed.as_bytes()).map_err(|_| bad())?;
        let seed: [u8; 32] = bytes.get(1..).and_then(|seed| seed.try_into().ok()).ok_or_else(bad)?;
        let signing = ed25519_dalek::SigningKey::from_bytes(&seed);
        Ok(signed_note::new_ed25519_verifier_key(name, &signing.verifying_key()))
    }

    /// Whether this is the private half of `verifier_key`.
    pub fn matches(&self, verifier_key: &str) -> bool {
        self.verifier_key().is_ok_and(|own| own == verifier_key)
    }

    /// Signs a text, every line of which is ended: the bytes of a C2SP signed note.
    pub(super) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, RegistryError> {
        let mut note = Note::new(text, &[]).map_err(sign_error)?;
        let signer = StandardSigner::new(&self.text).map_err(sign_error)?;
        note.add_sigs(&[&signer]).map_err(sign_error)?;
        Ok(note.to_bytes())
    }

    /// Refuses a state that does not continue `last`, which this key sealed. `files` are those of the log at `found`.
    pub(super) fn check_continues(
        &self,
        location: &str,
        files: &dyn LogFiles,
        found: &Checkpoint,
        last: &LastSealed,
    ) -> Result<(), RegistryError> {
        let memory = self.memory.clone().unwrap_or_default();
        let behind = |found| RegistryError::Behind {
            location: location.into(),
            sealed: last.size,
            found,
            memory: memory.clone(),
        };
        let root = Hash::parse_hash(&last.root)
            .map_err(|error| RegistryError::State { path: memory.clone(), reason: error.to_string() })?;
        if found.size < last.size {
            return Err(behind(format!("{} entries", found.size)));
        }
        if found.size == last.size && found.root == root {
            return Ok(());
        }
        let old = Checkpoint { size: last.size, root, ..found.clone() };
        let continues = found.size > last.size
            && match log::check_consistency(files, &old, found) {
                Err(RegistryError::Fork { .. }) => false,
                checked => checked.map(|()| true)?,
            };
        if continues { Ok(()) } else { Err(behind(format!("{} others", found.size))) }
    }

    /// Remembers what was sealed. Where nothing can be written, as with a key on a medium that is read-only, it is not
    /// remembered: the seal is done all the same.
    pub(super) fn remember(&self, sealed: &Checkpoint) {
        let last = LastSealed { size: sealed.size, root: sealed.root_base64() };
        if self.last_sealed().is_ok_and(|known| known.as_ref() == Some(&last)) {
            return;
        }
        if let (Some(path), Ok(bytes)) = (&self.memory, serde_json::to_vec(&last)) {
            let _ = replace_file(path, &bytes);
        }
    }

    /// Forgets what was sealed, for a registry whose last states are lost for good.
    pub fn forget_sealed(&self) -> Result<(), RegistryError> {
        let Some(path) = &self.memory else { return Ok(()) };
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(RegistryError::io("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// The last state that it sealed; none that is known.
    pub(super) fn last_sealed(&self) -> Result<Option<LastSealed>, RegistryError> {
        let Some(path) = &self.memory else { return Ok(None) };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RegistryError::io("read", path)(error)),
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| RegistryError::State { path: path.clone(), reason: error.to_string() })
    }
}

pub(super) fn sign_error(error: impl std::fmt::Display) -> RegistryError {
    RegistryError::Sign { reason: error.to_string() }
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
    fn every_new_key_signs_and_is_known_by_its_stem() {
        // Enough keys that some have a `+` among their base64 digits.
        for _ in 0..40 {
            let (key, verifier_key) = LogKey::generate("acme").unwrap();
            assert!(key.matches(&verifier_key));
            assert_eq!(key_stem(&verifier_key).len(), "acme+01234567".len());
            assert_eq!(key_fingerprint(&verifier_key).unwrap().split(' ').count(), 16);
        }
    }
}
