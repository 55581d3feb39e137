//! `rvp sync`: make an environment hold what the lock says. Everything that installs ends here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rvp::fetch::{Bar, Downloader, Progress, Silent, Wanted};
use rvp::install::{
    Applied, Environment, InstallError, LockedEnvironment, Plan, PlannedPackage, Store, Unpacked,
};
use rvp::model::{Artifact, Blake3, PackageName};
use rvp::project::Settings;
use rvp::resolve::{Lock, LockedArtifact, LockedPackage, LockedTarget, Registries};
use rvp::trust::policy::Policies;
use tokio::task::JoinSet;
use uv_normalize::{ExtraName, GroupName};

use super::context::Context;
use super::environments;
use super::graph::Graph;
use super::judgement::{Held, judge, judge_all, refuse_forbidden};
use super::output;
use super::workspace::{ResolveArguments, Workspace, open_locked};

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

/// What an environment takes, and where that comes from.
struct Sources<'a> {
    context: &'a Context,
    settings: &'a Settings,
    lock: &'a Lock,
    order: &'a [Chosen<'a>],
}

/// A package and the file of it that is installed.
type Chosen<'a> = (&'a LockedPackage, &'a LockedArtifact);

impl Sources<'_> {
    /// Opens the registries that `chosen` come from.
    fn open(&self, chosen: &[Chosen]) -> anyhow::Result<Registries> {
        let packages: Vec<&LockedPackage> = chosen.iter().map(|(package, _)| *package).collect();
        open_locked(self.context, self.settings, self.lock, &packages)
    }

    /// As `open`; fails if `policies`, or those of the registries, forbid what is installed from there.
    fn open_judged(&self, policies: &Policies, chosen: &[Chosen]) -> anyhow::Result<Registries> {
        let registries = self.open(chosen)?;
        let judge = judge(policies, &registries)?;
        if !judge.policies().is_empty() {
            let from_there = |package: &&LockedPackage| registries.reader(&package.registry).is_some();
            let packages = self.order.iter().map(|(package, _)| *package).filter(from_there);
            refuse_forbidden(&judge_all(&judge, &registries, packages.map(Held::of))?)?;
        }
        Ok(registries)
    }
}

/// Has every artifact in the store, fetching what is missing; each is unpacked while the others still arrive.
/// `open` gives the registries of what is missing.
fn unpack(
    sources: &Sources,
    store: &Store,
    open: impl FnOnce(&[Chosen]) -> anyhow::Result<Registries>,
) -> anyhow::Result<Vec<Unpacked>> {
    let Sources { context, settings, order, .. } = *sources;
    let mut unpacked = Vec::with_capacity(order.len());
    let mut missing = Vec::new();
    for (package, artifact) in order {
        match store.get(artifact.blake3) {
            Some(found) => unpacked.push(found),
            None => missing.push((*package, *artifact)),
        }
    }
    if missing.is_empty() {
        return Ok(unpacked);
    }
    let registries = open(&missing)?;
    let stores: BTreeMap<&str, Arc<dyn rvp::registry::Store>> = registries
        .readers()
        .map(|(name, reader)| Ok((name, Arc::clone(reader.store()?))))
        .collect::<anyhow::Result<_>>()?;
    let progress: Arc<dyn Progress> =
        if context.global.quiet { Arc::new(Silent) } else { Arc::new(Bar::new()) };
    let cache = context.folders(settings).cache.join("downloads");
    let downloader = Downloader::new(context.runtime.handle().clone(), cache, progress, false);
    let wanted: Vec<Wanted> = missing
        .iter()
        .filter_map(|(package, artifact)| {
            let store = Arc::clone(stores.get(package.registry.as_str())?);
            let artifact = Artifact {
                file: artifact.file.clone(),
                size: artifact.size,
                blake3: artifact.blake3,
                sha256: artifact.sha256,
                requires: None,
                requires_python: None,
            };
            Some(Wanted { store, artifact })
        })
        .collect();
    let files: BTreeMap<Blake3, String> =
        missing.iter().map(|(_, artifact)| (artifact.blake3, artifact.file.clone())).collect();
    let fresh = context.runtime.block_on(async {
        let mut downloads = downloader.start(wanted);
        let mut unpacking: JoinSet<anyhow::Result<Unpacked>> = JoinSet::new();
        while let Some(done) = downloads.next().await {
            let (digest, fetched) = done?;
            let (store, file) = (store.clone(), files[&digest].clone());
            unpacking.spawn_blocking(move || {
                let unpacked = store
                    .ensure(digest, &file, || Ok::<PathBuf, InstallError>(fetched.path().to_owned()))
                    .with_context(|| format!("cannot unpack {file}"))?;
                if let rvp::fetch::Fetched::Cached(path) = fetched {
                    // The store has it now; a second copy would only take space.
                    let _ = std::fs::remove_file(path);
                }
                Ok(unpacked)
            });
        }
        let mut fresh = Vec::new();
        while let Some(done) = unpacking.join_next().await {
            fresh.push(done.context("unpacking stopped")??);
        }
        anyhow::Ok(fresh)
    })?;
    unpacked.extend(fresh);
    Ok(unpacked)
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
