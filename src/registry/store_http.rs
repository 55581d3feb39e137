//! A registry on a web server: any static host, over HTTP/1.1 or HTTP/2.

use std::borrow::Cow;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use flate2::read::GzDecoder;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{
    ACCEPT_ENCODING, AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderValue, IF_NONE_MATCH, RANGE,
};
use reqwest::{Response, StatusCode, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::credentials::{Credential, Login, Sources};
use super::http_client::HttpSettings;
use super::http_failure::{Again, Failure};
use super::http_freshness::fresh_seconds;
use super::http_pace::Pace;
use super::http_request::Requests;
use super::retry::{TRIES, backoff};
use super::store::{ByteStream, Fresh, Store, StoreError, checked, without_credentials};

/// Everything but what RFC 3986 leaves unreserved: some hosts read a bare `+` in a path as a space.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A registry on a web server. Its futures need a tokio runtime with time and network, and it keeps its connections
/// on the one that it is first used on.
pub struct HttpStore {
    asking: Requests,
    /// Without credentials, and with `/` at the end.
    base: Url,
    location: String,
    requests: Arc<Semaphore>,
    /// Ranges are some hundred bytes each, and proofs take many of them in one round trip: there may be twice as many.
    ranges: Arc<Semaphore>,
}

/// What is asked for in one request.
struct Ask<'a> {
    url: Url,
    path: &'a str,
    from: u64,
    limit: u64,
    /// Whether bytes beyond the limit are left where they are, and not an error.
    cut: bool,
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

impl HttpStore {
    /// `url` may carry a user name and password; they go to that URL and below it only, and into no message.
    pub fn open(url: &str, settings: &HttpSettings) -> Result<Self, StoreError> {
        Self::open_with(url, settings, None)
    }

    /// As `open`, with the credentials that `sources` have where `url` carries none.
    pub fn open_with(
        url: &str,
        settings: &HttpSettings,
        sources: Option<Sources>,
    ) -> Result<Self, StoreError> {
        let location = without_credentials(url.trim_end_matches('/'));
        let error = |reason: String, hint| StoreError::Open {
            location: location.clone(),
            reason,
            hint: Cow::Borrowed(hint),
        };
        let mut base =
            Url::parse(url).map_err(|parse| error(parse.to_string(), "write it as https://host/path"))?;
        if base.query().is_some() || base.fragment().is_some() {
            let location = location.split(['?', '#']).next().unwrap_or_default().to_owned();
            return Err(StoreError::Open {
                location,
                reason: "its URL has a query or a fragment".to_owned(),
                hint: "the URL of a registry is that of its folder: leave out `?` or `#` and what follows"
                    .into(),
            });
        }
        let given = Credential::take_from(&mut base);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        if base.host().is_none() {
            return Err(error("its URL names no host".into(), "write it as https://host/path"));
        }
        Ok(Self {
            asking: Requests::new(
                base.clone(),
                settings,
                Login::new(base.clone(), &location, given, sources),
            ),
            base,
            location,
            requests: Arc::new(Semaphore::new(settings.requests)),
            ranges: Arc::new(Semaphore::new(settings.requests.saturating_mul(2).min(Semaphore::MAX_PERMITS))),
        })
    }

    fn ask<'a>(&self, path: &'a str, from: u64, limit: u64) -> Result<Ask<'a>, StoreError> {
        let (file, digest) = checked(&self.location, path)?;
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path(), utf8_percent_encode(file, ENCODED)));
        url.set_query(digest);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if from > 0 {
            // No `If-Range`: what is here already is the beginning of a file that only grows or never changes, and
            // an ETag differs between two mirrors of it. The digest over the whole tells if that was not so.
            headers.insert(RANGE, range(from, None));
        }
        Ok(Ask { url, path: file, from, limit, cut: false, headers })
    }

    /// As `ask`, for no more than `length` bytes.
    fn ask_range<'a>(&self, path: &'a str, from: u64, length: u64) -> Result<Ask<'a>, StoreError> {
        let mut ask = self.ask(path, from, length)?;
        ask.cut = true;
        ask.headers.insert(RANGE, range(from, from.saturating_add(length).checked_sub(1)));
        Ok(ask)
    }

    /// One request, up to the headers of its answer: none for a file that is not there.
    async fn answer(&self, ask: &Ask<'_>) -> Result<Option<Answer>, Stop> {
        let permits = if ask.cut { &self.ranges } else { &self.requests };
        let permit = Arc::clone(permits).acquire_owned().await.expect("it is never closed");
        let response = self.asking.get(&ask.url, &ask.headers).await?;
        let ranged = ask.headers.contains_key(RANGE);
        let skip = match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            StatusCode::OK => ask.from,
            StatusCode::PARTIAL_CONTENT if ranged => {
                check_range(response.headers(), ask.from)?;
                0
            }
            StatusCode::NOT_MODIFIED if ask.headers.contains_key(IF_NONE_MATCH) => 0,
            StatusCode::RANGE_NOT_SATISFIABLE if ranged => 0,
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
            let length = response.content_length().map_or(0, |length| length.saturating_sub(skip));
            if length > ask.limit && !ask.cut {
                return Err(Stop::TooLarge);
            }
        }
        let pace = Pace::new(self.asking.settings.read_timeout);
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
                let room = usize::try_from(ask.limit).unwrap_or(usize::MAX) - bytes.len();
                if piece.len() > room && !ask.cut {
                    return Err(Stop::TooLarge);
                }
                bytes.extend_from_slice(&piece[..piece.len().min(room)]);
                // What is left of a whole file is not waited for. The end of a range is: the connection can be used again.
                let is_whole = status == StatusCode::OK && bytes.len() as u64 == ask.limit;
                if ask.cut && (is_whole || piece.len() > room) {
                    break;
                }
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
                    tokio::time::sleep(backoff(self.asking.settings.first_backoff, tries)).await
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

    fn read_range<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        length: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            let ask = self.ask_range(path, from, length)?;
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
                let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
                let fresh_seconds = fresh_seconds(text(CACHE_CONTROL), text(AGE));
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

/// The bytes from `from` to `to`, which is the last one, or to the end (RFC 9110, 14.1.2).
fn range(from: u64, to: Option<u64>) -> HeaderValue {
    let to = to.map(|to| to.to_string()).unwrap_or_default();
    HeaderValue::from_str(&format!("bytes={from}-{to}")).expect("digits")
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
            hint: "a proxy may have damaged it: try again".into(),
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
