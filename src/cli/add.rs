//! `rvp add` and `rvp remove`: edit the project's dependencies, and lock and sync again.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use rvp::model::{Family, PackageName, Requirement, Version};
use rvp::project::{DependencyTable, add_dependency, remove_dependency};
use rvp::resolve::{Lock, Upgrade};
use uv_normalize::{ExtraName, GroupName};
use version_ranges::Ranges;

use super::arguments::requirement;
use super::context::Context;
use super::workspace::{ResolveArguments, Workspace};
use super::{install, sync};

/// Add dependencies to the project, lock it and sync its environment
///
/// A requirement without a version gets the version that is locked as its lower bound.
#[derive(clap::Args)]
pub struct AddArguments {
    /// As PEP 508 writes them: `numpy`, `"numpy>=1.26"`, `"pkg[extra]==2.*"`
    #[arg(required = true, value_parser = requirement, value_name = "REQUIREMENT")]
    requirements: Vec<Requirement>,
    #[command(flatten)]
    table: Table,
    /// Lock, and leave the environment as it is
    #[arg(long)]
    no_sync: bool,
    #[command(flatten)]
    resolve: ResolveArguments,
}

/// Remove dependencies from the project, lock it and sync its environment
#[derive(clap::Args)]
pub struct RemoveArguments {
    /// The packages to remove
    #[arg(required = true, value_name = "NAME")]
    names: Vec<PackageName>,
    #[command(flatten)]
    table: Table,
    /// From an environment that belongs to no project
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: Option<String>,
    /// Lock, and leave the environment as it is
    #[arg(long)]
    no_sync: bool,
    #[command(flatten)]
    resolve: ResolveArguments,
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

pub fn add(context: &Context, arguments: &AddArguments) -> anyhow::Result<ExitCode> {
    let table = arguments.table.choose()?;
    let write = |path: &Path, requirements: &[Requirement]| -> anyhow::Result<()> {
        requirements.iter().try_for_each(|one| Ok(add_dependency(path, &table, one)?))
    };
    edit(context, &arguments.resolve, arguments.no_sync, |path| {
        write(path, &arguments.requirements)?;
        let (workspace, old, mut lock) = relocked(context, &arguments.resolve)?;
        let bounded = bounded(&arguments.requirements, &lock);
        write(path, &bounded)?;
        // The bounds admit what was just chosen: the lock answers the new question as it is.
        let workspace = if bounded.is_empty() { workspace } else { find(context, &arguments.resolve)? };
        lock.inputs = workspace.question().inputs();
        workspace.write_lock(context, old.as_ref(), &lock)?;
        Ok(workspace)
    })
}

pub fn remove(context: &Context, arguments: &RemoveArguments) -> anyhow::Result<ExitCode> {
    if let Some(env) = &arguments.env {
        return install::uninstall(context, env, &arguments.names, arguments.resolve.settings()?);
    }
    let table = arguments.table.choose()?;
    edit(context, &arguments.resolve, arguments.no_sync, |path| {
        for name in &arguments.names {
            remove_dependency(path, &table, name)?;
        }
        let (workspace, old, lock) = relocked(context, &arguments.resolve)?;
        workspace.write_lock(context, old.as_ref(), &lock)?;
        Ok(workspace)
    })
}

fn find(context: &Context, resolve: &ResolveArguments) -> anyhow::Result<Workspace> {
    Workspace::find(context, resolve.settings()?)
}

/// The project as it is now on disk, its lock, and the lock that it needs.
fn relocked(
    context: &Context,
    resolve: &ResolveArguments,
) -> anyhow::Result<(Workspace, Option<Lock>, Lock)> {
    let workspace = find(context, resolve)?;
    let old = workspace.lock()?;
    let new = workspace.question().answer(context, old.as_ref(), &Upgrade::Nothing)?;
    Ok((workspace, old, new))
}

/// Those of `requirements` that ask for no version, with the lowest one in the lock as their lower bound.
fn bounded(requirements: &[Requirement], lock: &Lock) -> Vec<Requirement> {
    let mut bounded = Vec::new();
    for one in requirements.iter().filter(|one| one.ranges == Ranges::full()) {
        let versions = lock.packages.iter().filter(|package| package.name == one.name);
        let Some(Version::Pep440(version)) = versions.map(|package| &package.version).min() else { continue };
        // A bound has no local part (PEP 440).
        let bound = format!(">={}", version.clone().without_local());
        let (asked, marker) = one.text.split_once(';').unzip();
        let asked = asked.unwrap_or(&one.text).trim_end();
        let marker = marker.map(|marker| format!(" ;{marker}")).unwrap_or_default();
        bounded.extend(Requirement::parse(Family::Python, &format!("{asked}{bound}{marker}")));
    }
    bounded
}

/// Changes pyproject.toml and the lock. When that fails, pyproject.toml is put back: a failed command leaves the project
/// as it was.
fn edit(
    context: &Context,
    resolve: &ResolveArguments,
    no_sync: bool,
    change: impl FnOnce(&Path) -> anyhow::Result<Workspace>,
) -> anyhow::Result<ExitCode> {
    let path = find(context, resolve)?.project.path;
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let workspace = match change(&path) {
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
    sync::sync_after(context, &workspace, "pyproject.toml and rvp.lock are")
}
