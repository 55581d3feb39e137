//! Blobs on their way from a source into a copy.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use futures::StreamExt as _;
use rayon::prelude::*;
use tokio::runtime::Handle;

use super::MirrorError;
use super::choice::Chosen;
use crate::fetch::{Downloader, Event, FetchError, Fetched, Progress, Wanted, digest_of_file};
use crate::model::{Artifact, Blake3, BundleFile};
use crate::registry::{Replica, Store, layout};

/// Bundles are small: what is waited for is the round trips.
const BUNDLES_AT_ONCE: usize = 32;

/// What moves bytes, and who is told of it.
pub struct Transfer {
    pub runtime: Handle,
    pub progress: Arc<dyn Progress>,
}

/// Leaves of `chosen` what is not in the folder `dir`: by its size, or with `by_digest` by every byte.
pub(super) fn missing(dir: &Path, chosen: &Chosen, by_digest: bool) -> Chosen {
    let is_there = |path: &str, size: u64, digest: Blake3| {
        let file = dir.join(path);
        file.metadata().is_ok_and(|found| found.is_file() && found.len() == size)
            && (!by_digest || digest_of_file(&file).is_ok_and(|found| found == digest))
    };
    Chosen {
        artifacts: chosen
            .artifacts
            .par_iter()
            .filter(|(path, artifact)| !is_there(path, artifact.size, artifact.blake3))
            .map(|(path, artifact)| (path.clone(), artifact.clone()))
            .collect(),
        bundles: chosen
            .bundles
            .par_iter()
            .filter(|(path, bundle)| !is_there(path, bundle.size, bundle.blake3))
            .map(|(path, bundle)| (path.clone(), bundle.clone()))
            .collect(),
        ..Chosen::default()
    }
}

/// Copies blobs into `replica`, each checked before it gets its name.
pub(super) fn fetch(
    store: &Arc<dyn Store>,
    replica: &Replica,
    wanted: Chosen,
    transfer: &Transfer,
) -> Result<(), MirrorError> {
    match store.local_path(layout::CONFIG) {
        Some(_) => copy_artifacts(store, replica, wanted.artifacts.values(), transfer)?,
        None => download_artifacts(store, replica, wanted.artifacts.values(), transfer)?,
    }
    transfer.runtime.block_on(async {
        let mut bundles = futures::stream::iter(wanted.bundles)
            .map(async |(path, bundle)| {
                let bytes = read_bundle(&**store, &path, &bundle).await?;
                Ok::<_, MirrorError>((path, bytes))
            })
            .buffer_unordered(BUNDLES_AT_ONCE);
        while let Some(bundle) = bundles.next().await {
            let (path, bytes) = bundle?;
            replica.put(&path, &bytes)?;
        }
        Ok(())
    })
}

/// From a folder: read, checked and written in one pass.
fn copy_artifacts<'a>(
    store: &Arc<dyn Store>,
    replica: &Replica,
    artifacts: impl ExactSizeIterator<Item = &'a Artifact>,
    transfer: &Transfer,
) -> Result<(), MirrorError> {
    let artifacts: Vec<&Artifact> = artifacts.collect();
    let bytes = artifacts.iter().map(|artifact| artifact.size).fold(0, u64::saturating_add);
    transfer.progress.report(Event::Wanted { files: artifacts.len() as u64, bytes });
    artifacts.par_iter().try_for_each(|artifact| {
        let path = layout::blob(artifact);
        let Some(source) = store.local_path(&path) else { return Ok(()) };
        let mut from = match File::open(&source) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(futures::executor::block_on(FetchError::missing(&**store, &path)).into());
            }
            Err(error) => return Err(MirrorError::io("read", source)(error)),
        };
        put(replica, &mut from, &source, artifact, store.location())?;
        transfer.progress.report(Event::Received(artifact.size));
        Ok(())
    })
}

fn download_artifacts<'a>(
    store: &Arc<dyn Store>,
    replica: &Replica,
    artifacts: impl Iterator<Item = &'a Artifact>,
    transfer: &Transfer,
) -> Result<(), MirrorError> {
    // Two names of the same bytes are two blobs; they arrive once.
    let mut by_digest: std::collections::HashMap<Blake3, Vec<&Artifact>> = std::collections::HashMap::new();
    for artifact in artifacts {
        by_digest.entry(artifact.blake3).or_default().push(artifact);
    }
    let wanted = by_digest
        .values()
        .filter_map(|names| names.first())
        .map(|artifact| Wanted { store: Arc::clone(store), artifact: (*artifact).clone() });
    let downloader = Downloader::new(
        transfer.runtime.clone(),
        replica.arriving(),
        Arc::clone(&transfer.progress),
        // A record whose SHA-256 is wrong is copied as it is: `registry verify` says so of source and copy alike.
        false,
    );
    transfer.runtime.block_on(async {
        let mut downloads = downloader.start(wanted);
        while let Some(done) = downloads.next().await {
            let (digest, fetched) = done?;
            let names = by_digest.get(&digest).map(Vec::as_slice).unwrap_or_default();
            // What has arrived is ours to move; what a store holds in place is not.
            let (copies, moved) = match &fetched {
                Fetched::Cached(_) => (names.get(1..).unwrap_or_default(), names.first()),
                Fetched::InPlace(_) => (names, None),
            };
            for artifact in copies {
                let mut from = File::open(fetched.path()).map_err(MirrorError::io("read", fetched.path()))?;
                put(replica, &mut from, fetched.path(), artifact, store.location())?;
            }
            if let Some(artifact) = moved {
                replica.move_blob(fetched.path(), &layout::blob(artifact))?;
            }
        }
        Ok(())
    })
}

/// Writes a blob, which must be what its record says.
pub(super) fn put(
    replica: &Replica,
    from: &mut dyn Read,
    source: &Path,
    artifact: &Artifact,
    location: &str,
) -> Result<(), MirrorError> {
    let put = replica.put_blob(from, source, &artifact.file, artifact.blake3, artifact.size)?;
    put.map_err(|reason| MirrorError::Altered {
        location: location.to_owned(),
        path: layout::blob(artifact),
        reason,
    })
}

/// The bytes of a bundle, checked. Also asked past caches, as one of them may hold the absence of it.
pub(super) async fn read_bundle(
    store: &dyn Store,
    path: &str,
    bundle: &BundleFile,
) -> Result<Vec<u8>, MirrorError> {
    let location = || store.location().to_owned();
    if bundle.size > layout::MAX_BUNDLE {
        let (size, limit) = (bundle.size, layout::MAX_BUNDLE);
        return Err(MirrorError::TooLarge { location: location(), path: path.to_owned(), size, limit });
    }
    let fits = |bytes: &Vec<u8>| bytes.len() as u64 == bundle.size && Blake3::of(bytes) == bundle.blake3;
    if let Some(bytes) = store.read(path, 0, layout::MAX_BUNDLE).await?.filter(fits) {
        return Ok(bytes);
    }
    let Some(bytes) = store.read(&format!("{path}?{}", bundle.blake3), 0, layout::MAX_BUNDLE).await? else {
        return Err(FetchError::missing(store, path).await.into());
    };
    if !fits(&bytes) {
        let reason = format!("it has {} bytes and the digest {}", bytes.len(), Blake3::of(&bytes));
        return Err(MirrorError::Altered { location: location(), path: path.to_owned(), reason });
    }
    Ok(bytes)
}
