//! Who signs, and who may: identities that Sigstore vouches for, and keys.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Sha256;

/// Who has signed something, once the signature is verified.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Signer {
    /// The holder of an identity (an e-mail address, or the URI of a workflow), as the OIDC issuer knew it when it signed.
    Identity {
        identity: String,
        issuer: String,
    },
    Key {
        key: PublicKey,
    },
}

/// Who may sign: an identity of an issuer, or a key.
///
/// Identity and issuer match exactly, but for `*`, which stands for any characters other than `/`, and `**`, which stands for any at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Principal {
    Identity { identity: String, issuer: String },
    Key { key: PublicKey },
}

/// A public key: the DER bytes of a SubjectPublicKeyInfo (RFC 5280), of Ed25519 or ECDSA P-256. In JSON and TOML it is their base64,
/// which is also what stands between the lines of a PEM file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(Vec<u8>);

/// A text that is not a public key.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a public key: {reason}")]
pub struct PublicKeyError {
    text: String,
    reason: &'static str,
}

/// DER of the two algorithm identifiers with everything before the key's own bytes, and the length of those (RFC 8410, RFC 5480).
const ED25519: (&[u8], usize) =
    (&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00], 32);
const P256: (&[u8], usize) = (
    &[
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ],
    64,
);

impl From<Signer> for Principal {
    /// A signer as one who may sign again. A workflow that runs for a tag has another identity for each release: all its
    /// tags are meant.
    fn from(signer: Signer) -> Self {
        match signer {
            Signer::Key { key } => Self::Key { key },
            Signer::Identity { identity, issuer } => {
                let identity = match identity.split_once("@refs/tags/") {
                    Some((workflow, _)) => format!("{workflow}@refs/tags/*"),
                    None => identity,
                };
                Self::Identity { identity, issuer }
            }
        }
    }
}

impl Principal {
    pub fn matches(&self, signer: &Signer) -> bool {
        match (self, signer) {
            (
                Self::Identity { identity, issuer },
                Signer::Identity { identity: signer, issuer: signer_issuer },
            ) => matches_pattern(identity, signer) && matches_pattern(issuer, signer_issuer),
            (Self::Key { key }, Signer::Key { key: signer }) => key == signer,
            _ => false,
        }
    }

    /// The key, where it is one.
    pub fn key(&self) -> Option<&PublicKey> {
        match self {
            Self::Key { key } => Some(key),
            Self::Identity { .. } => None,
        }
    }
}

/// Whether `text` is of the form `pattern`: `*` stands for any characters other than `/`, `**` for any at all.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    // The classic two-pointer match, with one place to come back to for each of the two kinds of star: a `*` can be
    // extended until it meets a `/`, and from then on only a `**` before it can.
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut one: Option<(usize, usize)> = None;
    let mut all: Option<(usize, usize)> = None;
    loop {
        if pattern[p..].starts_with(b"**") {
            p += 2;
            (all, one) = (Some((p, t)), None);
        } else if pattern.get(p) == Some(&b'*') {
            p += 1;
            one = Some((p, t));
        } else if p < pattern.len() && t < text.len() && pattern[p] == text[t] {
            (p, t) = (p + 1, t + 1);
        } else if p == pattern.len() && t == text.len() {
            return true;
        } else if let Some((after, from)) =
            one.filter(|(_, from)| text.get(*from).is_some_and(|c| *c != b'/'))
        {
            one = Some((after, from + 1));
            (p, t) = (after, from + 1);
        } else if let Some((after, from)) = all.filter(|(_, from)| *from < text.len()) {
            (all, one) = (Some((after, from + 1)), None);
            (p, t) = (after, from + 1);
        } else {
            return false;
        }
    }
}

impl PublicKey {
    pub fn from_der(der: &[u8]) -> Result<Self, PublicKeyError> {
        let is = |(head, length): (&[u8], usize)| der.len() == head.len() + length && der.starts_with(head);
        if is(ED25519) || is(P256) {
            return Ok(Self(der.to_owned()));
        }
        let text = data_encoding::BASE64.encode(&der[..der.len().min(60)]);
        Err(PublicKeyError { text, reason: "it is neither an Ed25519 nor an uncompressed ECDSA P-256 key" })
    }

