//! `rvp registry seal`: commit the proposed lines of a directory registry.

use std::path::PathBuf;
use std::process::ExitCode;

use rvp::registry::SealOptions;

use crate::cli::context::Context;
use crate::cli::destination::open_to_seal;
use crate::cli::output;
use crate::cli::published::report_dropped;

/// Check the proposed lines of a registry, log them, and sign the new state
///
/// Without proposals it signs the present state again, with today's time.
#[derive(clap::Args)]
pub struct Arguments {
    /// The registry: a folder, or the URL of a git repository
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
    /// Go on from an old copy, as the entries that the key has sealed since are lost for good
    #[arg(long)]
    accept_loss: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut writer = open_to_seal(context, &arguments.dir, |config| {
        let key = context.log_key(arguments.key.as_deref(), config)?;
        if arguments.accept_loss {
            key.forget_sealed()?;
        }
        Ok(key)
    })?;
    let options =
        SealOptions { blobs_elsewhere: arguments.allow_missing_blobs, drop_refused: arguments.drop_refused };
    let sealed = writer.seal_proposals(jiff::Timestamp::now(), options)?;
    super::views::refresh_after(context, &writer)?;
    context.say(&format!(
        "sealed {} in {}; the log has {} entries",
        output::count(sealed.records, "record"),
        arguments.dir.display(),
        sealed.checkpoint.size
    ));
    Ok(report_dropped(&sealed))
}
