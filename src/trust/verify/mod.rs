//! The verification of a bundle: who signed it, when, and in which logs it stands.
//!
//! The cryptography is that of the crate `sigstore-verify`. What the Sigstore client specification demands beyond what that crate
//! checks, and what it leaves undecided, is checked here: see `certificate`, `in_toto`, `log` and `timestamp`.

mod certificate;
mod in_toto;
mod key;
mod log;
#[cfg(test)]
mod tests;
mod timestamp;

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use sigstore_types::bundle::VerificationMaterialContent;
use sigstore_types::{ArtifactDigest, HashAlgorithm, SignatureContent, TsaAuthority};
use sigstore_verify::{CertificateError, PublicKeyVerificationPolicy, VerificationPolicy};

use self::log::TrustedLog;
use super::{Bundle, TrustError, TrustedRoot};
use crate::model::{PublicKey, Sha256, Signer};

/// What a bundle proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub signer: Signer,
    /// When it was signed, as each timestamp authority and each log says. Never empty for an identity.
    pub times: Vec<Timestamp>,
    /// The entries of the logs that hold the signature.
    pub logs: Vec<LogEntry>,
}

/// A place in a transparency log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The log's URL, as the trusted root has it.
    pub log: String,
    /// The number of the entry, counted from 0, where the log vouches for it.
    pub index: Option<u64>,
    /// When the log took it in, where the log vouches for that.
    pub time: Option<Timestamp>,
}

impl Verified {
    /// Whether a log has the signature, for all to see.
    pub fn logged(&self) -> bool {
        !self.logs.is_empty()
    }
}

/// Verifies bundles against one trusted root. Made once, it is shared between threads.
pub struct Verifier {
    inner: sigstore_verify::Verifier,
    logs: Vec<TrustedLog>,
    /// The certificates of certificate authorities, in DER.
    authorities: Vec<Vec<u8>>,
    timestamp_authorities: Vec<TsaAuthority>,
}

/// A file that a bundle is to be about.
#[derive(Clone, Copy)]
pub enum Artifact<'a> {
    Sha256(Sha256),
    /// Statements of some ecosystems name files by SHA-512 alone.
    Sha512([u8; 64]),
    /// Some signatures are over the bytes themselves.
    Bytes(&'a [u8]),
}

impl Verifier {
    pub fn new(root: &TrustedRoot) -> Result<Self, TrustError> {
        let refuse = |reason: String| root.origin().refuse(reason);
        let inner = sigstore_verify::Verifier::new(&root.inner).map_err(|error| refuse(error.to_string()))?;
        let logs = root.inner.tlogs.iter().map(TrustedLog::new).collect::<Result<_, _>>();
        let authorities = root.inner.certificate_authorities.iter();
        let certificates = authorities.flat_map(|authority| &authority.cert_chain.certificates);
        Ok(Self {
            inner,
            logs: logs.map_err(refuse)?,
            authorities: certificates.map(|entry| entry.raw_bytes.as_bytes().to_owned()).collect(),
            timestamp_authorities: root.inner.tsa_authorities(),
        })
    }

    /// Verifies that `bundle` signs the file with this digest, directly or as a subject of its statement.
    ///
    /// Where the bundle was signed with a key, it must be one of `keys`. Its log entries and timestamps are verified where
    /// there are any, and not required. Where it was signed by an identity, they are.
    pub fn verify_artifact(
        &self,
        bundle: &Bundle,
        artifact: Sha256,
        keys: &[PublicKey],
    ) -> Result<Verified, TrustError> {
        self.verify(bundle, Artifact::Sha256(artifact), keys)
    }

    /// As [`Verifier::verify_artifact`], for a file. It is held in memory only where the signature is over its bytes.
    pub fn verify_file(
        &self,
        bundle: &Bundle,
        path: &Path,
        keys: &[PublicKey],
    ) -> Result<Verified, TrustError> {
        let read = |source| TrustError::Read { path: path.to_owned(), source };
        if key::needs_bytes(bundle, keys)? {
            let bytes = std::fs::read(path).map_err(read)?;
            return self.verify(bundle, Artifact::Bytes(&bytes), keys);
        }
        let file = std::fs::File::open(path).map_err(read)?;
        let artifact = match in_toto::has_only_sha512(bundle)? {
            true => Artifact::Sha512(digest::<sha2::Sha512>(file).map_err(read)?.into()),
            false => Artifact::Sha256(Sha256(digest::<sha2::Sha256>(file).map_err(read)?.into())),
        };
        self.verify(bundle, artifact, keys)
    }

    /// Verifies the signature of a statement, whatever files it is about, and returns its payload: the JSON of an
    /// in-toto statement. Everything else is as for [`Verifier::verify_artifact`].
    pub fn verify_statement(
        &self,
        bundle: &Bundle,
        keys: &[PublicKey],
    ) -> Result<(Verified, Vec<u8>), TrustError> {
        let SignatureContent::DsseEnvelope(envelope) = &bundle.inner.content else {
            return Err(TrustError::NoStatement);
        };
        // The crate verifies a statement only together with a file that it is about.
        let subject = in_toto::Statement::of(envelope)?.any_subject()?;
        let verified = self.verify(bundle, subject, keys)?;
        Ok((verified, envelope.payload.as_bytes().to_owned()))
    }

