//! Why a signature is not accepted, in words for the person in front of it.

use std::path::PathBuf;

use jiff::Timestamp;

use super::bundle::MAX_BUNDLE;
use crate::model::Sha256;
use crate::registry::RegistryError;

/// A bundle that does not verify, or a trusted root that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },

    #[error("a Sigstore bundle of {size} bytes is refused: the limit is {MAX_BUNDLE} bytes")]
    TooLarge { size: usize },
    #[error(
        "this is not a Sigstore bundle: {reason}\n  hint: give the file that the signer wrote, mostly named *.sigstore.json or *.sigstore"
    )]
    NotABundle { reason: String },
    #[error("the bundle breaks its format: {reason}")]
    Malformed { reason: String },

    #[error("the trusted root {origin} cannot be used: {reason}\n  hint: {}", root_hint(*refreshed))]
    Root {
        origin: String,
        reason: String,
        /// Whether it is the one that `rvp trust refresh` keeps.
        refreshed: bool,
    },

    #[error(
        "no trusted root from {url}: {reason}\n  hint: the root in use stays as it was; check the URL and the root.json, or try again later"
    )]
    Refresh { url: String, reason: String },
    #[error("cannot make the folder {}: {source}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("the fetched trusted root cannot be kept: {source}")]
    Keep { source: RegistryError },

    #[error(
        "the bundle signs another file: it is for SHA-256 {signed}, and the file has {found}\n  hint: the file was changed after it was signed, or the bundle belongs to another version of it"
    )]
    OtherFile { signed: String, found: Sha256 },
    #[error("the statement is about other files: {}; none has {found}", list(subjects))]
    OtherSubjects { subjects: Vec<String>, found: String },
    #[error("the bundle holds no statement: it signs a file directly")]
    NoStatement,
    #[error("the statement in the bundle cannot be read: {reason}")]
    Statement { reason: String },
    #[error(
        "this signature is over the bytes of the file, and cannot be verified with this digest of them\n  hint: give the file itself in place of the digest"
    )]
    NeedsFile,

    #[error(
        "the signature is not by {}\n  hint: it was made with another key, or what is signed was changed afterwards",
        key_list(keys)
    )]
    NotByKey { keys: Vec<String> },
    #[error(
        "the bundle was signed with a key, and no key was given to check it with{}",
        if hint.is_empty() { String::new() } else { format!("; the bundle calls it `{hint}`") }
    )]
    NoKey { hint: String },
    #[error(
        "the signature does not fit: what is signed was changed afterwards, or the signature is forged ({reason})"
    )]
    Signature { reason: String },

    #[error(
        "the certificate had expired when it signed: it was valid until {until}, and the signature is of {time}"
    )]
    Expired { time: Timestamp, until: Timestamp },
    #[error(
        "the certificate was not valid yet when it signed: it is valid from {from}, and the signature is of {time}"
    )]
    NotYetValid { time: Timestamp, from: Timestamp },
    #[error(
        "no certificate authority of the trusted root was valid at {time}, when it was signed{ROOT_HINT}"
    )]
    NoAuthority { time: Timestamp },
    #[error("the signer's certificate is not trusted: {reason}{ROOT_HINT}")]
    Certificate { reason: String },
    #[error(
        "nothing proves when it was signed: the bundle has no timestamp of an authority and no dated promise of a log"
    )]
    NoTime,
    #[error("a timestamp of the bundle does not hold: {reason}{ROOT_HINT}")]
    Time { reason: String },
    #[error("the log entry of the bundle does not hold: {reason}{ROOT_HINT}")]
    Log { reason: String },
    #[error("this is no provenance object of PEP 740 for the file: {reason}")]
    Provenance { reason: String },
    #[error("the bundle cannot be verified: {reason}")]
    Unsupported { reason: String },
}

const ROOT_HINT: &str = "\n  hint: where the signer used another Sigstore service than the trusted root's, give its root with --trusted-root; `rvp trust refresh` brings the public one up to date";

fn root_hint(refreshed: bool) -> &'static str {
    match refreshed {
        true => "`rvp trust refresh` fetches it again; without the file, the root inside rvp is used",
        false => "a trusted root is the file trusted_root.json of a Sigstore service",
    }
}

/// At most five names, and how many more there are.
fn list(names: &[String]) -> String {
    match names.get(5..) {
        Some(rest) if !rest.is_empty() => format!("{} and {} more", names[..5].join(", "), rest.len()),
        _ => names.join(", "),
    }
}

fn key_list(keys: &[String]) -> String {
    match keys {
        [key] => key.clone(),
        keys => format!("any of {}", list(keys)),
    }
}

impl From<sigstore_verify::Error> for TrustError {
    fn from(error: sigstore_verify::Error) -> Self {
        use sigstore_verify::{CertificateError, Error, TimestampError};
        match error {
            Error::SignatureInvalid(reason) => Self::Signature { reason },
            Error::ArtifactMismatch(reason) => Self::Signature { reason },
            Error::UnsupportedArtifact(_) => Self::NeedsFile,
            Error::Certificate(CertificateError::Expired { time, not_after }) => {
                Self::Expired { time, until: not_after }
            }
            Error::Certificate(CertificateError::NotYetValid { time, not_before }) => {
                Self::NotYetValid { time, from: not_before }
            }
            Error::Certificate(CertificateError::NoValidAuthority { time }) => Self::NoAuthority { time },
            Error::Certificate(error) => Self::Certificate { reason: error.to_string() },
            Error::TransparencyLog(error) => Self::Log { reason: error.to_string() },
            Error::Timestamp(TimestampError::NoVerifiedTimestamp(_)) => Self::NoTime,
            Error::Timestamp(error) => Self::Time { reason: error.to_string() },
            Error::Bundle(error) => Self::Malformed { reason: error.to_string() },
            error => Self::Unsupported { reason: error.to_string() },
        }
    }
}
