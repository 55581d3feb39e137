//! Making an environment hold what a lock says. Everything that installs ends here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use rvp::install::{Applied, Environment, LockedEnvironment, Plan, PlannedPackage};
use rvp::model::{Blake3, PackageName};
use rvp::project::Settings;
use rvp::resolve::{Lock, LockedArtifact, LockedPackage, LockedTarget, Registries};
use rvp::trust::policy::Policies;

use super::context::Context;
use super::judgement::{Held, judge, judge_all, refuse_forbidden};
use super::output;
use super::unpack::unpack;
use super::workspace::open_locked;

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
    /// What it is to hold is remembered by a project, and must still be admitted by these policies.
    OfProject(&'a Environment, &'a Policies),
    /// It remembers that itself, and the caller has the right to change it. The lock was just made, under all policies.
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
        Destination::OfProject(environment, _) | Destination::Own(environment, _) => environment,
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
            Destination::OfProject(..) => None,
            Destination::Own(..) => Some(lock.to_toml()?),
        },
    };
    let sources = Sources { context, settings, lock, order: &order };
    let policies = match destination {
        Destination::OfProject(_, policies) => Some(policies),
        Destination::Own(..) => None,
    };
    // Judged anew only when policies or packages changed: that may ask registries.
    let demanding = policies.filter(|policies| !policies.is_empty());
    let unjudged = demanding.filter(|policies| !environment.was_admitted(policies.digest(), &plan));
    let opened = unjudged.map(|policies| sources.open_judged(policies, &order)).transpose()?;
    let admitted = || {
        if let Some(policies) = unjudged {
            environment.note_admitted(policies.digest(), &plan);
        }
    };
    let store = context.package_store(settings)?;
    if environment.is_current(&plan, &store) {
        admitted();
        return Ok(Synced::UpToDate(environment.path().to_owned()));
    }
    let before = environment.current().map(|generation| generation.plan).unwrap_or_default();
    let unpacked = unpack(&sources, &store, |missing| match (opened, policies) {
        (Some(registries), _) => Ok(registries),
        (None, Some(policies)) => sources.open_judged(policies, missing),
        (None, None) => sources.open(missing),
    })?;
    let applied = match destination {
        Destination::OfProject(..) => {
            environment.lock(|waiting| context.say(waiting))?.apply(&plan, &store, &unpacked)?
        }
        Destination::Own(_, held) => held.apply(&plan, &store, &unpacked)?,
    };
    admitted();
    report(context, &before, &plan, &applied);
    Ok(Synced::Changed)
}

/// A package, and the one of its files that is installed.
pub type Chosen<'a> = (&'a LockedPackage, &'a LockedArtifact);

/// What an environment takes, and where that comes from.
pub struct Sources<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub lock: &'a Lock,
    pub order: &'a [Chosen<'a>],
}

impl Sources<'_> {
    /// Opens the registries that `chosen` come from.
    fn open(&self, chosen: &[Chosen]) -> anyhow::Result<Registries> {
        let packages: Vec<&LockedPackage> = chosen.iter().map(|(package, _)| *package).collect();
        open_locked(self.context, self.settings, self.lock, &packages)
    }

    /// As `open`; fails if `policies`, or those of the registries, forbid what is installed from there.
    fn open_judged(&self, policies: &Policies, chosen: &[Chosen]) -> anyhow::Result<Registries> {
        let registries = self.open(chosen)?;
        let judge = judge(self.context, self.settings, policies, &registries)?;
        if !judge.policies().is_empty() {
            let from_there = |package: &&LockedPackage| registries.reader(&package.registry).is_some();
            let packages = self.order.iter().map(|(package, _)| *package).filter(from_there);
            refuse_forbidden(&judge_all(&judge, &registries, packages.map(Held::of))?)?;
        }
        Ok(registries)
    }
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
