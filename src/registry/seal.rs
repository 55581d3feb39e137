//! Sealing: deciding which lines of an index file are committed, and ending them with a seal line.

use std::sync::Arc;

use super::authority::{Authority, SignedRecord};
use super::backend::Lines;
use super::snapshot::Entry;
use super::{RegistryError, layout};
use crate::model::{
    Artifact, Blake3, BundleFile, Family, FileRecord, IndexError, MAX_RECORD, OwnerSet, Package, PackageName,
    Prefix, Prefixes, Record, Release, Requirement, Seal, Version, authorise, ranges_of_specifiers_text,
};

/// The lines that one seal commits to one index file.
pub(super) struct Batch {
    pub path: String,
    /// Where they begin in the file.
    pub committed_length: u64,
    /// The records, and behind them the seal line once [`Batch::end`] has written it. Each is a log entry.
    pub lines: Vec<String>,
    /// The lines as they are appended to the file.
    pub text: Vec<u8>,
    /// What the snapshot will say of the index file.
    pub entry: Entry,
    /// What the snapshot will say of the files that `file` records name.
    pub files: Vec<(String, Entry)>,
    pub dropped: Vec<Dropped>,
    /// The owners of prefixes after it, where it is of their file.
    pub prefixes: Prefixes,
    /// What stood behind the committed lines before.
    pub behind: Vec<u8>,
    hasher: blake3::Hasher,
}

/// A line behind the committed ones that was not fit to be sealed.
#[derive(Debug)]
pub struct Dropped {
    pub path: String,
    pub line: String,
    pub reason: String,
    /// It still stands in the index file, and will be looked at again by the next seal.
    pub stays: bool,
}

/// What a registry already holds, as far as a seal has to know it.
pub(super) trait Present: Sync {
    /// Whether the blob of an artifact is there.
    fn blob(&self, artifact: &Artifact) -> bool;
    /// The bytes of a bundle, or why they are not there: the end of a sentence.
    fn bundle(&self, file: &BundleFile) -> Result<Vec<u8>, String>;
    /// Whether a listed file is there, as its record describes it.
    fn file(&self, record: &FileRecord) -> bool;
}

/// By what the records of one seal are judged.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    /// The registry's name.
    pub registry: &'a str,
    pub present: &'a dyn Present,
    /// None: records that are signed, or must be, cannot be judged, and are refused.
    pub authority: Option<&'a dyn Authority>,
    /// Those that are in force for every other file: prefixes are judged first, and numbered first.
    pub prefixes: &'a Prefixes,
    /// The time of the seal.
    pub time: jiff::Timestamp,
}

