//! `rvp list` and `rvp rollback`: what an environment holds, and what it held before.

use std::process::ExitCode;

use rvp::project::Settings;

use super::context::{Context, current_project};
use super::env::chosen;
use super::output;

/// List the packages of an environment
#[derive(clap::Args)]
pub struct ListArguments {
    /// A name, or a path as ./PATH [default: the project's environment, or the active one]
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: Option<String>,
}

/// Go back to what an environment held before
#[derive(clap::Args)]
pub struct RollbackArguments {
    /// A name, or a path as ./PATH [default: the project's environment, or the active one]
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: Option<String>,
    /// A generation of `rvp env history` [default: the one before the current one]
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
}

pub fn list(context: &Context, arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let settings = context.settings(Settings::default(), current_project()?.as_ref())?;
    let environment = chosen(arguments.env.as_deref(), &settings)?;
    let mut packages = environment.current().map(|generation| generation.plan.packages).unwrap_or_default();
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    if context.global.json {
        output::json(&packages)?;
        return Ok(ExitCode::SUCCESS);
    }
    for package in packages {
        output::line(&format!("{} {}", package.name, package.version))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub fn rollback(context: &Context, arguments: &RollbackArguments) -> anyhow::Result<ExitCode> {
    let settings = context.settings(Settings::default(), current_project()?.as_ref())?;
    let environment = chosen(arguments.env.as_deref(), &settings)?;
    let held = environment.lock(|waiting| context.say(waiting))?;
    let number = match arguments.to {
        Some(number) => held.switch_to(number).map(|()| number)?,
        None => held.rollback()?,
    };
    let packages = environment.current().map_or(0, |generation| generation.plan.packages.len());
    context.say(&format!(
        "{} is at generation {number} again, with {}",
        environment.path().display(),
        output::count(packages, "package")
    ));
    Ok(ExitCode::SUCCESS)
}
