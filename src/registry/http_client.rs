//! The client that registries on web servers are read with: its limits, proxies, certificates and redirects.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::header::HeaderValue;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Client, ClientBuilder, Url};

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
    let loopback = match base.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => return Err("its URL names no host".to_owned()),
    };
    if loopback {
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

/// Takes the user name and password out of `url`, as an `Authorization` header (RFC 7617).
pub(crate) fn take_credentials(url: &mut Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair = percent_decode_str(url.username()).collect::<Vec<u8>>();
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    let mut header =
        HeaderValue::from_str(&format!("Basic {}", data_encoding::BASE64.encode(&pair))).expect("ASCII");
    header.set_sensitive(true);
    // Both calls fail only for a URL without a host, which has no credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(header)
}

/// Follows a redirect on the same origin, to `https` on the same host, or from `https` to `https` elsewhere, where
/// reqwest then leaves credentials out. Anything else could hand the request to whoever owns the network.
fn redirects() -> Policy {
    Policy::custom(|attempt| {
        let target = attempt.url();
        let Some(from) = attempt.previous().last() else { return attempt.follow() };
        let host = format!("{}://{}", target.scheme(), target.host_str().unwrap_or_default());
        if attempt.previous().len() > MOST_REDIRECTS {
            let error = format!("it redirects more than {MOST_REDIRECTS} times, last to {host}");
            attempt.error(error)
        } else if may_follow(&attempt, from) {
            attempt.follow()
        } else {
            let error = format!("it redirects to {host}, where rvp does not follow from {}", from.scheme());
            attempt.error(error)
        }
    })
}

fn may_follow(attempt: &Attempt<'_>, from: &Url) -> bool {
    let to = attempt.url();
    match (from.scheme(), to.scheme()) {
        ("https", "https") => true,
        ("http", "https") => from.host() == to.host(),
        _ => from.origin() == to.origin(),
    }
}
