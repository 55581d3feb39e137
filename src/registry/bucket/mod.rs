//! A registry in a bucket: S3 and what is compatible with it, Google Cloud Storage, and Azure.
//!
//! Endpoints, regions and keys come from the variables that the vendors' own tools read (`AWS_ENDPOINT_URL`,
//! `AWS_ACCESS_KEY_ID`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME` …), as `object_store` documents them.

mod backend;
mod client;
mod failure;
mod head;
mod objects;
mod probe;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use object_store::path::Path;
use object_store::{Attribute, GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt as _};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use super::credentials::{Login, Sources};
use super::http_client::HttpSettings;
use super::http_failure::Failure;
use super::http_pace::Pace;
use super::store::{ByteStream, Fresh, Store, StoreError, checked};
use super::store_http::fresh_seconds;
pub(super) use backend::BucketBackend;
pub use backend::BucketPlace;
use client::connect;
use failure::{broken, failure_of, no_bucket};

/// The kinds of buckets, by the scheme of their URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    S3,
    Google,
    Azure,
}

/// A registry under a prefix of a bucket. Its futures need a tokio runtime with time and network.
pub struct BucketStore {
    url: Url,
    kind: Kind,
    settings: HttpSettings,
    login: Login,
    /// Those of the environment that are about buckets.
    variables: Vec<(String, String)>,
    /// Made for the first request, as it reads the system's certificates.
    bucket: OnceCell<Arc<dyn ObjectStore>>,
    requests: Arc<Semaphore>,
}

impl Kind {
    /// How the names of its environment variables begin.
    fn variables(self) -> &'static str {
        match self {
            Self::S3 => "AWS_",
            Self::Google => "GOOGLE_",
            Self::Azure => "AZURE_",
        }
    }
}

impl BucketStore {
    /// `url` is `s3://bucket/prefix`, or the same with `gs:` or `az:`, where a container stands for the bucket.
    pub fn open(url: &str, settings: &HttpSettings, sources: Option<Sources>) -> Result<Self, StoreError> {
        let environment = std::env::vars_os();
        let texts = environment
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::open_with(url, settings, sources, texts)
    }

