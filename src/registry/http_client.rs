//! The client that registries on web servers are read with: its limits, proxies, certificates and redirects.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Client, ClientBuilder, Url};

use super::credentials::Credential;

const MOST_REDIRECTS: usize = 5;

/// How to talk to web servers.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest wait for the next byte. There is no limit to the whole.
    pub read_timeout: Duration,
    /// The upper bound of the wait before the second attempt; it doubles with each.
    pub first_backoff: Duration,
    /// How many requests are under way at once, to one registry.
    pub requests: usize,
    /// PEM files of certificates to trust besides the system's.
    pub roots: Vec<PathBuf>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            first_backoff: Duration::from_millis(250),
            requests: 50,
            roots: Vec::new(),
        }
    }
}

/// The beginnings of a client for the server of `base`, or why there can be none.
pub(crate) fn client_builder(base: &Url, settings: &HttpSettings) -> Result<ClientBuilder, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("rvp/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        .redirect(redirects());
    if is_loopback(base) {
        // No proxy can reach what only this machine can reach.
        builder = builder.no_proxy();
    }
    for root in &settings.roots {
        let unreadable =
            |error: String| format!("the certificates in {} cannot be read: {error}", root.display());
        let pem = std::fs::read(root).map_err(|error| unreadable(error.to_string()))?;
        let certificates =
            Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(error.to_string()))?;
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(builder)
}

/// Whether `url` is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Takes the user name and password out of `url`, as an `Authorization` header (RFC 7617).
pub(crate) fn take_credentials(url: &mut Url) -> Option<HeaderValue> {
    Credential::take_from(url)?.authorization()
}

/// Follows redirects as `check_redirect` allows. For clients that carry no credentials beyond one origin.
fn redirects() -> Policy {
    Policy::custom(|attempt: Attempt<'_>| {
        let Some(from) = attempt.previous().last() else { return attempt.follow() };
        match check_redirect(from, attempt.url(), attempt.previous().len()) {
            Ok(()) => attempt.follow(),
            Err(reason) => attempt.error(reason),
        }
    })
}

/// Whether redirect number `hops` (from 1) may be followed: on the same origin, to `https` on the same host, or from
/// `https` to `https` elsewhere, where no credentials go. Anything else could hand the request to whoever owns the network.
pub(super) fn check_redirect(from: &Url, to: &Url, hops: usize) -> Result<(), String> {
    let host = format!("{}://{}", to.scheme(), to.host_str().unwrap_or_default());
    if hops > MOST_REDIRECTS {
        return Err(format!("it redirects more than {MOST_REDIRECTS} times, last to {host}"));
    }
    let may_follow = match (from.scheme(), to.scheme()) {
        ("https", "https") => true,
        ("http", "https") => from.host() == to.host(),
        _ => from.origin() == to.origin(),
    };
    if may_follow {
        Ok(())
    } else {
        Err(format!("it redirects to {host}, where rvp does not follow from {}", from.scheme()))
    }
}
