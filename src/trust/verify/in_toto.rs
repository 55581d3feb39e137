//! What a bundle is about: one file, or the subjects of an in-toto statement.

use std::collections::BTreeMap;

use serde::Deserialize;
use sigstore_types::{DsseEnvelope, HashAlgorithm, SignatureContent};

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

    /// The digest of one of its subjects.
    pub fn any_digest(&self) -> Result<Sha256, TrustError> {
        self.digests()
            .next()
            .ok_or_else(|| TrustError::Statement { reason: "it has no subject with a SHA-256 digest".into() })
    }

    fn digests(&self) -> impl Iterator<Item = Sha256> {
        self.subject.iter().filter_map(|subject| subject.digest.get("sha256")?.parse().ok())
    }
}

/// Whether the bundle is about `artifact`, by what it says and before any signature is verified: so that the person who
/// mixed up two files reads that, and not of a signature that does not fit.
pub fn check_artifact(bundle: &Bundle, artifact: Sha256) -> Result<(), TrustError> {
    match &bundle.inner.content {
        SignatureContent::MessageSignature(message) => {
            let digest = message.message_digest.as_ref();
            let digest = digest.filter(|digest| digest.algorithm == HashAlgorithm::Sha2256);
            match digest.map(|digest| digest.digest.as_bytes()) {
                Some(signed) if signed != artifact.0 => Err(TrustError::OtherFile {
                    signed: data_encoding::HEXLOWER.encode(signed),
                    found: artifact,
                }),
                _ => Ok(()),
            }
        }
        SignatureContent::DsseEnvelope(envelope) => {
            let statement = Statement::of(envelope)?;
            if statement.digests().any(|digest| digest == artifact) {
                return Ok(());
            }
            let subjects = statement.subject.into_iter().map(|subject| match subject.name.as_str() {
                "" => "a file without a name".to_owned(),
                _ => subject.name,
            });
            Err(TrustError::OtherSubjects { subjects: subjects.collect(), found: artifact })
        }
        _ => Err(TrustError::Unsupported { reason: "it signs neither a file nor a statement".into() }),
    }
}
