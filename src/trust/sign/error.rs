//! What can go wrong while signing.

use std::path::PathBuf;

use crate::trust::keys::KeyError;

/// A signature that cannot be made. No token and no key is in its text.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error("cannot read {} to sign it: {source}", path.display())]
    ReadFile { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("cannot write the bundle: {0}")]
    Bundle(#[from] sigstore_types::Error),
}
