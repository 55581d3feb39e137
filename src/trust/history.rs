//! What a client checks again of packages before it uses them, as if the sealer had checked nothing: a stolen log key must not be enough.
//!
//! For each package: every statement of its owners, and of the owners of each prefix of its name; the last word about each version,
//! since a forged yank hides a release; and the records of the releases that were chosen, with their approvals. Each is judged
//! by the owners in force at its own number in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use crate::model::{
    Artifact, Blake3, IndexError, OwnerSet, Ownership, Package, PackageName, Prefix, Prefixes, Record,
    SealedLine, Signer, Unauthorised, Version, Why, authorise, in_force, sealed_lines,
};
use crate::registry::{Authority, Reader, RegistryError, SignedRecord, layout};

/// What is known for certain of a release, once all signatures behind it are checked.
#[derive(Clone, Debug)]
pub struct Facts {
    pub name: PackageName,
    pub version: Version,
    /// As the package states it.
    pub license: Option<String>,
    /// When the last record was sealed that brought files to it.
    pub sealed: jiff::Timestamp,
    /// The signers of each record that brought files, the release record first. Empty where one is not signed.
    pub records: Vec<Vec<Signer>>,
    /// Under which right its records had to be signed. None: nobody owned the name.
    pub owned: Option<Why>,
    /// Who approved it, and whether that was after its last file had come.
    pub approvals: Vec<(Signer, bool)>,
    /// The files that those records name.
    pub artifacts: Vec<Artifact>,
}

/// Records that must not be used.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(
        "the registry `{registry}` has no {name} {version}\n  hint: it is in the lock; make the lock anew with `rvp lock`"
    )]
    Missing { registry: String, name: PackageName, version: Version },
    #[error(
        "{what} in the registry `{registry}` is {source}: {who} added it\n  hint: use nothing of {of} from this registry until its owners and whoever runs the registry have looked at log entry {entry}"
    )]
    Unauthorised {
        what: String,
        of: String,
        registry: String,
        entry: u64,
        who: &'static str,
        source: Box<Unauthorised>,
    },
    #[error("{what} in the registry `{registry}` cannot be believed: {reason}")]
    Signature { what: String, registry: String, reason: String },
}

/// A record to be judged, and by whom.
struct Case<'a> {
    path: &'a str,
    line: &'a SealedLine<'a>,
    /// What the record is about: a name or a prefix.
    of: String,
    /// All statements of owners about it.
    statements: &'a [Ownership],
    own: Option<&'a OwnerSet>,
    prefix: Option<&'a OwnerSet>,
}

/// The index file of a package, and what it says.
struct History {
    package: Arc<Package>,
    path: String,
    bytes: Arc<Vec<u8>>,
}

/// Checks the histories of the packages of `releases`, and says what is known of each release, in the same order.
pub fn check(
    authority: &dyn Authority,
    reader: &Reader,
    releases: &[(PackageName, Version)],
) -> Result<Vec<Facts>, HistoryError> {
    for (name, version) in releases {
        if reader.package(name)?.is_none_or(|package| !package.releases.contains_key(version)) {
            return Err(HistoryError::Missing {
                registry: reader.config()?.name.clone(),
                name: name.clone(),
                version: version.clone(),
            });
        }
    }
    let names = releases.iter().map(|(name, _)| name).collect();
    check_names(authority, reader, names, releases)
}

/// Checks all that a registry says of the owners of a name.
pub fn check_owners(
    authority: &dyn Authority,
    reader: &Reader,
    name: &PackageName,
) -> Result<(), HistoryError> {
    check_names(authority, reader, BTreeSet::from([name]), &[]).map(drop)
}

/// Checks all that a registry says of the owners of prefixes.
pub fn check_prefixes(authority: &dyn Authority, reader: &Reader) -> Result<Prefixes, HistoryError> {
    let registry = reader.config()?.name.clone();
    let bytes = reader.file(layout::PREFIXES_INDEX)?.unwrap_or_default();
    let prefixes = Prefixes::parse(&bytes)?;
    let lines = sealed_lines(layout::PREFIXES_INDEX, &bytes)?;
    let cases: Vec<Case> = lines.iter().filter_map(|line| prefix_case(line, &prefixes)).collect();
    judge(authority, reader, &registry, &cases)?;
    Ok(prefixes)
}

