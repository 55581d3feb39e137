//! Signing: Sigstore bundles (v0.3) of files and of in-toto statements.

mod error;
mod key;

use std::path::Path;

pub use error::SignError;

use super::keys::PrivateKey;
use crate::model::Signer;

/// What a publisher signs with.
pub enum Signatory {
    /// A key of the publisher's own: nothing is sent anywhere.
    Key(PrivateKey),
}

impl Signatory {
    /// Who the signatures will be by, known before anything is signed.
    pub fn signer(&self) -> Signer {
        match self {
            Self::Key(key) => Signer::Key { key: key.public().clone() },
        }
    }

    /// Signs a file, and gives the bundle as JSON.
    pub fn sign_file(&self, path: &Path) -> Result<Vec<u8>, SignError> {
        let bytes =
            std::fs::read(path).map_err(|source| SignError::ReadFile { path: path.to_owned(), source })?;
        match self {
            Self::Key(key) => key::sign_message(key, &bytes),
        }
    }

    /// Signs an in-toto statement in a DSSE envelope, and gives the bundle as JSON.
    pub fn sign_statement(&self, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        match self {
            Self::Key(key) => key::sign_statement(key, payload),
        }
    }
}
