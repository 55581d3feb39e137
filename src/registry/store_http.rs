//! A registry on a web server: any static host, over HTTP/1.1 or HTTP/2.

use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use flate2::read::GzDecoder;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{
    ACCEPT_ENCODING, AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderValue, IF_NONE_MATCH, RANGE,
};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::http_client::{HttpSettings, client_builder, take_credentials};
use super::http_failure::{Again, Failure};
use super::http_pace::Pace;
use super::retry::{TRIES, backoff};
use super::store::{ByteStream, Fresh, Store, StoreError, checked, without_credentials};

/// Everything but what RFC 3986 leaves unreserved: some hosts read a bare `+` in a path as a space.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A registry on a web server. Its futures need a tokio runtime with time and network, and it keeps its connections
/// on the one that it is first used on.
pub struct HttpStore {
    /// Made for the first request: reading the system's certificates takes longer than a command that asks nothing.
    client: OnceLock<Client>,
    settings: HttpSettings,
    /// Without credentials, and with `/` at the end.
    base: Url,
    location: String,
    authorization: Option<HeaderValue>,
    requests: Arc<Semaphore>,
}

/// What is asked for in one request.
struct Ask<'a> {
    url: Url,
    path: &'a str,
    from: u64,
    limit: u64,
    headers: HeaderMap,
}

/// A server's answer that carries bytes of the file.
struct Answer {
    response: Response,
    /// How many bytes stand before the ones asked for.
    skip: u64,
    pace: Pace,
    /// Held until the last byte has come.
    _permit: OwnedSemaphorePermit,
}

/// Why an attempt has no result.
enum Stop {
    Failed(Failure),
    TooLarge,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<reqwest::Error> for Stop {
    fn from(error: reqwest::Error) -> Self {
        Self::Failed(Failure::of_error(&error))
    }
}

impl HttpStore {
    /// `url` may carry a user name and password; they go to this origin only, and into no message.
    pub fn open(url: &str, settings: &HttpSettings) -> Result<Self, StoreError> {
        let location = without_credentials(url.trim_end_matches('/'));
        let error = |reason: String, hint| StoreError::Open { location: location.clone(), reason, hint };
        let mut base =
            Url::parse(url).map_err(|parse| error(parse.to_string(), "write it as https://host/path"))?;
        if base.query().is_some() || base.fragment().is_some() {
            let location = location.split(['?', '#']).next().unwrap_or_default().to_owned();
            return Err(StoreError::Open {
                location,
                reason: "its URL has a query or a fragment".to_owned(),
                hint: "the URL of a registry is that of its folder: leave out `?` or `#` and what follows",
            });
        }
        let authorization = take_credentials(&mut base);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        if base.host().is_none() {
            return Err(error("its URL names no host".into(), "write it as https://host/path"));
        }
        Ok(Self {
            client: OnceLock::new(),
            settings: settings.clone(),
            base,
            location,
            authorization,
            requests: Arc::new(Semaphore::new(settings.requests)),
        })
    }

    fn client(&self) -> Result<&Client, Stop> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Bodies are decoded here, where their limit is known; those of blobs never are: some servers label
        // a `.tar.gz` as an encoded `.tar`.
        let client = client_builder(&self.base, &self.settings)
            .and_then(|builder| builder.no_gzip().build().map_err(|error| Failure::of_error(&error).reason))
            .map_err(|reason| {
                Stop::Failed(Failure::lasting(reason, "check the proxy and certificate settings"))
            })?;
        Ok(self.client.get_or_init(|| client))
    }

