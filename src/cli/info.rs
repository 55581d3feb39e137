//! `rvp info`: what the registries know of a package.

use std::process::ExitCode;

use anyhow::Context as _;
use indicatif::HumanBytes;
use rvp::model::{PackageName, ReleaseEntry, Version};
use rvp::resolve::Found;

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
    let found = open_registries(context, &settings, true)?
        .find(&arguments.name)
        .map_err(anyhow::Error::from_boxed)?;
    let newest = newest(&found).with_context(|| format!("`{}` has no release", arguments.name))?;
    if context.global.json {
        let releases: Vec<_> =
            found.package.releases.iter().rev().map(|(version, entry)| json(version, entry)).collect();
        output::json(&serde_json::json!({
            "name": found.package.name,
            "registry": found.registry,
            "newest": newest.0.to_string(),
            "releases": releases,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("{} {} in {}", found.package.name, newest.0, found.registry))?;
    for line in describe(newest.1) {
        output::line(&format!("  {line}"))?;
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

fn json(version: &Version, entry: &ReleaseEntry) -> serde_json::Value {
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
    })
}
