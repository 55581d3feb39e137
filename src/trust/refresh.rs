//! Fetches the trusted root of a Sigstore service by TUF, The Update Framework: <https://theupdateframework.github.io/specification/>.
//!
//! A Sigstore service changes its keys from time to time. Its TUF repository says so in signed files, and the metadata that was
//! seen last is kept beside the trusted root, so that an older state, or one that has expired, is not taken.

use std::path::Path;

use jiff::Timestamp;
use reqwest::Url;
use sigstore_trust_root::{SigstoreInstance, TRUSTED_ROOT_TARGET};
use sigstore_tuf::{FileStore, HttpRepository, Updater};

use super::{Origin, TrustError, TrustedRoot, Verifier};
use crate::model::Blake3;
use crate::registry::{HttpSettings, client_builder, replace_file};

/// A TUF repository, and the root metadata with which trust in it begins.
#[derive(Clone, Debug)]
pub struct TufRepository {
    pub url: Url,
    /// The bytes of a `root.json`.
    pub root: Vec<u8>,
}

impl TufRepository {
    /// The repository of the public Sigstore service.
    pub fn public() -> Result<Self, TrustError> {
        let service = SigstoreInstance::PublicGood;
        let url = Url::parse(service.tuf_url()).map_err(|error| failed(service.tuf_url(), &error))?;
        Ok(Self { url, root: service.tuf_root().to_owned() })
    }
}

/// Fetches the newest trusted root of `repository`, verifies it by TUF, and puts it at `path`. An error leaves `path` as it was.
pub async fn refresh(
    repository: &TufRepository,
    path: &Path,
    settings: &HttpSettings,
    now: Timestamp,
) -> Result<TrustedRoot, TrustError> {
    let url = repository.url.as_str();
    let bytes = fetch(repository, path, settings, now).await?;
    let text = String::from_utf8(bytes).map_err(|error| failed(url, &error))?;
    let root = TrustedRoot::parse(&text, Origin::Refreshed(path.to_owned()))?;
    // It is not kept unless it is of use.
    Verifier::new(&root)?;
    replace_file(path, text.as_bytes()).map_err(|source| TrustError::Keep { source })?;
    Ok(root)
}

async fn fetch(
    repository: &TufRepository,
    path: &Path,
    settings: &HttpSettings,
    now: Timestamp,
) -> Result<Vec<u8>, TrustError> {
    let url = repository.url.as_str();
    let client = client_builder(&repository.url, settings)
        .and_then(|builder| {
            builder.timeout(settings.read_timeout * 4).build().map_err(|error| error.to_string())
        })
        .map_err(|reason| TrustError::Refresh { url: url.to_owned(), reason })?;
    let transport = HttpRepository::new(url).map_err(|error| failed(url, &error))?.with_http_client(client);
    let seen = path.with_file_name("tuf").join(&Blake3::of(url.as_bytes()).to_string()[..16]);
    std::fs::create_dir_all(&seen).map_err(|source| TrustError::Folder { path: seen.clone(), source })?;
    let mut updater = Updater::new(transport, &repository.root)
        .map_err(|error| failed(url, &error))?
        .with_store(FileStore::new(seen));
    updater.refresh(now).await.map_err(|error| failed(url, &error))?;
    updater.get_target(TRUSTED_ROOT_TARGET, now).await.map_err(|error| failed(url, &error))
}

/// The causes are part of the reason: what is wrong with a connection stands in the last of them.
fn failed(url: &str, error: &dyn std::error::Error) -> TrustError {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason = format!("{reason}: {error}");
        cause = error.source();
    }
    TrustError::Refresh { url: url.to_owned(), reason }
}