    fn ask<'a>(&self, path: &'a str, from: u64, limit: u64) -> Result<Ask<'a>, StoreError> {
        let (file, digest) = checked(&self.location, path)?;
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path(), utf8_percent_encode(file, ENCODED)));
        url.set_query(digest);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if from > 0 {
            // No `If-Range`: what is here already is the beginning of a file that only grows or never changes, and
            // an ETag differs between two mirrors of it. The digest over the whole tells if that was not so.
            headers.insert(RANGE, HeaderValue::from_str(&format!("bytes={from}-")).expect("digits"));
        }
        Ok(Ask { url, path: file, from, limit, headers })
    }

    /// One request, up to the headers of its answer: none for a file that is not there.
    async fn answer(&self, ask: &Ask<'_>) -> Result<Option<Answer>, Stop> {
        let permit = Arc::clone(&self.requests).acquire_owned().await.expect("it is never closed");
        let response = self.client()?.get(ask.url.clone()).headers(ask.headers.clone()).send().await?;
        let skip = match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            StatusCode::OK => ask.from,
            StatusCode::PARTIAL_CONTENT if ask.from > 0 => {
                check_range(response.headers(), ask.from)?;
                0
            }
            StatusCode::NOT_MODIFIED if ask.headers.contains_key(IF_NONE_MATCH) => 0,
            StatusCode::RANGE_NOT_SATISFIABLE if ask.from > 0 => 0,
            status => return Err(Stop::Failed(Failure::of_status(status, response.headers()))),
        };
        if response.status().is_success() {
            let kind = response.headers().get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
            if kind.get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"text/html")) {
                return Err(Stop::Failed(Failure::lasting(
                    "the server answered with a web page (a login page or a captive portal?)",
                    "open the URL in a browser and see; then check the registry's URL, the proxy and your login",
                )));
            }
            if response.content_length().is_some_and(|length| length.saturating_sub(skip) > ask.limit) {
                return Err(Stop::TooLarge);
            }
        }
        let pace = Pace::new(self.settings.read_timeout);
        Ok(Some(Answer { response, skip, pace, _permit: permit }))
    }

    /// One request, with all of its answer: its headers and bytes.
    async fn whole(&self, ask: &Ask<'_>) -> Result<Option<(HeaderMap, StatusCode, Vec<u8>)>, Stop> {
        let Some(mut answer) = self.answer(ask).await? else { return Ok(None) };
        let status = answer.response.status();
        let headers = std::mem::take(answer.response.headers_mut());
        let mut bytes = Vec::new();
        if status.is_success() {
            let expected = answer.response.content_length().unwrap_or(0).saturating_sub(answer.skip);
            bytes.reserve(usize::try_from(expected.min(ask.limit)).unwrap_or(0));
            while let Some(piece) = answer.next().await? {
                if (bytes.len() + piece.len()) as u64 > ask.limit {
                    return Err(Stop::TooLarge);
                }
                bytes.extend_from_slice(&piece);
            }
        }
        if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip")
            && ask.headers.get(ACCEPT_ENCODING).is_some_and(|accepted| accepted == "gzip")
        {
            bytes = unzip(&bytes, ask.limit)?;
        }
        Ok(Some((headers, status, bytes)))
    }

    /// Asks until there is an answer, or none is to be expected.
    async fn with_retries<T, F>(&self, ask: &Ask<'_>, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Stop>>,
    {
        let mut tries = 1;
        loop {
            let failure = match attempt().await {
                Ok(result) => return Ok(result),
                Err(Stop::TooLarge) => return Err(too_large(&self.location, ask)),
                Err(Stop::Failed(failure)) => failure,
            };
            match failure.again {
                Again::AfterBackoff if tries < TRIES => {
                    tokio::time::sleep(backoff(self.settings.first_backoff, tries)).await
                }
                Again::After(wait) if tries < TRIES => tokio::time::sleep(wait).await,
                _ => return Err(http_error(&self.location, ask.path, failure, tries)),
            }
            tries += 1;
        }
    }
}

impl Answer {
    /// The next bytes of those asked for.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let began = Instant::now();
            let piece = self.response.chunk().await.map_err(|error| Failure::of_error(&error))?;
            let Some(mut piece) = piece else { return Ok(None) };
            self.pace.received(piece.len(), began.elapsed())?;
            let skipped = piece.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
            self.skip -= skipped as u64;
            let piece = piece.split_off(skipped);
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    fn into_stream(self, location: String, path: String, limit: u64) -> ByteStream {
        stream::try_unfold((self, 0_u64), move |(mut answer, mut length)| {
            let (location, path) = (location.clone(), path.clone());
            async move {
                let piece = match answer.next().await {
                    Ok(piece) => piece,
                    Err(failure) => return Err(http_error(&location, &path, failure, 1)),
                };
                let Some(piece) = piece else { return Ok(None) };
                length += piece.len() as u64;
                if length > limit {
                    return Err(StoreError::TooLarge { location, path, limit });
                }
                Ok(Some((piece, (answer, length))))
            }
        })
        .boxed()
    }
}

impl Store for HttpStore {
    fn location(&self) -> &str {
        &self.location
    }