    /// Reads the PEM form (RFC 7468), `-----BEGIN PUBLIC KEY-----`, or the base64 alone.
    pub fn parse(text: &str) -> Result<Self, PublicKeyError> {
        let inner = text.trim();
        let inner = inner.strip_prefix("-----BEGIN PUBLIC KEY-----").unwrap_or(inner);
        let inner = inner.strip_suffix("-----END PUBLIC KEY-----").unwrap_or(inner);
        let base64: String = inner.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = data_encoding::BASE64.decode(base64.as_bytes()).map_err(|_| PublicKeyError {
            text: text.trim().chars().take(80).collect(),
            reason: "it is neither PEM nor base64",
        })?;
        Self::from_der(&der)
    }

    pub fn as_der(&self) -> &[u8] {
        &self.0
    }

    /// `-----BEGIN PUBLIC KEY-----` and so on (RFC 7468).
    pub fn to_pem(&self) -> String {
        let base64 = data_encoding::BASE64.encode(&self.0);
        let lines: Vec<&str> =
            base64.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// The SHA-256 of its DER bytes: what bundles hint at, and what people compare.
    pub fn fingerprint(&self) -> Sha256 {
        Sha256::of(&self.0)
    }

    pub fn is_ed25519(&self) -> bool {
        self.0.starts_with(ED25519.0)
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity { identity, issuer } => write!(f, "{identity} (of {issuer})"),
            Self::Key { key } => key.fmt(f),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity { identity, issuer } => write!(f, "{identity} (of {issuer})"),
            Self::Key { key } => key.fmt(f),
        }
    }
}

impl fmt::Display for PublicKey {
    /// `key SHA256:` and the first 16 digits of the fingerprint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key SHA256:{}", &self.fingerprint().to_string()[..16])
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stays_between_slashes_and_two_do_not() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("*", "a/b", false),
            ("**", "a/b", true),
            ("acme-*", "acme-walls", true),
            ("acme-*", "acme", false),
            ("*@acme.example", "ana@acme.example", true),
            ("*@acme.example", "ana@acme.example.evil.example", false),
            (
                "https://forge.example/acme/*@refs/tags/*",
                "https://forge.example/acme/walls@refs/tags/v1",
                true,
            ),
            (
                "https://forge.example/acme/*@refs/tags/*",
                "https://forge.example/acme/x/walls@refs/tags/v1",
                false,
            ),
            (
                "https://forge.example/acme/**@refs/tags/*",
                "https://forge.example/acme/x/walls@refs/tags/v1",
                true,
            ),
            ("a*b*c", "axbxbxc", true),
            ("a**/b*", "a/x/b/b1", true),
            ("a**/b*", "a/x/b/b1/", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_workflow_that_ran_for_a_tag_may_sign_for_all_its_tags() {
        let signer = |identity: &str| Signer::Identity { identity: identity.into(), issuer: "i".into() };
        let workflow = "https://forge.example/acme/walls/.ci/release.yml";
        let principal = Principal::from(signer(&format!("{workflow}@refs/tags/v1.0")));
        for (identity, expected) in [
            (format!("{workflow}@refs/tags/v1.0"), true),
            (format!("{workflow}@refs/tags/v2.0"), true),
            (format!("{workflow}@refs/heads/v2.0"), false),
            ("https://forge.example/eve/walls/.ci/release.yml@refs/tags/v2.0".to_owned(), false),
        ] {
            assert_eq!(principal.matches(&signer(&identity)), expected, "{identity}");
        }
    }

    #[test]
    fn a_key_reads_back_from_pem_and_base64() {
        let der = [ED25519.0, &[7; 32]].concat();
        let key = PublicKey::from_der(&der).unwrap();
        assert_eq!(PublicKey::parse(&key.to_pem()).unwrap(), key);
        let json = serde_json::to_string(&Signer::Key { key: key.clone() }).unwrap();
        assert_eq!(serde_json::from_str::<Principal>(&json).unwrap(), Principal::Key { key });
        assert!(PublicKey::from_der(&der[1..]).is_err());
    }
}
