//! Downloads into a staging folder, where a later run goes on with what an earlier one left.

use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use reqwest::StatusCode;
use reqwest::header::CONTENT_RANGE;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};

use super::http::{Stop, public, with_tries};
use super::{IndexFile, SimpleIndex, SimpleIndexError};
use crate::model::Digester;
use crate::publish::StagedBlob;

impl SimpleIndex {
    /// Brings `file` into `folder` and checks it against the hash of the index. `progress` counts bytes.
    ///
    /// A file is written as `<name>.part` and gets its name when all of it is there and right. A download that broke
    /// off goes on where it ended; a file that an earlier run finished is hashed and not fetched again.
    pub async fn download(
        &self,
        file: &IndexFile,
        folder: &Path,
        progress: &ProgressBar,
    ) -> Result<StagedBlob, SimpleIndexError> {
        let path = folder.join(&file.name);
        let partial = folder.join(format!("{}.part", file.name));
        if fs::try_exists(&path).await.map_err(|source| io("look for", &path, source))? {
            let mut digester = Digester::default();
            digest_file(&path, &mut digester, progress).await?;
            match self.check(file, &path, digester) {
                Err(SimpleIndexError::Digest { .. }) => remove(&path).await?,
                checked => return checked,
            }
        }
        with_tries(async || {
            let digester = self.fetch_rest(file, &partial, progress).await?;
            let checked = self.check(file, &path, digester);
            match &checked {
                // Nothing in it can be trusted: the next try begins anew.
                Err(_) => remove(&partial).await?,
                Ok(_) => {
                    fs::rename(&partial, &path).await.map_err(|source| io("rename", &partial, source))?
                }
            }
            checked.map_err(Stop::for_now)
        })
        .await
    }

    fn check(
        &self,
        file: &IndexFile,
        path: &Path,
        digester: Digester,
    ) -> Result<StagedBlob, SimpleIndexError> {
        let (blake3, sha256, size) = digester.finish();
        match file.sha256 {
            Some(expected) if expected != sha256 => {
                Err(SimpleIndexError::Digest { url: public(&file.url), expected, actual: sha256 })
            }
            _ => Ok(StagedBlob { path: path.into(), file: file.name.clone(), blake3, sha256, size }),
        }
    }

    /// Appends what is missing to the partial file, and returns the digests of all of it.
    async fn fetch_rest(
        &self,
        file: &IndexFile,
        partial: &Path,
        progress: &ProgressBar,
    ) -> Result<Digester, Stop> {
        let there = match fs::metadata(partial).await {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(source) => return Err(io("look at", partial, source).into()),
        };
        // Without a hash nothing would tell a file that changed in between from one that did not.
        let first = if file.sha256.is_some() { there } else { 0 };
        let mut response = self.http.get_bytes(&file.url, first, None).await?;
        let goes_on = response.status() == StatusCode::PARTIAL_CONTENT;
        let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        if goes_on && !range.is_some_and(|range| range.starts_with(&format!("bytes {first}-"))) {
            return Err(Stop::for_now(SimpleIndexError::Range { url: public(&file.url) }));
        }
        let mut digester = Digester::default();
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            digest_file(partial, &mut digester, progress).await?;
            return Ok(digester);
        }
        let mut options = OpenOptions::new();
        options.create(true).write(true);
        if goes_on {
            digest_file(partial, &mut digester, progress).await?;
            options.append(true);
        } else {
            options.truncate(true);
        }
        let output = options.open(partial).await.map_err(|source| io("write", partial, source))?;
        let mut output = BufWriter::with_capacity(1 << 20, output);
        let received = async {
            while let Some(chunk) =
                response.chunk().await.map_err(|error| Stop::of_error(&file.url, &error))?
            {
                digester.update(&chunk);
                output.write_all(&chunk).await.map_err(|source| io("write", partial, source))?;
                progress.inc(chunk.len() as u64);
            }
            Ok::<_, Stop>(())
        }
        .await;
        // What came before a failure is kept for the next try.
        output.flush().await.map_err(|source| io("write", partial, source))?;
        received.map(|()| digester)
    }
}

async fn digest_file(
    path: &Path,
    digester: &mut Digester,
    progress: &ProgressBar,
) -> Result<(), SimpleIndexError> {
    let failed = |source| io("read", path, source);
    let mut file = File::open(path).await.map_err(failed)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).await.map_err(failed)? {
            0 => return Ok(()),
            length => {
                digester.update(&buffer[..length]);
                progress.inc(length as u64);
            }
        }
    }
}

async fn remove(path: &Path) -> Result<(), SimpleIndexError> {
    fs::remove_file(path).await.map_err(|source| io("remove", path, source))
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> SimpleIndexError {
    SimpleIndexError::Io { action, path: PathBuf::from(path), source }
}
