//! `rvp mirror apply`: add a bundle to a copy.

use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::HumanBytes;

use super::copy::entries;
use super::progress;
use crate::cli::context::Context;
use crate::cli::output;

/// Add what a bundle carries to a copy, or make a copy of it
#[derive(clap::Args)]
pub struct Arguments {
    /// What `rvp mirror bundle` wrote
    file: PathBuf,
    /// The folder of the copy
    dest: PathBuf,
    /// The registry's public key [default: that of the copy; of a new one, the bundle's]
    #[arg(long)]
    key: Option<String>,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let progress = progress(context);
    let applied = rvp::mirror::apply(&arguments.file, &arguments.dest, arguments.key.as_deref(), &*progress)?;
    drop(progress);
    if context.global.json {
        output::json(&applied)?;
        return Ok(ExitCode::SUCCESS);
    }
    let dest = arguments.dest.display();
    context.say(&match applied.new_entries + applied.blobs {
        0 => format!("{dest} has all of it already: {} log entries", applied.entries),
        _ => format!(
            "added {} of the log and {} ({}) to {dest}; the log has {} entries",
            entries(applied.new_entries),
            output::count(applied.blobs, "blob"),
            HumanBytes(applied.bytes),
            applied.entries
        ),
    });
    if !applied.holds.is_everything() {
        context.say(&format!("it holds {}", applied.holds));
    }
    Ok(ExitCode::SUCCESS)
}
