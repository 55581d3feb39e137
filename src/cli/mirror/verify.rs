//! `rvp mirror verify`: prove a copy complete.

use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::HumanBytes;

use crate::cli::context::Context;
use crate::cli::output;

/// Prove a copy complete, or list what is missing or altered
///
/// Whatever made the copy: `rvp mirror`, rsync, or a file manager. A partial copy is to hold what its mirror.json says.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the copy
    dir: PathBuf,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let reader = context.open_directory(&arguments.dir, None)?;
    let bar = if context.global.quiet {
        indicatif::ProgressBar::hidden()
    } else {
        indicatif::ProgressBar::new_spinner().with_message("checking blobs")
    };
    let verified = rvp::mirror::verify(&reader, &arguments.dir, &|bytes| bar.inc(bytes))?;
    bar.finish_and_clear();
    if context.global.json {
        output::json(&verified)?;
    } else {
        for problem in &verified.problems {
            output::line(problem)?;
        }
        output::line(&format!(
            "{}: {} log entries, {}, {}, {} ({})",
            if verified.problems.is_empty() { "complete" } else { "NOT COMPLETE" },
            verified.entries,
            output::count(verified.packages, "package"),
            output::count(verified.releases, "release"),
            output::count(verified.blobs, "blob"),
            HumanBytes(verified.blob_bytes)
        ))?;
        if !verified.holds.is_everything() {
            output::line(&format!("it holds {}", verified.holds))?;
        }
    }
    if verified.problems.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    context.say("hint: copy it again from its source with `rvp mirror SOURCE DIR --repair`");
    Ok(ExitCode::FAILURE)
}
