//! The METADATA of a wheel in an index: the file beside it, else ranges of the wheel, else all of it.

use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use indicatif::ProgressBar;
use reqwest::header::CONTENT_RANGE;
use reqwest::{Response, StatusCode};
use url::Url;
use uv_distribution_filename::WheelFilename;

use super::http::{Stop, public, read_body, with_tries};
use super::{CoreMetadata, IndexFile, SimpleIndex, SimpleIndexError};
use crate::model::Sha256;
use crate::package::{self, Metadata, RemoteWheel, Step};

/// The largest known are below 1 MiB.
const MAX_METADATA: u64 = 16 << 20;

impl SimpleIndex {
    /// The metadata of the wheel `file`. Where the server gives no parts of files, all of it is fetched into `folder`,
    /// where [`SimpleIndex::download`] finds it again.
    pub async fn metadata(
        &self,
        file: &IndexFile,
        folder: &Path,
        progress: &ProgressBar,
    ) -> Result<Metadata, SimpleIndexError> {
        let invalid = |reason: String| SimpleIndexError::Metadata { url: public(&file.url), reason };
        let mut bytes = match file.metadata {
            CoreMetadata::Served(digest) => self.served_metadata(&file.url, digest).await?,
            CoreMetadata::Absent => None,
        };
        if bytes.is_none() {
            bytes = self.metadata_by_ranges(file).await?;
        }
        match bytes {
            Some(bytes) => Metadata::parse(&bytes).map_err(|error| invalid(error.to_string())),
            None => {
                let blob = self.download(file, folder, progress).await?;
                let info = package::read_artifact(&blob.path).map_err(|error| invalid(error.to_string()))?;
                Ok(info.metadata)
            }
        }
    }

    /// The file that the index serves beside a wheel (PEP 658), checked against `digest` where one is told.
    /// None if it is not there, though the index says so.
    async fn served_metadata(
        &self,
        wheel: &Url,
        digest: Option<Sha256>,
    ) -> Result<Option<Vec<u8>>, SimpleIndexError> {
        let mut url = wheel.clone();
        url.set_path(&format!("{}.metadata", wheel.path()));
        let served = with_tries(async || {
            let response = self.http.get(&url, "*/*").await?;
            let bytes = read_body(response, MAX_METADATA).await?;
            let actual = Sha256::of(&bytes);
            match digest {
                Some(expected) if expected != actual => {
                    Err(Stop::for_now(SimpleIndexError::Digest { url: public(&url), expected, actual }))
                }
                _ => Ok(bytes),
            }
        })
        .await;
        match served {
            Err(SimpleIndexError::Missing { .. }) => Ok(None),
            served => served.map(Some),
        }
    }

    /// None if the server answers with whole files only.
    async fn metadata_by_ranges(&self, file: &IndexFile) -> Result<Option<Vec<u8>>, SimpleIndexError> {
        let invalid = |reason: String| SimpleIndexError::Metadata { url: public(&file.url), reason };
        let filename = WheelFilename::from_str(&file.name).map_err(|error| invalid(error.to_string()))?;
        // The first byte, to learn the size: a request for the last bytes is one that several servers refuse.
        let size = with_tries(async || {
            let response = self.http.get_bytes(&file.url, 0, Some(0)).await?;
            Ok((response.status() == StatusCode::PARTIAL_CONTENT).then(|| total_size(&response)).flatten())
        });
        let Some(size) = size.await? else { return Ok(None) };
        let (mut wheel, mut range) = RemoteWheel::start(filename, size);
        loop {
            let Some(bytes) = with_tries(async || self.range(&file.url, &range).await).await? else {
                return Ok(None);
            };
            match wheel.feed(bytes).map_err(|error| invalid(error.to_string()))? {
                Step::Need(next) => range = next,
                Step::Done(metadata) => return Ok(Some(metadata)),
            }
        }
    }

    async fn range(&self, url: &Url, range: &Range<u64>) -> Result<Option<Vec<u8>>, Stop> {
        let length = range.end.saturating_sub(range.start);
        if length == 0 {
            return Ok(Some(Vec::new()));
        }
        let response = self.http.get_bytes(url, range.start, Some(range.end - 1)).await?;
        if response.status() != StatusCode::PARTIAL_CONTENT {
            return Ok(None);
        }
        read_body(response, length).await.map(Some)
    }
}

/// The length of the whole file, from `Content-Range: bytes 0-0/1234`.
fn total_size(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_RANGE)?.to_str().ok()?.rsplit_once('/')?.1.parse().ok()
}