/// Chooses lines for an index file by its path, its committed bytes, those behind them, and records: `prepare` or `propose`.
pub(super) type Judge = fn(String, &[u8], Vec<u8>, Vec<Record>, Rules<'_>) -> Result<Batch, RegistryError>;

/// The index file in which a record stands.
pub(super) fn path_of(record: &Record) -> Result<String, RegistryError> {
    let path = layout::index_path(record).map_err(|source| bad_record(&source))?;
    path.ok_or_else(|| bad_record(&"this kind of record cannot be published"))
}

/// Chooses what to commit: the fit proposals among the lines behind the committed ones, and then `records`, all of
/// which must be fit. A proposal that stands in the way of a record gives way: it may be what is left of the same
/// publish, killed on its first try.
pub(super) fn prepare(
    path: String,
    committed: &[u8],
    behind: Vec<u8>,
    records: Vec<Record>,
    rules: Rules,
) -> Result<Batch, RegistryError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(committed);
    let mut batch = Batch {
        committed_length: committed.len() as u64,
        lines: Vec::new(),
        text: Vec::new(),
        entry: Entry { length: 0, digest: Blake3([0; 32]) },
        files: Vec::new(),
        dropped: Vec::new(),
        prefixes: Prefixes::default(),
        behind: Vec::new(),
        hasher,
        path,
    };
    let ours = records
        .into_iter()
        .map(|record| Ok((record.to_line().map_err(|error| bad_record(&error))?, record)))
        .collect::<Result<Vec<_>, RegistryError>>()?;

    let mut after_ours = Checks::new(&batch.path, committed, rules)?;
    for (line, record) in &ours {
        after_ours.admit(line, record).map_err(|reason| refused(record, reason))?;
    }
    let mut length = batch.committed_length + ours.iter().map(|(line, _)| line.len() as u64 + 1).sum::<u64>();
    let mut kept = Vec::new();
    for (line, ended) in split_lines(&behind) {
        if ours.iter().any(|(our, _)| our.as_bytes() == line) {
            continue;
        }
        let text = String::from_utf8_lossy(line).into_owned();
        let fit = match std::str::from_utf8(line).map(Record::parse) {
            _ if !ended => Err("it does not end with a newline: its writer died".to_owned()),
            Ok(Ok(Record::Seal(_))) => continue,
            Ok(Ok(Record::Key(_))) => {
                Err("the log's key is changed by `rvp registry rotate-key` alone".to_owned())
            }
            // The seal line has to fit too.
            Ok(Ok(_)) if length + line.len() as u64 + MAX_RECORD as u64 > layout::MAX_INDEX => {
                Err(format!("its index file would grow beyond {} bytes", layout::MAX_INDEX))
            }
            Ok(Ok(record)) => after_ours.admit(&text, &record),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it is not UTF-8".to_owned()),
        };
        match fit {
            Ok(()) => {
                length += text.len() as u64 + 1;
                kept.push(text);
            }
            Err(reason) => {
                batch.dropped.push(Dropped { path: batch.path.clone(), line: text, reason, stays: false });
            }
        }
    }
    batch.files = after_ours.files;
    batch.prefixes = after_ours.prefixes;
    batch.behind = behind;
    batch.lines = ours.into_iter().map(|(line, _)| line).chain(kept).collect();
    Ok(batch)
}

/// Chooses what of `records` is to be proposed behind the lines that wait already: those that do not wait there themselves. All must be
/// what a seal would commit, as things stand now.
pub(super) fn propose(
    path: String,
    committed: &[u8],
    behind: Vec<u8>,
    records: Vec<Record>,
    rules: Rules,
) -> Result<Batch, RegistryError> {
    let mut ours = Vec::with_capacity(records.len());
    for record in records {
        ours.push((record.to_line().map_err(|error| bad_record(&error))?, record));
    }
    let waits = |line: &str| split_lines(&behind).any(|(there, ended)| ended && there == line.as_bytes());
    let new: Vec<String> = ours.iter().map(|(line, _)| line).filter(|line| !waits(line)).cloned().collect();
    let mut all = behind.clone();
    end_line(&mut all);
    for line in &new {
        all.extend_from_slice(line.as_bytes());
        all.push(b'\n');
    }
    let batch = prepare(path, committed, all, Vec::new(), rules)?;
    for dropped in &batch.dropped {
        if let Some((_, record)) = ours.iter().find(|(line, _)| *line == dropped.line) {
            return Err(refused(record, dropped.reason.clone()));
        }
    }
    Ok(Batch { lines: new, dropped: Vec::new(), behind, ..batch })
}

/// What a writer that died has left of a line becomes one of its own.
fn end_line(text: &mut Vec<u8>) {
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
}

impl Batch {
    /// Ends the batch with its seal line, its first record being entry `first` of the log. Returns the number of the
    /// next entry.
    pub(super) fn end(&mut self, first: u64, time: jiff::Timestamp) -> Result<u64, RegistryError> {
        let count = self.lines.len() as u64;
        let seal = Record::Seal(Seal { path: self.path.clone(), first, count, time });
        self.lines.push(seal.to_line().map_err(|error| bad_record(&error))?);
        for line in &self.lines {
            self.text.extend_from_slice(line.as_bytes());
            self.text.push(b'\n');
        }
        self.hasher.update(&self.text);
        self.entry = Entry {
            length: self.committed_length + self.text.len() as u64,
            digest: Blake3(*self.hasher.finalize().as_bytes()),
        };
        if self.entry.length > layout::MAX_INDEX {
            return Err(bad_record(&format!("{} would grow beyond {} bytes", self.path, layout::MAX_INDEX)));
        }
        Ok(first + count + 1)
    }
}

