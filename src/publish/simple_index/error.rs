//! What can go wrong between here and a simple index.

use std::path::PathBuf;

use super::page::PageError;
use crate::model::Sha256;
use crate::registry::hint_of;

/// A simple index, or a file of one, that could not be read. URLs in it hold no credentials.
#[derive(Debug, thiserror::Error)]
pub enum SimpleIndexError {
    #[error(
        "`{text}` is not the URL of a simple index: {reason}\n  hint: it begins with https:// or http:// and usually ends in /simple/"
    )]
    Url { text: String, reason: String },
    #[error("cannot fetch {url}: {reason}\n  hint: {hint}")]
    Fetch { url: String, reason: String, hint: std::borrow::Cow<'static, str> },
    #[error("{url} is not there\n  hint: check the URL of the index; its page may list a file that is gone")]
    Missing { url: String },
    #[error("cannot fetch {url}: it is larger than {limit} bytes, the most that rvp reads of such a file")]
    TooLarge { url: String, limit: u64 },
    #[error("{url} is not a page of a simple index: its content type is `{content_type}`")]
    ContentType { url: String, content_type: String },
    #[error("cannot read the page {url}: {source}")]
    Page { url: String, source: PageError },
    #[error("{url} has other bytes than the index says: sha256:{actual} in place of sha256:{expected}")]
    Digest { url: String, expected: Sha256, actual: Sha256 },
    #[error("the server answered a request for a part of {url} with another part than asked for")]
    Range { url: String },
    #[error("the metadata of {url} cannot be used: {reason}")]
    Metadata { url: String, reason: String },
    #[error("cannot {action} {path}: {source}{}", hint_of(source))]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
}
