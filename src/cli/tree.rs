//! `rvp tree` and `rvp why`: the dependency graph of the lock.

use std::process::ExitCode;

use anyhow::Context as _;
use rvp::model::PackageName;
use rvp::project::Settings;
use rvp::resolve::Lock;

use super::context::Context;
use super::graph::Graph;
use super::output;
use super::workspace::Workspace;

/// Show what the locked packages need, as a tree
#[derive(clap::Args)]
pub struct TreeArguments {
    /// The target to show [default: each of the lock]
    #[arg(long)]
    target: Option<String>,
}

/// Show why a package is in the lock
#[derive(clap::Args)]
pub struct WhyArguments {
    name: PackageName,
    /// The target to show [default: each of the lock]
    #[arg(long)]
    target: Option<String>,
}

pub fn tree(context: &Context, arguments: &TreeArguments) -> anyhow::Result<ExitCode> {
    let lock = locked(context)?;
    let mut data = serde_json::Map::new();
    for target in targets(&lock, arguments.target.as_deref())? {
        let graph = Graph::new(&lock, &target);
        if context.global.json {
            let packages: Vec<_> = lock.install_order(&target).iter().map(|(package, _)| {
                serde_json::json!({
                    "name": package.name,
                    "version": package.version.to_string(),
                    "direct": package.direct,
                    "dependencies": package.dependencies.iter().map(|edge| edge.name.to_string()).collect::<Vec<_>>(),
                })
            }).collect();
            data.insert(target, packages.into());
            continue;
        }
        output::line(&target)?;
        for line in graph.tree() {
            output::line(&line)?;
        }
    }
    if context.global.json {
        output::json(&data)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub fn why(context: &Context, arguments: &WhyArguments) -> anyhow::Result<ExitCode> {
    let lock = locked(context)?;
    let mut found = false;
    let mut data = serde_json::Map::new();
    for target in targets(&lock, arguments.target.as_deref())? {
        let graph = Graph::new(&lock, &target);
        let chain =
            graph.why(&arguments.name).map(|chain| chain.into_iter().map(Graph::title).collect::<Vec<_>>());
        found |= chain.is_some();
        if context.global.json {
            data.insert(target, serde_json::to_value(chain)?);
            continue;
        }
        let text = match chain {
            Some(chain) => format!("the project needs {}", chain.join(", which needs ")),
            None => format!("nothing needs {}", arguments.name),
        };
        output::line(&format!("{target}: {text}"))?;
    }
    if context.global.json {
        output::json(&data)?;
    }
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn locked(context: &Context) -> anyhow::Result<Lock> {
    let workspace = Workspace::find(context, Settings::default())?;
    workspace.lock()?.context("there is no rvp.lock\n  hint: run `rvp lock` first")
}

fn targets(lock: &Lock, wanted: Option<&str>) -> anyhow::Result<Vec<String>> {
    let all: Vec<String> = lock.targets.iter().map(|target| target.name.clone()).collect();
    match wanted {
        None => Ok(all),
        Some(wanted) if all.iter().any(|target| target == wanted) => Ok(vec![wanted.to_owned()]),
        Some(wanted) => {
            anyhow::bail!("the lock has no target `{wanted}`\n  hint: it has {}", all.join(", "))
        }
    }
}
