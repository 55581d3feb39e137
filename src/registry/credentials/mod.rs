//! Credentials: in which places they are looked for, and to which addresses they may go.
//!
//! A credential belongs to a URL prefix: a scheme, a host, a port and the first parts of a path. It goes nowhere else, whatever a
//! server redirects to, and it never stands in a message, a lock or a log.

mod environment;
mod error;
mod file;
mod helper;
#[cfg(windows)]
mod keyring;
#[cfg(not(windows))]
#[path = "keyring_absent.rs"]
mod keyring;
mod login;
mod netrc;
mod sources;

use std::fmt;

use data_encoding::BASE64;
use percent_encoding::percent_decode_str;
use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};
use url::Url;

pub use error::CredentialError;
pub(super) use login::Login;
pub use sources::Sources;

/// What proves who someone is. A web server takes the user name and password as Basic, or the token as Bearer; an S3 bucket takes
/// them as access key, secret key and session token.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential { .. }")
    }
}

impl Credential {
    /// Takes the user name and password out of `url`.
    pub(super) fn take_from(url: &mut Url) -> Option<Self> {
        if url.username().is_empty() && url.password().is_none() {
            return None;
        }
        let text = |encoded: &str| percent_decode_str(encoded).decode_utf8_lossy().into_owned();
        let (username, password) = (Some(text(url.username())), url.password().map(text));
        // Both calls fail only for a URL without a host, which has no credentials.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Some(Self { username, password, token: None })
    }

    /// Why this can be no credential, or nothing.
    fn fault(&self) -> Option<&'static str> {
        let texts = [&self.username, &self.password, &self.token];
        if texts.iter().any(|text| text.as_ref().is_some_and(|text| text.contains(char::is_control))) {
            return Some("it holds a line break or another control character");
        }
        match (&self.username, &self.password, &self.token) {
            (None, None, None) => Some("it is empty"),
            (Some(name), ..) if name.contains(':') => Some("the user name holds a colon"),
            (None, _, None) => Some("it has a password and no user name"),
            _ => None,
        }
    }

    /// The header that a web server takes it in: Basic (RFC 7617) where there is a user name or password, else Bearer (RFC 6750).
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let text = match (&self.username, &self.password, &self.token) {
            (None, None, Some(token)) => format!("Bearer {token}"),
            (name, password, token) => {
                // Forges take a token in the place of the password.
                let password = password.as_deref().or(token.as_deref()).unwrap_or_default();
                let pair = format!("{}:{password}", name.as_deref().unwrap_or_default());
                format!("Basic {}", BASE64.encode(pair.as_bytes()))
            }
        };
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// A credential, where it was found, and how far it reaches.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub credential: Credential,
    pub prefix: Url,
    /// For messages.
    pub source: String,
}

/// Whether what belongs to `prefix` may go to `url`.
pub(super) fn covers(prefix: &Url, url: &Url) -> bool {
    let place = |url: &Url| {
        (url.scheme().to_owned(), url.host_str().map(str::to_ascii_lowercase), url.port_or_known_default())
    };
    let path = url.path().strip_prefix(prefix.path().trim_end_matches('/'));
    place(prefix) == place(url) && path.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether nobody on the way can read what is sent there.
pub(super) fn is_private(url: &Url) -> bool {
    url.scheme() != "http" || super::http_client::is_loopback(url)
}

/// The place that credentials belong to, from what a user writes for it: a URL without what belongs to one visit only.
pub fn credential_prefix(text: &str) -> Result<Url, CredentialError> {
    let error = |reason: &str| CredentialError::Url {
        url: super::store::without_credentials(text),
        reason: reason.into(),
    };
    let mut url =
        Url::parse(text.strip_prefix("git+").unwrap_or(text)).map_err(|fault| error(&fault.to_string()))?;
    if url.host().is_none() {
        return Err(error("it names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(error("it holds a user name or a password itself"));
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_covers_its_folder_and_nothing_beside_it() {
        let covers =
            |prefix: &str, url: &str| covers(&Url::parse(prefix).unwrap(), &Url::parse(url).unwrap());
        assert!(covers("https://host/acme", "https://HOST:443/acme/index/a"));
        assert!(covers("https://host/acme/", "https://host/acme"));
        assert!(covers("https://host", "https://host/anything"));
        assert!(covers("s3://bucket/team", "s3://bucket/team/registry"));
        for url in [
            "https://host/acme-evil/index",
            "https://host/acme/../other",
            "http://host/acme/index",
            "https://host:8443/acme/index",
            "https://host.evil/acme/index",
        ] {
            assert!(!covers("https://host/acme", url), "{url}");
        }
    }

    #[test]
    fn forms_of_headers() {
        let text = |name: Option<&str>, password: Option<&str>, token: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let credential =
                Credential { username: owned(name), password: owned(password), token: owned(token) };
            assert_eq!(format!("{credential:?}"), "Credential { .. }");
            assert_eq!(credential.fault(), None);
            let header = credential.authorization().unwrap();
            assert!(header.is_sensitive());
            header.to_str().unwrap().to_owned()
        };
        assert_eq!(text(Some("me"), Some("s"), None), "Basic bWU6cw==");
        assert_eq!(text(Some("me"), None, Some("s")), "Basic bWU6cw==");
        assert_eq!(text(None, None, Some("abc")), "Bearer abc");
        let broken = Credential { token: Some("a\nHost: b".into()), ..Credential::default() };
        assert!(broken.fault().is_some());
    }
}
