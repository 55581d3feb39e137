//! `rvp env`: make, list and remove environments.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rvp::files::{Purpose, temporary_folder};
use rvp::install::{Environment, Plan};
use rvp::model::TargetSpec;
use rvp::project::Settings;
use rvp::resolve::{LockedTarget, decide_target};

use super::context::{Context, current_project};
use super::environments;
use super::history;
use super::known_hosts::KnownHosts;
use super::machine::ThisMachine;
use super::output;

#[derive(clap::Subcommand)]
pub enum Command {
    Create(CreateArguments),
    /// List the environments that have a name
    List,
    History(history::Arguments),
    /// Remove an environment
    Remove {
        /// The environment: a name, or a path as ./PATH
        #[arg(value_name = "NAME-or-./PATH")]
        env: String,
    },
}

/// Make an empty environment for a Revit release, or for a Python version
#[derive(clap::Args)]
pub struct CreateArguments {
    /// A name, for a folder under that of all environments; or a path
    #[arg(value_name = "NAME-or-./PATH")]
    env: String,
    /// A Revit release: 2025, 2025.4
    #[arg(long, value_name = "VERSION")]
    revit: Option<String>,
    /// Any host release: revit==2025.4
    #[arg(long, value_name = "HOST==VERSION", conflicts_with = "revit")]
    target: Option<String>,
    /// A Python version: 3.12 [default: the host's, or this machine's]
    #[arg(long, value_name = "VERSION")]
    python: Option<String>,
    /// A platform of wheel tags: win_amd64 [default: the host's, or this machine's]
    #[arg(long)]
    platform: Option<String>,
}

pub fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(arguments) => create(context, arguments),
        Command::List => list(context),
        Command::History(arguments) => history::run(context, arguments),
        Command::Remove { env } => remove(context, env),
    }
}

fn create(context: &Context, arguments: &CreateArguments) -> anyhow::Result<ExitCode> {
    let project = current_project()?;
    let settings = context.settings(Settings::default(), project.as_ref())?;
    let host = arguments.revit.as_ref().map(|version| format!("revit=={version}"));
    let spec = TargetSpec {
        host: host.or_else(|| arguments.target.clone()),
        python: arguments.python.clone(),
        platform: arguments.platform.clone(),
    };
    let hosts = KnownHosts::of_settings(context, &settings)?;
    let machine = ThisMachine::new(context, &settings, None);
    let rulebook = hosts.rulebook(context, &settings, context.policies()?)?;
    let target = LockedTarget::of(&decide_target(&spec, &hosts, &*rulebook, &machine)?);
    let path = environments::locate(&arguments.env, &settings);
    let environment = Environment::create(&path, &environments::spec(context, &settings, &target)?)?;
    // An empty first generation: the environment works before anything is installed.
    let store = context.package_store(&settings)?;
    environment.lock(|waiting| context.say(waiting))?.apply(&Plan::default(), &store, &[])?;
    context.say(&format!(
        "made the environment {} for {}",
        path.display(),
        environments::describe(&environment)
    ));
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let settings = context.settings(Settings::default(), None)?;
    let base = settings.environments_dir.context("no folder for environments is set")?;
    let mut found = Vec::new();
    if base.is_dir() {
        for entry in base.read_dir().with_context(|| format!("cannot list {}", base.display()))? {
            let path = entry?.path();
            if let Ok(environment) = Environment::open(&path) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                found.push((name, environment));
            }
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    if context.global.json {
        let data: Vec<_> = found
            .iter()
            .map(|(name, environment)| {
                serde_json::json!({ "name": name, "path": environment.path().display().to_string(), "environment": environment.state() })
            })
            .collect();
        output::json(&data)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, environment) in found {
        let packages = environment.current().map_or(0, |generation| generation.plan.packages.len());
        let packages = output::count(packages, "package");
        output::line(&format!("{name}  {}  {packages}", environments::describe(&environment)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn remove(context: &Context, env: &str) -> anyhow::Result<ExitCode> {
    let settings = context.settings(Settings::default(), current_project()?.as_ref())?;
    let path = environments::locate(env, &settings);
    let environment = Environment::open(&path)?;
    let _locked = environment.lock(|waiting| context.say(waiting))?;
    // Nothing at the old name from here on: what a killed removal leaves is no half of an environment.
    let folder = path.parent().context("this folder cannot be removed")?;
    let going = temporary_folder(folder, Purpose::RemovedEnvironment)
        .with_context(|| format!("cannot make a folder in {}", folder.display()))?;
    std::fs::rename(&path, going.path().join("environment"))
        .with_context(|| format!("cannot remove {}; is a program still using it?", path.display()))?;
    context.say(&format!("removed {}", path.display()));
    Ok(ExitCode::SUCCESS)
}

/// The environment that a command is about: the one named, or the active one, or the project's.
pub fn chosen(named: Option<&str>, settings: &Settings) -> anyhow::Result<Environment> {
    if let Some(named) = named {
        return Ok(Environment::open(&environments::locate(named, settings))?);
    }
    if let Some(project) = current_project()? {
        return Ok(Environment::open(&project.root().join(".venv"))?);
    }
    match std::env::var_os("VIRTUAL_ENV") {
        Some(path) => Ok(Environment::open(path.as_ref())?),
        None => bail!(
            "which environment?\n  hint: name one with --env NAME or --env ./PATH, or go into a project"
        ),
    }
}
