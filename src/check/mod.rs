//! Checking a proposal: what a reviewer must know before it is merged, found out without the registry's key.
//!
//! Which lines a seal would take, the registry says ([`judge_proposals`]); here the rest is looked at. Files are read
//! again from their first byte to their last, since what a record says of them is only what somebody has written. Then
//! the registry is taken as it will be, and packages are resolved in it.

mod base;
mod dependents;
mod files;
mod markdown;
mod names;
mod proposed;
mod report;
mod rules;
mod targets;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use version_ranges::Ranges;

use dependents::Latest;
use proposed::ProposedRelease;
use rules::Rules;
use view::View;

pub use dependents::{Broken, Dependents, Moved, VersionChange};
pub use report::{CheckedRelease, OnTarget, Problem, Report};

use crate::model::{Family, PackageName, Requirement, Target, Version};
use crate::publish::{difference, release_before};
use crate::registry::{ProposalRules, Reader, RegistryError, judge_proposals, layout};
use crate::resolve::{
    Asker, Found, Packages, Preferences, Registries, Request, Resolution, ResolveError, ResolveOptions,
    Rulebook, resolve,
};
use crate::trust::RecordVerifier;

/// What is to be checked, and how.
pub struct Question<'a> {
    /// The folder of the registry.
    pub dir: &'a Path,
    /// That registry without the proposal.
    pub base: Option<&'a Path>,
    /// That one registry.
    pub registries: &'a Registries,
    pub verifier: &'a Arc<RecordVerifier>,
    /// The releases of a host that come with rvp, for registries that have none.
    pub shipped_host: &'a Arc<Found>,
    /// What releases are resolved for. None: what each of them says that it runs in.
    pub targets: &'a [Target],
    /// Pass over blobs that are not in the folder.
    pub blobs_elsewhere: bool,
    pub now: jiff::Timestamp,
}

/// Checks the lines behind the committed ones of every index file, and that nothing else was touched.
pub fn check(question: &Question) -> Result<Report, RegistryError> {
    let Some((_, reader)) = question.registries.readers().next() else {
        return Err(RegistryError::NotARegistry {
            location: question.dir.display().to_string(),
            missing: layout::CONFIG,
        });
    };
    let judged_by = ProposalRules {
        authority: &**question.verifier,
        blobs_elsewhere: question.blobs_elsewhere,
        now: question.now,
    };
    let proposals = judge_proposals(reader, question.dir, &judged_by, Latest::read)?;
    let mut report = Report::new(&reader.config()?.name, &proposals);
    if let Some(base) = question.base {
        let known: BTreeSet<String> = report.failures.iter().map(|problem| problem.about.clone()).collect();
        let differences = base::differences(base, question.dir)?;
        report.failures.extend(differences.into_iter().filter(|problem| !known.contains(&problem.about)));
    }
    let before = View::new(question.registries, question.shipped_host);
    let (releases, packages) = proposed::apply(reader, &proposals.records, question.now, &mut report);
    let after = before.with(packages);

    let known: Vec<&PackageName> = proposals.committed.iter().map(|latest| &latest.name).collect();
    let is_known: HashSet<&PackageName> = known.iter().copied().collect();
    let proposed = releases.iter().map(|release| &release.name);
    let new: BTreeSet<&PackageName> = proposed.filter(|name| !is_known.contains(name)).collect();
    report.warnings.extend(names::similar(&new, &known).into_iter().map(|similar| similar.warning()));

    let rules = Rules::new(question, &releases, &proposals.records, &mut report);
    let checked: Vec<CheckedRelease> = releases
        .iter()
        .map(|release| check_release(question, release, (&before, &after), &rules, reader, &mut report))
        .collect();
    report.releases = checked;

    let touched = proposed::packages(&proposals.records);
    report.dependents =
        dependents::solve_again(&proposals.committed, &touched, &before, &after, &rules, question.targets);
    report.fail_for_broken();
    Ok(report)
}

/// Looks at one release.
fn check_release(
    question: &Question,
    release: &ProposedRelease,
    (before, after): (&View, &View),
    rules: &Rules,
    reader: &Reader,
    report: &mut Report,
) -> CheckedRelease {
    let title = release.title();
    files::check(question, release, report);
    let policy = rules.violations(release, reader, report);
    for violation in &policy {
        let is = if violation.passes { "cannot be used yet, says" } else { "is forbidden by" };
        let problem = Problem::new(&title, format!("{is} {violation}; {}", violation.mend));
        match violation.passes {
            true => report.warnings.push(problem),
            false => report.failures.push(problem),
        }
    }
    let claimed = match question.targets {
        [] => targets::claimed(release, after, report),
        given => given.to_vec(),
    };
    let targets: Vec<OnTarget> = claimed
        .iter()
        .filter(|_| release.name.family() != Family::Host)
        .map(|target| {
            OnTarget::of(target, resolve_one(&release.name, &release.version, target, after, rules))
        })
        .collect();
    let mut unresolved: BTreeMap<&[String], Vec<&str>> = BTreeMap::new();
    for target in targets.iter().filter(|target| !target.explanation.is_empty()) {
        unresolved.entry(&target.explanation).or_default().push(&target.target);
    }
    for (explanation, targets) in unresolved {
        let reason = format!("does not resolve for {}: {}", targets.join(", "), explanation.join("; "));
        report.failures.push(Problem::new(&title, reason));
    }
    let package = after.package(&release.name).ok().flatten();
    let known = before.package(&release.name).ok().flatten();
    // More files are compared with those that the release has.
    let previous = match release.is_new {
        true => package.as_ref().and_then(|found| release_before(&found.package, &release.version)),
        false => known.as_ref().and_then(|found| found.package.releases.get(&release.version)),
    };
    let difference = difference(previous, &release.entry.release, &release.entry.artifacts);
    CheckedRelease::new(release, difference, policy, targets)
}

/// Finds versions for one release, and for all that it needs.
fn resolve_one(
    name: &PackageName,
    version: &Version,
    target: &Target,
    packages: &dyn Packages,
    rulebook: &dyn Rulebook,
) -> Result<Resolution, ResolveError> {
    let text = match name.family() {
        Family::Vitte => format!("{} ={version}", name.as_str()),
        Family::Python | Family::Host => format!("{}=={version}", name.as_str()),
    };
    let requirement = Requirement {
        name: name.clone(),
        extras: Vec::new(),
        ranges: Ranges::singleton(version.clone()),
        marker: Default::default(),
        names_prerelease: version.is_prerelease(),
        text: text.into(),
    };
    let request = Request {
        asker: Asker::Check,
        requirements: &[requirement],
        requires_python: None,
        hosts: &Default::default(),
        options: &ResolveOptions::default(),
        preferences: &Preferences::default(),
        packages,
        rulebook,
    };
    resolve(&request, target)
}

/// Why there is no resolution: one sentence each.
fn explanation(error: &ResolveError) -> Vec<String> {
    match error {
        ResolveError::Conflict(conflict) => conflict.facts.clone(),
        other => vec![other.to_string()],
    }
}
