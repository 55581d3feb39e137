//! A package as its index file tells it: the records of one file, merged in order.

use std::collections::BTreeMap;

use super::{
    Artifact, Blake3, BundleFile, Ownership, PackageName, Record, RecordError, Release, RequirementError,
    Version, VersionError, sealed_lines,
};

/// All releases of one package, in one registry.
#[derive(Clone, Debug)]
pub struct Package {
    pub name: PackageName,
    pub releases: BTreeMap<Version, ReleaseEntry>,
    /// The statements of its owners, rising. None: nobody owns it, but for those who own a prefix of its name.
    pub owners: Vec<Ownership>,
}

/// A release, with what later records said of it.
#[derive(Clone, Debug)]
pub struct ReleaseEntry {
    pub release: Release,
    /// Those of the release record and of its `add` records, in order.
    pub artifacts: Vec<Artifact>,
    /// The reason, where the last word is that the release is withdrawn. May be empty.
    pub yanked: Option<String>,
    /// How many yank records there are about it.
    pub yanks: u64,
    pub approvals: Vec<Approval>,
    /// When the release record was sealed.
    pub sealed: jiff::Timestamp,
    /// When the last record was sealed that brought files to it.
    pub completed: jiff::Timestamp,
    /// The numbers in the log of the release record and of each record that changed it, rising.
    pub entries: Vec<u64>,
}

/// A reviewer's word, as its record gives it; who the reviewer is, its signatures say.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The number in the log of the record.
    pub entry: u64,
    /// The lines that were reviewed.
    pub records: Vec<Blake3>,
    pub signatures: Vec<BundleFile>,
}

/// An index file that does not hold together.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("line {line} of {path}: {source}")]
    Record { path: String, line: usize, source: RecordError },
    #[error("line {line} of {path}: the version is not valid: {source}")]
    Version { path: String, line: usize, source: VersionError },
    #[error("line {line} of {path}: {reason}")]
    Order { path: String, line: usize, reason: String },
    #[error("{path} is not UTF-8 from byte {at} on")]
    Encoding { path: String, at: usize },
    #[error("{path}: {source}")]
    Requirement { path: String, source: RequirementError },
}

impl Package {
    /// A package of which nothing is known.
    pub fn new(name: PackageName) -> Self {
        Self { name, releases: BTreeMap::new(), owners: Vec::new() }
    }

    /// Reads the committed bytes of the index file of `name`. Every record lies under a seal line.
    pub fn parse(name: &PackageName, bytes: &[u8]) -> Result<Self, IndexError> {
        let path = name.index_path();
        let mut package = Package::new(name.clone());
        for line in sealed_lines(&path, bytes)? {
            package.apply(&path, line.number, line.record, line.sealed, line.entry)?;
        }
        Ok(package)
    }

    /// Whether it has no owners, and those of its releases that `which` chooses have neither signatures nor approvals.
    pub fn is_unsigned(&self, which: impl Fn(&Version) -> bool) -> bool {
        let mut chosen = self.releases.iter().filter(|(version, _)| which(version));
        self.owners.is_empty()
            && chosen.all(|(_, entry)| entry.release.signatures.is_empty() && entry.approvals.is_empty())
    }

    /// Reads what can be read of bytes that are not checked yet, for guessing what will be needed next.
    pub fn parse_speculatively(name: &PackageName, bytes: &[u8]) -> Option<Self> {
        let sealed = bytes.iter().rposition(|byte| *byte == b'\n')?;
        Self::parse(name, &bytes[..=sealed]).ok()
    }

    /// Adds one record in order. `line` is for messages; `sealed` and `entry` are its seal's time and its log number.
    pub fn apply(
        &mut self,
        path: &str,
        line: usize,
        record: Record,
        sealed: jiff::Timestamp,
        entry: u64,
    ) -> Result<(), IndexError> {
        let at = |source| IndexError::Record { path: path.into(), line, source };
        let order = |reason: String| IndexError::Order { path: path.into(), line, reason };
        if record.package().map_err(at)?.is_some_and(|name| name != self.name) {
            return Err(order("the record is of another package".into()));
        }
        let version_of = |text: &str| {
            Version::parse(self.name.family(), text).map_err(|source| IndexError::Version {
                path: path.into(),
                line,
                source,
            })
        };
        let must_be_signed = !self.owners.is_empty()
            && matches!(record, Record::Release(_) | Record::Add(_) | Record::Yank(_) | Record::Owners(_));
        if must_be_signed && record.signatures().is_empty() {
            return Err(order(
                "the package has owners, and none of them has signed the record: someone who has the registry's key, and not an owner's, added it".into(),
            ));
        }
        match record {
            Record::Release(release) => {
                let version = version_of(&release.version)?;
                if self.releases.contains_key(&version) {
                    return Err(order(format!("version {version} is released twice")));
                }
                let artifacts = release.artifacts.clone();
                let mut files = std::collections::HashSet::new();
                if let Some(twice) = artifacts.iter().find(|artifact| !files.insert(&artifact.file)) {
                    return Err(order(format!("the file {} is added twice", twice.file)));
                }
                let entries = vec![entry];
                let known = ReleaseEntry {
                    release,
                    artifacts,
                    yanked: None,
                    yanks: 0,
                    approvals: Vec::new(),
                    sealed,
                    completed: sealed,
                    entries,
                };
                self.releases.insert(version, known);
            }
            Record::Add(add) => {
                let release = self.releases.get_mut(&version_of(&add.version)?).ok_or_else(|| {
                    order(format!("artifacts are added to {}, which is not released", add.version))
                })?;
                for artifact in add.artifacts {
                    if release.artifacts.iter().any(|known| known.file == artifact.file) {
                        return Err(order(format!("the file {} is added twice", artifact.file)));
                    }
                    release.artifacts.push(artifact);
                }
                release.completed = sealed;
                release.entries.push(entry);
            }
            Record::Yank(yank) => {
                let release = self
                    .releases
                    .get_mut(&version_of(&yank.version)?)
                    .ok_or_else(|| order(format!("{} is yanked, and is not released", yank.version)))?;
                // A signed word of a certain number is not one that is said again.
                let next = release.yanks + 1;
                if yank.revision.is_some_and(|revision| revision != next)
                    || (must_be_signed && yank.revision.is_none())
                {
                    return Err(order(format!(
                        "it is not word {next} about whether {} is yanked",
                        yank.version
                    )));
                }
                release.yanks = next;
                release.yanked = yank.yanked.then_some(yank.reason);
                release.entries.push(entry);
            }
            Record::Owners(owners) => {
                if owners.signatures.is_empty() {
                    return Err(order("a statement of owners is not signed".into()));
                }
                if let Some(fault) = owners.set.fault(self.owners.last().map(|known| &known.set)) {
                    return Err(order(fault));
                }
                self.owners.push(Ownership { entry, sealed, set: owners.set });
            }
            Record::Approve(approve) => {
                let release = self
                    .releases
                    .get_mut(&version_of(&approve.version)?)
                    .ok_or_else(|| order(format!("{} is approved, and is not released", approve.version)))?;
                if approve.signatures.is_empty() {
                    return Err(order("an approval is not signed".into()));
                }
                release.approvals.push(Approval {
                    entry,
                    records: approve.records,
                    signatures: approve.signatures,
                });
            }
            Record::Prefix(_) | Record::Seal(_) | Record::File(_) | Record::Key(_) => {
                return Err(order("this kind of record has no place in a package's file".into()));
            }
            Record::Unknown { .. } => {}
        }
        Ok(())
    }
}