impl Batch {
    /// What the snapshot will say of its file, and of the files that its records name.
    pub(super) fn entries(&mut self) -> Vec<(String, Entry)> {
        let mut entries = std::mem::take(&mut self.files);
        entries.push((self.path.clone(), self.entry));
        entries
    }

    /// The lines behind the committed ones, with those of a proposal after them.
    pub(super) fn into_proposal(self) -> Lines {
        let Self { path, committed_length: committed, behind, lines, .. } = self;
        let mut text = behind.clone();
        end_line(&mut text);
        for line in lines {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        Lines { path, committed, behind, text }
    }

    pub(super) fn into_lines(self) -> Lines {
        let Self { path, committed_length: committed, behind, text, .. } = self;
        Lines { path, committed, behind, text }
    }
}

/// The rules of one index file, applied to one record after the other.
struct Checks<'a> {
    path: &'a str,
    package: Option<Package>,
    /// Those of this file, where it is the one of prefixes.
    prefixes: Prefixes,
    files: Vec<(String, Entry)>,
    rules: Rules<'a>,
}

/// Everything that is in the log when a seal begins, and what the seal has judged before.
const NOW: u64 = u64::MAX;

impl<'a> Checks<'a> {
    fn new(path: &'a str, committed: &[u8], rules: Rules<'a>) -> Result<Self, RegistryError> {
        let is_prefixes = path == layout::PREFIXES_INDEX;
        let prefixes = if is_prefixes { Prefixes::parse(committed)? } else { Prefixes::default() };
        let package = match name_of(committed) {
            Some(name) => Some(Package::parse(&name, committed)?),
            None => None,
        };
        Ok(Self { path, package, prefixes, files: Vec::new(), rules })
    }

    /// Takes a record as the next one, or says why it must not be.
    fn admit(&mut self, line: &str, record: &Record) -> Result<(), String> {
        match record {
            Record::File(file) => return self.admit_file(file),
            Record::Prefix(owners) => {
                let prefix = Prefix::new(owners.family, &owners.prefix).map_err(|error| error.to_string())?;
                return self.admit_prefix(line, record, &prefix);
            }
            // Whoever has the key it is sealed with has made it.
            Record::Key(_) => return Ok(()),
            Record::Unknown { kind } => return Err(format!("its kind `{kind}` is unknown")),
            _ => {}
        }
        let name = record.package().map_err(|error| error.to_string())?.ok_or("it names no package")?;
        if name.index_path() != self.path {
            return Err(format!("it belongs into {}", name.index_path()));
        }
        self.check_files(&name, record)?;
        let own = self.package.as_ref().and_then(|package| package.owners.last()).map(|owners| &owners.set);
        let prefix = self.rules.prefixes.in_force(&name, NOW).map(|(_, owners)| owners);
        self.check_signatures(line, record, own, prefix)?;
        let package = self.package.get_or_insert_with(|| Package::new(name.clone()));
        package.apply(self.path, 0, record.clone(), self.rules.time, 0).map_err(|error| match error {
            IndexError::Order { reason, .. } => reason,
            IndexError::Version { source, .. } => format!("its version is not valid: {source}"),
            other => other.to_string(),
        })
    }

    fn admit_file(&mut self, file: &FileRecord) -> Result<(), String> {
        if self.path != layout::FILES_INDEX {
            return Err("it does not belong into this file".into());
        }
        if !layout::is_listed_file(&file.path) {
            return Err(format!("`{}` cannot be the path of a listed file", file.path));
        }
        if !self.rules.present.file(file) {
            return Err(format!("{} of the registry is not the file that it describes", file.path));
        }
        self.files.push((file.path.clone(), Entry { length: file.length, digest: file.blake3 }));
        Ok(())
    }

    fn admit_prefix(&mut self, line: &str, record: &Record, prefix: &Prefix) -> Result<(), String> {
        if self.path != layout::PREFIXES_INDEX {
            return Err(format!("it belongs into {}", layout::PREFIXES_INDEX));
        }
        let own = self.prefixes.owners.get(prefix).and_then(|history| history.last());
        let around = self.prefixes.around(prefix, NOW).map(|(_, owners)| owners);
        self.check_signatures(line, record, own.map(|owners| &owners.set), around)?;
        self.prefixes.apply(record, self.rules.time, 0)
    }

