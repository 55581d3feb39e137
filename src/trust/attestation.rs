//! Attestations of files from a simple index (PEP 740): Sigstore bundles in a form of their own.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Bundle, TrustError, Verifier};
use crate::model::{Sha256, Signer};

/// More than an index ever serves for one file.
const MAX_ATTESTATIONS: usize = 32;

/// A provenance object: the attestations of one file, by publisher.
#[derive(Deserialize)]
struct Provenance {
    version: u32,
    attestation_bundles: Vec<Attestations>,
}

#[derive(Deserialize)]
struct Attestations {
    attestations: Vec<Attestation>,
}

#[derive(Deserialize)]
struct Attestation {
    version: u32,
    verification_material: Material,
    envelope: Envelope,
}

#[derive(Deserialize)]
struct Material {
    certificate: String,
    transparency_entries: Vec<Value>,
}

#[derive(Deserialize)]
struct Envelope {
    statement: String,
    signature: String,
}

/// What matters here of an in-toto statement.
#[derive(Deserialize)]
struct Statement {
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    name: String,
    digest: Digests,
}

#[derive(Deserialize)]
struct Digests {
    sha256: Option<Sha256>,
}

/// Checks all attestations in a provenance object: each is a valid bundle, and is about the file of this name and digest. Gives
/// who made them, in order.
pub(super) fn verify_provenance(
    verifier: &Verifier,
    bytes: &[u8],
    file: &str,
    sha256: Sha256,
) -> Result<Vec<Signer>, TrustError> {
    let malformed = |reason: String| TrustError::Provenance { reason };
    let provenance: Provenance =
        serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    if provenance.version != 1 {
        return Err(malformed(format!("its version is {}, and rvp knows version 1", provenance.version)));
    }
    let all: Vec<Attestation> =
        provenance.attestation_bundles.into_iter().flat_map(|bundle| bundle.attestations).collect();
    if all.is_empty() || all.len() > MAX_ATTESTATIONS {
        return Err(malformed(format!("it holds {} attestations", all.len())));
    }
    all.into_iter()
        .map(|attestation| {
            if attestation.version != 1 {
                return Err(malformed(format!("an attestation has version {}", attestation.version)));
            }
            let bundle = Bundle::parse(attestation.into_bundle().to_string().as_bytes())?;
            let (verified, payload) = verifier.verify_statement(&bundle, &[])?;
            let statement: Statement =
                serde_json::from_slice(&payload).map_err(|error| malformed(error.to_string()))?;
            match &statement.subject[..] {
                [subject] if subject.name == file && subject.digest.sha256 == Some(sha256) => {
                    Ok(verified.signer)
                }
                [subject] => {
                    Err(malformed(format!("an attestation is about {}, or other bytes of it", subject.name)))
                }
                subjects => Err(malformed(format!("an attestation is about {} files", subjects.len()))),
            }
        })
        .collect()
}

/// Wraps single attestations, as tools write them beside a file (`<file>.publish.attestation`), in a provenance object.
pub fn provenance_of(attestations: &[Vec<u8>]) -> Result<Vec<u8>, TrustError> {
    let attestations = attestations
        .iter()
        .map(|bytes| serde_json::from_slice(bytes))
        .collect::<Result<Vec<Value>, _>>()
        .map_err(|error| TrustError::Provenance { reason: error.to_string() })?;
    Ok(json!({ "version": 1, "attestation_bundles": [{ "publisher": null, "attestations": attestations }] })
        .to_string()
        .into_bytes())
}

impl Attestation {
    /// The same as a bundle of version 0.3.
    fn into_bundle(self) -> Value {
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": { "rawBytes": self.verification_material.certificate },
                "tlogEntries": self.verification_material.transparency_entries,
            },
            "dsseEnvelope": {
                "payload": self.envelope.statement,
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{ "sig": self.envelope.signature }],
            },
        })
    }
}
