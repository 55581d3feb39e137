//! `rvp registry verify`: replay the log and check every file against it.

use std::process::ExitCode;

use indicatif::HumanBytes;

use rvp::project::{Location, Settings};

use crate::cli::context::Context;
use crate::cli::output;

/// Replay the log of a registry, and check every file against it
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the registry, or the URL of any place that it stands in
    #[arg(value_name = "DIR-or-URL", value_parser = Location::parse)]
    registry: Location,
    /// Pass over blobs that are not in the registry
    #[arg(long)]
    allow_missing_blobs: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let reader = context.open_as_keeper(&arguments.registry, None)?;
    let bar = if context.global.quiet {
        indicatif::ProgressBar::hidden()
    } else {
        indicatif::ProgressBar::new_spinner().with_message("checking blobs")
    };
    let mut report = rvp::registry::verify(&reader, arguments.allow_missing_blobs, &|bytes| bar.inc(bytes))?;
    let authority = context.authority(&context.settings(Settings::default(), None)?)?;
    report.problems.extend(rvp::trust::check_all(&*authority, &reader, &report.names)?);
    bar.finish_and_clear();
    if context.global.json {
        output::json(&report)?;
    } else {
        for problem in &report.problems {
            output::line(problem)?;
        }
        output::line(&format!(
            "{}: {} log entries, {}, {}, {} ({})",
            if report.problems.is_empty() { "sound" } else { "NOT SOUND" },
            report.entries,
            output::count(report.packages, "package"),
            output::count(report.releases, "release"),
            output::count(report.blobs, "blob"),
            HumanBytes(report.blob_bytes)
        ))?;
    }
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
