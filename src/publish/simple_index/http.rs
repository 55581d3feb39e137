//! Requests to an index: credentials for its own server only, redirects, and several tries.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, RANGE};
use reqwest::{Certificate, Client, Response, StatusCode, redirect};
use url::Url;

use super::SimpleIndexError;

/// How often a request is sent before its failure counts.
const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(400);
const MAX_REDIRECTS: usize = 10;

/// An HTTP client for one index.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    /// Whom the credentials are for; they are never sent to another scheme, host or port.
    origin: url::Origin,
    username: String,
    password: Option<String>,
}

impl Http {
    /// A client for the server of `index`, whose user and password it uses. `certificates`: PEM, besides the system's.
    pub(super) fn new(index: &Url, certificates: Option<&Path>) -> Result<Self, SimpleIndexError> {
        let mut builder = Client::builder()
            .user_agent(concat!("rvp/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(20))
            .read_timeout(Duration::from_secs(60))
            .redirect(redirect::Policy::custom(follow));
        if let Some(path) = certificates {
            builder = builder.tls_certs_merge(read_certificates(path)?);
        }
        let client =
            builder.build().map_err(|error| SimpleIndexError::Client(with_causes(error.without_url())))?;
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        Ok(Self {
            client,
            origin: index.origin(),
            username: decode(index.username()),
            password: index.password().map(decode),
        })
    }

    /// Asks once for a page or a small file, in one of the content types of `accept`.
    pub(super) async fn get(&self, url: &Url, accept: &str) -> Result<Response, SimpleIndexError> {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(accept) {
            headers.insert(ACCEPT, value);
        }
        self.send(url, headers).await
    }

    /// Asks once for the bytes of a file, as they are: from `first` on, up to `last` where that is given.
    pub(super) async fn get_bytes(
        &self,
        url: &Url,
        first: u64,
        last: Option<u64>,
    ) -> Result<Response, SimpleIndexError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if first > 0 || last.is_some() {
            let last = last.map(|last| last.to_string()).unwrap_or_default();
            if let Ok(value) = HeaderValue::from_str(&format!("bytes={first}-{last}")) {
                headers.insert(RANGE, value);
            }
        }
        self.send(url, headers).await
    }

    async fn send(&self, url: &Url, headers: HeaderMap) -> Result<Response, SimpleIndexError> {
        let mut request = self.client.get(url.clone()).headers(headers);
        if url.origin() == self.origin && (!self.username.is_empty() || self.password.is_some()) {
            request = request.basic_auth(&self.username, self.password.as_deref());
        }
        let response = request.send().await.map_err(|error| connection(url, error))?;
        let status = response.status();
        // A range past the end is an answer too: the file has ended.
        if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
            Ok(response)
        } else {
            Err(SimpleIndexError::Status { url: public(url), status })
        }
    }
}

/// Runs `attempt` until it succeeds, fails for good, or has failed often enough; waits longer each time.
pub(super) async fn with_tries<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, SimpleIndexError>,
) -> Result<T, SimpleIndexError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match attempt().await {
            Err(error) if error.is_temporary() => {}
            done => return done,
        }
        // Half of the pause at random, so that clients that failed together do not return together.
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        pause *= 3;
    }
    attempt().await
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read_body(mut response: Response, limit: u64) -> Result<Vec<u8>, SimpleIndexError> {
    let url = public(response.url());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| connection(&url, error))? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(SimpleIndexError::TooLarge { url, limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(super) fn connection(url: &Url, error: reqwest::Error) -> SimpleIndexError {
    SimpleIndexError::Connection { url: public(url), reason: with_causes(error.without_url()) }
}

/// `url` without user, password and query, for messages.
pub(super) fn public(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have a user, and so have none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url
}

fn follow(attempt: redirect::Attempt) -> redirect::Action {
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    let leaves_tls = attempt.url().scheme() != "https"
        && attempt.previous().last().is_some_and(|from| from.scheme() == "https");
    if leaves_tls {
        attempt.error("it redirects from https to an unprotected address")
    } else {
        attempt.follow()
    }
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, SimpleIndexError> {
    let failed = |reason: String| SimpleIndexError::Certificates { path: path.into(), reason };
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    Certificate::from_pem_bundle(&pem).map_err(|error| failed(with_causes(error)))
}

/// The message of an error and of all that caused it: the reason is often the last of them.
fn with_causes(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
