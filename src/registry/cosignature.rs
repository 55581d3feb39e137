//! Witnesses: others than the log, who say in a signature that they saw it grow and never change (C2SP tlog-cosignature,
//! cosignature/v1).
//!
//! A log whose key was stolen, or whose owner lies, can sign two histories, and show each to other people. It cannot get
//! both cosigned: a witness signs only what continues all that it has signed before.

use ed25519_dalek::{Signature as Ed25519, Signer as _, SigningKey, Verifier as _, VerifyingKey};
use signed_note::{Note, Signature, key_id};

use super::RegistryError;

/// The type of a cosigner's Ed25519 key, in the byte before it.
const COSIGNATURE_V1: u8 = 4;
/// `signed_note` reads no note with more signatures.
const MAX_SIGNATURES: usize = 100;

/// The public key of a witness.
#[derive(Clone, Debug, PartialEq)]
pub struct Witness {
    name: String,
    id: u32,
    key: VerifyingKey,
}

/// A witness's word for a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    pub witness: String,
    /// When the witness gave it, by its own clock, in seconds since 1970.
    pub time: u64,
}

/// Which witnesses must have cosigned a state before it is believed, and how many of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WitnessPolicy {
    /// Their verifier keys.
    pub keys: Vec<String>,
    pub quorum: usize,
}

impl Witness {
    /// Reads a verifier key, `name+hash+key`, of a cosigner.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let bad = |reason: &str| RegistryError::WitnessKey { key: text.into(), reason: reason.into() };
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(hash), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("it has not three parts"));
        };
        let bytes =
            data_encoding::BASE64.decode(encoded.as_bytes()).map_err(|_| bad("its key is not base64"))?;
        let Some((&COSIGNATURE_V1, public)) = bytes.split_first() else {
            return Err(bad("it is not the key of a witness, whose first byte is 4"));
        };
        let public = public.try_into().map_err(|_| bad("its key has not 32 bytes"))?;
        let key = VerifyingKey::from_bytes(public).map_err(|_| bad("its key is not one of Ed25519"))?;
        let id = key_id(name, &bytes);
        if !signed_note::is_key_name_valid(name) || hash != format!("{id:08x}") {
            return Err(bad("its hash is not that of its name and key"));
        }
        Ok(Self { name: name.into(), id, key })
    }

    /// What this witness says of a checkpoint: the last of its signatures that holds, or none.
    pub fn cosigned(&self, checkpoint: &[u8]) -> Option<Cosignature> {
        let note = Note::from_bytes(checkpoint).ok()?;
        let all = signatures(checkpoint);
        let own = all.iter().filter(|one| one.name() == self.name && one.id() == self.id);
        let times = own.filter_map(|one| {
            let (time, signature) = one.signature().split_first_chunk::<8>()?;
            let time = u64::from_be_bytes(*time);
            let signature = Ed25519::from_slice(signature).ok()?;
            self.key.verify(&message(time, note.text()), &signature).ok().map(|()| time)
        });
        let time = times.filter(|time| i64::try_from(*time).is_ok()).max()?;
        Some(Cosignature { witness: self.name.clone(), time })
    }
}

impl WitnessPolicy {
    /// Refuses a checkpoint that too few of the witnesses have cosigned.
    pub fn check(&self, location: &str, checkpoint: &[u8]) -> Result<(), RegistryError> {
        let found = cosignatures(checkpoint, &self.keys)?;
        if found.len() >= self.quorum {
            return Ok(());
        }
        let of = self.keys.iter().map(|key| key.split('+').next().unwrap_or(key).to_owned()).collect();
        let found = found.into_iter().map(|one| one.witness).collect();
        Err(RegistryError::TooFewWitnesses { location: location.into(), quorum: self.quorum, of, found })
    }
}

/// Those of the witnesses with these verifier keys who have cosigned a checkpoint. A key that is given twice counts once.
pub fn cosignatures(checkpoint: &[u8], keys: &[String]) -> Result<Vec<Cosignature>, RegistryError> {
    let mut known: Vec<Witness> = Vec::new();
    for key in keys {
        let witness = Witness::parse(key)?;
        // One key under two names is one witness: the name is not signed.
        if known.iter().all(|one| one.key != witness.key) {
            known.push(witness);
        }
    }
    Ok(known.iter().filter_map(|witness| witness.cosigned(checkpoint)).collect())
}

