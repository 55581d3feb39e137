//! `rvp add` and `rvp remove`: edit the project's dependencies, and lock and sync again.

use std::process::ExitCode;

use anyhow::Context as _;
use rvp::model::{Family, PackageName, Requirement};
use rvp::project::{DependencyTable, Settings, add_dependency, remove_dependency};
use rvp::resolve::Upgrade;
use uv_normalize::{ExtraName, GroupName};

use super::context::Context;
use super::workspace::Workspace;
use super::{install, sync};

/// Add dependencies to the project, lock it and sync its environment
#[derive(clap::Args)]
pub struct AddArguments {
    /// Requirements as PEP 508 writes them: `numpy`, `"numpy>=1.26"`, `"pkg[extra]==2.*"`
    #[arg(required = true, value_parser = requirement)]
    requirements: Vec<Requirement>,
    #[command(flatten)]
    table: Table,
    /// Lock, and leave the environment as it is
    #[arg(long)]
    no_sync: bool,
}

/// Remove dependencies from the project, lock it and sync its environment
#[derive(clap::Args)]
pub struct RemoveArguments {
    #[arg(required = true)]
    names: Vec<PackageName>,
    #[command(flatten)]
    table: Table,
    /// From an environment that belongs to no project
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: Option<String>,
    /// Lock, and leave the environment as it is
    #[arg(long)]
    no_sync: bool,
}

#[derive(clap::Args)]
#[group(multiple = false)]
struct Table {
    /// In the dependency group `dev`
    #[arg(long)]
    dev: bool,
    /// In this dependency group
    #[arg(long, value_name = "NAME")]
    group: Option<GroupName>,
    /// In the optional dependencies of this extra
    #[arg(long, value_name = "EXTRA")]
    optional: Option<ExtraName>,
}

impl Table {
    fn choose(&self) -> anyhow::Result<DependencyTable> {
        Ok(match (self.dev, &self.group, &self.optional) {
            (true, _, _) => DependencyTable::Group("dev".parse()?),
            (_, Some(group), _) => DependencyTable::Group(group.clone()),
            (_, _, Some(extra)) => DependencyTable::Optional(extra.clone()),
            _ => DependencyTable::Project,
        })
    }
}

fn requirement(text: &str) -> Result<Requirement, rvp::model::RequirementError> {
    Requirement::parse(Family::Python, text)
}

pub fn add(context: &Context, arguments: &AddArguments) -> anyhow::Result<ExitCode> {
    let table = arguments.table.choose()?;
    edit(context, arguments.no_sync, |path| {
        for requirement in &arguments.requirements {
            add_dependency(path, &table, requirement)?;
        }
        Ok(())
    })
}

pub fn remove(context: &Context, arguments: &RemoveArguments) -> anyhow::Result<ExitCode> {
    if let Some(env) = &arguments.env {
        return install::uninstall(context, env, &arguments.names);
    }
    let table = arguments.table.choose()?;
    edit(context, arguments.no_sync, |path| {
        for name in &arguments.names {
            remove_dependency(path, &table, name)?;
        }
        Ok(())
    })
}

/// Changes pyproject.toml and locks. A change that cannot be locked is taken back, so that a failed command leaves
/// the project as it was.
fn edit(
    context: &Context,
    no_sync: bool,
    change: impl FnOnce(&std::path::Path) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let before = Workspace::find(context, Settings::default())?;
    let path = before.project.path.clone();
    let text = std::fs::read(&path)?;
    let locked = change(&path).and_then(|()| {
        let workspace = Workspace::find(context, Settings::default())?;
        let old = workspace.lock()?;
        workspace.relock(context, old.as_ref(), &Upgrade::Nothing)?;
        Ok(workspace)
    });
    let workspace = match locked {
        Ok(workspace) => workspace,
        Err(error) => {
            std::fs::write(&path, &text)
                .with_context(|| format!("cannot put {} back as it was", path.display()))?;
            return Err(error);
        }
    };
    if no_sync {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(sync::sync_default(context, &workspace)?.finish(context))
}
