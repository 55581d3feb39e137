//! The places that hold credentials, in the order in which they are asked.

use std::path::{Path, PathBuf};

use url::Url;

use super::{Credential, CredentialError, Found, environment, file, keyring, netrc};

/// The places of one user, for one registry.
#[derive(Clone, Debug)]
pub struct Sources {
    /// What is tried out, and goes before all places.
    pub given: Option<Credential>,
    /// `credentials.toml`
    pub file: PathBuf,
    pub netrc: Option<PathBuf>,
    /// What the settings call the registry.
    pub registry: Option<String>,
}

impl Sources {
    /// With `file` as the `credentials.toml`, and the netrc file that `NETRC` names or that lies in the user's home.
    pub fn new(file: PathBuf, registry: Option<String>) -> Self {
        let named = std::env::var_os("NETRC").filter(|path| !path.is_empty()).map(PathBuf::from);
        let of_home = |home: PathBuf| home.join(if cfg!(windows) { "_netrc" } else { ".netrc" });
        let netrc = named.or_else(|| etcetera::home_dir().ok().map(of_home));
        Self { given: None, file, netrc, registry }
    }

    /// The first place that has something for `url`.
    pub(in crate::registry) fn find(&self, url: &Url) -> Result<Option<Found>, CredentialError> {
        if let Some(credential) = self.given.clone() {
            return Ok(Some(Found { credential, prefix: url.clone(), source: "what was given".to_owned() }));
        }
        if let Some(registry) = &self.registry
            && let Some(found) = environment::find(|name| std::env::var_os(name), registry, url)?
        {
            return Ok(Some(found));
        }
        if let Some(found) = keyring::find(url)? {
            return Ok(Some(found));
        }
        if let Some(found) = file::find(&self.file, url)? {
            return Ok(Some(found));
        }
        self.netrc.as_deref().map_or(Ok(None), |path| netrc::find(path, url))
    }

    /// The places, for messages.
    pub(super) fn names(&self) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        let registry = self.registry.as_ref().map(|name| format!("{}*", environment::variables(name)));
        let keyring = keyring::NAME.map(str::to_owned);
        registry
            .into_iter()
            .chain(keyring)
            .chain([path(&self.file)])
            .chain(self.netrc.as_deref().map(path))
            .collect()
    }

    /// Stores a credential: in the keyring where it works, else in the file. Tells which.
    pub fn store(&self, prefix: &Url, credential: &Credential) -> Result<String, CredentialError> {
        if let Some(reason) = credential.fault() {
            return Err(CredentialError::Unusable { reason });
        }
        if let Some(name) = keyring::NAME
            && keyring::store(prefix, credential).is_ok()
        {
            return Ok(name.to_owned());
        }
        file::store(&self.file, prefix, credential)?;
        Ok(self.file.display().to_string())
    }

    /// Removes the credential of exactly this prefix from wherever `store` may have put it. Tells from where.
    pub fn forget(&self, prefix: &Url) -> Result<Vec<String>, CredentialError> {
        let mut places = Vec::new();
        if let Some(name) = keyring::NAME
            && keyring::forget(prefix)?
        {
            places.push(name.to_owned());
        }
        if file::forget(&self.file, prefix)? {
            places.push(self.file.display().to_string());
        }
        Ok(places)
    }
}