fn check_names(
    authority: &dyn Authority,
    reader: &Reader,
    names: BTreeSet<&PackageName>,
    releases: &[(PackageName, Version)],
) -> Result<Vec<Facts>, HistoryError> {
    let registry = reader.config()?.name.clone();
    let mut histories: BTreeMap<&PackageName, History> = BTreeMap::new();
    for name in names {
        let path = name.index_path();
        if let (Some(package), Some(bytes)) = (reader.package(name)?, reader.file(&path)?) {
            histories.insert(name, History { package, path, bytes });
        }
    }
    let prefix_bytes = reader.file(layout::PREFIXES_INDEX)?.unwrap_or_default();
    let of_prefixes = (layout::PREFIXES_INDEX, prefix_bytes.as_slice());
    let of_names = histories.values().map(|history| (history.path.as_str(), history.bytes.as_slice()));
    reader.check_grown(of_names.chain([of_prefixes]))?;
    let prefixes = Prefixes::parse(&prefix_bytes)?;
    let prefix_lines = sealed_lines(layout::PREFIXES_INDEX, &prefix_bytes)?;
    let mut chosen: BTreeMap<&PackageName, BTreeSet<&Version>> = BTreeMap::new();
    for (name, version) in releases {
        chosen.entry(name).or_default().insert(version);
    }
    let is_chosen = |name: &PackageName, version: &Version| {
        chosen.get(name).is_some_and(|versions| versions.contains(version))
    };
    let mut lines: BTreeMap<&PackageName, Vec<SealedLine>> = BTreeMap::new();
    for (name, history) in &histories {
        // Of most packages nobody has said anything that could be checked.
        let is_free = prefixes.owners.keys().all(|prefix| !prefix.covers(name))
            && history.package.is_unsigned(|version| is_chosen(name, version));
        let read = if is_free { Vec::new() } else { sealed_lines(&history.path, &history.bytes)? };
        lines.insert(name, read);
    }
    let mut cases = prefix_cases(&prefix_lines, &prefixes, &histories);
    for (name, history) in &histories {
        let here = |version: &Version| is_chosen(name, version);
        cases.extend(package_cases(history, &lines[name], &prefixes, here));
    }
    let verdicts = judge(authority, reader, &registry, &cases)?;
    let judged: Vec<(&Case, Verdict)> = cases.iter().zip(verdicts).collect();
    let owned = histories.values().filter(|history| {
        let package = &history.package;
        !package.owners.is_empty() || prefixes.in_force(&package.name, u64::MAX).is_some()
    });
    let owned = owned.map(|history| (history.path.as_str(), history.bytes.as_slice()));
    reader.remember_grown(owned.chain(Some(of_prefixes).filter(|(_, bytes)| !bytes.is_empty())))?;
    let known = |(name, version): &(PackageName, Version)| {
        facts(name, version, &histories.get(name)?.package, &judged)
    };
    Ok(releases.iter().filter_map(known).collect())
}

/// Checks all signatures of all records of a registry, as far as its files can be read. Returns what is wrong, one sentence each.
pub fn check_all(
    authority: &dyn Authority,
    reader: &Reader,
    names: &[PackageName],
) -> Result<Vec<String>, HistoryError> {
    let registry = reader.config()?.name.clone();
    let prefix_bytes = reader.file(layout::PREFIXES_INDEX).ok().flatten().unwrap_or_default();
    let prefixes = Prefixes::parse(&prefix_bytes).unwrap_or_default();
    let prefix_lines = sealed_lines(layout::PREFIXES_INDEX, &prefix_bytes).unwrap_or_default();
    let cases: Vec<Case> = prefix_lines.iter().filter_map(|line| prefix_case(line, &prefixes)).collect();
    let mut problems = judge_each(authority, reader, &registry, &cases);
    for name in names {
        let path = name.index_path();
        let (Ok(Some(package)), Ok(Some(bytes))) = (reader.package(name), reader.file(&path)) else {
            continue;
        };
        let lines = sealed_lines(&path, &bytes)?;
        let history = History { package, path, bytes: Arc::clone(&bytes) };
        let cases: Vec<Case> = lines.iter().map(|line| case(&history, line, &prefixes)).collect();
        problems.extend(judge_each(authority, reader, &registry, &cases));
    }
    Ok(problems)
}

