//! The Credential Manager of Windows: one entry for each URL prefix, as JSON.

use keyring_core::{Entry, Error};
use url::Url;

use super::{Credential, CredentialError, Found};

/// What to call it in messages, or none where there is none.
pub(super) const NAME: Option<&str> = Some("the Windows Credential Manager");

/// The entry for `url` or the nearest folder above it.
pub(super) fn find(url: &Url) -> Result<Option<Found>, CredentialError> {
    let mut prefix = url.clone();
    loop {
        match entry(&prefix)?.get_password() {
            Ok(text) => {
                let credential = serde_json::from_str(&text).map_err(|_| CredentialError::Keyring {
                    reason: format!("what it holds for {prefix} is not rvp's"),
                })?;
                let source = format!("the Windows Credential Manager, {prefix}");
                return Ok(Some(Found { credential, prefix, source }));
            }
            Err(Error::NoEntry) => {}
            Err(error) => return Err(fault(&error)),
        }
        let path = prefix.path().trim_end_matches('/').to_owned();
        let Some((above, _)) = path.rsplit_once('/') else { return Ok(None) };
        prefix.set_path(above);
    }
}

pub(super) fn store(prefix: &Url, credential: &Credential) -> Result<(), CredentialError> {
    let text = serde_json::to_string(credential).unwrap_or_default();
    entry(prefix)?.set_password(&text).map_err(|error| fault(&error))
}

/// Whether there was an entry.
pub(super) fn forget(prefix: &Url) -> Result<bool, CredentialError> {
    match entry(prefix)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(fault(&error)),
    }
}

fn entry(prefix: &Url) -> Result<Entry, CredentialError> {
    if keyring_core::get_default_store().is_none() {
        let store = windows_native_keyring_store::Store::new().map_err(|error| fault(&error))?;
        keyring_core::set_default_store(store);
    }
    Entry::new("rvp", prefix.as_str().trim_end_matches('/')).map_err(|error| fault(&error))
}

fn fault(error: &Error) -> CredentialError {
    CredentialError::Keyring { reason: error.to_string() }
}
