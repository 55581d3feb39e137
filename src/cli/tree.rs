//! `rvp tree` and `rvp why`: the dependency graph of the project's lock, or of an environment.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rvp::model::PackageName;
use rvp::project::Settings;

use super::context::{Context, current_project};
use super::env::chosen;
use super::environments;
use super::graph::{Graph, Node};
use super::output;
use super::workspace::Workspace;

/// Show what the locked packages need, as a tree
#[derive(clap::Args)]
pub struct TreeArguments {
    #[command(flatten)]
    of: Of,
}

/// Show why a package is in the lock
#[derive(clap::Args)]
pub struct WhyArguments {
    /// The package
    name: PackageName,
    #[command(flatten)]
    of: Of,
}

/// Which graphs to show.
#[derive(clap::Args)]
struct Of {
    /// The target to show [default: each of the lock]
    #[arg(long, conflicts_with = "env")]
    target: Option<String>,
    /// Show what this environment holds, in place of the lock
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: Option<String>,
}

pub fn tree(context: &Context, arguments: &TreeArguments) -> anyhow::Result<ExitCode> {
    let graphs = arguments.of.graphs(context)?;
    if context.global.json {
        let data: serde_json::Map<_, _> = graphs
            .iter()
            .map(|(title, graph)| {
                Ok((title.clone(), serde_json::to_value(graph.packages().collect::<Vec<_>>())?))
            })
            .collect::<anyhow::Result<_>>()?;
        output::json(&data)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (title, graph) in graphs {
        output::line(&title)?;
        for line in graph.tree() {
            output::line(&line)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub fn why(context: &Context, arguments: &WhyArguments) -> anyhow::Result<ExitCode> {
    let asker = if arguments.of.env.is_some() { "the environment" } else { "the project" };
    let mut found = false;
    let mut data = serde_json::Map::new();
    for (title, graph) in arguments.of.graphs(context)? {
        let chain = graph.why(&arguments.name);
        let chain = chain.map(|chain| chain.into_iter().map(Node::title).collect::<Vec<_>>());
        found |= chain.is_some();
        if context.global.json {
            data.insert(title, serde_json::to_value(chain)?);
            continue;
        }
        let text = match chain {
            Some(chain) => format!("{asker} needs {}", chain.join(", which needs ")),
            None => format!("nothing needs {}", arguments.name),
        };
        output::line(&format!("{title}: {text}"))?;
    }
    if context.global.json {
        output::json(&data)?;
    }
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Of {
    /// The graph of each target of the lock, or the one of an environment, with a title.
    fn graphs(&self, context: &Context) -> anyhow::Result<Vec<(String, Graph)>> {
        if let Some(env) = &self.env {
            let settings = context.settings(Settings::default(), current_project()?.as_ref())?;
            let environment = chosen(Some(env), &settings)?;
            let plan = environment.current().map(|generation| generation.plan).unwrap_or_default();
            return Ok(vec![(environments::describe(&environment), Graph::of_plan(&plan))]);
        }
        let workspace = Workspace::find(context, Settings::default())?;
        let lock = workspace.lock()?.context("there is no rvp.lock\n  hint: run `rvp lock` first")?;
        let all: Vec<&str> = lock.targets.iter().map(|target| target.name.as_str()).collect();
        let shown = match &self.target {
            None => all,
            Some(wanted) if all.contains(&wanted.as_str()) => vec![wanted.as_str()],
            Some(wanted) => bail!("the lock has no target `{wanted}`\n  hint: it has {}", all.join(", ")),
        };
        Ok(shown.into_iter().map(|target| (target.to_owned(), Graph::of_lock(&lock, target))).collect())
    }
}
