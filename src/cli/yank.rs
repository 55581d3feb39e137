//! `rvp yank`: withdraw a release, or give it back.

use std::process::ExitCode;

use anyhow::Context as _;
use rvp::model::{PackageName, Version};
use rvp::publish::{Standing, Written, commit, sign};

use super::context::{Context, current_project};
use super::published::report_dropped;
use super::record_signing::RecordSigning;
use super::registry::views;
use super::waiting::report_waiting;
use super::writable::Writable;

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
    #[command(flatten)]
    signing: RecordSigning,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (name, version) = release(&arguments.release)?;
    let project = current_project()?;
    let signatory =
        arguments.signing.signatory(context, &arguments.registry.settings(context, project.as_ref())?)?;
    let mut to = arguments.registry.open(context, project.as_ref())?;
    let writer = &to.writer;
    let package = writer.package(&name)?.with_context(|| {
        format!("`{name}` is not in the registry `{}`\n  hint: check the spelling", writer.config().name)
    })?;
    let (record, done) = match arguments.undo {
        false => (rvp::publish::yank(&package, &version, &arguments.reason)?, "yanked"),
        true => (rvp::publish::undo_yank(&package, &version, &arguments.reason)?, "gave back"),
    };
    let (prefixes, now) = (writer.prefixes()?, jiff::Timestamp::now());
    let standing = Standing::of_name(&name, Some(&package), &prefixes);
    let signed = sign(&writer.config().name, standing, signatory.as_ref(), vec![record], now)?;
    let written = commit(&mut to, vec![signed], now)?;
    views::refresh_after(context, &to.writer)?;
    match &written {
        Written::Sealed(sealed) => {
            context.say(&format!("{done} {name} {version}; the log has {} entries", sealed.checkpoint.size));
            Ok(report_dropped(sealed))
        }
        Written::Proposed(waiting) => report_waiting(context, waiting),
    }
}

/// Reads `NAME==VERSION`.
pub fn release(text: &str) -> anyhow::Result<(PackageName, Version)> {
    let (name, version) =
        text.split_once("==").with_context(|| format!("`{text}` names no release; write NAME==VERSION"))?;
    let name: PackageName = name.parse()?;
    let version = Version::parse(name.family(), version)?;
    Ok((name, version))
}
