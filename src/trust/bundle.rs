//! Sigstore bundles: a signature and all that is needed to verify it, in one JSON file.
//!
//! The format is the message `Bundle` of Sigstore's protobuf-specs, in its versions 0.1, 0.2 and 0.3. The crate that
//! verifies ignores fields that it does not know and lets the last of two equal keys win, and so may see another bundle than the
//! next verifier does. Here a bundle is what its format says and nothing else.

use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use sigstore_types::bundle::VerificationMaterialContent;
use sigstore_types::{KindVersion, MediaType, SignatureContent};

use super::TrustError;
use crate::registry::layout;

/// The most bytes that a bundle may have. Those of common signers have 3,000 to 20,000.
pub const MAX_BUNDLE: usize = layout::MAX_BUNDLE as usize;
/// The most certificates, log entries and timestamps of a bundle. A signer makes one of each; other verifiers have the same limit.
const MAX_ITEMS: usize = 32;
/// The most bytes of a checkpoint. Each of its signatures may have to be verified; a signature takes about 100 bytes.
const MAX_CHECKPOINT: usize = 8 << 10;

/// A bundle whose form is right. What it claims is not verified.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub(super) inner: sigstore_types::Bundle,
}

impl Bundle {
    /// Reads the JSON form of a bundle of at most [`MAX_BUNDLE`] bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(TrustError::TooLarge { size: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| TrustError::NotABundle {
            reason: format!("it is not UTF-8 from byte {} on", error.valid_up_to()),
        })?;
        let wire: wire::Bundle = serde_json::from_str(text).map_err(not_a_bundle)?;
        wire.check().map_err(malformed)?;
        let inner = sigstore_types::Bundle::from_json(text).map_err(|error| malformed(error.to_string()))?;
        let bundle = Self { inner };
        bundle.check_version().map_err(malformed)?;
        bundle.check_amounts().map_err(malformed)?;
        bundle.check_repetition().map_err(malformed)?;
        Ok(bundle)
    }

    /// Reads the bundle in the file at `path`.
    pub fn read(path: &Path) -> Result<Self, TrustError> {
        let bytes = super::read_bounded(path, MAX_BUNDLE as u64)?;
        Self::parse(&bytes.ok_or(TrustError::TooLarge { size: MAX_BUNDLE + 1 })?)
    }

    /// Whether it was signed with a key, and names no identity.
    pub fn is_by_key(&self) -> bool {
        matches!(self.inner.verification_material.content, VerificationMaterialContent::PublicKey(_))
    }

    /// Whether it signs a statement about files, and not one file directly.
    pub fn is_statement(&self) -> bool {
        matches!(self.inner.content, SignatureContent::DsseEnvelope(_))
    }

    /// What the versions of the format allow and demand, beyond what every bundle has.
    fn check_version(&self) -> Result<(), String> {
        let material = &self.inner.verification_material;
        let version = self.inner.media_type;
        match (&material.content, version) {
            (VerificationMaterialContent::X509CertificateChain { .. }, MediaType::Bundle0_3) => {
                return Err("version 0.3 has one certificate, and not a chain of them".into());
            }
            (VerificationMaterialContent::X509CertificateChain { certificates }, _)
                if certificates.is_empty() =>
            {
                return Err("its chain of certificates is empty".into());
            }
            (VerificationMaterialContent::Certificate(_), MediaType::Bundle0_1 | MediaType::Bundle0_2) => {
                return Err("a certificate that is not in a chain came with version 0.3".into());
            }
            _ => {}
        }
        for entry in &material.tlog_entries {
            if version == MediaType::Bundle0_1 && entry.inclusion_promise.is_none() {
                return Err("a log entry has no inclusion promise, which version 0.1 demands".into());
            }
            if version != MediaType::Bundle0_1 && entry.inclusion_proof.is_none() {
                return Err("a log entry has no inclusion proof, which versions from 0.2 on demand".into());
            }
            let dated = entry.inclusion_promise.is_some() || entry.integrated_time.is_some();
            if entry.kind_version == KindVersion::HashedRekordV002 && dated {
                return Err(
                    "a log entry of Rekor v2 has a time or a promise, which that log does not give".into()
                );
            }
        }
        Ok(())
    }

    /// Each item costs its verification, so that there must not be too many.
    fn check_amounts(&self) -> Result<(), String> {
        let material = &self.inner.verification_material;
        let certificates = match &material.content {
            VerificationMaterialContent::X509CertificateChain { certificates } => certificates.len(),
            _ => 0,
        };
        for (count, what) in [
            (certificates, "certificates"),
            (material.tlog_entries.len(), "log entries"),
            (material.timestamp_verification_data.rfc3161_timestamps.len(), "timestamps"),
        ] {
            if count > MAX_ITEMS {
                return Err(format!("it has more than {MAX_ITEMS} {what}"));
            }
        }
        let proofs = material.tlog_entries.iter().filter_map(|entry| entry.inclusion_proof.as_ref());
        if proofs.into_iter().any(|proof| proof.checkpoint.envelope().len() > MAX_CHECKPOINT) {
            return Err(format!("it has a checkpoint of more than {MAX_CHECKPOINT} bytes"));
        }
        Ok(())
    }

    /// One entry or timestamp twice must not count as two.
    fn check_repetition(&self) -> Result<(), String> {
        let material = &self.inner.verification_material;
        let entries = &material.tlog_entries;
        let timestamps = &material.timestamp_verification_data.rfc3161_timestamps;
        for (number, entry) in entries.iter().enumerate() {
            // Two logs may well have the same entry.
            let same = |other: &sigstore_types::TransparencyLogEntry| {
                let content = other.canonicalized_body == entry.canonicalized_body;
                other.log_id == entry.log_id && (content || other.log_index == entry.log_index)
            };
            if entries[..number].iter().any(same) {
                return Err("it has the same log entry twice".into());
            }
        }
        for (number, timestamp) in timestamps.iter().enumerate() {
            if timestamps[..number].contains(timestamp) {
                return Err("it has the same timestamp twice".into());
            }
        }
        Ok(())
    }
}

