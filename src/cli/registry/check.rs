//! `rvp registry check`: judge a proposal, without the registry's key.

use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::HumanBytes;
use rvp::check::{CheckedRelease, Question, Report, check};
use rvp::project::{Location, Registry, Settings};
use rvp::publish::Difference;
use rvp::resolve::Registries;

use crate::cli::context::Context;
use crate::cli::known_hosts::shipped;
use crate::cli::output;
use crate::cli::targets::TargetArguments;

/// Check the proposed lines of a registry before they are merged
///
/// Nothing is written, and no private key is needed. Beside all that `rvp registry seal` asks for, the files must be what the records
/// say, nothing committed may be altered, the registry's own policy must admit the releases, they must resolve, and so
/// must the packages that depend on them.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the registry, with the proposal in it
    dir: PathBuf,
    /// The registry without the proposal: nothing else may differ
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Pass over blobs that are not in this directory
    #[arg(long)]
    allow_missing_blobs: bool,
    #[command(flatten)]
    targets: TargetArguments,
    /// Print the report as Markdown, for a comment
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = context.settings(Settings::default(), None)?;
    let targets = match arguments.targets.is_empty() {
        true => Vec::new(),
        false => arguments.targets.decide(context, &Location::Path(arguments.dir.clone()))?,
    };
    let reader = context.open_directory(&arguments.dir, None)?;
    let registry = Registry::new(reader.config()?.name.clone(), Location::Path(arguments.dir.clone()));
    let registries = Registries::new(vec![registry], vec![reader]);
    let question = Question {
        dir: &arguments.dir,
        base: arguments.base.as_deref(),
        registries: &registries,
        verifier: &context.authority(&settings)?,
        shipped_host: &shipped()?,
        targets: &targets,
        blobs_elsewhere: arguments.allow_missing_blobs,
        now: jiff::Timestamp::now(),
    };
    let report = check(&question)?;
    if context.global.json {
        output::json(&report)?;
    } else if arguments.markdown {
        output::line(report.to_markdown().trim_end())?;
    } else {
        print(&report)?;
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &Report) -> anyhow::Result<()> {
    for release in &report.releases {
        print_release(release)?;
    }
    for record in &report.other_records {
        line(record)?;
    }
    for moved in &report.dependents.changed {
        let changes: Vec<String> = moved.changes.iter().map(ToString::to_string).collect();
        line(&format!(
            "{} {} gets {} for {}",
            moved.name,
            moved.version,
            changes.join(", "),
            moved.targets.join(", ")
        ))?;
    }
    for warning in &report.warnings {
        line(&format!("warning: {} {}", warning.about, warning.reason))?;
    }
    for failure in &report.failures {
        line(&format!("FAILED: {} {}", failure.about, failure.reason))?;
    }
    line(&format!(
        "{}: {}, {}; {} resolved again",
        if report.is_sound() { "sound" } else { "NOT SOUND" },
        output::count(report.records, "record"),
        output::count(report.releases.len(), "release"),
        output::count(report.dependents.examined, "dependent"),
    ))
}

/// Prints a line, in which nothing that others have written moves the cursor.
fn line(text: &str) -> anyhow::Result<()> {
    output::line(&text.replace(|c: char| c.is_control() && c != '\n', " "))
}

fn print_release(release: &CheckedRelease) -> anyhow::Result<()> {
    let difference = &release.difference;
    let after = match (&difference.previous, release.is_new) {
        (Some(previous), true) => format!("after {previous}"),
        (None, true) => "the first release".into(),
        (_, false) => "more files".into(),
    };
    let signers = match &release.signers[..] {
        [] => "unsigned".into(),
        signers => format!("signed by {}", signers.join(" and ")),
    };
    line(&format!(
        "{} {}: {after}, {}, {}, {signers}",
        release.name,
        release.version,
        output::count(release.new_files, "new file"),
        HumanBytes(difference.size.after),
    ))?;
    for change in changes(difference) {
        line(&format!("  {change}"))?;
    }
    let fine = release.targets.iter().filter(|target| target.explanation.is_empty());
    let fine: Vec<&str> = fine.map(|target| target.target.as_str()).collect();
    if !fine.is_empty() {
        line(&format!("  resolves for {}", fine.join(", ")))?;
    }
    Ok(())
}

/// What a release needs otherwise than the one before it, one line each.
fn changes(difference: &Difference) -> Vec<String> {
    let Difference { dependencies, requires_python, hosts, license, files, .. } = difference;
    let mut lines: Vec<String> = Vec::new();
    lines.extend(dependencies.added.iter().map(|text| format!("+ {text}")));
    lines.extend(dependencies.removed.iter().map(|text| format!("- {text}")));
    let changed = &dependencies.changed;
    lines.extend(changed.iter().map(|one| format!("{} -> {}", one.before.join(", "), one.after.join(", "))));
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".into());
    let words = |hosts: &std::collections::BTreeMap<String, String>| match hosts.is_empty() {
        true => "any".to_owned(),
        false => hosts.iter().map(|(host, range)| format!("{host} {range}")).collect::<Vec<_>>().join(", "),
    };
    let mut other = |what: &str, before: Option<String>, after: String| {
        if let Some(before) = before {
            lines.push(format!("{what}: {before} -> {after}"));
        }
    };
    let before = |is_other: bool, before: Option<String>| before.filter(|_| is_other);
    other(
        "requires-python",
        before(requires_python.is_other(), requires_python.before.as_ref().map(text)),
        text(&requires_python.after),
    );
    other("hosts", before(hosts.is_other(), hosts.before.as_ref().map(words)), words(&hosts.after));
    other("licence", before(license.is_other(), license.before.as_ref().map(text)), text(&license.after));
    let join =
        |files: &std::collections::BTreeSet<String>| files.iter().cloned().collect::<Vec<_>>().join(", ");
    other("files", before(files.is_other(), files.before.as_ref().map(join)), join(&files.after));
    lines
}