/// What a record turned out to be.
struct Verdict {
    signers: Vec<Signer>,
    why: Option<Why>,
}

/// The statements about every prefix that takes in one of the packages.
fn prefix_cases<'a>(
    lines: &'a [SealedLine<'a>],
    prefixes: &'a Prefixes,
    histories: &BTreeMap<&PackageName, History>,
) -> Vec<Case<'a>> {
    let applies = |line: &&SealedLine| match &line.record {
        Record::Prefix(owners) => Prefix::new(owners.family, &owners.prefix)
            .is_ok_and(|prefix| histories.keys().any(|name| prefix.covers(name))),
        _ => false,
    };
    lines.iter().filter(applies).filter_map(|line| prefix_case(line, prefixes)).collect()
}

fn prefix_case<'a>(line: &'a SealedLine<'a>, prefixes: &'a Prefixes) -> Option<Case<'a>> {
    let Record::Prefix(owners) = &line.record else { return None };
    let prefix = Prefix::new(owners.family, &owners.prefix).ok()?;
    let statements = prefixes.owners.get(&prefix).map(Vec::as_slice).unwrap_or_default();
    Some(Case {
        path: layout::PREFIXES_INDEX,
        line,
        of: prefix.to_string(),
        statements,
        own: in_force(statements, line.entry),
        prefix: prefixes.around(&prefix, line.entry).map(|(_, owners)| owners),
    })
}

/// The records of a package that somebody has to answer for.
fn package_cases<'a>(
    history: &'a History,
    lines: &'a [SealedLine<'a>],
    prefixes: &'a Prefixes,
    chosen: impl Fn(&Version) -> bool,
) -> Vec<Case<'a>> {
    let version = |text: &str| Version::parse(history.package.name.family(), text).ok();
    let last_yanks: BTreeMap<Version, u64> = lines
        .iter()
        .filter_map(|line| match &line.record {
            Record::Yank(yank) => Some((version(&yank.version)?, line.entry)),
            _ => None,
        })
        .collect();
    let matters = |line: &&SealedLine| match &line.record {
        Record::Owners(_) => true,
        Record::Yank(_) => last_yanks.values().any(|entry| *entry == line.entry),
        Record::Release(release) => version(&release.version).is_some_and(|version| chosen(&version)),
        Record::Add(add) => version(&add.version).is_some_and(|version| chosen(&version)),
        Record::Approve(approve) => version(&approve.version).is_some_and(|version| chosen(&version)),
        _ => false,
    };
    lines.iter().filter(matters).map(|line| case(history, line, prefixes)).collect()
}

fn case<'a>(history: &'a History, line: &'a SealedLine<'a>, prefixes: &'a Prefixes) -> Case<'a> {
    let name = &history.package.name;
    Case {
        path: &history.path,
        line,
        of: name.to_string(),
        statements: &history.package.owners,
        own: in_force(&history.package.owners, line.entry),
        prefix: prefixes.in_force(name, line.entry).map(|(_, owners)| owners),
    }
}

/// Judges all cases, whose bundles are fetched in one go. The first that does not hold is the error.
fn judge(
    authority: &dyn Authority,
    reader: &Reader,
    registry: &str,
    cases: &[Case],
) -> Result<Vec<Verdict>, HistoryError> {
    let bundles = reader.bundles(cases.iter().flat_map(|case| case.line.record.signatures()))?;
    cases
        .par_iter()
        .map(|case| {
            let files = case.line.record.signatures();
            let found = files.iter().filter_map(|file| bundles.get(&file.blake3).cloned()).collect();
            judge_one(authority, registry, case, found)
        })
        .collect::<Vec<_>>()
        .into_iter()
        .collect()
}

/// As `judge`, for every case by itself.
fn judge_each(authority: &dyn Authority, reader: &Reader, registry: &str, cases: &[Case]) -> Vec<String> {
    let judged = cases
        .par_iter()
        .filter_map(|case| judge(authority, reader, registry, std::slice::from_ref(case)).err());
    judged.map(|error| error.to_string()).collect()
}