    /// Checks every signature of a record, and that they are those that it needs.
    fn check_signatures(
        &self,
        line: &str,
        record: &Record,
        own: Option<&OwnerSet>,
        prefix: Option<&OwnerSet>,
    ) -> Result<(), String> {
        let signers = match (record.signatures(), self.rules.authority) {
            ([], _) => Vec::new(),
            (_, None) => return Err("it is signed, and this seal was given no way to check that".into()),
            (files, Some(authority)) => {
                let read = |file| self.rules.present.bundle(file).map(Arc::new);
                let bundles = files.iter().map(read).collect::<Result<_, _>>()?;
                authority
                    .signers(self.rules.registry, &SignedRecord { path: self.path, line, record, bundles })?
            }
        };
        authorise(record, &signers, own, prefix, self.rules.time)
            .map(drop)
            .map_err(|error| format!("it is {error}"))
    }

    /// Checks the requirements and the files that a record brings.
    fn check_files(&self, name: &PackageName, record: &Record) -> Result<(), String> {
        let artifacts = match record {
            Record::Release(release) => {
                check_requirements(release)?;
                &release.artifacts[..]
            }
            Record::Add(add) => &add.artifacts[..],
            _ => &[],
        };
        let version = Version::parse(name.family(), version_text(record)).ok();
        for artifact in artifacts {
            check_artifact_requirements(name.family(), artifact)?;
            if !layout::is_file_name(&artifact.file) {
                return Err(format!("`{}` cannot be the name of a file", artifact.file));
            }
            if !version.as_ref().is_some_and(|version| artifact.is_of(name, version)) {
                return Err(format!("{} is not a file of {name} {}", artifact.file, version_text(record)));
            }
            if !self.rules.present.blob(artifact) {
                return Err(format!("its blob {} is not in the registry", layout::blob(artifact)));
            }
        }
        Ok(())
    }
}

/// Checks every text of a release that a resolver will read.
fn check_requirements(release: &Release) -> Result<(), String> {
    for text in &release.requires {
        Requirement::parse(release.family, text).map_err(|error| error.to_string())?;
    }
    for (host, text) in &release.hosts {
        PackageName::new(Family::Host, host).map_err(|error| error.to_string())?;
        ranges_of_specifiers_text(text).map_err(|error| error.to_string())?;
    }
    match &release.requires_python {
        Some(text) => ranges_of_specifiers_text(text).map(drop).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

fn check_artifact_requirements(family: Family, artifact: &Artifact) -> Result<(), String> {
    for text in artifact.requires.iter().flatten() {
        Requirement::parse(family, text).map_err(|error| error.to_string())?;
    }
    match &artifact.requires_python {
        Some(text) => ranges_of_specifiers_text(text).map(drop).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

/// The package of an index file, from its first record.
fn name_of(committed: &[u8]) -> Option<PackageName> {
    let (line, _) = split_lines(committed).next()?;
    Record::parse(std::str::from_utf8(line).ok()?).ok()?.package().ok()?
}

/// Lines, and whether each is ended by a newline.
fn split_lines(bytes: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(|line| match line.strip_suffix(b"\n") {
        Some(line) => (line, true),
        None => (line, false),
    })
}

fn bad_record(reason: &dyn std::fmt::Display) -> RegistryError {
    RegistryError::Record { reason: reason.to_string() }
}

fn refused(record: &Record, reason: String) -> RegistryError {
    let version = version_text(record).to_owned();
    match record.package() {
        Ok(Some(package)) => RegistryError::Refused { package, version, reason },
        _ => RegistryError::Record { reason },
    }
}

/// The version that a record is about; empty where there is none.
fn version_text(record: &Record) -> &str {
    match record {
        Record::Release(release) => &release.version,
        Record::Add(add) => &add.version,
        Record::Yank(yank) => &yank.version,
        Record::Approve(approve) => &approve.version,
        _ => "",
    }
}
