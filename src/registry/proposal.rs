//! Proposals, judged as a seal would judge them by somebody who can only read the registry: without its lock and its key.
//!
//! Whoever proposes lines hands over a whole folder, so nothing in it is believed: what is committed must still be what
//! the signed state says, byte for byte.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use rayon::prelude::*;

use super::authority::{Authority, SignedRecord};
use super::backend::{Backend as _, IndexFile, cut_index, index_limit};
use super::backend_dir::DirBackend;
use super::present::InBackend;
use super::seal::{self, Batch, Dropped, Present as _};
use super::snapshot::{self, Entry};
use super::{Reader, RegistryError, layout, log};
use crate::model::{Blake3, Prefixes, Record, Signer};

/// What stands behind the committed lines of a registry in a folder.
#[derive(Debug)]
pub struct Proposals<T> {
    /// What a seal would commit now: by index file, and in the order of its lines.
    pub records: Vec<ProposedRecord>,
    /// What a seal would leave out, and why.
    pub refused: Vec<Dropped>,
    /// What is not as it was committed.
    pub altered: Vec<Altered>,
    /// What was said of every index file when [`judge_proposals`] asked.
    pub committed: Vec<T>,
}

/// A record that a seal would commit.
#[derive(Clone, Debug)]
pub struct ProposedRecord {
    /// The index file that it stands in.
    pub path: String,
    pub line: String,
    pub record: Record,
    /// Who has signed it: the signatures hold, and are those that it needs.
    pub signers: Vec<Signer>,
}

/// A committed file of which something is missing or other than it was.
#[derive(Debug)]
pub struct Altered {
    pub path: String,
    /// The end of a sentence that begins with the path.
    pub reason: String,
}

/// By what proposals are judged.
pub struct ProposalRules<'a> {
    pub authority: &'a dyn Authority,
    /// Admit artifacts whose blobs are not in this folder.
    pub blobs_elsewhere: bool,
    /// The time of the seal.
    pub now: jiff::Timestamp,
}

/// Judges the proposals in `dir`, whose signed state `reader` has checked. `each` hears of every index file, with its
/// committed bytes, from several threads.
pub fn judge_proposals<T: Send>(
    reader: &Reader,
    dir: &Path,
    rules: &ProposalRules,
    each: impl Fn(&str, &[u8]) -> Option<T> + Sync,
) -> Result<Proposals<T>, RegistryError> {
    let backend = DirBackend::for_reading(dir);
    let checkpoint = reader.checkpoint();
    let entries = block_on(snapshot::all(reader, checkpoint.snapshot))?;
    let found = backend.index_files()?.into_iter().map(|(path, _)| path);
    let committed = entries.keys().filter(|path| layout::is_index_path(path)).cloned();
    let paths: BTreeSet<String> = found.chain(committed).collect();
    let read = |path: &String| {
        let entry = entries.get(path).copied();
        let file = cut_index(backend.location(), path, backend.read(path, index_limit(entry))?, entry)?;
        Ok((each(path, &file.committed), file))
    };
    let looked_at: Vec<_> = paths.par_iter().map(read).collect();
    let (mut committed, mut proposed, mut altered) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (path, file) in paths.into_iter().zip(looked_at) {
        match file {
            Ok((said, file)) => {
                committed.extend(said);
                if !file.behind.is_empty() {
                    proposed.insert(path, file);
                }
            }
            Err(RegistryError::Altered { reason, .. }) => {
                let reason = format!("is not what was committed: {reason}");
                altered.push(Altered { path, reason });
            }
            Err(error) => return Err(error),
        }
    }
    let listed = entries.iter().filter(|(path, _)| !layout::is_index_path(path));
    altered.extend(listed.filter_map(|(path, entry)| listed_fault(&backend, path, *entry)));
    if let Err(error) = log::replay(reader, checkpoint, 0, |_, _| Ok(())) {
        let error = error.to_string();
        let reason = format!("is not what was committed: {}", error.lines().next().unwrap_or_default());
        altered.push(Altered { path: "log".into(), reason });
    }
    let batches = seal_all(reader, &backend, proposed, rules)?;
    let mut proposals = Proposals { records: Vec::new(), refused: Vec::new(), altered, committed };
    for (batch, records) in batches {
        proposals.records.extend(records);
        proposals.refused.extend(batch.dropped);
    }
    Ok(proposals)
}

