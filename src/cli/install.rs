//! `rvp install` and `rvp update`: change an environment, or a project's versions.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rvp::install::{Environment, LockedEnvironment};
use rvp::model::{Family, PackageName, Requirement, TargetSpec};
use rvp::project::Settings;
use rvp::resolve::{Asker, Lock, Upgrade};

use super::arguments::requirement;
use super::context::{Context, current_project};
use super::env::chosen;
use super::fill::{self, Destination};
use super::sync;
use super::workspace::{Question, ResolveArguments, Workspace};

/// Install packages into an environment that belongs to no project
///
/// The environment remembers what it was asked for. In a project, use `rvp add`.
#[derive(clap::Args)]
pub struct InstallArguments {
    /// Requirements as PEP 508 writes them
    #[arg(required = true, value_parser = requirement, value_name = "REQUIREMENT")]
    requirements: Vec<Requirement>,
    /// A name, or a path as ./PATH
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: String,
    #[command(flatten)]
    resolve: ResolveArguments,
}

/// Choose newer versions, and install them
#[derive(clap::Args)]
pub struct UpdateArguments {
    /// The packages to choose anew [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<PackageName>,
    /// An environment that belongs to no project [default: the project]
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: Option<String>,
    #[command(flatten)]
    resolve: ResolveArguments,
}

pub fn install(context: &Context, arguments: &InstallArguments) -> anyhow::Result<ExitCode> {
    let settings = context.settings(arguments.resolve.settings()?, current_project()?.as_ref())?;
    let environment = chosen(Some(&arguments.env), &settings)?;
    let own = Own::open(context, &environment)?;
    let mut requirements = own.asked_before()?;
    requirements.retain(|known| arguments.requirements.iter().all(|new| new.name != known.name));
    requirements.extend(arguments.requirements.iter().cloned());
    own.apply(context, settings, requirements, &Upgrade::Nothing)
}

/// Removes packages from an environment that belongs to no project.
pub fn uninstall(
    context: &Context,
    env: &str,
    names: &[PackageName],
    command_line: Settings,
) -> anyhow::Result<ExitCode> {
    let settings = context.settings(command_line, current_project()?.as_ref())?;
    let environment = chosen(Some(env), &settings)?;
    let own = Own::open(context, &environment)?;
    let mut requirements = own.asked_before()?;
    for name in names {
        let before = requirements.len();
        requirements.retain(|known| known.name != *name);
        if requirements.len() == before {
            bail!("nobody asked for `{name}` in {env}\n  hint: `rvp list --env {env}` shows what is there");
        }
    }
    own.apply(context, settings, requirements, &Upgrade::Nothing)
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
        return sync::sync_after(context, &workspace, "rvp.lock is");
    };
    let settings = context.settings(arguments.resolve.settings()?, current_project()?.as_ref())?;
    let environment = chosen(Some(env), &settings)?;
    let own = Own::open(context, &environment)?;
    let requirements = own.asked_before()?;
    own.apply(context, settings, requirements, &upgrade)
}

/// An environment that belongs to no project. No other process changes it while this one reads what it was asked for,
/// and answers that and more.
struct Own<'a> {
    environment: &'a Environment,
    held: LockedEnvironment<'a>,
    /// What it holds now.
    old: Option<Lock>,
}

impl<'a> Own<'a> {
    fn open(context: &Context, environment: &'a Environment) -> anyhow::Result<Self> {
        let held = environment.lock(|waiting| context.say(waiting))?;
        let plan = environment.current().map(|generation| generation.plan).unwrap_or_default();
        let old = match &plan.lock {
            Some(text) => Some(Lock::parse(environment.path(), text)?),
            None if plan.packages.is_empty() => None,
            None => bail!(
                "the packages of {} come from a project\n  hint: change them there, with `rvp add`, `rvp remove`, `rvp update` and `rvp sync --env`",
                environment.path().display()
            ),
        };
        Ok(Self { environment, held, old })
    }

    fn asked_before(&self) -> anyhow::Result<Vec<Requirement>> {
        let texts = self.old.as_ref().map(|lock| lock.inputs.requirements()).unwrap_or_default();
        texts.iter().map(|text| Ok(Requirement::parse(Family::Python, text)?)).collect()
    }

    /// Resolves for the environment's own target, and installs.
    fn apply(
        &self,
        context: &Context,
        settings: Settings,
        requirements: Vec<Requirement>,
        upgrade: &Upgrade,
    ) -> anyhow::Result<ExitCode> {
        let state = self.environment.state();
        let policies = context.policies()?.clone();
        let question = Question {
            asker: Asker::Environment,
            requirements,
            requires_python: None,
            hosts: Default::default(),
            targets: vec![TargetSpec {
                host: state.host.clone(),
                python: Some(state.python.clone()),
                platform: Some(state.platform.clone()),
            }],
            settings,
            policies,
        };
        let new = question.answer(context, self.old.as_ref(), upgrade)?;
        for change in super::changes::between(self.old.as_ref(), &new) {
            context.say(&change.to_string());
        }
        // A registry that has grown in the meantime is no reason for a new generation.
        let same = |old: &&Lock| old.inputs == new.inputs && old.packages == new.packages;
        let lock = self.old.as_ref().filter(same).unwrap_or(&new);
        let target = lock.targets.first().context("the lock has no target")?;
        let destination = Destination::Own(self.environment, &self.held);
        let synced = fill::install(context, &question.settings, lock, target, None, destination)?;
        Ok(synced.finish(context))
    }
}
