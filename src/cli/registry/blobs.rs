//! `rvp registry blobs`: where else a registry keeps blobs.

use std::process::ExitCode;

use rvp::project::Location;

use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::published::report_dropped;
use crate::cli::writable::Access;

/// Name other places of a registry's blobs, and seal that
///
/// A git repository takes no large files: those are put into the first bucket that is named here. All readers look for a blob
/// in the registry itself, and then in these places. Without any, they look nowhere else.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the registry, or the URL of its bucket or git repository
    #[arg(value_name = "DIR-or-URL", value_parser = Location::parse)]
    registry: Location,
    /// URLs of buckets and web servers, in the order in which they are asked
    #[arg(value_name = "URL", value_parser = place)]
    places: Vec<String>,
    #[command(flatten)]
    access: Access,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut writer = arguments.access.open_at(context, &arguments.registry, |_| Ok(()))?;
    let sealed = writer.set_blob_places(&arguments.places, jiff::Timestamp::now())?;
    context.say(&format!(
        "blobs of {} may be in {} from now on; the log has {} entries",
        arguments.registry,
        output::count(arguments.places.len(), "other place"),
        sealed.checkpoint.size
    ));
    Ok(report_dropped(&sealed))
}

fn place(text: &str) -> Result<String, String> {
    match Location::parse(text)? {
        Location::Bucket(_) | Location::Http(_) => Ok(text.to_owned()),
        _ => Err("blobs can be in a bucket or on a web server".into()),
    }
}
