//! Signing with a key of one's own.
//!
//! The bundle carries a hint to the key and no log entry: who verifies has the key, and needs nobody's word for it. An Ed25519 key
//! signs the message itself, as Go's Sigstore clients do where no log entry is made (the prehashed variant, Ed25519ph, is for logs,
//! which never see the message). So of a file it can only be verified with the file at hand; and Sigstore's JavaScript client knows no
//! Ed25519 at all.

use sigstore_bundle::{BundleV03, VerificationMaterialV03};
use sigstore_types::bundle::{MessageDigest, MessageSignature, SignatureContent};
use sigstore_types::{
    DsseEnvelope, DsseSignature, HashAlgorithm, KeyId, PayloadBytes, Sha256Hash, SignatureBytes, pae,
};

use super::SignError;
use crate::model::Sha256;
use crate::trust::keys::PrivateKey;

/// The type of the payload of an envelope that holds an in-toto statement.
const IN_TOTO: &str = "application/vnd.in-toto+json";

pub fn sign_message(key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, SignError> {
    let digest = Sha256Hash::new(Sha256::of(message).0);
    let signature = MessageSignature::new(SignatureBytes::new(key.sign(message)?))
        .with_message_digest(MessageDigest::new(HashAlgorithm::Sha2256, digest.into()));
    bundle(key, SignatureContent::MessageSignature(signature))
}

pub fn sign_statement(key: &PrivateKey, payload: &[u8]) -> Result<Vec<u8>, SignError> {
    let signature = SignatureBytes::new(key.sign(&pae(IN_TOTO, payload))?);
    let envelope = DsseEnvelope::new(
        IN_TOTO.to_owned(),
        PayloadBytes::new(payload.to_owned()),
        DsseSignature::new(signature, KeyId::default()),
    );
    bundle(key, SignatureContent::DsseEnvelope(envelope))
}

fn bundle(key: &PrivateKey, content: SignatureContent) -> Result<Vec<u8>, SignError> {
    // cosign's hint too.
    let hint = data_encoding::BASE64.encode(&key.public().fingerprint().0);
    let bundle = BundleV03::new(VerificationMaterialV03::PublicKey { hint }, content).into_bundle();
    Ok(bundle.to_json()?.into_bytes())
}

#[cfg(test)]
mod tests {
    use sigstore_crypto::{SigningScheme, verify_signature};
    use sigstore_types::{Bundle, DerPublicKey};

    use super::*;
    use crate::trust::keys::KeyKind;

    #[test]
    fn bundles_of_both_kinds_of_key_verify() {
        for (kind, scheme) in
            [(KeyKind::Ed25519, SigningScheme::Ed25519), (KeyKind::EcdsaP256, SigningScheme::EcdsaP256Sha256)]
        {
            let key = PrivateKey::generate(kind).unwrap();
            let public = DerPublicKey::new(key.public().as_der().to_owned());
            let read = |json: Vec<u8>| Bundle::from_json(std::str::from_utf8(&json).unwrap()).unwrap();
            let SignatureContent::MessageSignature(signed) =
                read(sign_message(&key, b"abc").unwrap()).content
            else {
                panic!("not a message signature");
            };
            verify_signature(&public, b"abc", &signed.signature, scheme).unwrap();
            assert_eq!(signed.message_digest.unwrap().digest.as_bytes(), Sha256::of(b"abc").0);
            let SignatureContent::DsseEnvelope(envelope) = read(sign_statement(&key, b"{}").unwrap()).content
            else {
                panic!("not an envelope");
            };
            verify_signature(&public, &envelope.pae(), &envelope.signature.sig, scheme).unwrap();
            assert_eq!(envelope.payload.as_bytes(), b"{}");
        }
    }
}