    /// As `open`, with these environment variables.
    pub fn open_with(
        url: &str,
        settings: &HttpSettings,
        sources: Option<Sources>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, StoreError> {
        let location = super::store::without_credentials(url);
        let error = |reason: &str| StoreError::Open {
            location: location.clone(),
            reason: reason.to_owned(),
            hint: "write it as s3://bucket/prefix; keys come from the environment or `rvp login`".into(),
        };
        let url = Url::parse(url).map_err(|fault| error(&fault.to_string()))?;
        let kind = match url.scheme() {
            "s3" => Kind::S3,
            "gs" => Kind::Google,
            "az" => Kind::Azure,
            _ => return Err(error("it is not the URL of a bucket")),
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(error("it names no bucket"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.port().is_some() {
            return Err(error("it holds more than a bucket and a prefix"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(error("it has a query or a fragment"));
        }
        let login = Login::new(url.clone(), &location, None, sources);
        let requests = Arc::new(Semaphore::new(settings.requests));
        let about = kind.variables();
        let variables = environment.into_iter().filter(|(name, _)| name.starts_with(about)).collect();
        Ok(Self {
            url,
            kind,
            settings: settings.clone(),
            login,
            variables,
            bucket: OnceCell::new(),
            requests,
        })
    }

    /// The bucket itself, for whoever writes to it.
    pub(crate) async fn bucket(&self) -> Result<&Arc<dyn ObjectStore>, StoreError> {
        let connect = async || {
            let name = self.url.host_str().unwrap_or_default();
            connect(self.kind, name, &self.variables, self.login.credential()?, &self.settings)
        };
        self.bucket.get_or_try_init(connect).await.map_err(|failure| self.failed("", failure))
    }

    /// The object that holds the file `path`.
    pub(crate) fn object(&self, path: &str) -> Result<Path, StoreError> {
        let (file, _) = checked(self.location(), path)?;
        let prefix = percent_encoding::percent_decode_str(self.url.path()).decode_utf8_lossy();
        let parts = prefix.split('/').filter(|part| !part.is_empty()).chain(file.split('/'));
        // Not `Path::from`, which would encode characters a second time.
        Path::parse(parts.collect::<Vec<_>>().join("/"))
            .map_err(|_| StoreError::Path { location: self.location().to_owned(), path: path.to_owned() })
    }

    fn failed(&self, path: &str, failure: Failure) -> StoreError {
        let (location, path) = (self.location().to_owned(), path.to_owned());
        StoreError::Http { location, path, reason: failure.reason, hint: failure.hint }
    }

    fn failed_at(&self, path: &str, error: &object_store::Error) -> StoreError {
        self.failed(path, self.failure(error))
    }

    fn failure(&self, error: &object_store::Error) -> Failure {
        failure_of(self.kind, error, &self.login, &self.url)
    }

    /// Asks for a file from `from` on, or for the range in `options`, which begins there: none if it is not there, and no bytes if it ends before that.
    async fn get(&self, path: &str, from: u64, options: GetOptions) -> Result<Answer, StoreError> {
        let object = self.object(path)?;
        let bucket = self.bucket().await?;
        let range = options.range.clone().or((from > 0).then_some(GetRange::Offset(from)));
        let in_part = range.is_some();
        match bucket.get_opts(&object, GetOptions { range, ..options }).await {
            Ok(result) => Ok(Answer::Here(result)),
            Err(object_store::Error::NotFound { source, .. }) => match no_bucket(source.as_ref()) {
                None => Ok(Answer::Nowhere),
                Some(failure) => Err(self.failed(path, failure)),
            },
            Err(object_store::Error::NotModified { .. }) => Ok(Answer::Unchanged),
            // The service answers 416 in a form of its own: ask how long the file is.
            Err(_) if in_part && bucket.head(&object).await.is_ok_and(|meta| meta.size <= from) => {
                Ok(Answer::Ended)
            }
            Err(error) => Err(self.failed_at(path, &error)),
        }
    }

    fn too_large(&self, path: &str, limit: u64) -> StoreError {
        StoreError::TooLarge { location: self.location().to_owned(), path: path.to_owned(), limit }
    }

    /// The bytes of an answer, at most `limit`.
    async fn whole(&self, path: &str, result: GetResult, limit: u64) -> Result<Vec<u8>, StoreError> {
        let mut pieces = self.pieces(path, result, limit)?;
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes)
    }

    fn pieces(&self, path: &str, result: GetResult, limit: u64) -> Result<ByteStream, StoreError> {
        if result.range.end.saturating_sub(result.range.start) > limit {
            return Err(self.too_large(path, limit));
        }
        let (location, path) = (self.location().to_owned(), path.to_owned());
        let state = (result.into_stream(), Pace::new(self.settings.read_timeout), 0_u64);
        let next = move |(mut pieces, mut pace, mut length): (_, Pace, u64)| {
            let (location, path) = (location.clone(), path.clone());
            async move {
                let failed = |failure: Failure| StoreError::Http {
                    location: location.clone(),
                    path: path.clone(),
                    reason: failure.reason,
                    hint: failure.hint,
                };
                let began = Instant::now();
                let pieces_ref: &mut stream::BoxStream<'static, object_store::Result<bytes::Bytes>> =
                    &mut pieces;
                let Some(piece) = pieces_ref.next().await else { return Ok(None) };
                let piece = piece.map_err(|error| failed(broken(&error)))?;
                pace.received(piece.len(), began.elapsed()).map_err(failed)?;
                length += piece.len() as u64;
                if length > limit {
                    return Err(StoreError::TooLarge { location, path, limit });
                }
                Ok(Some((piece, (pieces, pace, length))))
            }
        };
        Ok(stream::try_unfold(state, next).boxed())
    }
}

/// What a bucket says of a file.
enum Answer {
    Here(GetResult),
    Nowhere,
    Unchanged,
    /// The file is not longer than what is here already.
    Ended,
}

impl Store for BucketStore {
    fn location(&self) -> &str {
        self.url.as_str()
    }

    fn identity(&self) -> String {
        // The same name on two services means two buckets.
        let endpoint = self.variables.iter().find(|(name, _)| name.starts_with("AWS_ENDPOINT"));
        endpoint.map_or_else(|| self.location().to_owned(), |(_, at)| format!("{} {at}", self.location()))
    }

    fn read<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            let _permit = self.requests.acquire().await.expect("it is never closed");
            match self.get(path, from, GetOptions::default()).await? {
                Answer::Here(result) => self.whole(path, result, limit).await.map(Some),
                Answer::Ended | Answer::Unchanged => Ok(Some(Vec::new())),
                Answer::Nowhere => Ok(None),
            }
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
            let permit = Arc::clone(&self.requests).acquire_owned().await.expect("it is never closed");
            match self.get(path, from, GetOptions::default()).await? {
                Answer::Here(result) => {
                    let pieces = self.pieces(path, result, limit)?;
                    // Held until the last byte has come.
                    let counted = pieces.inspect(move |_| {
                        let _held = &permit;
                    });
                    Ok(Some(counted.boxed()))
                }
                Answer::Ended | Answer::Unchanged => Ok(Some(stream::empty().boxed())),
                Answer::Nowhere => Ok(None),
            }
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
            let if_none_match = known.and_then(|known| known.validator.clone());
            let result =
                match self.get(path, 0, GetOptions { if_none_match, ..GetOptions::default() }).await? {
                    Answer::Here(result) => result,
                    Answer::Unchanged => return Ok(known.cloned()),
                    Answer::Nowhere | Answer::Ended => return Ok(None),
                };
            let validator = result.meta.e_tag.clone();
            let fresh_seconds = match result.attributes.get(&Attribute::CacheControl) {
                Some(cache_control) => fresh_seconds(cache_control, ""),
                None => 0,
            };
            let bytes = self.whole(path, result, limit).await?;
            Ok(Some(Fresh { bytes, validator, fresh_seconds }))
        }
        .boxed()
    }

    fn local_path(&self, _path: &str) -> Option<PathBuf> {
        None
    }
}
