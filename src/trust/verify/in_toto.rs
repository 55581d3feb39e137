//! What a bundle is about: one file, or the subjects of an in-toto statement.

use std::collections::BTreeMap;

use serde::Deserialize;
use sigstore_types::{DsseEnvelope, HashAlgorithm, SignatureContent};

use super::Artifact;
use crate::model::Sha256;
use crate::trust::{Bundle, TrustError};

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The two versions of the statement: <https://github.com/in-toto/attestation/tree/main/spec>
const STATEMENT_TYPES: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

#[derive(Deserialize)]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    name: String,
    digest: BTreeMap<String, String>,
}

impl Statement {
    /// Reads the payload of an envelope.
    pub fn of(envelope: &DsseEnvelope) -> Result<Self, TrustError> {
        let refuse = |reason| TrustError::Statement { reason };
        if envelope.payload_type != PAYLOAD_TYPE {
            let found = &envelope.payload_type;
            return Err(refuse(format!("the payload is of type `{found}`, and {PAYLOAD_TYPE} was expected")));
        }
        let statement: Self =
            serde_json::from_slice(envelope.payload.as_bytes()).map_err(|error| refuse(error.to_string()))?;
        if !STATEMENT_TYPES.contains(&statement.kind.as_str()) {
            return Err(refuse(format!(
                "its _type is `{}`, which is not an in-toto statement's",
                statement.kind
            )));
        }
        Ok(statement)
    }

    /// One of its subjects.
    pub fn any_subject(&self) -> Result<Artifact<'static>, TrustError> {
        let sha512 = || self.sha512().next().map(Artifact::Sha512);
        self.sha256().next().map(Artifact::Sha256).or_else(sha512).ok_or_else(|| TrustError::Statement {
            reason: "it has no subject with a SHA-256 or SHA-512 digest".into(),
        })
    }

    fn is_about(&self, artifact: Artifact<'_>) -> bool {
        match artifact {
            Artifact::Sha256(digest) => self.sha256().any(|subject| subject == digest),
            Artifact::Sha512(digest) => self.sha512().any(|subject| subject == digest),
            Artifact::Bytes(bytes) => self.is_about(Artifact::Sha256(Sha256::of(bytes))),
        }
    }

    fn sha256(&self) -> impl Iterator<Item = Sha256> {
        self.subject.iter().filter_map(|subject| subject.digest.get("sha256")?.parse().ok())
    }

    fn sha512(&self) -> impl Iterator<Item = [u8; 64]> {
        let digests = self.subject.iter().filter_map(|subject| subject.digest.get("sha512"));
        digests.filter_map(|hex| data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok())
    }
}

/// Whether the bundle has a statement that names files by SHA-512 and not by SHA-256.
pub fn has_only_sha512(bundle: &Bundle) -> Result<bool, TrustError> {
    let SignatureContent::DsseEnvelope(envelope) = &bundle.inner.content else { return Ok(false) };
    Ok(matches!(Statement::of(envelope)?.any_subject()?, Artifact::Sha512(_)))
}

/// Whether the bundle is about `artifact`, by what it says and before any signature is verified: so that the person who
/// mixed up two files reads that, and not of a signature that does not fit.
pub fn check_artifact(bundle: &Bundle, artifact: Artifact<'_>) -> Result<(), TrustError> {
    match &bundle.inner.content {
        SignatureContent::MessageSignature(message) => {
            let digest = message.message_digest.as_ref();
            let digest = digest.filter(|digest| digest.algorithm == HashAlgorithm::Sha2256);
            match (digest.map(|digest| digest.digest.as_bytes()), artifact.sha256()) {
                (Some(signed), Some(found)) if signed != found.0 => {
                    Err(TrustError::OtherFile { signed: data_encoding::HEXLOWER.encode(signed), found })
                }
                _ => Ok(()),
            }
        }
        SignatureContent::DsseEnvelope(envelope) => {
            let statement = Statement::of(envelope)?;
            if statement.is_about(artifact) {
                return Ok(());
            }
            let subjects = statement.subject.into_iter().map(|subject| match subject.name.as_str() {
                "" => "a file without a name".to_owned(),
                _ => subject.name,
            });
            Err(TrustError::OtherSubjects { subjects: subjects.collect(), found: artifact.to_string() })
        }
        _ => Err(TrustError::Unsupported { reason: "it signs neither a file nor a statement".into() }),
    }
}
