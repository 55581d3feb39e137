//! The HTTP of gix's git protocol, over the requests that registries on web servers are read with: the same limits, proxies,
//! certificates, redirects and credentials.

use std::io::{self, BufRead, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode, Url};
use tokio::runtime::Handle;

use super::clones::MAX_CLONE;
use super::failure;
use crate::registry::http_failure::Failure;
use crate::registry::http_pace::Pace;
use crate::registry::http_request::Requests;

/// The most bytes of an answer that lists references, which are held in memory.
const MAX_LISTING: u64 = 64 << 20;

/// What failed last: gix's own errors say less.
pub(super) type LastFailure = Arc<Mutex<Option<Failure>>>;

/// Its calls wait for the network, so that they must not be made on a thread of the runtime itself.
pub(super) struct GitHttp {
    requests: Arc<Requests>,
    runtime: Handle,
    failure: LastFailure,
    /// Where the repository is, when that is elsewhere.
    moved_to: Option<String>,
}

impl GitHttp {
    pub fn new(requests: Arc<Requests>, runtime: Handle, failure: LastFailure) -> Self {
        Self { requests, runtime, failure, moved_to: None }
    }

    fn exchange(
        &self,
        url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::error::Result<Exchange> {
        let url = Url::parse(url).map_err(gix::error::Error::from_error)?;
        let mut map = HeaderMap::new();
        for line in headers {
            let Some((name, text)) = line.as_ref().split_once(':') else { continue };
            if let (Ok(name), Ok(text)) =
                (name.trim().parse::<HeaderName>(), HeaderValue::from_str(text.trim()))
            {
                map.insert(name, text);
            }
        }
        let state = State::Open(Vec::new());
        let (requests, runtime, failure) =
            (self.requests.clone(), self.runtime.clone(), self.failure.clone());
        Ok(Exchange(Arc::new(Mutex::new(Inner { requests, runtime, failure, url, headers: map, state }))))
    }
}

/// One request and its answer, shared by those who write the one and read the other.
#[derive(Clone)]
pub(super) struct Exchange(Arc<Mutex<Inner>>);

struct Inner {
    requests: Arc<Requests>,
    runtime: Handle,
    failure: LastFailure,
    url: Url,
    headers: HeaderMap,
    state: State,
}

enum State {
    /// Not sent yet, with the body so far.
    Open(Vec<u8>),
    Answered {
        response: Response,
        pace: Pace,
        piece: Bytes,
        /// How many more bytes may come.
        left: u64,
    },
    Failed,
}

impl Inner {
    fn fail(&mut self, failure: Failure) -> io::Error {
        self.state = State::Failed;
        let error = io::Error::other(failure.reason.clone());
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        error
    }

    /// Sends the request, if that has not been done.
    fn send(&mut self, is_post: bool) -> io::Result<()> {
        let State::Open(body) = &mut self.state else { return Ok(()) };
        let body = std::mem::take(body);
        let lists = !is_post || body.windows(15).any(|words| words == b"command=ls-refs");
        let sent = self.runtime.block_on(async {
            match is_post {
                true => self.requests.post(&self.url, &self.headers, body).await,
                false => self.requests.get(&self.url, &self.headers).await,
            }
        });
        let response = sent.map_err(|failure| self.fail(failure))?;
        match response.status() {
            StatusCode::OK => {
                let pace = Pace::new(self.requests.settings.read_timeout);
                let left = if lists { MAX_LISTING } else { MAX_CLONE };
                self.state = State::Answered { response, pace, piece: Bytes::new(), left };
                Ok(())
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(self.fail(Failure::lasting(
                "there is no such repository (404 Not Found)",
                "check the URL; forges answer so for private repositories too: `rvp login` stores credentials",
            ))),
            status => {
                let failure = Failure::of_status(status, response.headers());
                Err(self.fail(failure))
            }
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.send(true)?;
        let next = match &mut self.state {
            State::Answered { response, pace, piece, left } => {
                if !piece.is_empty() {
                    return Ok(());
                }
                let began = Instant::now();
                match self.runtime.block_on(response.chunk()) {
                    Ok(None) => Ok(()),
                    Ok(Some(bytes)) => {
                        let paced = pace.received(bytes.len(), began.elapsed());
                        let enough = bytes.len() as u64 > *left;
                        *left = left.saturating_sub(bytes.len() as u64);
                        *piece = bytes;
                        if enough { Err(failure::endless()) } else { paced }
                    }
                    Err(error) => Err(Failure::of_error(&error)),
                }
            }
            _ => return Err(io::Error::other("the request failed")),
        };
        next.map_err(|failure| self.fail(failure))
    }
}

impl Exchange {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.inner().state {
            State::Open(body) => body.extend_from_slice(bytes),
            _ => return Err(io::Error::other("the request has been sent")),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The body of an answer.
pub(super) struct Body {
    exchange: Exchange,
    piece: Bytes,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece.is_empty() {
            let mut inner = self.exchange.inner();
            inner.fill()?;
            if let State::Answered { piece, .. } = &mut inner.state {
                self.piece = std::mem::take(piece);
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, amount: usize) {
        let _ = self.piece.split_to(amount.min(self.piece.len()));
    }
}

/// The headers of an answer, one in each line. They come with the first byte that is asked of them.
pub(super) struct Headers {
    exchange: Exchange,
    lines: Option<io::Cursor<Vec<u8>>>,
}

impl Headers {
    fn lines(&mut self) -> io::Result<&mut io::Cursor<Vec<u8>>> {
        if self.lines.is_none() {
            let mut inner = self.exchange.inner();
            inner.send(true)?;
            let mut lines = Vec::new();
            if let State::Answered { response, .. } = &inner.state {
                for (name, value) in response.headers() {
                    lines.extend_from_slice(name.as_str().as_bytes());
                    lines.extend_from_slice(b": ");
                    lines.extend_from_slice(value.as_bytes());
                    lines.push(b'\n');
                }
            }
            self.lines = Some(io::Cursor::new(lines));
        }
        Ok(self.lines.get_or_insert_default())
    }
}

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lines()?.read(buffer)
    }
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.lines()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(lines) = &mut self.lines {
            lines.consume(amount);
        }
    }
}

impl Http for GitHttp {
    type Headers = Headers;
    type ResponseBody = Body;
    type PostBody = Exchange;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::error::Result<GetResponse<Headers, Body>> {
        let exchange = self.exchange(url, headers)?;
        {
            let mut inner = exchange.inner();
            inner.send(false).map_err(gix::error::Error::from_error)?;
            if let (State::Answered { response, .. }, Some(tail)) = (&inner.state, url.strip_prefix(base_url))
                && response.url().as_str() != url
            {
                self.moved_to = response.url().as_str().strip_suffix(tail).map(str::to_owned);
            }
        }
        let body = Body { exchange: exchange.clone(), piece: Bytes::new() };
        Ok(GetResponse { headers: Headers { exchange, lines: None }, body })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix::error::Result<PostResponse<Headers, Body, Exchange>> {
        let exchange = self.exchange(url, headers)?;
        let body = Body { exchange: exchange.clone(), piece: Bytes::new() };
        let headers = Headers { exchange: exchange.clone(), lines: None };
        Ok(PostResponse { post_body: exchange, headers, body })
    }

    fn configure(&mut self, _config: &dyn std::any::Any) -> gix::error::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.moved_to.clone()
    }
}
