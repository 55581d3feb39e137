//! `rvp registry policy`: what a registry demands of its own packages.

use std::path::PathBuf;
use std::process::ExitCode;

use rvp::project::Location;
use rvp::registry::layout;
use rvp::trust::policy::{Level, PolicyFile};

use crate::cli::context::Context;
use crate::cli::published::report_dropped;
use crate::cli::writable::Access;

/// Put a policy into a registry, for all who use it, and seal it
///
/// It holds for what comes from this registry, beside the policies of machines, users and projects. An empty file takes
/// all rules back.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the registry, or the URL of its bucket or git repository
    #[arg(value_name = "DIR-or-URL", value_parser = Location::parse)]
    registry: Location,
    /// The policy
    file: PathBuf,
    #[command(flatten)]
    access: Access,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut writer = arguments.access.open_at(context, &arguments.registry, |_| Ok(()))?;
    let level = Level::Registry(writer.config().name.clone());
    let policy = PolicyFile::read(level, &arguments.file)?;
    let sealed = writer.publish_file(layout::POLICY, policy.bytes(), jiff::Timestamp::now())?;
    context.say(&format!(
        "sealed the policy of {}; the log has {} entries",
        arguments.registry, sealed.checkpoint.size
    ));
    Ok(report_dropped(&sealed))
}
