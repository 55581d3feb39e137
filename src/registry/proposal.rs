//! Proposals, judged as a seal would judge them by somebody who can only read the registry: without its lock and its key.
//!
//! Whoever proposes lines hands over a whole folder, so nothing in it is believed: what is committed must still be what
//! the signed state says, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use rayon::prelude::*;

use super::authority::{Authority, SignedRecord};
use super::directory::{InDirectory, IndexFile, index_file};
use super::seal::{self, Dropped, Present as _};
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
    /// What [`Proposed::each`] said of the committed lines of every index file.
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
    let config = reader.config()?;
    let checkpoint = reader.checkpoint();
    if rules.now < checkpoint.time {
        return Err(RegistryError::Clock { now: rules.now, sealed: checkpoint.time });
    }
    let entries = block_on(snapshot::all(reader, checkpoint.snapshot))?;
    let (found, mut altered) = index_files(dir)?;
    let committed = entries.keys().filter(|path| layout::is_index_path(path)).cloned();
    let paths: BTreeSet<String> = found.into_iter().chain(committed).collect();

    let read = |path: &String| (path.clone(), index_file(dir, path, entries.get(path).copied()));
    let looked_at: Vec<_> = paths
        .par_iter()
        .map(|path| match read(path) {
            (path, Ok(file)) => {
                let said = each(&path, &file.committed);
                (said, Ok((path, file)).map(|(path, file)| (!file.behind.is_empty()).then_some((path, file))))
            }
            (path, Err(error)) => (None, Err((path, error))),
        })
        .collect();
    let (mut committed, mut proposed) = (Vec::new(), BTreeMap::new());
    for (said, file) in looked_at {
        committed.extend(said);
        match file {
            Ok(file) => proposed.extend(file),
            Err((path, RegistryError::Altered { reason, .. })) => altered.push(Altered { path, reason }),
            Err((_, error)) => return Err(error),
        }
    }
    let listed = entries.iter().filter(|(path, _)| !layout::is_index_path(path));
    altered.extend(listed.filter_map(|(path, entry)| listed_fault(dir, path, *entry)));
    if let Err(error) = log::replay(reader, checkpoint, 0, |_, _| Ok(())) {
        altered.push(Altered { path: "log".into(), reason: error.to_string() });
    }

    let nothing = BTreeMap::new();
    let present = InDirectory { dir, need_blobs: !rules.blobs_elsewhere, replaced: &nothing };
    let no_prefixes = Prefixes::default();
    let seal_rules = seal::Rules {
        registry: &config.name,
        present: &present,
        authority: Some(rules.authority),
        prefixes: &no_prefixes,
        time: rules.now,
    };
    let prepare = |(path, file): (String, IndexFile), rules: seal::Rules| {
        seal::prepare(path, &file.committed, file.behind, Vec::new(), rules)
    };
    // As in a seal, owners of prefixes come first: the other records are under them.
    let first = match proposed.remove_entry(layout::PREFIXES_INDEX) {
        Some(of_prefixes) => Some(prepare(of_prefixes, seal_rules)?),
        None => None,
    };
    let prefixes = match (&first, reader.file(layout::PREFIXES_INDEX)) {
        (Some(batch), _) => batch.prefixes.clone(),
        (None, Ok(Some(bytes))) => Prefixes::parse(&bytes)?,
        (None, _) => Prefixes::default(),
    };
    let seal_rules = seal::Rules { prefixes: &prefixes, ..seal_rules };
    let others =
        proposed.into_par_iter().map(|one| prepare(one, seal_rules)).collect::<Result<Vec<_>, _>>()?;

    let mut proposals = Proposals { records: Vec::new(), refused: Vec::new(), altered, committed };
    for batch in first.into_iter().chain(others) {
        for line in batch.lines {
            let record =
                Record::parse(&line).map_err(|error| RegistryError::Record { reason: error.to_string() })?;
            let signers = signers(&config.name, rules.authority, &present, (&batch.path, &line, &record))
                .map_err(|reason| RegistryError::Record { reason })?;
            proposals.records.push(ProposedRecord { path: batch.path.clone(), line, record, signers });
        }
        proposals.refused.extend(batch.dropped);
    }
    Ok(proposals)
}

/// All files below `index`, and what is neither a file nor a folder there: a host may follow a link to anywhere.
fn index_files(dir: &Path) -> Result<(Vec<String>, Vec<Altered>), RegistryError> {
    let (mut files, mut others) = (Vec::new(), Vec::new());
    let root = dir.join("index");
    for item in walkdir::WalkDir::new(&root).sort_by_file_name() {
        let item = item.map_err(|error| {
            let path = error.path().unwrap_or(&root).to_owned();
            RegistryError::io("read the folder", path)(error.into())
        })?;
        let inside = item.path().strip_prefix(dir).unwrap_or(item.path());
        let parts: Option<Vec<&str>> = inside.iter().map(|part| part.to_str()).collect();
        // As a seal does: a name that begins with a dot is that of a temporary file, which a writer left that died.
        let hidden = item.file_name().as_encoded_bytes().starts_with(b".");
        match (parts, item.file_type()) {
            (_, kind) if kind.is_dir() => {}
            (Some(parts), kind) if kind.is_file() && !hidden => files.push(parts.join("/")),
            (_, kind) if kind.is_file() && hidden => {}
            _ => others.push(Altered {
                path: inside.display().to_string(),
                reason:
                    "has no place in an index: it is neither a file nor a folder, or its name is not UTF-8"
                        .into(),
            }),
        }
    }
    Ok((files, others))
}

/// What is wrong with a listed file, which must stand in its place as it was committed.
fn listed_fault(dir: &Path, path: &str, entry: Entry) -> Option<Altered> {
    let altered = |reason: String| Some(Altered { path: path.to_owned(), reason });
    if !layout::is_listed_file(path) {
        return altered("cannot be the path of a listed file".into());
    }
    let mut bytes = Vec::new();
    let read = std::fs::File::open(dir.join(path))
        .and_then(|file| file.take(entry.length.saturating_add(1)).read_to_end(&mut bytes));
    match read {
        Err(error) => altered(format!("cannot be read: {error}")),
        Ok(_) if bytes.len() as u64 != entry.length || Blake3::of(&bytes) != entry.digest => {
            altered("is not the file that was committed".into())
        }
        Ok(_) => None,
    }
}

/// Who has signed a record that is fit to be sealed.
fn signers(
    registry: &str,
    authority: &dyn Authority,
    present: &InDirectory,
    (path, line, record): (&str, &str, &Record),
) -> Result<Vec<Signer>, String> {
    let read = |file| present.bundle(file).map(Arc::new);
    let bundles: Vec<_> = record.signatures().iter().map(read).collect::<Result<_, _>>()?;
    match bundles.is_empty() {
        true => Ok(Vec::new()),
        false => authority.signers(registry, &SignedRecord { path, line, record, bundles }),
    }
}
