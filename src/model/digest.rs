//! Content digests: BLAKE3 names blobs and authenticates index files, SHA-256 is what Python tools record.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::Digest as _;

/// A text that is not a digest.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a {algorithm} digest: expected 64 lowercase hexadecimal digits")]
pub struct DigestError {
    algorithm: &'static str,
    text: String,
}

macro_rules! digest {
    ($name:ident, $algorithm:literal) => {
        #[doc = concat!("A ", $algorithm, " digest: 32 bytes, written as 64 lowercase hexadecimal digits.")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = DigestError;

            fn from_str(text: &str) -> Result<Self, DigestError> {
                let mut bytes = [0; 32];
                let decoded = text.len() == 64
                    && data_encoding::HEXLOWER.decode_mut(text.as_bytes(), &mut bytes).is_ok();
                decoded.then_some(Self(bytes)).ok_or_else(|| DigestError {
                    algorithm: $algorithm,
                    text: text.chars().take(80).collect(),
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

digest!(Blake3, "BLAKE3");
digest!(Sha256, "SHA-256");

impl Blake3 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

/// Both digests and the length of a stream of bytes, computed in one pass.
#[derive(Default)]
pub struct Digester {
    blake3: blake3::Hasher,
    sha256: sha2::Sha256,
    length: u64,
}

impl Digester {
    pub fn update(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        self.sha256.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// The digests, and the number of bytes they cover.
    pub fn finish(self) -> (Blake3, Sha256, u64) {
        (Blake3(*self.blake3.finalize().as_bytes()), Sha256(self.sha256.finalize().into()), self.length)
    }
}
