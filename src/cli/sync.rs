//! `rvp sync`: make an environment hold what the project's lock says.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rvp::install::Environment;
use rvp::model::PackageName;
use rvp::project::Settings;
use rvp::resolve::{Lock, LockedTarget};
use uv_normalize::{ExtraName, GroupName};

use super::context::Context;
use super::environments;
use super::fill::{Destination, Synced, install};
use super::graph::Graph;
use super::workspace::{ResolveArguments, Workspace};

/// Make an environment hold exactly what the project's lock says
///
/// Locks first, where the lock does not answer the project's question.
#[derive(clap::Args)]
pub struct Arguments {
    /// A name, or a path as ./PATH [default: .venv beside pyproject.toml]
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: Option<String>,
    /// The target to install [default: the one that fits the environment or this machine]
    #[arg(long)]
    target: Option<String>,
    /// Fail if the lock is not up to date
    #[arg(long)]
    locked: bool,
    /// Leave out the dependency group `dev`
    #[arg(long)]
    no_dev: bool,
    /// Install this dependency group too
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<GroupName>,
    /// Install the optional dependencies of this extra too
    #[arg(long = "extra", value_name = "NAME")]
    extras: Vec<ExtraName>,
    #[command(flatten)]
    resolve: ResolveArguments,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find(context, arguments.resolve.settings()?)?;
    Ok(sync(context, &workspace, arguments)?.finish(context))
}

/// Syncs the project's own environment with all defaults.
pub fn sync_default(context: &Context, workspace: &Workspace) -> anyhow::Result<Synced> {
    let arguments = Arguments {
        env: None,
        target: None,
        locked: false,
        no_dev: false,
        groups: Vec::new(),
        extras: Vec::new(),
        resolve: ResolveArguments::default(),
    };
    sync(context, workspace, &arguments)
}

/// Syncs the project's own environment after a command that `changed` something else.
pub fn sync_after(context: &Context, workspace: &Workspace, changed: &str) -> anyhow::Result<ExitCode> {
    let synced = sync_default(context, workspace).with_context(|| {
        format!(
            "{changed} changed, and the environment is as it was\n  hint: run `rvp sync` when this is mended"
        )
    })?;
    Ok(synced.finish(context))
}

fn sync(context: &Context, workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<Synced> {
    let lock = if arguments.locked {
        let lock = workspace.lock()?.context("there is no rvp.lock\n  hint: run `rvp lock`")?;
        if let Some(difference) = lock.inputs.difference(&workspace.question().inputs()) {
            bail!("rvp.lock is not up to date: {difference}\n  hint: run `rvp lock`");
        }
        lock
    } else {
        workspace.fresh_lock(context)?
    };
    let path = match &arguments.env {
        Some(name) => environments::locate(name, &workspace.settings),
        None => workspace.project.root().join(".venv"),
    };
    let existing = path.exists().then(|| Environment::open(&path)).transpose()?;
    let target = choose_target(&lock, arguments.target.as_deref(), existing.as_ref())?;
    let environment = match existing {
        Some(environment) => environment,
        None => create_for(context, &workspace.settings, &path, target)?,
    };
    let graph = Graph::of_lock(&lock, &target.name);
    let wanted = graph.reachable(roots(workspace, arguments)?);
    let destination = Destination::OfProject(&environment, &workspace.policies);
    install(context, &workspace.settings, &lock, target, Some(&wanted), destination)
}

/// The names that the chosen parts of the project require.
fn roots(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<Vec<PackageName>> {
    let project = &workspace.project;
    let mut requirements = project.project.dependencies.clone();
    for extra in &arguments.extras {
        let optional = project.project.optional_dependencies.get(extra);
        requirements
            .extend_from_slice(optional.with_context(|| format!("the project has no extra `{extra}`"))?);
    }
    let mut groups = arguments.groups.clone();
    let dev: GroupName = "dev".parse()?;
    if !arguments.no_dev && project.groups.contains_key(&dev) {
        groups.push(dev);
    }
    for group in groups {
        let group_requirements = project.groups.get(&group);
        requirements.extend_from_slice(
            group_requirements.with_context(|| format!("the project has no dependency group `{group}`"))?,
        );
    }
    Ok(requirements.into_iter().map(|requirement| requirement.name).collect())
}

/// The target of a lock that an environment takes: the one that is named, or that fits it, or that fits this machine.
pub fn choose_target<'a>(
    lock: &'a Lock,
    wanted: Option<&str>,
    environment: Option<&Environment>,
) -> anyhow::Result<&'a LockedTarget> {
    let all = || lock.targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(wanted) = wanted {
        let target = lock
            .targets
            .iter()
            .find(|target| target.name == wanted)
            .with_context(|| format!("the lock has no target `{wanted}`\n  hint: it has {}", all()))?;
        if let Some(environment) = environment.filter(|environment| !environments::fits(environment, target))
        {
            bail!(
                "the environment {} is for {}, and not for {wanted}\n  hint: make another environment for it with `rvp env create`, and choose that with --env",
                environment.path().display(),
                environments::describe(environment)
            );
        }
        return Ok(target);
    }
    if let Some(environment) = environment {
        return lock.targets.iter().find(|target| environments::fits(environment, target)).with_context(|| {
            format!(
                "the environment {} is for {}, and the lock has no such target\n  hint: it has {}; add the target to the project, or make another environment",
                environment.path().display(),
                environments::describe(environment),
                all()
            )
        });
    }
    let here = lock.targets.iter().find(|target| environments::is_this_machine(target));
    match (here, &lock.targets[..]) {
        (Some(target), _) => Ok(target),
        (None, [only]) => Ok(only),
        _ => bail!(
            "none of the lock's targets is for this machine\n  hint: choose one with --target: {}",
            all()
        ),
    }
}

/// Makes the environment that a target asks for.
fn create_for(
    context: &Context,
    settings: &Settings,
    path: &Path,
    target: &LockedTarget,
) -> anyhow::Result<Environment> {
    let spec = environments::spec(context, settings, target)?;
    let environment = match Environment::create(path, &spec) {
        Ok(environment) => environment,
        Err(error) => {
            // There was none a moment ago: where there is one now, another process was faster.
            let made = Environment::open(path).ok().filter(|made| environments::fits(made, target));
            return made.ok_or_else(|| error.into());
        }
    };
    context.say(&format!("made the environment {} for {}", path.display(), target.name));
    Ok(environment)
}
