//! `rvp mirror SOURCE DEST`: make a copy, or bring it up to date.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use indicatif::HumanBytes;
use rvp::mirror::{CopyOptions, copy};
use rvp::registry::Replica;

use super::choice::ChoiceArguments;
use super::{open_source, transfer};
use crate::cli::context::Context;
use crate::cli::output;

#[derive(clap::Args)]
pub struct CopyArguments {
    /// The registry to copy: a folder, a URL, or a name from the settings
    #[arg(required = true)]
    source: Option<String>,
    /// The folder of the copy
    #[arg(required = true)]
    dest: Option<PathBuf>,
    /// Look at every byte, and fetch again what is missing or altered
    #[arg(long)]
    repair: bool,
    /// Remove files that are not chosen any more
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    choice: ChoiceArguments,
}

pub fn run(context: &Context, arguments: &CopyArguments) -> anyhow::Result<ExitCode> {
    // Both are there wherever there is no subcommand in their place.
    let (Some(source), Some(dest)) = (&arguments.source, &arguments.dest) else {
        bail!("there is nothing to copy\n  hint: rvp mirror SOURCE DEST");
    };
    // A copy that is to be mended may be too damaged to tell its key.
    let key = if arguments.repair { Replica::key_at(dest).ok().flatten() } else { Replica::key_at(dest)? };
    let source = open_source(context, source, key.as_deref())?;
    // Nothing is made for a source that cannot be read.
    source.config()?;
    let replica = Replica::open(dest, arguments.repair)?;
    let options = CopyOptions {
        choice: arguments.choice.choice(source.key())?,
        repair: arguments.repair,
        prune: arguments.prune,
    };
    let copied = copy(&source, replica, &options, &transfer(context))?;
    if context.global.json {
        output::json(&copied)?;
        return Ok(ExitCode::SUCCESS);
    }
    let dest = dest.display();
    context.say(&match copied.new_entries + copied.blobs {
        0 => format!("{dest} is up to date: {} log entries", copied.entries),
        _ => format!(
            "copied {} of the log and {} ({}) to {dest}; the log has {} entries",
            entries(copied.new_entries),
            output::count(copied.blobs, "blob"),
            HumanBytes(copied.bytes),
            copied.entries
        ),
    });
    if !copied.holds.is_everything() {
        context.say(&format!("it holds {}", copied.holds));
    }
    if copied.removed > 0 {
        let removed = output::count(copied.removed, "blob");
        context.say(&format!("removed {removed} ({})", HumanBytes(copied.removed_bytes)));
    }
    Ok(ExitCode::SUCCESS)
}

/// `1 new entry`, `2 new entries`
pub fn entries(number: u64) -> String {
    if number == 1 { "1 new entry".to_owned() } else { format!("{number} new entries") }
}
