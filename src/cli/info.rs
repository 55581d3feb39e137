//! `rvp info`: what the registries know of a package.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::Context as _;
use indicatif::HumanBytes;
use rvp::model::{PackageName, ReleaseEntry, Signer, Version};
use rvp::publish::Standing;
use rvp::resolve::Found;
use rvp::trust::{self, Facts};

use super::context::{Context, current_project};
use super::output;
use super::workspace::{RegistryArguments, open_registries};

/// Show what the registries know of a package
#[derive(clap::Args)]
pub struct Arguments {
    /// The package
    name: PackageName,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = context.settings(arguments.registries.settings()?, current_project()?.as_ref())?;
    let registries = open_registries(context, &settings, true)?;
    let found = registries.find(&arguments.name).map_err(anyhow::Error::from_boxed)?;
    let reader = registries.reader(&found.registry).context("the registry was closed")?;
    let authority = context.authority(&settings)?;
    let newest = newest(&found).with_context(|| format!("`{}` has no release", arguments.name))?;
    let facts_of = |versions: Vec<&Version>| {
        let releases: Vec<_> =
            versions.into_iter().map(|version| (arguments.name.clone(), version.clone())).collect();
        trust::check(&*authority, reader, &releases)
    };
    let prefixes = reader.prefixes()?;
    let owners = {
        let Standing { own, prefix } = Standing::of_name(&arguments.name, Some(&found.package), &prefixes);
        own.or(prefix)
    };
    if context.global.json {
        let all = found.package.releases.iter().rev();
        let facts = facts_of(all.clone().map(|(version, _)| version).collect())?;
        let releases: Vec<_> =
            all.zip(&facts).map(|((version, entry), facts)| json(version, entry, facts)).collect();
        output::json(&serde_json::json!({
            "name": found.package.name,
            "registry": found.registry,
            "newest": newest.0.to_string(),
            "owners": owners,
            "releases": releases,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("{} {} in {}", found.package.name, newest.0, found.registry))?;
    for line in describe(newest.1) {
        output::line(&format!("  {line}"))?;
    }
    for line in facts_of(vec![newest.0])?.iter().flat_map(vouchers) {
        output::line(&format!("  {line}"))?;
    }
    if let Some(owners) = owners {
        output::line(&format!("  owned by {}", owners.shown()))?;
    }
    output::line("versions:")?;
    for (version, entry) in found.package.releases.iter().rev() {
        let yanked = match entry.yanked.as_deref() {
            None => String::new(),
            Some("") => "  yanked".to_owned(),
            Some(reason) => format!("  yanked: {reason}"),
        };
        output::line(&format!("  {version}  {}{yanked}", entry.sealed))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The newest release that is not withdrawn and no pre-release, or else the newest of all.
fn newest(found: &Found) -> Option<(&Version, &ReleaseEntry)> {
    let mut releases = found.package.releases.iter().rev();
    let usable = releases.clone().find(|(version, entry)| entry.yanked.is_none() && !version.is_prerelease());
    usable.or_else(|| releases.next())
}

fn describe(entry: &ReleaseEntry) -> Vec<String> {
    let release = &entry.release;
    let mut lines: Vec<String> = release.summary.iter().cloned().collect();
    lines.extend(release.license.iter().map(|license| format!("licence: {license}")));
    lines.extend(release.requires_python.iter().map(|range| format!("runs in Python {range}")));
    lines.extend(release.hosts.iter().map(|(host, range)| format!("runs in {host} {range}")));
    lines.extend(release.provides.iter().map(|(what, version)| format!("provides {what} {version}")));
    lines.extend(release.requires.iter().map(|requirement| format!("needs {requirement}")));
    if !release.extras.is_empty() {
        lines.push(format!("extras: {}", release.extras.join(", ")));
    }
    let files = entry.artifacts.iter();
    lines.extend(files.map(|artifact| format!("file {} ({})", artifact.file, HumanBytes(artifact.size))));
    lines
}

/// Those who have signed a record of it.
fn signers(facts: &Facts) -> BTreeSet<&Signer> {
    facts.records.iter().flatten().collect()
}

/// Who stands for a release.
fn vouchers(facts: &Facts) -> Vec<String> {
    let mut lines: Vec<String> = signers(facts).iter().map(|signer| format!("signed by {signer}")).collect();
    lines.extend(facts.approvals.iter().map(|(signer, whole)| match whole {
        true => format!("approved by {signer}"),
        false => format!("approved by {signer}, before its last file came"),
    }));
    lines
}

fn json(version: &Version, entry: &ReleaseEntry, facts: &Facts) -> serde_json::Value {
    let approvals: Vec<_> = facts
        .approvals
        .iter()
        .map(|(signer, whole)| serde_json::json!({ "signer": signer, "whole": whole }))
        .collect();
    let release = &entry.release;
    serde_json::json!({
        "version": version.to_string(),
        "sealed": entry.sealed,
        "yanked": entry.yanked,
        "summary": release.summary,
        "license": release.license,
        "requires-python": release.requires_python,
        "hosts": release.hosts,
        "provides": release.provides,
        "requires": release.requires,
        "extras": release.extras,
        "artifacts": entry.artifacts,
        "signers": signers(facts),
        "approvals": approvals,
    })
}
