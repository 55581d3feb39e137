//! `rvp policy`: the rules that hold here, and what they say of a lock or an environment.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use rvp::model::{Family, Version};
use rvp::project::{PyProject, Settings};
use rvp::resolve::{Lock, Registries};
use rvp::trust::policy::{Described, Policies};

use super::context::{Context, current_project};
use super::env::chosen;
use super::judgement::{Held, Judged, Verdict, judge, judge_all};
use super::output;
use super::workspace::{open_locked, open_registries};

#[derive(clap::Subcommand)]
pub enum Command {
    Check(CheckArguments),
    /// Print every rule that holds here, with the file and the line that it comes from
    Show,
}

/// Judge a lock or an environment: what is forbidden, why, and what would mend it
///
/// The exit code is 1 where something is forbidden.
#[derive(clap::Args)]
pub struct CheckArguments {
    /// A lock [default: that of the project]
    #[arg(long, value_name = "FILE", conflicts_with = "env")]
    lock: Option<PathBuf>,
    /// What this environment holds, in place of a lock
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: Option<String>,
}

pub fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    let project = current_project()?;
    let settings = context.settings(Settings::default(), project.as_ref())?;
    let policies = context.policies()?;
    match command {
        Command::Check(arguments) => check(context, arguments, project.as_ref(), &settings, policies),
        Command::Show => show(context, &settings, policies),
    }
}

fn check(
    context: &Context,
    arguments: &CheckArguments,
    project: Option<&PyProject>,
    settings: &Settings,
    policies: &Policies,
) -> anyhow::Result<ExitCode> {
    let (registries, held) = match &arguments.env {
        Some(env) => installed(context, env, settings)?,
        None => locked(context, arguments.lock.clone(), project, settings)?,
    };
    let judged = judge_all(&judge(context, settings, policies, &registries)?, &registries, held.into_iter())?;
    let faults = judged.iter().filter(|one| !matches!(one.verdict, Verdict::Ok)).count();
    if context.global.json {
        output::json(&judged.iter().map(json).collect::<Result<Vec<_>, _>>()?)?;
    } else {
        judged.iter().flat_map(lines).try_for_each(|line| output::line(&line))?;
    }
    let all = output::count(judged.len(), "package");
    Ok(match faults {
        0 => {
            context.say(&format!("{all}, none forbidden"));
            ExitCode::SUCCESS
        }
        faults => {
            context.say(&format!("{all}, {faults} forbidden"));
            ExitCode::FAILURE
        }
    })
}

/// What a lock holds, and the registries that it comes from.
fn locked(
    context: &Context,
    path: Option<PathBuf>,
    project: Option<&PyProject>,
    settings: &Settings,
) -> anyhow::Result<(Registries, Vec<Held>)> {
    let of_project = || project.map(|project| project.root().join("rvp.lock"));
    let path = path.or_else(of_project).context(
        "there is no project here\n  hint: go into one, or name a lock with --lock or an environment with --env",
    )?;
    let lock = Lock::read(&path)?
        .with_context(|| format!("there is no lock {}\n  hint: run `rvp lock`", path.display()))?;
    of_lock(context, settings, &lock)
}

fn of_lock(context: &Context, settings: &Settings, lock: &Lock) -> anyhow::Result<(Registries, Vec<Held>)> {
    let packages: Vec<_> = lock.packages.iter().collect();
    let registries = open_locked(context, settings, lock, &packages)?;
    Ok((registries, packages.into_iter().map(Held::of).collect()))
}

/// What an environment holds, and the registries that it comes from, or is taken to come from.
fn installed(context: &Context, env: &str, settings: &Settings) -> anyhow::Result<(Registries, Vec<Held>)> {
    let environment = chosen(Some(env), settings)?;
    let plan = environment.current().map(|generation| generation.plan).unwrap_or_default();
    if let Some(text) = &plan.lock {
        return of_lock(context, settings, &Lock::parse(environment.path(), text)?);
    }
    let held = plan.packages.iter().map(|package| {
        let version = Version::parse(package.name.family(), &package.version)?;
        Ok(Held { name: package.name.clone(), version, registry: None, artifacts: vec![package.artifact] })
    });
    let mut held = held.collect::<anyhow::Result<Vec<Held>>>()?;
    held.sort_by(|one, other| one.name.cmp(&other.name));
    Ok((open_registries(context, settings, false)?, held))
}

fn lines(judged: &Judged) -> Vec<String> {
    let Judged { name, version, verdict } = judged;
    match verdict {
        Verdict::Ok => vec![format!("{name} {version}: ok")],
        Verdict::Unknown => {
            vec![format!("{name} {version}: unknown, its registry has no such release with this file")]
        }
        Verdict::Forbidden { violations, admitted } => {
            let mut lines = Vec::new();
            for violation in violations {
                lines.push(format!("{name} {version}: forbidden by {violation}"));
                lines.push(format!("  hint: {}", violation.mend));
            }
            if let Some(admitted) = admitted {
                let asked = match name.family() {
                    Family::Vitte => format!("{} ={admitted}", name.as_str()),
                    _ => format!("{}=={admitted}", name.as_str()),
                };
                lines.push(format!("  hint: {admitted} is admitted: `{asked}`"));
            }
            lines
        }
    }
}

fn json(judged: &Judged) -> Result<serde_json::Value, serde_json::Error> {
    let mut value = serde_json::to_value(&judged.verdict)?;
    value["name"] = judged.name.to_string().into();
    value["version"] = judged.version.to_string().into();
    Ok(value)
}

fn show(context: &Context, settings: &Settings, policies: &Policies) -> anyhow::Result<ExitCode> {
    let has_registries = settings.registries.as_ref().is_some_and(|registries| !registries.is_empty());
    let rules = match has_registries {
        true => {
            let registries = open_registries(context, settings, false)?;
            judge(context, settings, policies, &registries)?.policies().describe()
        }
        false => policies.describe(),
    };
    if context.global.json {
        let json = |rule: &Described| {
            serde_json::json!({
                "level": rule.level.to_string(),
                "file": rule.origin.file.display().to_string(),
                "line": rule.origin.line,
                "rule": rule.text,
            })
        };
        output::json(&rules.iter().map(json).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut file = None;
    for rule in &rules {
        if file.replace(&rule.origin.file) != Some(&rule.origin.file) {
            output::line(&format!("{}, of {}:", rule.origin.file.display(), rule.level))?;
        }
        output::line(&format!("  line {}: {}", rule.origin.line, rule.text))?;
    }
    if rules.is_empty() {
        context.say("no policy demands anything here");
    }
    Ok(ExitCode::SUCCESS)
}
