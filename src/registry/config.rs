//! `config.json`: what a registry says of itself.

use serde::{Deserialize, Serialize};

use super::RegistryError;

/// The version of the format that this program reads and writes.
pub const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Config {
    pub format: u32,
    /// The registry's name, and the origin of its log.
    pub name: String,
    /// The log's public key as a verifier key (C2SP signed-note): `name+hash+key`.
    pub key: String,
    /// A checkpoint older than this is not believed to be current. Left out: any age is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<u32>,
    /// Where blobs are that are not in the registry itself, in the order in which they are asked: URLs of web servers and buckets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<String>,
}

impl Config {
    pub fn parse(location: &str, bytes: &[u8]) -> Result<Self, RegistryError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let bad = |reason: String| RegistryError::Config { location: location.into(), reason };
        let Format { format } = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        if format != FORMAT {
            return Err(RegistryError::Format { location: location.into(), format });
        }
        serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}
