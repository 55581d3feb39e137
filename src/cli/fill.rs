//! Making an environment hold what a lock says. Everything that installs ends here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use rvp::install::{Applied, Environment, LockedEnvironment, Plan, PlannedPackage};
use rvp::model::{Blake3, PackageName};
use rvp::project::Settings;
use rvp::resolve::{Lock, LockedArtifact, LockedPackage, LockedTarget};

use super::context::Context;
use super::output;
use super::unpack::unpack;

/// What a sync did.
pub enum Synced {
    /// It changed the environment, and has said how.
    Changed,
    /// The environment at this path was as it should be.
    UpToDate(PathBuf),
}

impl Synced {
    /// Says what has not been said yet.
    pub fn finish(self, context: &Context) -> ExitCode {
        if let Self::UpToDate(path) = self {
            context.say(&format!("{} is up to date", path.display()));
        }
        ExitCode::SUCCESS
    }
}

/// An environment to install into.
pub enum Destination<'a> {
    /// What it is to hold is remembered by a project.
    OfProject(&'a Environment),
    /// It remembers that itself, and the caller has the right to change it.
    Own(&'a Environment, &'a LockedEnvironment<'a>),
}

/// Makes the environment hold what `lock` has for `target`, or those of it that are `wanted`.
pub fn install(
    context: &Context,
    settings: &Settings,
    lock: &Lock,
    target: &LockedTarget,
    wanted: Option<&BTreeSet<PackageName>>,
    destination: Destination,
) -> anyhow::Result<Synced> {
    let environment = match destination {
        Destination::OfProject(environment) | Destination::Own(environment, _) => environment,
    };
    let order: Vec<(&LockedPackage, &LockedArtifact)> = lock
        .install_order(&target.name)
        .into_iter()
        .filter(|(package, _)| wanted.is_none_or(|wanted| wanted.contains(&package.name)))
        .collect();
    let names: BTreeSet<&PackageName> = order.iter().map(|(package, _)| &package.name).collect();
    let plan = Plan {
        packages: order
            .iter()
            .map(|(package, artifact)| PlannedPackage {
                name: package.name.clone(),
                version: package.version.to_string(),
                artifact: artifact.blake3,
                requested: package.direct,
                dependencies: package
                    .dependencies
                    .iter()
                    .map(|edge| edge.name.clone())
                    .filter(|name| names.contains(name))
                    .collect(),
                direct_url: None,
            })
            .collect(),
        lock: match destination {
            Destination::OfProject(_) => None,
            Destination::Own(..) => Some(lock.to_toml()?),
        },
    };
    let store = context.package_store(settings)?;
    if environment.is_current(&plan, &store) {
        return Ok(Synced::UpToDate(environment.path().to_owned()));
    }
    let before = environment.current().map(|generation| generation.plan).unwrap_or_default();
    let unpacked = unpack(context, settings, lock, &order, &store)?;
    let applied = match destination {
        Destination::OfProject(_) => {
            environment.lock(|waiting| context.say(waiting))?.apply(&plan, &store, &unpacked)?
        }
        Destination::Own(_, held) => held.apply(&plan, &store, &unpacked)?,
    };
    report(context, &before, &plan, &applied);
    Ok(Synced::Changed)
}

fn report(context: &Context, before: &Plan, after: &Plan, applied: &Applied) {
    let Applied::Changed { conflicts, .. } = applied else { return };
    let versions = |plan: &Plan| -> BTreeMap<PackageName, (String, Blake3)> {
        let version = |package: &PlannedPackage| (package.version.clone(), package.artifact);
        plan.packages.iter().map(|package| (package.name.clone(), version(package))).collect()
    };
    let (old, new) = (versions(before), versions(after));
    let names: BTreeSet<&PackageName> = old.keys().chain(new.keys()).collect();
    let (mut added, mut removed, mut changed) = (0, 0, 0);
    for name in names {
        match (old.get(name), new.get(name)) {
            (None, Some(_)) => added += 1,
            (Some(_), None) => removed += 1,
            (Some(old), Some(new)) if old != new => changed += 1,
            _ => {}
        }
    }
    for conflict in conflicts {
        context.say(&format!("warning: {conflict}"));
    }
    context.say(&format!(
        "installed {}: {added} added, {changed} changed, {removed} removed",
        output::count(new.len(), "package")
    ));
}
