//! What the certificate of an identity says, and what may stand beside it.

use jiff::Timestamp;
use sigstore_types::bundle::VerificationMaterialContent;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::model::Signer;
use crate::trust::{Bundle, TrustError};

/// A user name that is no e-mail address, as Fulcio writes it: <https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>
const FULCIO_USER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");

/// The certificates of a bundle in DER, the signer's first.
pub fn chain(bundle: &Bundle) -> Vec<&[u8]> {
    match &bundle.inner.verification_material.content {
        VerificationMaterialContent::Certificate(certificate) => vec![certificate.raw_bytes.as_bytes()],
        VerificationMaterialContent::X509CertificateChain { certificates } => {
            certificates.iter().map(|certificate| certificate.raw_bytes.as_bytes()).collect()
        }
        _ => Vec::new(),
    }
}

/// The bundle without the certificates that the signer's came with.
pub fn leaf_only(bundle: &sigstore_types::Bundle) -> sigstore_types::Bundle {
    let mut bundle = bundle.clone();
    if let VerificationMaterialContent::X509CertificateChain { certificates } =
        &mut bundle.verification_material.content
    {
        certificates.truncate(1);
    }
    bundle
}

/// A bundle must not bring its own root: it would say nothing, and a careless verifier might believe it.
pub fn check_roots(chain: &[&[u8]]) -> Result<(), TrustError> {
    for certificate in chain.iter().skip(1) {
        let certificate = parse(certificate)?.tbs_certificate;
        if certificate.issuer == certificate.subject {
            let reason = "its chain has a root certificate, which only the trusted root may have".into();
            return Err(TrustError::Malformed { reason });
        }
    }
    Ok(())
}

/// Why the signer's certificate was of no use at one of `times`, if that is so.
pub fn outdated(bundle: &Bundle, times: &[Timestamp]) -> Option<TrustError> {
    let info = sigstore_crypto::parse_certificate_info(bundle.inner.signing_certificate()?).ok()?;
    let late = times.iter().find(|time| **time > info.not_after);
    let early = times.iter().find(|time| **time < info.not_before);
    late.map(|time| TrustError::Expired { time: *time, until: info.not_after })
        .or_else(|| early.map(|time| TrustError::NotYetValid { time: *time, from: info.not_before }))
}

/// Whom the first certificate of a verified chain names. `issuer` is what it says of the OIDC issuer.
pub fn signer(chain: &[&[u8]], issuer: Option<&str>) -> Result<Signer, TrustError> {
    let refuse = |reason: &str| TrustError::Certificate { reason: reason.into() };
    let leaf = parse(chain.first().ok_or_else(|| refuse("there is none"))?)?;
    let names: Option<(bool, SubjectAltName)> =
        leaf.tbs_certificate.get().map_err(|error| refuse(&error.to_string()))?;
    // Which of two names is meant would be for each verifier to guess.
    let identity = match names.as_ref().map(|(_, names)| names.0.as_slice()) {
        Some([GeneralName::Rfc822Name(name)]) => name.to_string(),
        Some([GeneralName::UniformResourceIdentifier(name)]) => name.to_string(),
        Some([GeneralName::OtherName(name)]) if name.type_id == FULCIO_USER_NAME => {
            name.value.decode_as::<String>().map_err(|error| refuse(&error.to_string()))?
        }
        _ => return Err(refuse("it does not name exactly one e-mail address, URI or user name")),
    };
    let issuer =
        issuer.ok_or_else(|| refuse("it does not say who knew the signer: it has no OIDC issuer"))?;
    Ok(Signer::Identity { identity, issuer: issuer.to_owned() })
}

fn parse(der: &[u8]) -> Result<Certificate, TrustError> {
    Certificate::from_der(der).map_err(|error| TrustError::Certificate { reason: error.to_string() })
}
