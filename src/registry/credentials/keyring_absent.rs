//! Systems whose keyring is not used: on Linux it takes a desktop session and a D-Bus client of fifty crates.

use url::Url;

use super::{Credential, CredentialError, Found};

/// What to call it in messages, or none where there is none.
pub(super) const NAME: Option<&str> = None;

pub(super) fn find(_url: &Url) -> Result<Option<Found>, CredentialError> {
    Ok(None)
}

pub(super) fn store(_prefix: &Url, _credential: &Credential) -> Result<(), CredentialError> {
    Err(CredentialError::Keyring { reason: "rvp uses none on this system".into() })
}

pub(super) fn forget(_prefix: &Url) -> Result<bool, CredentialError> {
    Ok(false)
}
