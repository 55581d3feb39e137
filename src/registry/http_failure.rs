//! What went wrong between us and a web server, in words, and whether it is worth another attempt.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::retry::retry_after;

/// Why one attempt failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub reason: String,
    pub hint: Cow<'static, str>,
    pub again: Again,
}

/// Whether to ask again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Again {
    No,
    AfterBackoff,
    After(Duration),
}

impl Failure {
    pub fn lasting(reason: impl Into<String>, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), hint: hint.into(), again: Again::No }
    }

    fn proxy_credentials() -> Self {
        Self::lasting(
            "the proxy asks for credentials (407 Proxy Authentication Required)",
            "set HTTPS_PROXY=http://user:password@proxy:port, or name this host in NO_PROXY",
        )
    }

    /// For an answer that carries no file, and does not say that there is none.
    pub fn of_status(status: StatusCode, headers: &HeaderMap) -> Self {
        let reason = format!("the server answers {status}");
        let hint = match status.as_u16() {
            401 => "put the user name and password into the URL: https://user:password@host/path",
            403 => {
                return Self::lasting(
                    "the server refuses (403 Forbidden)",
                    "S3-like hosts answer 403 for a missing file when listing is not allowed: \
                     check the URL, then your permissions",
                );
            }
            407 => return Self::proxy_credentials(),
            429 => "the server asks for fewer requests: try again later",
            408 | 500 | 502 | 503 | 504 => "the server has a problem: try again later, or use a mirror",
            _ => "check that the URL is right",
        };
        let again = match status.as_u16() {
            408 | 429 | 500 | 502 | 503 | 504 => headers
                .get(RETRY_AFTER)
                .and_then(|value| retry_after(value.to_str().ok()?, Timestamp::now()))
                .map_or(Again::AfterBackoff, Again::After),
            _ => Again::No,
        };
        Self { reason, hint: hint.into(), again }
    }

    /// For a redirect that is not followed.
    pub fn redirect(reason: String) -> Self {
        Self::lasting(
            reason,
            "if that is its new place, use that URL; \
             otherwise a proxy or a login page may stand in between",
        )
    }

    /// For a request that got no answer, or whose answer broke off.
    pub fn of_error(error: &reqwest::Error) -> Self {
        let causes: Vec<String> =
            std::iter::successors(error.source(), |&cause| cause.source()).map(ToString::to_string).collect();
        let cause = causes.last().cloned().unwrap_or_else(|| error.to_string());
        if error.is_redirect() {
            return Self::redirect(cause);
        }
        // The answer to `CONNECT` comes as an error of the connection, which has no type to match.
        if causes.iter().any(|cause| cause.contains("proxy authorization required")) {
            return Self::proxy_credentials();
        }
        if let Some(certificate) = causes.iter().find(|cause| cause.contains("certificate")) {
            return Self::lasting(
                format!("its certificate is not trusted: {certificate}"),
                "behind a corporate proxy, install its root certificate in the system's store, \
                 or name its PEM file in SSL_CERT_FILE",
            );
        }
        let (reason, hint) = if error.is_timeout() && error.is_connect() {
            (
                "no connection within the time limit".to_owned(),
                "check the network, the host name and the proxy",
            )
        } else if error.is_timeout() {
            (
                "no byte arrived within the time limit".to_owned(),
                "check the network, then try again; RVP_HTTP_TIMEOUT sets how many seconds to wait",
            )
        } else if error.is_connect() {
            (
                format!("no connection: {cause}"),
                "check the network, the host name and the proxy (HTTPS_PROXY, NO_PROXY)",
            )
        } else {
            (format!("the connection broke: {cause}"), "check the network, then try again")
        };
        let again = if error.is_builder() { Again::No } else { Again::AfterBackoff };
        Self { reason, hint: hint.into(), again }
    }
}
