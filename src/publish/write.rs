//! Carrying out a publish: plan, blobs, records, seal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rayon::prelude::*;

use super::{Incoming, Plan, PublishError, Refused, plan};
use crate::model::{PackageName, Record};
use crate::registry::{Sealed, Writer};

/// What a publish did.
#[derive(Debug)]
pub struct Published {
    /// The releases that are new or have new files, as `name version`.
    pub releases: Vec<String>,
    pub blobs: usize,
    pub already_there: Vec<PathBuf>,
    pub refused: Vec<Refused>,
    /// None where there was nothing to seal.
    pub sealed: Option<Sealed>,
}

/// Publishes artifacts into a directory registry and seals it. Nothing is sealed when nothing is new.
pub fn publish(
    writer: &mut Writer,
    incoming: Vec<Incoming>,
    now: jiff::Timestamp,
) -> Result<Published, PublishError> {
    let names: BTreeSet<PackageName> = incoming.iter().map(|artifact| artifact.name.clone()).collect();
    let mut known = BTreeMap::new();
    for name in names {
        if let Some(package) = writer.package(&name)? {
            known.insert(name, package);
        }
    }
    let Plan { staged, already_there, refused } = plan(incoming, &known);
    let shared = &*writer;
    staged
        .blobs
        .par_iter()
        .try_for_each(|blob| shared.put_blob(&blob.path, &blob.file, blob.blake3, blob.size))?;
    staged.small_blobs.par_iter().try_for_each(|blob| shared.put_small_blob(blob.name, &blob.bytes))?;
    let releases: BTreeSet<String> = staged.records.iter().filter_map(title).collect();
    let sealed = match staged.records.is_empty() {
        true => None,
        false => Some(writer.publish(staged.records, now)?),
    };
    let releases = releases.into_iter().collect();
    Ok(Published { releases, blobs: staged.blobs.len(), already_there, refused, sealed })
}

fn title(record: &Record) -> Option<String> {
    match record {
        Record::Release(release) => Some(format!("{} {}", release.name, release.version)),
        Record::Add(add) => Some(format!("{} {}", add.name, add.version)),
        _ => None,
    }
}
