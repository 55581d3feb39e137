//! `rvp mirror bundle`: what is new in a registry, as one file.

use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::HumanBytes;
use rvp::mirror::{Since, choice_of_source, export};

use super::choice::ChoiceArguments;
use super::copy::entries;
use super::{open_source, transfer};
use crate::cli::context::Context;
use crate::cli::output;

/// Write what is new in a registry as one file, for a network that only files enter
///
/// `rvp mirror apply` adds it to a copy on the other side.
#[derive(clap::Args)]
pub struct Arguments {
    /// The registry: a folder, a URL, or a name from the settings
    source: String,
    /// What the other side has: a number of log entries, its log/checkpoint, or a folder that is the same copy [default: nothing]
    #[arg(long, value_name = "STATE")]
    since: Option<String>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    choice: ChoiceArguments,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let source = open_source(context, &arguments.source, None)?;
    let since = arguments.since.as_deref().map_or(Since::Nothing, Since::parse);
    let choice = match arguments.choice.choice(source.key())? {
        Some(choice) => choice,
        None => choice_of_source(&source)?,
    };
    let exported = export(&source, &since, &choice, &arguments.out, &transfer(context))?;
    if context.global.json {
        output::json(&exported)?;
        return Ok(ExitCode::SUCCESS);
    }
    context.say(&format!(
        "wrote {}: {} of the log behind the first {}, and {}; {} in all",
        arguments.out.display(),
        entries(exported.to - exported.from),
        exported.from,
        output::count(exported.blobs, "blob"),
        HumanBytes(exported.bytes)
    ));
    if !exported.holds.is_everything() {
        context.say(&format!("the copy then holds {}", exported.holds));
    }
    Ok(ExitCode::SUCCESS)
}
