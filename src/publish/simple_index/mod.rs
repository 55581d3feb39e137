//! A client of the simple repository API (PEP 503, 592, 629, 658, 691, 700, 714).

mod download;
mod error;
mod html;
mod http;
mod json;
mod metadata;
mod page;
mod provenance;

use reqwest::header::CONTENT_TYPE;
use url::Url;

use self::http::{Http, public, read_body, with_tries, without_secrets};
use crate::model::PackageName;
use crate::registry::HttpSettings;

pub use error::SimpleIndexError;
pub use page::{CoreMetadata, IndexFile, PageError};

/// The largest pages of public indexes have some 50 MB.
const MAX_PAGE: u64 = 256 << 20;
const ACCEPT_PAGE: &str = "application/vnd.pypi.simple.v1+json, \
     application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// A simple index at a URL.
#[derive(Clone)]
pub struct SimpleIndex {
    http: Http,
    /// Without credentials, and with `/` at its end.
    root: Url,
}

impl SimpleIndex {
    /// An index at `url`, which may hold a user and a password.
    pub fn new(url: &str, settings: &HttpSettings) -> Result<Self, SimpleIndexError> {
        let invalid = |reason: String| {
            let text = url.rsplit_once('@').map_or(url, |(_, rest)| rest).to_owned();
            SimpleIndexError::Url { text, reason }
        };
        let address: Url = url.parse().map_err(|error: url::ParseError| invalid(error.to_string()))?;
        if !matches!(address.scheme(), "http" | "https") {
            return Err(invalid(format!("its scheme is `{}`", address.scheme())));
        }
        let http = Http::new(&address, settings)?;
        let mut root = without_secrets(&address);
        if !root.path().ends_with('/') {
            root.set_path(&format!("{}/", root.path()));
        }
        Ok(Self { http, root })
    }

    /// The URL of the index, without credentials.
    pub fn url(&self) -> &Url {
        &self.root
    }

    /// The files of a project, or none if the index does not have it.
    pub async fn project(&self, name: &PackageName) -> Result<Option<Vec<IndexFile>>, SimpleIndexError> {
        let Ok(url) = self.root.join(&format!("{}/", name.as_str())) else { return Ok(None) };
        let page = with_tries(async || {
            let response = self.http.get(&url, ACCEPT_PAGE).await?;
            let address = response.url().clone();
            let content_type = response.headers().get(CONTENT_TYPE);
            let content_type =
                content_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
            Ok((read_body(response, MAX_PAGE).await?, address, content_type))
        })
        .await;
        let (body, address, content_type) = match page {
            Err(SimpleIndexError::Missing { .. }) => return Ok(None),
            page => page?,
        };
        match parse_page(&content_type, &body, &address) {
            Some(files) => {
                files.map(Some).map_err(|source| SimpleIndexError::Page { url: public(&address), source })
            }
            None => Err(SimpleIndexError::ContentType { url: public(&address), content_type }),
        }
    }
}

/// The files that a project's page lists, which was served at `address`; none for a content type that is not a page's.
pub fn parse_page(
    content_type: &str,
    body: &[u8],
    address: &Url,
) -> Option<Result<Vec<IndexFile>, PageError>> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/vnd.pypi.simple.v1+json" => Some(json::parse(body, address)),
        "application/vnd.pypi.simple.v1+html" | "text/html" => {
            Some(html::parse(&String::from_utf8_lossy(body), address))
        }
        _ => None,
    }
}
