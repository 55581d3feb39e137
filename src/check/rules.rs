//! The registry's own policy, as its clients will apply it to a proposal.

use std::collections::BTreeSet;

use super::proposed::{ProposedRelease, brings_files};
use super::{Problem, Question, Report};
use crate::model::{Blake3, PackageName, Record, ReleaseEntry, SealedLine, Signer, Version, sealed_lines};
use crate::registry::{ProposedRecord, Reader, layout};
use crate::resolve::{Found, Judge, PackagesError, Rulebook};
use crate::trust::policy::{Policies, RegistryFacts, ReleaseFacts, Signatures, Violation};
use crate::trust::{self, RecordVerifier};

/// What the policy says of committed releases and of proposed ones.
pub(super) struct Rules<'a> {
    /// None where the policy cannot be read.
    judge: Option<Judge>,
    verifier: &'a RecordVerifier,
    proposed: BTreeSet<(PackageName, Version)>,
    /// The records of the proposal that approve a release.
    approvals: Vec<&'a ProposedRecord>,
}

impl<'a> Rules<'a> {
    pub fn new(
        question: &'a Question,
        releases: &[ProposedRelease],
        records: &'a [ProposedRecord],
        report: &mut Report,
    ) -> Self {
        let nothing = Policies::new(Vec::new(), question.now);
        let judge = Judge::new(&nothing, question.registries, question.verifier.clone());
        if let Err(error) = &judge
            && report.failures.iter().all(|known| known.about != layout::POLICY)
        {
            report.failures.push(Problem::new(layout::POLICY, format!("cannot be applied: {error}")));
        }
        let is_approval = |one: &&ProposedRecord| matches!(one.record, Record::Approve(_));
        Self {
            judge: judge.ok(),
            verifier: question.verifier,
            proposed: releases.iter().map(|one| (one.name.clone(), one.version.clone())).collect(),
            approvals: records.iter().filter(is_approval).collect(),
        }
    }

    /// All that the policy has against a proposed release.
    pub fn violations(
        &self,
        release: &ProposedRelease,
        reader: &Reader,
        report: &mut Report,
    ) -> Vec<Violation> {
        let Some(judge) = &self.judge else { return Vec::new() };
        let Ok(config) = reader.config() else { return Vec::new() };
        let registry = RegistryFacts {
            name: config.name.clone(),
            key: reader.key().into(),
            location: reader.store().map(|store| store.identity()).unwrap_or_default(),
        };
        let facts = ReleaseFacts {
            registry: &registry,
            name: &release.name,
            version: &release.version,
            license: release.entry.release.license.as_deref(),
            sealed: release.entry.completed,
        };
        let policies = judge.policies();
        let mut all = policies.against(&facts);
        if policies.ask_for_signatures(&facts) {
            match self.signatures(release, reader) {
                Ok(signatures) => all.extend(policies.against_signatures(&facts, &signatures)),
                Err(error) => report.failures.push(Problem::new(release.title(), error.to_string())),
            }
        }
        all
    }

    /// Who will stand for a release once it is sealed.
    fn signatures(&self, release: &ProposedRelease, reader: &Reader) -> Result<Signatures, PackagesError> {
        let mut signatures = Signatures::default();
        if !release.is_new {
            let of = [(release.name.clone(), release.version.clone())];
            for facts in trust::check(self.verifier, reader, &of)? {
                signatures.records.extend(facts.records);
            }
        }
        signatures.records.extend(release.records.iter().map(|record| record.signers.clone()));
        signatures.approvals = self.approvers(release, &lines(release, reader)?);
        Ok(signatures)
    }

    /// The signers of the proposal's approvals of all of these lines.
    fn approvers(&self, release: &ProposedRelease, lines: &BTreeSet<Blake3>) -> Vec<Signer> {
        let path = release.name.index_path();
        let approves = |proposed: &&&ProposedRecord| match &proposed.record {
            Record::Approve(approve) => {
                proposed.path == path
                    && Version::parse(approve.family, &approve.version).ok().as_ref()
                        == Some(&release.version)
                    && lines.iter().all(|line| approve.records.contains(line))
            }
            _ => false,
        };
        self.approvals.iter().filter(approves).flat_map(|proposed| proposed.signers.clone()).collect()
    }
}

/// The digests of all lines that bring files to a release: the committed ones, and those of the proposal.
fn lines(release: &ProposedRelease, reader: &Reader) -> Result<BTreeSet<Blake3>, PackagesError> {
    let path = release.name.index_path();
    let bytes = reader.file(&path)?.unwrap_or_default();
    let of_release = |line: &SealedLine| brings_files(&line.record).as_ref() == Some(&release.version);
    let committed = sealed_lines(&path, &bytes)?.into_iter().filter(of_release);
    let committed: Vec<Blake3> = committed.map(|line| Blake3::of(line.line.as_bytes())).collect();
    let proposed = release.records.iter().map(|record| Blake3::of(record.line.as_bytes()));
    Ok(committed.into_iter().chain(proposed).collect())
}

/// When packages are resolved: a proposed release is judged by itself, so that what the policy has against it is said once.
impl Rulebook for Rules<'_> {
    fn against(
        &self,
        found: &Found,
        version: &Version,
        entry: &ReleaseEntry,
    ) -> Result<Option<Violation>, PackagesError> {
        let key = (found.package.name.clone(), version.clone());
        match &self.judge {
            Some(judge) if !self.proposed.contains(&key) => judge.against(found, version, entry),
            _ => Ok(None),
        }
    }
}
