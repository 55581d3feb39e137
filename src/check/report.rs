//! What a check has found, as data.

use serde::Serialize;

use super::proposed::ProposedRelease;
use super::{Dependents, explanation};
use crate::model::{PackageName, Record, Target};
use crate::publish::Difference;
use crate::registry::{Dropped, Proposals, ProposedRecord};
use crate::resolve::{Resolution, ResolveError};
use crate::trust::policy::Violation;

/// What a check has found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The registry's own name.
    pub registry: String,
    /// How many records a seal would commit.
    pub records: usize,
    pub releases: Vec<CheckedRelease>,
    /// What the records say that bring no files, one sentence each.
    pub other_records: Vec<String>,
    /// Why it must not be merged.
    pub failures: Vec<Problem>,
    /// What a reviewer should look at.
    pub warnings: Vec<Problem>,
    pub dependents: Dependents,
}

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// A package, a release, or the path of a file.
    pub about: String,
    /// The end of a sentence that begins with that.
    pub reason: String,
}

/// A release that gets files by the proposal.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CheckedRelease {
    pub name: PackageName,
    pub version: String,
    /// Else files are added to one that is there.
    pub is_new: bool,
    /// How many files the proposal brings.
    pub new_files: usize,
    pub difference: Difference,
    /// Of all its new records. Empty: nobody has signed them.
    pub signers: Vec<String>,
    /// What the registry's own policy has against it.
    pub policy: Vec<Violation>,
    pub targets: Vec<OnTarget>,
}

/// Whether a release resolves for one target.
#[derive(Debug, Serialize)]
pub struct OnTarget {
    pub target: String,
    /// How many packages it takes, itself included.
    pub packages: usize,
    /// Why it does not resolve, one sentence each; empty if it does.
    pub explanation: Vec<String>,
}

impl Problem {
    pub(super) fn new(about: impl ToString, reason: impl Into<String>) -> Self {
        Self { about: about.to_string(), reason: reason.into() }
    }
}

impl OnTarget {
    pub(super) fn of(target: &Target, resolved: Result<Resolution, ResolveError>) -> Self {
        let target = target.name.clone();
        match resolved {
            Ok(resolution) => Self { target, packages: resolution.packages.len(), explanation: Vec::new() },
            Err(error) => Self { target, packages: 0, explanation: explanation(&error) },
        }
    }
}

impl CheckedRelease {
    pub(super) fn new(
        release: &ProposedRelease,
        difference: Difference,
        policy: Vec<Violation>,
        targets: Vec<OnTarget>,
    ) -> Self {
        let mut signers: Vec<String> =
            release.records.iter().flat_map(|record| &record.signers).map(ToString::to_string).collect();
        signers.sort_unstable();
        signers.dedup();
        Self {
            name: release.name.clone(),
            version: release.version.to_string(),
            is_new: release.is_new,
            new_files: release.new_files().count(),
            difference,
            signers,
            policy,
            targets,
        }
    }
}

impl Report {
    /// A report of what the registry itself says of its proposals.
    pub(super) fn new<T>(registry: &str, proposals: &Proposals<T>) -> Self {
        let refused = proposals.refused.iter().map(refused);
        let altered = proposals.altered.iter().map(|altered| {
            Problem::new(
                &altered.path,
                format!(
                    "{}; restore it: a proposal only adds lines to index files, and blobs",
                    altered.reason
                ),
            )
        });
        Self {
            registry: registry.to_owned(),
            records: proposals.records.len(),
            releases: Vec::new(),
            other_records: proposals.records.iter().filter_map(other).collect(),
            failures: refused.chain(altered).collect(),
            warnings: Vec::new(),
            dependents: Dependents::default(),
        }
    }

    /// Whether it may be merged, as far as a program can tell.
    pub fn is_sound(&self) -> bool {
        self.failures.is_empty()
    }

    /// Packages that do not resolve any more are a reason not to merge.
    pub(super) fn fail_for_broken(&mut self) {
        for broken in &self.dependents.broken {
            let about = format!("{} {}", broken.name, broken.version);
            let reason = format!(
                "does not resolve any more for {}: {}",
                broken.targets.join(", "),
                broken.explanation.join("; ")
            );
            self.failures.push(Problem { about, reason });
        }
    }
}

/// A line that a seal would leave out, by what it is about.
fn refused(dropped: &Dropped) -> Problem {
    let record = Record::parse(&dropped.line).ok();
    let name = record.as_ref().and_then(|record| record.package().ok()?);
    let about = match (&name, &record) {
        (Some(name), Some(Record::Release(release))) => format!("{name} {}", release.version),
        (Some(name), Some(Record::Add(add))) => format!("{name} {}", add.version),
        (Some(name), Some(Record::Yank(yank))) => format!("{name} {}", yank.version),
        (Some(name), Some(Record::Approve(approve))) => format!("{name} {}", approve.version),
        (Some(name), _) => name.to_string(),
        _ => dropped.path.clone(),
    };
    Problem::new(about, format!("cannot be sealed: {}", dropped.reason))
}

/// What a record says that brings no files.
fn other(proposed: &ProposedRecord) -> Option<String> {
    let name = proposed.record.package().ok().flatten().map(|name| name.to_string()).unwrap_or_default();
    let says = match &proposed.record {
        Record::Release(_) | Record::Add(_) | Record::Seal(_) => return None,
        Record::Yank(yank) if yank.yanked && yank.reason.is_empty() => {
            format!("yanks {name} {}", yank.version)
        }
        Record::Yank(yank) if yank.yanked => format!("yanks {name} {}: {}", yank.version, yank.reason),
        Record::Yank(yank) => format!("takes back the yank of {name} {}", yank.version),
        Record::Approve(approve) => format!("approves {name} {}", approve.version),
        Record::Owners(owners) => format!("sets the owners of {name}: {}", owners.set.shown()),
        Record::Prefix(owners) => {
            format!("sets the owners of all names that begin with {}: {}", owners.prefix, owners.set.shown())
        }
        Record::File(file) => format!("changes {}", file.path),
        Record::Key(_) => "changes the key of the log".into(),
        Record::Unknown { kind } => format!("is of the unknown kind {kind}"),
    };
    let signers: Vec<String> = proposed.signers.iter().map(ToString::to_string).collect();
    let by = match signers.is_empty() {
        true => "unsigned".to_owned(),
        false => format!("signed by {}", signers.join(" and ")),
    };
    Some(format!("{says} ({by})"))
}