fn malformed(reason: String) -> TrustError {
    TrustError::Malformed { reason }
}

fn not_a_bundle(error: serde_json::Error) -> TrustError {
    TrustError::NotABundle { reason: error.to_string() }
}

/// The fields of the format, without their values: unknown, repeated and contradicting ones are found here.
mod wire {
    use super::{Deserialize, IgnoredAny, MediaType};

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub struct Bundle {
        media_type: String,
        verification_material: Material,
        message_signature: Option<MessageSignature>,
        dsse_envelope: Option<Envelope>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Material {
        certificate: Option<Certificate>,
        x509_certificate_chain: Option<Chain>,
        public_key: Option<KeyHint>,
        #[serde(rename = "tlogEntries")]
        _tlog_entries: Option<Vec<Entry>>,
        #[serde(rename = "timestampVerificationData")]
        _timestamps: Option<Timestamps>,
    }

    impl Bundle {
        pub fn check(&self) -> Result<(), String> {
            if self.media_type.parse::<MediaType>().is_err() {
                let found: String = self.media_type.chars().take(80).collect();
                return Err(format!(
                    "its media type is `{found}`, and rvp reads bundles of versions 0.1, 0.2 and 0.3"
                ));
            }
            let material = &self.verification_material;
            let signers = [
                material.certificate.is_some(),
                material.x509_certificate_chain.is_some(),
                material.public_key.is_some(),
            ];
            if signers.iter().filter(|given| **given).count() != 1 {
                return Err("it must have one of certificate, x509CertificateChain and publicKey".into());
            }
            if self.message_signature.is_some() == self.dsse_envelope.is_some() {
                return Err("it must have one of messageSignature and dsseEnvelope".into());
            }
            Ok(())
        }
    }

    /// The crate also takes other spellings.
    #[derive(Deserialize)]
    enum Algorithm {
        #[serde(rename = "SHA2_256")]
        Sha256,
        #[serde(rename = "SHA2_384")]
        Sha384,
        #[serde(rename = "SHA2_512")]
        Sha512,
    }

    /// Structs of which only the names of the fields matter.
    macro_rules! shapes {
        ($($name:ident { $($key:literal $field:ident: $type:ty),* $(,)? })*) => {$(
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct $name { $(#[serde(rename = $key)] $field: Option<$type>),* }
        )*};
    }

    shapes! {
        Certificate { "rawBytes" _raw_bytes: IgnoredAny }
        Chain { "certificates" _certificates: Vec<Certificate> }
        KeyHint { "hint" _hint: IgnoredAny }
        Timestamps { "rfc3161Timestamps" _timestamps: Vec<Timestamp> }
        Timestamp { "signedTimestamp" _signed_timestamp: IgnoredAny }
        Entry {
            "logIndex" _log_index: IgnoredAny,
            "logId" _log_id: LogId,
            "kindVersion" _kind_version: KindVersion,
            "integratedTime" _integrated_time: IgnoredAny,
            "inclusionPromise" _inclusion_promise: Promise,
            "inclusionProof" _inclusion_proof: Proof,
            "canonicalizedBody" _canonicalized_body: IgnoredAny,
        }
        LogId { "keyId" _key_id: IgnoredAny }
        KindVersion { "kind" _kind: IgnoredAny, "version" _version: IgnoredAny }
        Promise { "signedEntryTimestamp" _signed_entry_timestamp: IgnoredAny }
        Proof {
            "logIndex" _log_index: IgnoredAny,
            "rootHash" _root_hash: IgnoredAny,
            "treeSize" _tree_size: IgnoredAny,
            "hashes" _hashes: Vec<IgnoredAny>,
            "checkpoint" _checkpoint: Checkpoint,
        }
        Checkpoint { "envelope" _envelope: IgnoredAny }
        MessageSignature { "messageDigest" _message_digest: Digest, "signature" _signature: IgnoredAny }
        Digest { "algorithm" _algorithm: Algorithm, "digest" _digest: IgnoredAny }
        Envelope {
            "payload" _payload: IgnoredAny,
            "payloadType" _payload_type: IgnoredAny,
            "signatures" _signatures: Vec<Signature>,
        }
        Signature { "sig" _sig: IgnoredAny, "keyid" _keyid: IgnoredAny }
    }
}
