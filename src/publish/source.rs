//! Where packages are imported from by their names.

use std::sync::Arc;

use indicatif::ProgressBar;
use tokio::runtime::Handle;

use super::simple_index::SimpleIndex;
use super::{Pip, PublishError, ReadArtifacts, Staging, import_by_pip, import_from_indexes};
use crate::model::{Requirement, Target};
use crate::registry::HttpSettings;
use crate::trust::RecordVerifier;

/// What to import: packages for targets, with all that they need there.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub requirements: &'a [Requirement],
    pub targets: &'a [Target],
    /// Every version of the required packages that fits, each with what it needs; else the newest.
    pub all_versions: bool,
}

/// Simple indexes, best first: the first one that has a name serves it.
pub struct Indexes {
    pub all: Vec<SimpleIndex>,
    /// How many requests are under way at once.
    pub requests: usize,
    /// Checks the attestations that an index serves with a file.
    pub verifier: Arc<RecordVerifier>,
}

/// The way to packages that are known by name.
pub enum Source {
    Indexes(Indexes),
    /// pip downloads, where no index is known to anyone but pip.
    Pip(Pip),
}

impl Source {
    /// The indexes at `urls`; without any, those that pip is configured to use; without those, pip itself.
    pub fn find(
        urls: &[String],
        http: &HttpSettings,
        verifier: &Arc<RecordVerifier>,
    ) -> Result<Self, PublishError> {
        if !urls.is_empty() {
            return Self::of_indexes(urls, http, verifier);
        }
        let pip = Pip::find()?;
        let settings = pip.settings()?;
        match settings.index_urls() {
            urls if urls.is_empty() => Ok(Self::Pip(pip)),
            urls => {
                let mut http = http.clone();
                http.roots.extend(settings.certificates);
                Self::of_indexes(&urls, &http, verifier)
            }
        }
    }

    fn of_indexes(
        urls: &[String],
        http: &HttpSettings,
        verifier: &Arc<RecordVerifier>,
    ) -> Result<Self, PublishError> {
        let all = urls.iter().map(|url| SimpleIndex::new(url, http)).collect::<Result<_, _>>()?;
        Ok(Self::Indexes(Indexes { all, requests: http.requests, verifier: Arc::clone(verifier) }))
    }

    /// Downloads the wheels that `wanted` needs into `staging`, and reads them. Waits until all is there.
    ///
    /// After an interruption it goes on with what is there. The files are the caller's to publish, and then to remove.
    pub fn import(
        &self,
        runtime: &Handle,
        wanted: &Wanted,
        staging: &Staging,
        progress: &ProgressBar,
    ) -> Result<ReadArtifacts, PublishError> {
        let folder = staging.folder();
        match self {
            Self::Indexes(indexes) => {
                runtime.block_on(import_from_indexes(indexes, wanted, folder, progress))
            }
            Self::Pip(_) if wanted.all_versions => Err(PublishError::AllVersionsByPip),
            Self::Pip(pip) => import_by_pip(pip, wanted, folder, progress),
        }
    }
}
