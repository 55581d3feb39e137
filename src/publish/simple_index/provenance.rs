//! The attestations of a file in an index (PEP 740).

use super::http::{public, read_body, with_tries};
use super::{IndexFile, SimpleIndex, SimpleIndexError};
use crate::registry::layout::MAX_PROVENANCE;

const ACCEPT: &str = "application/vnd.pypi.integrity.v1+json, application/json;q=0.5";

impl SimpleIndex {
    /// The provenance object of `file`, as the index serves it; none where the index links none. What it says is not checked.
    pub async fn provenance(&self, file: &IndexFile) -> Result<Option<Vec<u8>>, SimpleIndexError> {
        let Some(url) = &file.provenance else { return Ok(None) };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SimpleIndexError::Url {
                text: public(url),
                reason: "it is not one of a web server".into(),
            });
        }
        let fetch = async || read_body(self.http.get(url, ACCEPT).await?, MAX_PROVENANCE).await;
        with_tries(fetch).await.map(Some)
    }
}
