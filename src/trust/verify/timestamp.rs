//! The form of RFC 3161 timestamps.
//!
//! The crate verifies the signed part of a timestamp. Around it there is much that is not signed, and that others might read:
//! certificates, attributes, algorithm names. None of it may be anything but what the signed part and the trusted root say.

use cms::cert::CertificateChoices;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::SignedData;
use jiff::Timestamp;
use sigstore_types::{SignatureContent, TsaAuthority};
use sigstore_verify::tsa::verify_timestamp_for_authority;
use x509_cert::der::asn1::{AnyRef, Null, ObjectIdentifier};
use x509_cert::der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::trust::Bundle;

/// ECDSA with SHA-256, SHA-384 and SHA-512 (RFC 5758), each with its digest (RFC 5754).
const ECDSA: [(&str, &str); 3] = [
    ("1.2.840.10045.4.3.2", "2.16.840.1.101.3.4.2.1"),
    ("1.2.840.10045.4.3.3", "2.16.840.1.101.3.4.2.2"),
    ("1.2.840.10045.4.3.4", "2.16.840.1.101.3.4.2.3"),
];

/// When a bundle was signed, as its timestamps and log entries say. Those of the entries are not verified here.
pub fn times(bundle: &Bundle, authorities: &[TsaAuthority]) -> Vec<Timestamp> {
    let signature = match &bundle.inner.content {
        SignatureContent::MessageSignature(message) => &message.signature,
        SignatureContent::DsseEnvelope(envelope) => &envelope.signature.sig,
        _ => return Vec::new(),
    };
    let material = &bundle.inner.verification_material;
    let tokens = material.timestamp_verification_data.rfc3161_timestamps.iter();
    let stamped = tokens.filter_map(|token| {
        let time = |authority| verify_timestamp_for_authority(&token.signed_timestamp, signature, authority);
        authorities.iter().find_map(|authority| time(authority).ok())
    });
    let promised = material.tlog_entries.iter().filter(|entry| entry.inclusion_promise.is_some());
    stamped.chain(promised.filter_map(|entry| entry.integrated_time)).collect()
}

/// Checks a `TimeStampResp` in DER. The error is the reason.
pub fn check_form(response: &[u8], authorities: &[TsaAuthority]) -> Result<(), String> {
    let token = token(response).map_err(|error| format!("it is not a granted RFC 3161 response: {error}"))?;
    let signed = SignedData::from_der(&token).map_err(|error| format!("it cannot be read: {error}"))?;
    let [signer] = signed.signer_infos.0.as_slice() else {
        return Err("it does not have exactly one signature".into());
    };
    if signer.unsigned_attrs.is_some() || signed.crls.is_some() {
        return Err("it has parts that are not signed".into());
    }
    if signed.version != CmsVersion::V3 || signer.version != CmsVersion::V1 {
        return Err("it is of another version than RFC 3161 names".into());
    }
    let content = signed.encap_content_info.econtent.as_ref();
    if content.is_none_or(|content| content.tag() != Tag::OctetString) {
        return Err("its content is not a string of bytes".into());
    }
    let digest = signer.digest_alg.oid;
    let is_scheme = |scheme: &(&str, &str)| {
        let oid = |text| ObjectIdentifier::new(text).ok();
        Some(signer.signature_algorithm.oid) == oid(scheme.0) && Some(digest) == oid(scheme.1)
    };
    let plain = plain_parameters(&signer.digest_alg) && plain_parameters(&signer.signature_algorithm);
    let [named] = signed.digest_algorithms.as_slice() else {
        return Err("it does not name exactly one digest".into());
    };
    if !ECDSA.iter().any(is_scheme) || !plain || named.oid != digest || !plain_parameters(named) {
        return Err("its algorithms contradict each other, or are not ECDSA with SHA-2".into());
    }
    for certificate in signed.certificates.iter().flat_map(|set| set.0.iter()) {
        let CertificateChoices::Certificate(certificate) = certificate else {
            return Err("it has a certificate that is not X.509".into());
        };
        let der = certificate.to_der().map_err(|error| error.to_string())?;
        let knows = |authority: &TsaAuthority| {
            let chain = [&authority.leaf, &authority.root].into_iter().chain(&authority.intermediates);
            chain.into_iter().any(|known| known.as_bytes() == der)
        };
        if !authorities.iter().any(knows) {
            return Err("it has a certificate that the trusted root does not know".into());
        }
    }
    Ok(())
}

/// The DER of the `SignedData` in a response whose status is `granted` and nothing else.
fn token(response: &[u8]) -> x509_cert::der::Result<Vec<u8>> {
    let mut reader = SliceReader::new(response)?;
    let content = reader.sequence(|reader| {
        let status = reader.sequence(AnyRef::decode)?;
        if status != AnyRef::new(Tag::Integer, &[0])? {
            return Err(Tag::Integer.value_error());
        }
        ContentInfo::decode(reader)
    })?;
    reader.finish(())?;
    content.content.to_der()
}

fn plain_parameters(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.parameters.as_ref().is_none_or(|parameters| parameters.decode_as::<Null>().is_ok())
}