/// What a witness signs.
fn message(time: u64, text: &[u8]) -> Vec<u8> {
    [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat()
}

/// The signature lines of a note.
fn signatures(note: &[u8]) -> Vec<Signature> {
    let text = std::str::from_utf8(note).unwrap_or_default();
    let lines = text.rsplit_once("\n\n").map_or("", |(_, lines)| lines);
    lines
        .lines()
        .take(MAX_SIGNATURES)
        .filter_map(|line| Signature::from_bytes(line.as_bytes()).ok())
        .collect()
}

/// The private key of a witness: `PRIVATE+KEY+name+hash+key`, the form of a log's key. Never printed.
pub struct WitnessKey {
    name: String,
    signing: SigningKey,
}

impl WitnessKey {
    /// A new key for the witness `name`.
    pub fn generate(name: &str) -> Result<Self, RegistryError> {
        if !signed_note::is_key_name_valid(name) {
            return Err(RegistryError::Name { name: name.into() });
        }
        let seed: [u8; 32] = rand::random();
        Ok(Self { name: name.into(), signing: SigningKey::from_bytes(&seed) })
    }

    /// Reads what `to_text` gives.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let bad = |reason: &str| RegistryError::Sign { reason: reason.into() };
        let text = text.trim().strip_prefix("PRIVATE+KEY+").ok_or_else(|| bad("it is no private key"))?;
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(hash), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("the key has not all of its parts"));
        };
        let bytes =
            data_encoding::BASE64.decode(encoded.as_bytes()).map_err(|_| bad("the key is not base64"))?;
        let Some((&COSIGNATURE_V1, seed)) = bytes.split_first() else {
            return Err(bad("the key is not that of a witness; make one with `rvp registry witness keygen`"));
        };
        let seed: &[u8; 32] = seed.try_into().map_err(|_| bad("the key has not 32 bytes"))?;
        let key = Self { name: name.into(), signing: SigningKey::from_bytes(seed) };
        if format!("{:08x}", key.id()) != hash || !signed_note::is_key_name_valid(name) {
            return Err(bad("the key's hash is not that of its name and key"));
        }
        Ok(key)
    }

    pub fn to_text(&self) -> String {
        let private = [&[COSIGNATURE_V1][..], &self.signing.to_bytes()].concat();
        let private = data_encoding::BASE64.encode(&private);
        format!("PRIVATE+KEY+{}+{:08x}+{private}", self.name, self.id())
    }

    /// The public half, for those who are to believe this witness.
    pub fn verifier_key(&self) -> String {
        let public = data_encoding::BASE64.encode(&self.public());
        format!("{}+{:08x}+{public}", self.name, self.id())
    }

    fn public(&self) -> Vec<u8> {
        [&[COSIGNATURE_V1][..], self.signing.verifying_key().as_bytes()].concat()
    }

    fn id(&self) -> u32 {
        key_id(&self.name, &self.public())
    }

    /// The signature line for a checkpoint, ended: the word of this witness that it continues all that it has cosigned.
    /// `time` is in seconds since 1970.
    pub fn cosign(&self, checkpoint: &[u8], time: u64) -> Result<String, RegistryError> {
        let bad = |reason: &str| RegistryError::Sign { reason: reason.into() };
        let note = Note::from_bytes(checkpoint).map_err(|_| bad("the checkpoint is not a signed note"))?;
        let signed = self.signing.sign(&message(time, note.text()));
        let signature = [&time.to_be_bytes()[..], &signed.to_bytes()].concat();
        let line = Signature::new(self.name.clone(), self.id(), signature)
            .map_err(|_| bad("its name is not valid"))?;
        Ok(String::from_utf8_lossy(&line.to_bytes()).into_owned())
    }
}

/// A checkpoint with more signature lines; those of a key that has signed it before take the place of the older ones.
/// `own` is the log's key, whose signature stays.
pub(super) fn with_lines(
    location: &str,
    checkpoint: &[u8],
    lines: &str,
    own: &str,
) -> Result<Vec<u8>, RegistryError> {
    let bad = |reason: String| RegistryError::Cosignature { location: location.into(), reason };
    let note = Note::from_bytes(checkpoint).map_err(|_| bad("the checkpoint is not a signed note".into()))?;
    let mut all = signatures(checkpoint);
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let new = Signature::from_bytes(line.as_bytes())
            .map_err(|_| bad(format!("`{line}` is not a signature line")))?;
        if own.starts_with(&format!("{}+{:08x}+", new.name(), new.id())) {
            return Err(bad(format!("`{line}` stands in the name of the log's own key")));
        }
        if new.signature().len() != 8 + 64 {
            return Err(bad(format!(
                "`{line}` is not a cosignature: it has not 72 bytes behind the key's hash"
            )));
        }
        all.retain(|known| (known.name(), known.id()) != (new.name(), new.id()));
        all.push(new);
    }
    if all.len() > MAX_SIGNATURES {
        return Err(bad(format!("it would have more than {MAX_SIGNATURES} signatures")));
    }
    let note = Note::new(note.text(), &all).map_err(|_| bad("the checkpoint is not a signed note".into()))?;
    Ok(note.to_bytes())
}

impl std::fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WitnessKey(…)")
    }
}
