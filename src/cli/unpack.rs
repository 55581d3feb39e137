//! Fetching and unpacking what the store lacks, once the signatures behind all of it are checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use futures::future::{Either, select};
use rvp::fetch::{Bar, Downloader, Fetched, Progress, Silent, Wanted};
use rvp::install::{InstallError, Store, Unpacked};
use rvp::model::{Artifact, Blake3, PackageName, Version};
use rvp::registry::Reader;
use rvp::resolve::Registries;
use rvp::trust::RecordVerifier;
use tokio::task::JoinSet;

use super::fill::{Chosen, Sources};

/// Has every artifact in the store, fetching what is missing. The signatures are checked while the files arrive; once they
/// all hold, each file is unpacked while the others still arrive. `open` gives the registries of what is missing.
pub fn unpack(
    sources: &Sources,
    store: &Store,
    open: impl FnOnce(&[Chosen]) -> anyhow::Result<Registries>,
) -> anyhow::Result<Vec<Unpacked>> {
    let Sources { context, settings, order, .. } = *sources;
    let mut unpacked = Vec::with_capacity(order.len());
    let mut missing = Vec::new();
    for (package, artifact) in order {
        match store.get(artifact.blake3) {
            Some(found) => unpacked.push(found),
            None => missing.push((*package, *artifact)),
        }
    }
    if missing.is_empty() {
        return Ok(unpacked);
    }
    let registries = open(&missing)?;
    let readers: BTreeMap<&str, &Arc<Reader>> = registries.readers().collect();
    let progress: Arc<dyn Progress> =
        if context.global.quiet { Arc::new(Silent) } else { Arc::new(Bar::new()) };
    let cache = context.folders(settings).cache.join("downloads");
    let downloader = Downloader::new(context.runtime.handle().clone(), cache, progress, false);
    let mut wanted = Vec::with_capacity(missing.len());
    let mut files = BTreeMap::new();
    let mut releases: BTreeMap<&str, Vec<Release>> = BTreeMap::new();
    for (package, artifact) in &missing {
        let Some(reader) = readers.get(package.registry.as_str()) else { continue };
        let fetched = Artifact {
            file: artifact.file.clone(),
            size: artifact.size,
            blake3: artifact.blake3,
            sha256: artifact.sha256,
            requires: None,
            requires_python: None,
            provenance: None,
        };
        wanted.push(Wanted { store: Arc::clone(reader.store()?), artifact: fetched });
        files.insert(artifact.blake3, artifact.file.clone());
        releases.entry(&package.registry).or_default().push(Release {
            name: package.name.clone(),
            version: package.version.clone(),
            file: artifact.file.clone(),
            blake3: artifact.blake3,
        });
    }
    let authority = context.authority(settings)?;
    let questions: Vec<(Arc<Reader>, Vec<Release>)> = releases
        .into_iter()
        .filter_map(|(registry, releases)| Some((Arc::clone(*readers.get(registry)?), releases)))
        .collect();
    let fresh = context.runtime.block_on(async {
        let mut checking = Some(tokio::task::spawn_blocking(move || {
            questions.iter().try_for_each(|(reader, releases)| check(&authority, reader, releases))
        }));
        let mut downloads = downloader.start(wanted);
        let mut waiting: Vec<(Blake3, Fetched)> = Vec::new();
        let mut unpacking: JoinSet<anyhow::Result<Unpacked>> = JoinSet::new();
        let mut unpack_one = |(digest, fetched): (Blake3, Fetched)| {
            let (store, file) = (store.clone(), files[&digest].clone());
            unpacking.spawn_blocking(move || unpack_file(&store, digest, &file, &fetched));
        };
        loop {
            let next = match &mut checking {
                None => downloads.next().await,
                Some(check) => match select(&mut *check, pin!(downloads.next())).await {
                    Either::Left((checked, _)) => {
                        checked.context("checking signatures stopped")??;
                        checking = None;
                        waiting.drain(..).for_each(&mut unpack_one);
                        continue;
                    }
                    Either::Right((next, _)) => next,
                },
            };
            let Some(done) = next else { break };
            let done = match (done, checking.take()) {
                (Ok(done), still) => {
                    checking = still;
                    done
                }
                (Err(error), still) => {
                    // A signature that does not hold matters more than a file that does not come.
                    if let Some(check) = still {
                        check.await.context("checking signatures stopped")??;
                    }
                    return Err(error.into());
                }
            };
            // Nothing is in the store before it is known who stands for it.
            match checking {
                Some(_) => waiting.push(done),
                None => unpack_one(done),
            }
        }
        if let Some(check) = checking {
            check.await.context("checking signatures stopped")??;
            waiting.drain(..).for_each(&mut unpack_one);
        }
        let mut fresh = Vec::new();
        while let Some(done) = unpacking.join_next().await {
            fresh.push(done.context("unpacking stopped")??);
        }
        anyhow::Ok(fresh)
    })?;
    unpacked.extend(fresh);
    Ok(unpacked)
}

/// A release of which a file is to be unpacked.
struct Release {
    name: PackageName,
    version: Version,
    file: String,
    blake3: Blake3,
}

/// Checks the records behind releases of one registry, and that they name the files which the lock names.
fn check(authority: &RecordVerifier, reader: &Reader, releases: &[Release]) -> anyhow::Result<()> {
    let names: Vec<PackageName> = releases.iter().map(|release| release.name.clone()).collect();
    reader.warm(&names, &|_| Vec::new());
    let versions: Vec<(PackageName, Version)> =
        releases.iter().map(|release| (release.name.clone(), release.version.clone())).collect();
    let facts = rvp::trust::check(authority, reader, &versions)?;
    let prefixes = reader.prefixes()?;
    let mut owned = Vec::new();
    for (release, facts) in releases.iter().zip(&facts) {
        if facts.artifacts.iter().all(|artifact| artifact.blake3 != release.blake3) {
            bail!(
                "{} of {} {} is in the lock, and the registry `{}` has no such file of it\n  hint: make the lock anew with `rvp lock`, and look at what changes",
                release.file,
                release.name,
                release.version,
                reader.config()?.name
            );
        }
        // Whose turn it was to sign hangs on the place of a record in the log, also of one before the first owners.
        if let Some(package) = reader.package(&release.name)?
            && (!package.owners.is_empty() || prefixes.in_force(&release.name, u64::MAX).is_some())
        {
            owned.push((package, &release.version));
        }
    }
    let entries =
        owned.iter().filter_map(|(package, version)| Some((&package.name, package.releases.get(version)?)));
    Ok(reader.check_inclusion(entries)?)
}

fn unpack_file(store: &Store, digest: Blake3, file: &str, fetched: &Fetched) -> anyhow::Result<Unpacked> {
    let unpacked = store
        .ensure(digest, file, || Ok::<PathBuf, InstallError>(fetched.path().to_owned()))
        .with_context(|| format!("cannot unpack {file}"))?;
    if let Fetched::Cached(path) = fetched {
        // The store has it now; a second copy would only take space.
        let _ = std::fs::remove_file(path);
    }
    Ok(unpacked)
}
