//! The credential of one registry, looked for when the first request is made, and what to say when it is refused.

use std::sync::OnceLock;

use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use url::Url;

use super::{Credential, CredentialError, Found, Sources, covers, is_private};
use crate::registry::Failure;

/// What one registry is asked with.
pub(in crate::registry) struct Login {
    /// Where the registry stands, without credentials.
    base: Url,
    /// The same as a user writes it.
    location: String,
    /// Forges take a token for git as the password of any user.
    is_git: bool,
    sources: Option<Sources>,
    /// None found, or the reason why it is not known.
    found: OnceLock<Result<Option<Found>, (String, String)>>,
}

impl Login {
    /// With what stood in the registry's URL itself; else with what `sources` have for it.
    pub fn new(base: Url, location: &str, given: Option<Credential>, sources: Option<Sources>) -> Self {
        let found = OnceLock::new();
        if let Some(credential) = given {
            let source = "the registry's URL".to_owned();
            let _ = found.set(Ok(Some(Found { credential, prefix: base.clone(), source })));
        }
        Self { base, location: location.to_owned(), is_git: location.starts_with("git+"), sources, found }
    }

    /// For an API at `base` that belongs to a registry, with what has been found for it.
    pub fn to_api(base: Url, location: &str, found: Found, sources: Option<Sources>) -> Self {
        let found = OnceLock::from(Ok(Some(found)));
        Self { base, location: location.to_owned(), is_git: false, sources, found }
    }

    fn found(&self) -> Result<Option<&Found>, Failure> {
        let look = || match &self.sources {
            Some(sources) => sources.find(&self.base).map_err(|error: CredentialError| error.parts()),
            None => Ok(None),
        };
        match self.found.get_or_init(look) {
            Ok(found) => Ok(found.as_ref()),
            Err((reason, hint)) => Err(Failure::lasting(reason.clone(), hint.clone())),
        }
    }

    /// What is known for this registry.
    pub fn credential(&self) -> Result<Option<&Credential>, Failure> {
        Ok(self.found()?.map(|found| &found.credential))
    }

    /// The header for a request to `url`, which is none where the credential does not belong.
    pub fn authorization(&self, url: &Url) -> Result<Option<HeaderValue>, Failure> {
        let found = self.found()?.filter(|found| covers(&found.prefix, url));
        Ok(found.and_then(|found| match &found.credential {
            Credential { username: None, password: None, token } if self.is_git => {
                let username = Some("x-access-token".to_owned());
                Credential { username, password: token.clone(), token: None }.authorization()
            }
            credential => credential.authorization(),
        }))
    }

    /// For an answer from `url` that asks for credentials, or for others.
    pub fn refused(&self, url: &Url) -> Failure {
        let status = StatusCode::UNAUTHORIZED;
        let looked = match self.sources.as_ref().map(Sources::names) {
            Some(names) if is_private(&self.base) => format!("; looked in {}", names.join(", ")),
            Some(_) => {
                "; over http://, where others can read along, only what is stored for that very URL is sent"
                    .to_owned()
            }
            None => String::new(),
        };
        let location = &self.location;
        match self.found() {
            Err(failure) => failure,
            Ok(Some(found)) if !covers(&found.prefix, url) => Failure::lasting(
                format!(
                    "it redirects to {url}, which asks for credentials ({status}), and those from {} do not belong there",
                    found.source
                ),
                "if that is its new place, use that URL, and log in there",
            ),
            Ok(Some(_)) if self.sources.as_ref().is_some_and(|sources| sources.given.is_some()) => {
                Failure::lasting(
                    format!("the server does not accept these credentials ({status})"),
                    "check what was typed, and that it may read this registry",
                )
            }
            Ok(Some(found)) => Failure::lasting(
                format!("the server does not accept the credentials from {} ({status})", found.source),
                format!("`rvp login {location}` stores others{looked}"),
            ),
            Ok(None) => Failure::lasting(
                format!("the server asks for credentials, and there are none for it ({status})"),
                format!("`rvp login {location}` stores some{looked}"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(location: &str, url: &str) -> Option<String> {
        let token = Credential { token: Some("t".into()), ..Credential::default() };
        let base = Url::parse("https://host/acme").unwrap();
        let login = Login::new(base, location, Some(token), None);
        let header = login.authorization(&Url::parse(url).unwrap()).unwrap()?;
        Some(header.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_token_takes_the_form_that_its_server_knows_and_stays_there() {
        let bearer = header("https://host/acme", "https://host/acme/index/a");
        assert_eq!(bearer.as_deref(), Some("Bearer t"));
        let basic = header("git+https://host/acme", "https://host/acme/info/refs");
        assert_eq!(basic.as_deref(), Some("Basic eC1hY2Nlc3MtdG9rZW46dA=="));
        for elsewhere in
            ["https://host/other", "https://evil/acme", "http://host/acme", "https://host:444/acme"]
        {
            assert_eq!(header("https://host/acme", elsewhere), None, "{elsewhere}");
        }
    }
}
