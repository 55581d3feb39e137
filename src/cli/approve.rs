//! `rvp approve`: a reviewer's word for a release.

use std::process::ExitCode;

use anyhow::Context as _;
use rvp::model::sealed_lines;
use rvp::publish::{Standing, Written, approve, commit, sign};

use super::context::{Context, current_project};
use super::published::report_dropped;
use super::record_signing::RecordSigning;
use super::waiting::report_waiting;
use super::writable::Writable;
use super::yank::release;

/// Say, with a signature, that a release was reviewed as it stands now
///
/// Files that are added to the release later are not covered. Whose approval counts is for the policy of each client.
#[derive(clap::Args)]
pub struct Arguments {
    /// The release
    #[arg(value_name = "NAME==VERSION")]
    release: String,
    #[command(flatten)]
    registry: Writable,
    #[command(flatten)]
    signing: RecordSigning,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (name, version) = release(&arguments.release)?;
    let project = current_project()?;
    let settings = arguments.registry.settings(context, project.as_ref())?;
    let signatory = arguments.signing.needed(context, &settings, "an approval")?;
    let mut to = arguments.registry.open(context, project.as_ref())?;
    let writer = &to.writer;
    let path = name.index_path();
    let bytes = writer.index(&path)?;
    let (Some(package), Some(bytes)) = (writer.package(&name)?, bytes) else {
        anyhow::bail!(
            "`{name}` is not in the registry `{}`\n  hint: check the spelling",
            writer.config().name
        );
    };
    let record = approve(&package, &version, &sealed_lines(&path, &bytes)?)?;
    let now = jiff::Timestamp::now();
    let signed = sign(&writer.config().name, Standing::default(), Some(&signatory), vec![record], now)
        .context("cannot approve")?;
    let written = commit(&mut to, vec![signed], now)?;
    match &written {
        Written::Sealed(sealed) => {
            context.say(&format!("approved {name} {version} as {}", signatory.signer()));
            Ok(report_dropped(sealed))
        }
        Written::Proposed(waiting) => report_waiting(context, waiting),
    }
}
