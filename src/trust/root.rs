//! The trusted root: the authorities of a Sigstore service whose word is believed.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sigstore_trust_root::TimeRange;
use sigstore_trust_root::trusted_root::CertChain;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::TrustError;

/// The most bytes that a trusted root may have. The public one has 7,000.
const MAX_ROOT: u64 = 4 << 20;

/// Certificate authorities, logs and timestamp authorities with the times in which each counts: the message `TrustedRoot`
/// of Sigstore's protobuf-specs, mostly named `trusted_root.json`.
#[derive(Clone, Debug)]
pub struct TrustedRoot {
    pub(super) inner: sigstore_trust_root::TrustedRoot,
    origin: Origin,
}

/// One of those whose word a trusted root believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    pub kind: AuthorityKind,
    /// Where it is, or who it is where the root does not say that.
    pub url: String,
    /// The times between which what it signed counts: both are part of them. None is no limit.
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityKind {
    /// Certifies identities: Fulcio.
    Certificates,
    /// Logs signatures: Rekor.
    Log,
    /// Logs certificates (RFC 6962).
    CertificateLog,
    /// Certifies times (RFC 3161).
    Timestamps,
}

/// Where a trusted root comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The root of the public Sigstore service, as it was when this program was built.
    Embedded,
    /// The file that `rvp trust refresh` keeps.
    Refreshed(PathBuf),
    /// A file that the user names.
    File(PathBuf),
}

impl TrustedRoot {
    /// The root of the public Sigstore service that is part of this program.
    pub fn embedded() -> Result<Self, TrustError> {
        Self::parse(sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT, Origin::Embedded)
    }

    /// The root in the file at `path`.
    pub fn read(path: &Path) -> Result<Self, TrustError> {
        Self::read_as(path, Origin::File(path.to_owned()))
    }

    /// The refreshed root in `home_file`, or where there is no such file, the embedded one.
    pub fn load(home_file: Option<&Path>) -> Result<Self, TrustError> {
        match home_file.filter(|path| path.exists()) {
            Some(path) => Self::read_as(path, Origin::Refreshed(path.to_owned())),
            None => Self::embedded(),
        }
    }

    fn read_as(path: &Path, origin: Origin) -> Result<Self, TrustError> {
        let bytes = super::read_bounded(path, MAX_ROOT)?;
        match bytes.as_deref().map(std::str::from_utf8) {
            Some(Ok(text)) => Self::parse(text, origin),
            Some(Err(error)) => {
                Err(origin.refuse(format!("it is not UTF-8 from byte {} on", error.valid_up_to())))
            }
            None => Err(origin.refuse(format!("it has more than {MAX_ROOT} bytes"))),
        }
    }

    pub(super) fn parse(json: &str, origin: Origin) -> Result<Self, TrustError> {
        let inner = sigstore_trust_root::TrustedRoot::from_json(json)
            .map_err(|error| origin.refuse(error.to_string()))?;
        let media_type = inner.media_type.as_str();
        let known = [
            "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "application/vnd.dev.sigstore.trustedroot.v0.2+json",
        ];
        if !known.contains(&media_type) {
            return Err(
                origin.refuse(format!("its media type is `{media_type}`, which is not a trusted root's"))
            );
        }
        Ok(Self { inner, origin })
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Who is believed, for certificates first, then logs, then times.
    ///
    /// Where the root sets no end for an authority with certificates, it is the end of the first of them to expire.
    pub fn authorities(&self) -> Result<Vec<Authority>, TrustError> {
        let root = &self.inner;
        let log = |kind, log: (&String, Option<TimeRange>)| Authority {
            kind,
            url: log.0.clone(),
            from: log.1.map(|window| window.start),
            until: log.1.and_then(|window| window.end),
        };
        let mut authorities = Vec::new();
        for authority in &root.certificate_authorities {
            let url = authority.uri.clone();
            authorities.push(self.authority(
                AuthorityKind::Certificates,
                url,
                &authority.cert_chain,
                authority.valid_for,
            )?);
        }
        let logs = root.tlogs.iter().map(|log| (&log.base_url, log.public_key.valid_for));
        authorities.extend(logs.map(|entry| log(AuthorityKind::Log, entry)));
        let logs = root.ctlogs.iter().map(|log| (&log.base_url, log.public_key.valid_for));
        authorities.extend(logs.map(|entry| log(AuthorityKind::CertificateLog, entry)));
        for authority in &root.timestamp_authorities {
            let name = || authority.subject.common_name.clone().unwrap_or_default();
            let url = authority.uri.clone().unwrap_or_else(name);
            authorities.push(self.authority(
                AuthorityKind::Timestamps,
                url,
                &authority.cert_chain,
                authority.valid_for,
            )?);
        }
        Ok(authorities)
    }

    fn authority(
        &self,
        kind: AuthorityKind,
        url: String,
        chain: &CertChain,
        window: Option<TimeRange>,
    ) -> Result<Authority, TrustError> {
        let mut until = window.and_then(|window| window.end);
        for certificate in &chain.certificates {
            let end =
                expiry(certificate.raw_bytes.as_bytes()).map_err(|reason| self.origin.refuse(reason))?;
            until = Some(until.map_or(end, |until| until.min(end)));
        }
        Ok(Authority { kind, url, from: window.map(|window| window.start), until })
    }
}

impl Origin {
    pub(super) fn refuse(&self, reason: String) -> TrustError {
        TrustError::Root { origin: self.to_string(), reason, refreshed: matches!(self, Self::Refreshed(_)) }
    }
}

/// When a certificate in DER expires; the error is the reason why it cannot be read.
fn expiry(der: &[u8]) -> Result<Timestamp, String> {
    let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
    let end = certificate.tbs_certificate.validity.not_after.to_system_time();
    Timestamp::try_from(end).map_err(|error| error.to_string())
}

impl fmt::Display for AuthorityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificates => "certificates",
            Self::Log => "log",
            Self::CertificateLog => "certificate log",
            Self::Timestamps => "timestamps",
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("inside rvp"),
            Self::Refreshed(path) | Self::File(path) => path.display().fmt(f),
        }
    }
}
