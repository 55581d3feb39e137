//! `rvp lock`

use std::process::ExitCode;

use rvp::model::PackageName;
use rvp::resolve::Upgrade;

use super::context::Context;
use super::output;
use super::workspace::{ResolveArguments, Workspace};

/// Resolve the project for its targets, and write rvp.lock
///
/// A lock that answers the project's question is left as it is, without asking a registry.
#[derive(clap::Args)]
pub struct Arguments {
    /// Change nothing; fail if the lock is not up to date
    #[arg(long)]
    check: bool,
    /// Choose every version anew
    #[arg(long, short = 'U')]
    upgrade: bool,
    /// Choose the version of this package anew
    #[arg(long, short = 'P', value_name = "NAME")]
    upgrade_package: Vec<PackageName>,
    #[command(flatten)]
    resolve: ResolveArguments,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find(context, arguments.resolve.settings()?)?;
    let old = workspace.lock()?;
    let difference = match &old {
        None => Some("there is no rvp.lock".to_owned()),
        Some(lock) => lock
            .inputs
            .difference(&workspace.question().inputs())
            .map(|difference| format!("rvp.lock is not up to date: {difference}")),
    };
    let forbidden = match (&difference, &old) {
        (None, Some(lock)) => workspace.forbidden(context, lock)?,
        _ => None,
    };
    let difference =
        difference.or_else(|| Some(format!("rvp.lock is not up to date: {}", forbidden.as_ref()?)));
    if arguments.check {
        return Ok(match difference {
            None => {
                context.say("rvp.lock is up to date");
                ExitCode::SUCCESS
            }
            Some(difference) => {
                output::note(&format!("error: {difference}\n  hint: run `rvp lock`, and commit the result"));
                ExitCode::FAILURE
            }
        });
    }
    let upgrade = match (arguments.upgrade, arguments.upgrade_package.is_empty()) {
        (true, _) => Upgrade::All,
        (false, false) => Upgrade::Packages(arguments.upgrade_package.iter().cloned().collect()),
        (false, true) => Upgrade::Nothing,
    };
    if difference.is_none() && upgrade == Upgrade::Nothing {
        context.say("rvp.lock is up to date");
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(forbidden) = &forbidden {
        context.say(&format!("note: {forbidden}"));
    }
    workspace.relock(context, old.as_ref(), &upgrade)?;
    Ok(ExitCode::SUCCESS)
}
