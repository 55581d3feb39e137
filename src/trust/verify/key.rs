//! Signatures with keys that their owners manage: no certificate says whose they are, and a log entry may be missing.

use sigstore_crypto::{KeyAlgorithm, SigningScheme};
use sigstore_types::{DerPublicKey, HashAlgorithm, SignatureContent};

use super::Artifact;
use crate::model::PublicKey;
use crate::trust::{Bundle, TrustError};

/// The one of `keys` that made the bundle's signature.
pub fn signing_key<'k>(
    bundle: &Bundle,
    artifact: Artifact<'_>,
    keys: &'k [PublicKey],
) -> Result<&'k PublicKey, TrustError> {
    let mut needs_file = false;
    for key in keys {
        match signed_by(bundle, artifact, key) {
            Ok(true) => return Ok(key),
            Ok(false) => {}
            Err(TrustError::NeedsFile) => needs_file = true,
            Err(error) => return Err(error),
        }
    }
    if needs_file {
        return Err(TrustError::NeedsFile);
    }
    Err(TrustError::NotByKey { keys: keys.iter().map(PublicKey::to_string).collect() })
}

/// Whether the signature of a bundle can only be verified with the bytes of the file: ECDSA signs a digest, Ed25519 the
/// bytes themselves.
pub fn needs_bytes(bundle: &Bundle, keys: &[PublicKey]) -> Result<bool, TrustError> {
    if bundle.is_statement() {
        return Ok(false);
    }
    let algorithms = match bundle.inner.signing_certificate() {
        Some(certificate) => {
            let info = sigstore_crypto::parse_certificate_info(certificate)
                .map_err(|error| TrustError::Certificate { reason: error.to_string() })?;
            vec![info.key_algorithm]
        }
        None => keys.iter().map(algorithm).collect(),
    };
    let mut needed = false;
    for algorithm in algorithms {
        needed |= scheme(bundle, algorithm)?.hash_algorithm() != Some(HashAlgorithm::Sha2256);
    }
    Ok(needed)
}

fn signed_by(bundle: &Bundle, artifact: Artifact<'_>, key: &PublicKey) -> Result<bool, TrustError> {
    let scheme = scheme(bundle, algorithm(key))?;
    let key = DerPublicKey::from_bytes(key.as_der());
    let verified = match (&bundle.inner.content, artifact) {
        (SignatureContent::DsseEnvelope(envelope), _) => {
            let signed = sigstore_types::pae(&envelope.payload_type, envelope.payload.as_bytes());
            sigstore_crypto::verify_signature(&key, &signed, &envelope.signature.sig, scheme)
        }
        (SignatureContent::MessageSignature(message), artifact)
            if scheme.hash_algorithm() == Some(HashAlgorithm::Sha2256) =>
        {
            let digest = artifact.sha256().ok_or(TrustError::NeedsFile)?;
            sigstore_crypto::verify_signature_prehashed(&key, &digest.0, &message.signature, scheme)
        }
        (SignatureContent::MessageSignature(message), Artifact::Bytes(bytes)) => {
            sigstore_crypto::verify_signature(&key, bytes, &message.signature, scheme)
        }
        _ => return Err(TrustError::NeedsFile),
    };
    Ok(verified.is_ok())
}

fn algorithm(key: &PublicKey) -> KeyAlgorithm {
    match key.is_ed25519() {
        true => KeyAlgorithm::Ed25519,
        false => KeyAlgorithm::EcdsaP256,
    }
}

/// How a key of this kind made the bundle's signature.
fn scheme(bundle: &Bundle, algorithm: KeyAlgorithm) -> Result<SigningScheme, TrustError> {
    match &bundle.inner.content {
        SignatureContent::MessageSignature(message) => match &message.message_digest {
            Some(digest) => algorithm
                .resolve_signing_scheme(digest.algorithm)
                .map_err(|error| TrustError::Unsupported { reason: error.to_string() }),
            None => Ok(algorithm.default_signing_scheme()),
        },
        _ => Ok(algorithm.default_signing_scheme()),
    }
}
