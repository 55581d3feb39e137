//! `rvp registry seal`: commit the proposed lines of a directory registry.

use std::path::PathBuf;
use std::process::ExitCode;

use rvp::registry::{SealOptions, Sealed, Writer};

use crate::cli::context::Context;
use crate::cli::output;

/// Check the proposed lines of a registry, log them, and sign the new state
///
/// Without proposals it signs the present state again, with today's time.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the registry
    dir: PathBuf,
    /// The registry's private key [default: the one in the keys folder of ~/.rvp]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Seal releases whose blobs are not in this directory
    #[arg(long)]
    allow_missing_blobs: bool,
    /// Remove the lines that cannot be sealed from the index files
    #[arg(long)]
    drop_refused: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut writer =
        Writer::open(&arguments.dir, |config| context.log_key(arguments.key.as_deref(), config))?;
    let options =
        SealOptions { blobs_elsewhere: arguments.allow_missing_blobs, drop_refused: arguments.drop_refused };
    let sealed = writer.seal_proposals(jiff::Timestamp::now(), options)?;
    context.say(&format!(
        "sealed {} in {}; the log has {} entries",
        output::count(sealed.records, "record"),
        arguments.dir.display(),
        sealed.checkpoint.size
    ));
    Ok(report_dropped(&sealed))
}

/// Says which lines were left out of a seal; the exit code says so too.
pub fn report_dropped(sealed: &Sealed) -> ExitCode {
    for dropped in &sealed.dropped {
        let line: String = dropped.line.chars().take(120).collect();
        output::note(&format!("refused: {}: {}\n  {line}", dropped.path, dropped.reason));
    }
    match sealed.dropped.iter().filter(|dropped| dropped.stays).count() {
        0 => {}
        stay => output::note(&format!(
            "still in the index files: {}\n  hint: have that mended, or remove it with `rvp registry seal --drop-refused`",
            output::count(stay, "refused line")
        )),
    }
    if sealed.dropped.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