/// What a seal would make of the lines behind the committed ones, and who has signed those that it would take.
fn seal_all(
    reader: &Reader,
    backend: &DirBackend,
    mut proposed: BTreeMap<String, IndexFile>,
    rules: &ProposalRules,
) -> Result<Vec<(Batch, Vec<ProposedRecord>)>, RegistryError> {
    let registry = &reader.config()?.name;
    let (nothing_put, nothing_replaced) = (HashSet::new(), BTreeMap::new());
    let present = InBackend::new(
        backend,
        !rules.blobs_elsewhere,
        &nothing_put,
        &nothing_replaced,
        reader.blob_places()?,
    );
    let no_prefixes = Prefixes::default();
    let seal_rules = seal::Rules {
        registry,
        present: &present,
        authority: Some(rules.authority),
        prefixes: &no_prefixes,
        time: rules.now.max(reader.checkpoint().time),
    };
    let judge = |(path, file): (String, IndexFile), seal_rules: seal::Rules| {
        let batch = seal::prepare(path, &file.committed, file.behind, Vec::new(), seal_rules)?;
        let record = |line: &String| {
            let bad = |reason: String| RegistryError::Record { reason };
            let record = Record::parse(line).map_err(|error| bad(error.to_string()))?;
            let (path, line) = (batch.path.clone(), line.clone());
            let signers =
                signers(registry, rules.authority, &present, (&path, &line, &record)).map_err(bad)?;
            Ok(ProposedRecord { path, line, record, signers })
        };
        let records = batch.lines.iter().map(record).collect::<Result<Vec<_>, RegistryError>>()?;
        Ok((batch, records))
    };
    // As in a seal, owners of prefixes come first: the other records are under them.
    let first = match proposed.remove_entry(layout::PREFIXES_INDEX) {
        Some(of_prefixes) => Some(judge(of_prefixes, seal_rules)?),
        None => None,
    };
    let prefixes = match &first {
        Some((batch, _)) => batch.prefixes.clone(),
        None => Prefixes::parse(&reader.file(layout::PREFIXES_INDEX)?.unwrap_or_default())?,
    };
    let seal_rules = seal::Rules { prefixes: &prefixes, ..seal_rules };
    let others: Result<Vec<_>, RegistryError> =
        proposed.into_par_iter().map(|one| judge(one, seal_rules)).collect();
    match present.failure() {
        Some(failure) => Err(failure),
        None => Ok(first.into_iter().chain(others?).collect()),
    }
}

/// What is wrong with a listed file, which must stand in its place as it was committed.
fn listed_fault(backend: &DirBackend, path: &str, entry: Entry) -> Option<Altered> {
    let altered = |reason: &str| Some(Altered { path: path.to_owned(), reason: reason.to_owned() });
    if !layout::is_listed_file(path) {
        return altered("cannot be the path of a listed file");
    }
    match backend.read(path, entry.length.saturating_add(1)) {
        Ok(Some(bytes)) if bytes.len() as u64 == entry.length && Blake3::of(&bytes) == entry.digest => None,
        Ok(_) => altered("is not what was committed"),
        Err(error) => altered(&error.to_string()),
    }
}

/// Who has signed a record that is fit to be sealed.
fn signers(
    registry: &str,
    authority: &dyn Authority,
    present: &InBackend,
    (path, line, record): (&str, &str, &Record),
) -> Result<Vec<Signer>, String> {
    let read = |file| present.bundle(file).map(Arc::new);
    let bundles: Vec<_> = record.signatures().iter().map(read).collect::<Result<_, _>>()?;
    match bundles.is_empty() {
        true => Ok(Vec::new()),
        false => authority.signers(registry, &SignedRecord { path, line, record, bundles }),
    }
}
