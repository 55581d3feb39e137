//! What can go wrong between here and a simple index.

use std::path::PathBuf;

use reqwest::StatusCode;
use url::Url;

use super::page::PageError;
use crate::model::Sha256;

/// A simple index, or a file of one, that could not be read. URLs in it hold no credentials.
#[derive(Debug, thiserror::Error)]
pub enum SimpleIndexError {
    #[error(
        "`{text}` is not the URL of a simple index: {reason}\n  hint: it begins with https:// or http:// and usually ends in /simple/"
    )]
    Url { text: String, reason: String },
    #[error("cannot prepare HTTP connections: {0}")]
    Client(String),
    #[error("cannot read the certificates in {path}: {reason}")]
    Certificates { path: PathBuf, reason: String },
    #[error("cannot fetch {url}: the server answered {status}\n  hint: {}", hint_for(*.status))]
    Status { url: Url, status: StatusCode },
    #[error(
        "cannot fetch {url}: {reason}\n  hint: check the network, the proxy settings (HTTPS_PROXY) and the URL"
    )]
    Connection { url: Url, reason: String },
    #[error("cannot fetch {url}: it is larger than {limit} bytes, the most that rvp reads of such a file")]
    TooLarge { url: Url, limit: u64 },
    #[error("{url} is not a page of a simple index: its content type is `{content_type}`")]
    ContentType { url: Url, content_type: String },
    #[error("cannot read the page {url}: {source}")]
    Page { url: Url, source: PageError },
    #[error("{url} has other bytes than the index says: sha256:{actual} in place of sha256:{expected}")]
    Digest { url: Url, expected: Sha256, actual: Sha256 },
    #[error("the server answered a request for a part of {url} with another part than asked for")]
    Range { url: Url },
    #[error("the metadata of {url} cannot be used: {reason}")]
    Metadata { url: Url, reason: String },
    #[error("cannot {action} {path}: {source}")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
}

impl SimpleIndexError {
    /// Whether the same request may succeed a little later.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Digest { .. } | Self::Range { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error()
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
            _ => false,
        }
    }
}

fn hint_for(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "the index wants other credentials; put them into the URL (https://user:token@host/simple/) or into pip's configuration"
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            "check the URL of the index; the page may list a file that is gone"
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            "the proxy wants credentials; set HTTPS_PROXY=http://user:password@proxy:port"
        }
        StatusCode::TOO_MANY_REQUESTS => "the server asks for fewer requests; run the command again later",
        _ if status.is_server_error() => "the server has a problem of its own; run the command again later",
        _ => "check the URL of the index",
    }
}
