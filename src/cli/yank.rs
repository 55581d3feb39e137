//! `rvp yank`: withdraw a release, or give it back.

use std::process::ExitCode;

use anyhow::Context as _;
use rvp::model::{PackageName, Version};

use super::context::{Context, current_project};
use super::publish::Writable;
use super::registry::views;

/// Withdraw a release, or give it back
///
/// Locks that name a withdrawn release keep working, and nothing chooses it anew.
#[derive(clap::Args)]
pub struct Arguments {
    /// The release
    #[arg(value_name = "NAME==VERSION")]
    release: String,
    /// Give a withdrawn release back
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    registry: Writable,
    /// Why, in a sentence that users will read
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (name, version) = arguments
        .release
        .split_once("==")
        .with_context(|| format!("`{}` names no release; write NAME==VERSION", arguments.release))?;
    let name: PackageName = name.parse()?;
    let version = Version::parse(name.family(), version)?;
    let mut writer = arguments.registry.open(context, current_project()?.as_ref())?;
    let package = writer.package(&name)?.with_context(|| {
        format!("`{name}` is not in the registry `{}`\n  hint: check the spelling", writer.config().name)
    })?;
    let (record, done) = match arguments.undo {
        false => (rvp::publish::yank(&package, &version, &arguments.reason)?, "yanked"),
        true => (rvp::publish::undo_yank(&package, &version, &arguments.reason)?, "gave back"),
    };
    let sealed = writer.publish(vec![record], jiff::Timestamp::now())?;
    views::refresh_after(context, &writer)?;
    context.say(&format!("{done} {name} {version}; the log has {} entries", sealed.checkpoint.size));
    Ok(super::published::report_dropped(&sealed))
}
