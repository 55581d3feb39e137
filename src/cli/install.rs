//! `rvp install` and `rvp update`: change an environment, or a project's versions.

use std::process::ExitCode;

use anyhow::Context as _;
use rvp::install::Environment;
use rvp::model::{Family, PackageName, Requirement, TargetSpec};
use rvp::project::Settings;
use rvp::resolve::{Lock, Upgrade};

use super::context::Context;
use super::env::{chosen, own_lock};
use super::publish::current_project;
use super::sync;
use super::workspace::{Question, ResolveArguments, Workspace};

/// Install packages into an environment that belongs to no project
///
/// The environment remembers what it was asked for, in an rvp.lock of its own. In a project, use `rvp add`.
#[derive(clap::Args)]
pub struct InstallArguments {
    /// Requirements as PEP 508 writes them
    #[arg(required = true, value_parser = requirement)]
    requirements: Vec<Requirement>,
    /// The environment: a name, or a path as ./PATH
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: String,
    #[command(flatten)]
    resolve: ResolveArguments,
}

/// Choose newer versions, and install them
#[derive(clap::Args)]
pub struct UpdateArguments {
    /// The packages to choose anew [default: all]
    names: Vec<PackageName>,
    /// An environment that belongs to no project [default: the project]
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: Option<String>,
    #[command(flatten)]
    resolve: ResolveArguments,
}

fn requirement(text: &str) -> Result<Requirement, rvp::model::RequirementError> {
    Requirement::parse(Family::Python, text)
}

pub fn install(context: &Context, arguments: &InstallArguments) -> anyhow::Result<ExitCode> {
    let settings = context.settings(arguments.resolve.settings()?, current_project()?.as_ref())?;
    let environment = chosen(Some(&arguments.env), &settings)?;
    let old = own_lock(&environment)?;
    let mut requirements = asked_before(old.as_ref())?;
    requirements.retain(|known| arguments.requirements.iter().all(|new| new.name != known.name));
    requirements.extend(arguments.requirements.iter().cloned());
    apply(context, settings, &environment, requirements, old.as_ref(), &Upgrade::Nothing)
}

/// Removes packages from an environment that belongs to no project.
pub fn uninstall(context: &Context, env: &str, names: &[PackageName]) -> anyhow::Result<ExitCode> {
    let settings = context.settings(Settings::default(), current_project()?.as_ref())?;
    let environment = chosen(Some(env), &settings)?;
    let old = own_lock(&environment)?;
    let mut requirements = asked_before(old.as_ref())?;
    for name in names {
        let before = requirements.len();
        requirements.retain(|known| known.name != *name);
        if requirements.len() == before {
            anyhow::bail!(
                "nobody asked for `{name}` in {env}\n  hint: `rvp list --env {env}` shows what is there"
            );
        }
    }
    apply(context, settings, &environment, requirements, old.as_ref(), &Upgrade::Nothing)
}

pub fn update(context: &Context, arguments: &UpdateArguments) -> anyhow::Result<ExitCode> {
    let upgrade = match arguments.names.is_empty() {
        true => Upgrade::All,
        false => Upgrade::Packages(arguments.names.iter().cloned().collect()),
    };
    let Some(env) = &arguments.env else {
        let workspace = Workspace::find(context, arguments.resolve.settings()?)?;
        let old = workspace.lock()?;
        workspace.relock(context, old.as_ref(), &upgrade)?;
        return sync::sync_default(context, &workspace);
    };
    let settings = context.settings(arguments.resolve.settings()?, current_project()?.as_ref())?;
    let environment = chosen(Some(env), &settings)?;
    let old = own_lock(&environment)?;
    let requirements = asked_before(old.as_ref())?;
    apply(context, settings, &environment, requirements, old.as_ref(), &upgrade)
}

fn asked_before(lock: Option<&Lock>) -> anyhow::Result<Vec<Requirement>> {
    let texts = lock.map(|lock| lock.inputs.requirements()).unwrap_or_default();
    texts.iter().map(|text| Ok(Requirement::parse(Family::Python, text)?)).collect()
}

/// Resolves for the environment's own target, installs, and remembers what was asked for.
fn apply(
    context: &Context,
    settings: Settings,
    environment: &Environment,
    requirements: Vec<Requirement>,
    old: Option<&Lock>,
    upgrade: &Upgrade,
) -> anyhow::Result<ExitCode> {
    let state = environment.state();
    let question = Question {
        requirements,
        requires_python: None,
        hosts: Default::default(),
        targets: vec![TargetSpec {
            host: state.host.clone(),
            python: Some(state.python.clone()),
            platform: Some(state.platform.clone()),
        }],
        settings,
    };
    let lock = question.answer(context, old, upgrade)?;
    for line in super::changes::between(old, &lock) {
        context.say(&line);
    }
    let target = lock.targets.first().context("the lock has no target")?;
    sync::install(context, &question.settings, &lock, target, None, environment)?;
    lock.write(&environment.path().join("rvp.lock"))?;
    Ok(ExitCode::SUCCESS)
}
