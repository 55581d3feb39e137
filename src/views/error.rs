//! What can go wrong when views are made.

use std::io;
use std::path::PathBuf;

use crate::model::IndexError;
use crate::registry::{RegistryError, hint_of};

/// Views that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    #[error("cannot {action} {}: {source}{}", path.display(), hint_of(source))]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{path} is not what the signed state says\n  hint: `rvp registry verify` says what is wrong with the registry"
    )]
    Altered { path: String },
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("the page of a project cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl ViewsError {
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
