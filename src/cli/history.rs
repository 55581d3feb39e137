//! `rvp env history`: the generations of an environment.

use std::process::ExitCode;

use jiff::Timestamp;
use rvp::install::{Generation, Plan};
use rvp::project::Settings;
use serde::Serialize;

use super::changes::{self, Change};
use super::context::{Context, current_project};
use super::env::chosen;
use super::output;

/// List the generations of an environment, newest first, and what each changed
#[derive(clap::Args)]
pub struct Arguments {
    /// A name, or a path as ./PATH [default: the project's environment, or the active one]
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: Option<String>,
}

#[derive(Serialize)]
struct Entry {
    number: u64,
    current: bool,
    /// When it was made.
    time: Option<Timestamp>,
    packages: usize,
    /// What it changed; none where the generation before it is gone.
    changes: Option<Vec<Change>>,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = context.settings(Settings::default(), current_project()?.as_ref())?;
    let environment = chosen(arguments.env.as_deref(), &settings)?;
    let current = environment.current().map(|generation| generation.number);
    let generations = environment.generations()?;
    let entries = generations.iter().enumerate().rev().map(|(at, generation)| {
        let time = environment.generation_time(generation.number);
        Entry {
            number: generation.number,
            current: current == Some(generation.number),
            time: time.and_then(|time| Timestamp::try_from(time).ok()),
            packages: generation.plan.packages.len(),
            changes: changes_of(generation, at.checked_sub(1).map(|before| &generations[before])),
        }
    });
    if context.global.json {
        output::json(&entries.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    for entry in entries {
        let time = entry.time.map(|time| format!("  {time:.0}")).unwrap_or_default();
        let packages = output::count(entry.packages, "package");
        let current = if entry.current { "  (current)" } else { "" };
        output::line(&format!("{}{time}  {packages}{current}", entry.number))?;
        for change in entry.changes.into_iter().flatten() {
            output::line(&format!("  {change}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn changes_of(generation: &Generation, before: Option<&Generation>) -> Option<Vec<Change>> {
    let nothing = Plan::default();
    let before = match before {
        Some(before) if before.number + 1 == generation.number => &before.plan,
        // The first one of all began with an empty folder.
        None if generation.number == 1 => &nothing,
        _ => return None,
    };
    Some(changes::between_plans(before, &generation.plan))
}
