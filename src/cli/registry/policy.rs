//! `rvp registry policy`: what a registry demands of its own packages.

use std::path::PathBuf;
use std::process::ExitCode;

use rvp::registry::layout;
use rvp::trust::policy::{Level, PolicyFile};

use crate::cli::context::Context;
use crate::cli::destination::open_to_seal;
use crate::cli::published::report_dropped;

/// Put a policy into a registry, for all who use it, and seal it
///
/// It holds for what comes from this registry, beside the policies of machines, users and projects. An empty file takes
/// all rules back.
#[derive(clap::Args)]
pub struct Arguments {
    /// The registry: a folder, or the URL of a git repository
    dir: PathBuf,
    /// The policy
    file: PathBuf,
    /// The registry's private key [default: the one in the keys folder of ~/.rvp]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut writer =
        open_to_seal(context, &arguments.dir, |config| context.log_key(arguments.key.as_deref(), config))?;
    let level = Level::Registry(writer.config().name.clone());
    let policy = PolicyFile::read(level, &arguments.file)?;
    let sealed = writer.publish_file(layout::POLICY, policy.bytes(), jiff::Timestamp::now())?;
    context.say(&format!(
        "sealed the policy of {}; the log has {} entries",
        arguments.dir.display(),
        sealed.checkpoint.size
    ));
    Ok(report_dropped(&sealed))
}
