//! The trusted root: the authorities of a Sigstore service whose word is believed.

use std::fmt;
use std::path::{Path, PathBuf};

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
}

impl Origin {
    pub(super) fn refuse(&self, reason: String) -> TrustError {
        TrustError::Root { origin: self.to_string(), reason, refreshed: matches!(self, Self::Refreshed(_)) }
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
