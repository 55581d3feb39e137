//! `rvp registry seal`: commit the proposed lines of a registry.

use std::process::ExitCode;

use rvp::project::Location;
use rvp::registry::{LogKey, SealOptions};

use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::published::report_dropped;
use crate::cli::writable::Access;

/// Check the proposed lines of a registry, log them, and sign the new state
///
/// Without proposals it signs the present state again, with today's time.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the registry, or the URL of its bucket or git repository
    #[arg(value_name = "DIR-or-URL", value_parser = Location::parse)]
    registry: Location,
    #[command(flatten)]
    access: Access,
    /// Seal releases whose blobs are not in the registry
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
    let forget = |key: &LogKey| match arguments.accept_loss {
        true => key.forget_sealed(),
        false => Ok(()),
    };
    let mut writer = arguments.access.open_at(context, &arguments.registry, forget)?;
    let options =
        SealOptions { blobs_elsewhere: arguments.allow_missing_blobs, drop_refused: arguments.drop_refused };
    let sealed = writer.seal_proposals(jiff::Timestamp::now(), options)?;
    super::views::refresh_after(context, &writer)?;
    context.say(&format!(
        "sealed {} in {}; the log has {} entries",
        output::count(sealed.records, "record"),
        arguments.registry,
        sealed.checkpoint.size
    ));
    Ok(report_dropped(&sealed))
}
