//! `rvp registry verify`: replay the log and check every file against it.

use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::HumanBytes;

use rvp::project::Settings;

use crate::cli::context::Context;
use crate::cli::output;

/// Replay the log of a registry, and check every file against it
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the registry
    dir: PathBuf,
    /// Pass over blobs that are not in this directory
    #[arg(long)]
    allow_missing_blobs: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let reader = context.open_directory(&arguments.dir, None)?;
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
