//! Requests to an index: credentials for its own server only, and several tries.

use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, RANGE};
use reqwest::{Client, Response, StatusCode};
use url::Url;

use super::SimpleIndexError;
use crate::registry::{Again, Failure, HttpSettings, TRIES, backoff, client_builder, take_credentials};

const FIRST_BACKOFF: Duration = Duration::from_millis(400);

/// An HTTP client for one index.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    /// Whom the credentials are for; they are never sent to another scheme, host or port.
    origin: url::Origin,
    authorization: Option<HeaderValue>,
}

/// Why an attempt failed, and whether another one is worth it.
pub(super) struct Stop {
    error: SimpleIndexError,
    again: Again,
}

impl Stop {
    /// For an answer that another attempt may do better than.
    pub(super) fn for_now(error: SimpleIndexError) -> Self {
        Self { error, again: Again::AfterBackoff }
    }

    pub(super) fn of_error(url: &Url, error: &reqwest::Error) -> Self {
        Self::of_failure(url, Failure::of_error(error))
    }

    fn of_failure(url: &Url, Failure { reason, hint, again }: Failure) -> Self {
        Self { error: SimpleIndexError::Fetch { url: public(url), reason, hint }, again }
    }
}

impl From<SimpleIndexError> for Stop {
    fn from(error: SimpleIndexError) -> Self {
        Self { error, again: Again::No }
    }
}

impl Http {
    /// A client for the server of `index`, whose user and password it uses.
    pub(super) fn new(index: &Url, settings: &HttpSettings) -> Result<Self, SimpleIndexError> {
        let client = client_builder(index, settings)
            .and_then(|builder| builder.build().map_err(|error| Failure::of_error(&error).reason))
            .map_err(|reason| SimpleIndexError::Fetch {
                url: public(index),
                reason,
                hint: "check the proxy and certificate settings".into(),
            })?;
        Ok(Self { client, origin: index.origin(), authorization: take_credentials(&mut index.clone()) })
    }

    /// Asks once for a page or a small file, in one of the content types of `accept`.
    pub(super) async fn get(&self, url: &Url, accept: &'static str) -> Result<Response, Stop> {
        self.send(url, HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))])).await
    }

    /// Asks once for the bytes of a file, as they are: from `first` on, up to `last` where that is given.
    pub(super) async fn get_bytes(&self, url: &Url, first: u64, last: Option<u64>) -> Result<Response, Stop> {
        let mut headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        if first > 0 || last.is_some() {
            let last = last.map(|last| last.to_string()).unwrap_or_default();
            headers
                .extend(HeaderValue::from_str(&format!("bytes={first}-{last}")).map(|range| (RANGE, range)));
        }
        self.send(url, headers).await
    }

    async fn send(&self, url: &Url, mut headers: HeaderMap) -> Result<Response, Stop> {
        let authorization = self.authorization.iter().filter(|_| url.origin() == self.origin);
        headers.extend(authorization.map(|value| (AUTHORIZATION, value.clone())));
        let request = self.client.get(url.clone()).headers(headers);
        let response = request.send().await.map_err(|error| Stop::of_error(url, &error))?;
        let status = response.status();
        if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Err(SimpleIndexError::Missing { url: public(url) }.into());
        }
        // A range past the end is an answer too: the file has ended.
        if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(response);
        }
        Err(Stop::of_failure(url, Failure::of_status(status, response.headers())))
    }
}

/// Runs `attempt` until it succeeds, fails for good, or has failed often enough; waits longer each time.
pub(super) async fn with_tries<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, Stop>,
) -> Result<T, SimpleIndexError> {
    let mut failures = 0;
    loop {
        let stop = match attempt().await {
            Ok(done) => return Ok(done),
            Err(stop) => stop,
        };
        failures += 1;
        let wait = match stop.again {
            Again::AfterBackoff if failures < TRIES => backoff(FIRST_BACKOFF, failures),
            Again::After(wait) if failures < TRIES => wait,
            _ => return Err(stop.error),
        };
        tokio::time::sleep(wait).await;
    }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read_body(mut response: Response, limit: u64) -> Result<Vec<u8>, Stop> {
    let url = response.url().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Stop::of_error(&url, &error))? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(SimpleIndexError::TooLarge { url: public(&url), limit }.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// `url` without user, password and query.
pub(super) fn without_secrets(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have a user, and so have none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url
}

/// `url` as it may stand in a message.
pub(super) fn public(url: &Url) -> String {
    without_secrets(url).into()
}