    fn read<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            let mut ask = self.ask(path, from, limit)?;
            if from == 0 {
                ask.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
            }
            let answer = self.with_retries(&ask, || self.whole(&ask)).await?;
            Ok(answer.map(|(_, _, bytes)| bytes))
        }
        .boxed()
    }

    fn stream<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<ByteStream>, StoreError>> {
        async move {
            let ask = self.ask(path, from, limit)?;
            let Some(answer) = self.with_retries(&ask, || self.answer(&ask)).await? else { return Ok(None) };
            if !answer.response.status().is_success() {
                return Ok(Some(stream::empty().boxed()));
            }
            Ok(Some(answer.into_stream(self.location.clone(), ask.path.to_owned(), limit)))
        }
        .boxed()
    }

    fn read_fresh<'a>(
        &'a self,
        path: &'a str,
        known: Option<&'a Fresh>,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Fresh>, StoreError>> {
        async move {
            let mut ask = self.ask(path, 0, limit)?;
            ask.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            let validator = known.and_then(|known| HeaderValue::from_str(known.validator.as_deref()?).ok());
            if let Some(validator) = validator {
                ask.headers.insert(IF_NONE_MATCH, validator);
            }
            let answer = self.with_retries(&ask, || self.whole(&ask)).await?;
            Ok(answer.and_then(|(headers, status, bytes)| {
                let fresh_seconds = fresh_seconds(&headers);
                if status == StatusCode::NOT_MODIFIED {
                    return known.map(|known| Fresh { fresh_seconds, ..known.clone() });
                }
                let validator = headers.get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
                Some(Fresh { bytes, validator, fresh_seconds })
            }))
        }
        .boxed()
    }

    fn local_path(&self, _path: &str) -> Option<PathBuf> {
        None
    }
}

/// `max-age` of `Cache-Control`, less the time that caches on the way have had it already (RFC 9111, 4.2).
fn fresh_seconds(headers: &HeaderMap) -> u32 {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let directives: Vec<String> =
        text(CACHE_CONTROL).split(',').map(|directive| directive.trim().to_ascii_lowercase()).collect();
    if directives.iter().any(|directive| matches!(directive.as_str(), "no-cache" | "no-store")) {
        return 0;
    }
    let max_age =
        directives.iter().find_map(|directive| directive.strip_prefix("max-age=")?.parse::<u32>().ok());
    max_age.unwrap_or(0).saturating_sub(text(AGE).trim().parse().unwrap_or(0))
}

/// A partial answer has to begin where it was asked to: `Content-Range: bytes <from>-<to>/<length>` (RFC 9110, 14.4).
fn check_range(headers: &HeaderMap, from: u64) -> Result<(), Stop> {
    let range = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let start = range.strip_prefix("bytes ").and_then(|range| range.split_once('-')).map(|(start, _)| start);
    if start.and_then(|start| start.parse().ok()) == Some(from) {
        return Ok(());
    }
    Err(Stop::Failed(Failure::lasting(
        format!("the server was asked for the bytes from {from} on and answers with `{range}`"),
        "the server or a proxy does not handle ranges correctly: use a mirror",
    )))
}

/// Decodes `Content-Encoding: gzip` up to `limit` bytes.
fn unzip(bytes: &[u8], limit: u64) -> Result<Vec<u8>, Stop> {
    let mut plain = Vec::new();
    let read = GzDecoder::new(bytes).take(limit.saturating_add(1)).read_to_end(&mut plain);
    read.map_err(|error| {
        Stop::Failed(Failure {
            reason: format!("the server's answer is not the gzip that it claims to be: {error}"),
            hint: "a proxy may have damaged it: try again",
            again: Again::AfterBackoff,
        })
    })?;
    if plain.len() as u64 > limit { Err(Stop::TooLarge) } else { Ok(plain) }
}

fn too_large(location: &str, ask: &Ask<'_>) -> StoreError {
    StoreError::TooLarge { location: location.to_owned(), path: ask.path.to_owned(), limit: ask.limit }
}

fn http_error(location: &str, path: &str, failure: Failure, tries: u32) -> StoreError {
    let reason = match tries {
        1 => failure.reason,
        tries => format!("{}, at the last of {tries} attempts", failure.reason),
    };
    StoreError::Http { location: location.to_owned(), path: path.to_owned(), reason, hint: failure.hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_fresh_for_its_max_age_less_its_age() {
        let fresh = |cache_control: &'static str, age: &'static str| {
            let headers = [(CACHE_CONTROL, cache_control), (AGE, age)];
            fresh_seconds(
                &headers.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect(),
            )
        };
        assert_eq!(fresh("public, Max-Age=600", "100"), 500);
        assert_eq!(fresh("max-age=60", "100"), 0);
        assert_eq!(fresh("max-age=60", "soon"), 60);
        assert_eq!(fresh("max-age=60, no-cache", ""), 0);
        assert_eq!(fresh("max-age=-1", ""), 0);
        assert_eq!(fresh("max-age=99999999999999999999", ""), 0);
    }
}
