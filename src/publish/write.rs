//! Carrying out a publish: plan, signatures, blobs, records, seal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rayon::prelude::*;

use super::sign::{Claim, SignedRecords, Standing, blobs_of, by_package, claim, sign};
use super::{Destination, Incoming, Plan, PublishError, Refused, Staged, StagedBlob, Written, commit, plan};
use crate::model::{Package, PackageName, Prefixes, Record};
use crate::registry::{RegistryError, Writer};
use crate::trust::sign::Signatory;

/// What a publish did.
#[derive(Debug)]
pub struct Published {
    /// The releases that are new or have new files, as `name version`.
    pub releases: Vec<String>,
    /// The names that the signer owns from now on.
    pub claimed: Vec<PackageName>,
    pub blobs: usize,
    pub already_there: Vec<PathBuf>,
    pub refused: Vec<Refused>,
    /// None where there was nothing to write.
    pub written: Option<Written>,
}

/// Who signs a publish, and what for.
#[derive(Clone, Copy)]
pub struct Signing<'a> {
    pub signatory: &'a Signatory,
    pub claim: Claim,
}

/// Publishes artifacts into a registry: seals or proposes them. Nothing is written when nothing is new. What is not signed by the owners of
/// its name is refused before anything is written.
pub fn publish(
    to: &mut Destination,
    incoming: Vec<Incoming>,
    signing: Option<Signing>,
    now: jiff::Timestamp,
) -> Result<Published, PublishError> {
    loop {
        let known = to.writer.checkpoint().size;
        match attempt(to, incoming.clone(), signing, now) {
            // What stands in the way was sealed by another writer since the plan was made; it may be the very same.
            Err(PublishError::Registry(RegistryError::Refused { .. }))
                if to.writer.checkpoint().size > known => {}
            published => return published,
        }
    }
}

fn attempt(
    to: &mut Destination,
    incoming: Vec<Incoming>,
    signing: Option<Signing>,
    now: jiff::Timestamp,
) -> Result<Published, PublishError> {
    let writer = &to.writer;
    let names: BTreeSet<PackageName> = incoming.iter().map(|artifact| artifact.name.clone()).collect();
    let mut known = BTreeMap::new();
    for name in names {
        if let Some(package) = writer.package(&name)? {
            known.insert(name, package);
        }
    }
    let Plan { staged: Staged { records, mut blobs, small_blobs }, already_there, mut refused } =
        plan(incoming, &known);
    let prefixes = writer.prefixes()?;
    let mut signed = Vec::new();
    let mut claimed = Vec::new();
    for (name, records) in by_package(records) {
        let files: Vec<PathBuf> = {
            let brought = blobs_of(&records);
            let brought = blobs.iter().filter(|blob| brought.contains(&(blob.blake3, &*blob.file)));
            brought.map(|blob| blob.path.clone()).collect()
        };
        match sign_package(writer, &name, known.get(&name), &prefixes, signing, records, now) {
            Ok((records, claims)) => {
                claimed.extend(claims.then_some(name));
                signed.push(records);
            }
            Err(error) => {
                blobs.retain(|blob| !files.contains(&blob.path));
                refused.push(Refused { files, error });
            }
        }
    }
    writer.in_parallel(|| {
        let put = |blob: &StagedBlob| writer.put_blob(&blob.path, &blob.file, blob.blake3, blob.size);
        blobs.par_iter().try_for_each(put)?;
        small_blobs.par_iter().try_for_each(|blob| writer.put_small_blob(blob.name, &blob.bytes))
    })?;
    let records = signed.iter().flat_map(|signed| &signed.records);
    let releases: BTreeSet<String> = records.filter_map(title).collect();
    let written = match signed.is_empty() {
        true => None,
        false => Some(commit(to, signed, now)?),
    };
    let releases = releases.into_iter().collect();
    Ok(Published { releases, claimed, blobs: blobs.len(), already_there, refused, written })
}

/// Signs the records of one package, with the claim of its name before them where there is one.
fn sign_package(
    writer: &Writer,
    name: &PackageName,
    known: Option<&Package>,
    prefixes: &Prefixes,
    signing: Option<Signing>,
    mut records: Vec<Record>,
    now: jiff::Timestamp,
) -> Result<(SignedRecords, bool), PublishError> {
    let standing = Standing::of_name(name, known, prefixes);
    let claims = signing.is_some_and(|signing| match signing.claim {
        Claim::New => !standing.is_owned() && known.is_none(),
        Claim::Unowned => !standing.is_owned(),
        Claim::Nothing => false,
    });
    if let Some(signing) = signing.filter(|_| claims) {
        records.insert(0, claim(name, name.as_str(), &signing.signatory.signer()));
    }
    let signatory = signing.map(|signing| signing.signatory);
    Ok((sign(&writer.config().name, standing, signatory, records, now)?, claims))
}

fn title(record: &Record) -> Option<String> {
    match record {
        Record::Release(release) => Some(format!("{} {}", release.name, release.version)),
        Record::Add(add) => Some(format!("{} {}", add.name, add.version)),
        _ => None,
    }
}