    /// As [`Verifier::verify_artifact`], for any form of the file.
    pub fn verify(
        &self,
        bundle: &Bundle,
        artifact: Artifact<'_>,
        keys: &[PublicKey],
    ) -> Result<Verified, TrustError> {
        in_toto::check_artifact(bundle, artifact)?;
        let material = &bundle.inner.verification_material;
        let (signer, times) = match &material.content {
            VerificationMaterialContent::PublicKey(hint) if keys.is_empty() => {
                return Err(TrustError::NoKey { hint: hint.hint.clone() });
            }
            VerificationMaterialContent::PublicKey(_) => self.verify_key(bundle, artifact, keys)?,
            _ => self.verify_identity(bundle, artifact)?,
        };
        for timestamp in &material.timestamp_verification_data.rfc3161_timestamps {
            timestamp::check_form(timestamp.signed_timestamp.as_bytes(), &self.timestamp_authorities)
                .map_err(|reason| TrustError::Time { reason })?;
        }
        let logs = material.tlog_entries.iter().map(|entry| log::check(&self.logs, bundle, entry, &times));
        let logs = logs.collect::<Result<_, _>>().map_err(|reason| TrustError::Log { reason })?;
        Ok(Verified { signer, times, logs })
    }

    fn verify_identity(
        &self,
        bundle: &Bundle,
        artifact: Artifact<'_>,
    ) -> Result<(Signer, Vec<Timestamp>), TrustError> {
        let policy = VerificationPolicy::any_identity();
        let result = self.inner.verify(artifact.to_crate()?, &bundle.inner, &policy);
        let result = result.map_err(|error| self.refusal(bundle, error))?;
        let certificates = certificate::chain(bundle);
        certificate::check_roots(&certificates)?;
        let known = |certificate: &&[u8]| self.authorities.iter().any(|known| known == certificate);
        if !certificates.iter().skip(1).all(known) {
            // It is there for a reason only where the chain does not hold without it.
            let leaf = certificate::leaf_only(&bundle.inner);
            if self.inner.verify(artifact.to_crate()?, &leaf, &policy).is_ok() {
                let reason = "it has a certificate that is no part of the chain".into();
                return Err(TrustError::Malformed { reason });
            }
        }
        let signer = certificate::signer(&certificates, result.issuer())?;
        Ok((signer, result.verified_timestamps().to_vec()))
    }

    /// Of a certificate that was out of date, the crate only says that its chain does not hold.
    fn refusal(&self, bundle: &Bundle, error: sigstore_verify::Error) -> TrustError {
        if let sigstore_verify::Error::Certificate(CertificateError::ChainInvalid(_)) = error
            && let Some(outdated) =
                certificate::outdated(bundle, &timestamp::times(bundle, &self.timestamp_authorities))
        {
            return outdated;
        }
        error.into()
    }

    fn verify_key(
        &self,
        bundle: &Bundle,
        artifact: Artifact<'_>,
        keys: &[PublicKey],
    ) -> Result<(Signer, Vec<Timestamp>), TrustError> {
        let key = key::signing_key(bundle, artifact, keys)?;
        let signer = Signer::Key { key: key.clone() };
        let material = &bundle.inner.verification_material;
        let has_entries = !material.tlog_entries.is_empty();
        if !has_entries && material.timestamp_verification_data.rfc3161_timestamps.is_empty() {
            return Ok((signer, Vec::new()));
        }
        let mut policy =
            PublicKeyVerificationPolicy::new(sigstore_types::DerPublicKey::from_bytes(key.as_der()));
        if !has_entries {
            // There is none to verify, and the crate would demand one.
            policy = policy.skip_tlog_unsafe();
        }
        let result = self.inner.verify(artifact.to_crate()?, &bundle.inner, &policy)?;
        Ok((signer, result.verified_timestamps().to_vec()))
    }
}

impl<'a> Artifact<'a> {
    fn sha256(self) -> Option<Sha256> {
        match self {
            Self::Sha256(digest) => Some(digest),
            Self::Sha512(_) => None,
            Self::Bytes(bytes) => Some(Sha256::of(bytes)),
        }
    }

    fn to_crate(self) -> Result<sigstore_types::Artifact<'a>, TrustError> {
        let (algorithm, digest) = match &self {
            Self::Bytes(bytes) => return Ok((*bytes).into()),
            Self::Sha256(digest) => (HashAlgorithm::Sha2256, digest.0.as_slice()),
            Self::Sha512(digest) => (HashAlgorithm::Sha2512, digest.as_slice()),
        };
        match ArtifactDigest::new(algorithm, digest) {
            Ok(digest) => Ok(digest.into()),
            Err(error) => Err(TrustError::Unsupported { reason: error.to_string() }),
        }
    }
}

impl fmt::Display for Artifact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => write!(f, "SHA-256 {digest}"),
            Self::Sha512(digest) => write!(f, "SHA-512 {}", data_encoding::HEXLOWER.encode(digest)),
            Self::Bytes(bytes) => write!(f, "SHA-256 {}", Sha256::of(bytes)),
        }
    }
}

fn digest<D: sha2::Digest>(mut file: std::fs::File) -> std::io::Result<sha2::digest::Output<D>> {
    let mut hasher = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize()),
            length => hasher.update(&buffer[..length]),
        }
    }
}