fn judge_one(
    authority: &dyn Authority,
    registry: &str,
    case: &Case,
    bundles: Vec<Arc<Vec<u8>>>,
) -> Result<Verdict, HistoryError> {
    let record = &case.line.record;
    let signers = match record.signatures() {
        [] => Vec::new(),
        _ => {
            let signed = SignedRecord { path: case.path, line: case.line.line, record, bundles };
            authority.signers(registry, &signed).map_err(|reason| HistoryError::Signature {
                what: case.what(),
                registry: registry.to_owned(),
                reason,
            })?
        }
    };
    let why = authorise(record, &signers, case.own, case.prefix, case.line.sealed).map_err(|source| {
        HistoryError::Unauthorised {
            what: case.what(),
            of: case.of.clone(),
            registry: registry.to_owned(),
            entry: case.line.entry,
            who: match source.is_by_a_stranger() && case.was_owned_by(&signers) {
                true => "a former owner, who has the registry's key,",
                false => "someone who has the registry's key, and not an owner's,",
            },
            source: Box::new(source),
        }
    })?;
    Ok(Verdict { signers, why })
}

impl Case<'_> {
    /// Whether one of `signers` was among the owners at some time before the record.
    fn was_owned_by(&self, signers: &[Signer]) -> bool {
        let before = self.statements.iter().filter(|statement| statement.entry < self.line.entry);
        let mut owners = before.flat_map(|statement| &statement.set.owners);
        owners.any(|owner| signers.iter().any(|signer| owner.principal.matches(signer)))
    }

    /// The record, for people.
    fn what(&self) -> String {
        let of = &self.of;
        match &self.line.record {
            Record::Release(release) => format!("the release {of} {}", release.version),
            Record::Add(add) => format!("the record that adds files to {of} {}", add.version),
            Record::Yank(yank) if yank.yanked => format!("the yank of {of} {}", yank.version),
            Record::Yank(yank) => format!("the record that gives {of} {} back", yank.version),
            Record::Owners(owners) => format!("statement {} of the owners of {of}", owners.set.revision),
            Record::Prefix(owners) => format!("statement {} of the owners of {of}", owners.set.revision),
            Record::Approve(approve) => format!("an approval of {of} {}", approve.version),
            Record::Seal(_) | Record::File(_) | Record::Key(_) | Record::Unknown { .. } => {
                format!("a record of {of}")
            }
        }
    }
}

/// What the judged records say of one release.
fn facts(
    name: &PackageName,
    version: &Version,
    package: &Package,
    judged: &[(&Case, Verdict)],
) -> Option<Facts> {
    let entry = package.releases.get(version)?;
    let mut facts = Facts {
        name: name.clone(),
        version: version.clone(),
        license: entry.release.license.clone(),
        sealed: entry.completed,
        records: Vec::new(),
        owned: None,
        approvals: Vec::new(),
        artifacts: entry.artifacts.clone(),
    };
    let path = name.index_path();
    let of_release = |text: &str| Version::parse(name.family(), text).is_ok_and(|of| of == *version);
    let here = || judged.iter().filter(|(case, _)| case.path == path);
    let mut lines = BTreeSet::new();
    for (case, verdict) in here() {
        let brings_files = match &case.line.record {
            Record::Release(release) => of_release(&release.version),
            Record::Add(add) => of_release(&add.version),
            _ => false,
        };
        if brings_files {
            lines.insert(Blake3::of(case.line.line.as_bytes()));
            facts.records.push(verdict.signers.clone());
            facts.owned = facts.owned.or(verdict.why);
        }
    }
    if facts.records.is_empty() {
        // Nothing was read, because nothing there is signed.
        facts.records.push(Vec::new());
    }
    for (case, verdict) in here() {
        if let Record::Approve(approve) = &case.line.record
            && of_release(&approve.version)
        {
            let whole = lines.iter().all(|line| approve.records.contains(line));
            facts.approvals.extend(verdict.signers.iter().map(|signer| (signer.clone(), whole)));
        }
    }
    Some(facts)
}
