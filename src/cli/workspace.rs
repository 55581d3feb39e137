//! A project with its settings, its registries and its lock: what `lock`, `sync` and their kin work on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rvp::model::{PackageName, Requirement, Target, TargetSpec};
use rvp::project::{Location, PyProject, Registry, Settings, find_project};
use rvp::resolve::{
    Asker, Lock, LockInputs, LockedPackage, Preferences, Registries, Request, ResolveOptions, Upgrade,
    decide_target, resolve_all,
};
use rvp::trust::policy::Policies;

use super::context::Context;
use super::judgement::{Held, Judged, judge, judge_all};
use super::machine::ThisMachine;

/// Settings of a resolution on the command line.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ResolveArguments {
    /// When pre-releases are chosen [default: if-necessary-or-explicit]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "MODE")]
    prerelease: Option<rvp::project::PrereleaseMode>,
    /// Which version is chosen: highest, lowest or lowest-direct
    #[arg(long, value_enum, hide_possible_values = true, value_name = "MODE")]
    resolution: Option<rvp::project::ResolutionMode>,
    /// Pass over releases sealed after this date or time
    #[arg(long, value_name = "TIME")]
    exclude_newer: Option<String>,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// Registries on the command line.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct RegistryArguments {
    /// A folder or a URL, besides the registries of the settings
    ///
    /// It is named after its last part, and stands in for one of that name in the settings.
    #[arg(long = "registry", value_name = "LOCATION")]
    registries: Vec<String>,
}

impl RegistryArguments {
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let registries: Vec<Registry> = self
            .registries
            .iter()
            .map(|text| {
                let url = Location::parse(text).map_err(anyhow::Error::msg)?;
                Ok(Registry::new(url.name(), url))
            })
            .collect::<anyhow::Result<_>>()?;
        let registries = (!registries.is_empty()).then_some(registries);
        Ok(Settings { registries, ..Settings::default() })
    }
}

impl ResolveArguments {
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let exclude_newer = match &self.exclude_newer {
            Some(text) => Some(rvp::project::ExcludeNewer::parse(text).map_err(anyhow::Error::msg)?),
            None => None,
        };
        Ok(Settings {
            prerelease: self.prerelease,
            resolution: self.resolution,
            exclude_newer,
            ..self.registries.settings()?
        })
    }
}

/// What is asked of a resolution, wherever it is written: in a project or for an environment.
pub struct Question {
    pub asker: Asker,
    pub requirements: Vec<Requirement>,
    pub requires_python: Option<String>,
    pub hosts: BTreeMap<String, String>,
    pub targets: Vec<TargetSpec>,
    pub settings: Settings,
    pub policies: Policies,
}

impl Question {
    fn options(&self) -> ResolveOptions {
        let texts = |requirements: &Option<Vec<Requirement>>| {
            requirements.iter().flatten().map(|requirement| requirement.text.to_string()).collect()
        };
        ResolveOptions {
            prerelease: self.settings.prerelease.unwrap_or_default(),
            resolution: self.settings.resolution.unwrap_or_default(),
            exclude_newer: self.settings.exclude_newer.map(|time| time.0),
            constraint_dependencies: texts(&self.settings.constraint_dependencies),
            override_dependencies: texts(&self.settings.override_dependencies),
        }
    }

    /// What a lock must have been made from to be an answer.
    pub fn inputs(&self) -> LockInputs {
        LockInputs::new(
            &self.requirements,
            self.requires_python.as_deref(),
            &self.hosts,
            &self.options(),
            &self.targets,
        )
    }

    /// Resolves for every target. `old` is kept where it still fits.
    pub fn answer(&self, context: &Context, old: Option<&Lock>, upgrade: &Upgrade) -> anyhow::Result<Lock> {
        if let (Upgrade::Packages(names), Some(old)) = (upgrade, old) {
            let unknown = names.iter().find(|name| old.packages.iter().all(|package| package.name != **name));
            if let Some(unknown) = unknown {
                bail!(
                    "`{unknown}` is not in the lock, so there is nothing to upgrade\n  hint: `rvp tree` shows what is in it"
                );
            }
        }
        if self.settings.no_binary == Some(true) {
            anyhow::bail!(
                "`no-binary` is set, and this version of rvp installs wheels only\n  hint: take the setting away; building source distributions comes with `rvp build`"
            );
        }
        let registries = open_registries(context, &self.settings, *upgrade != Upgrade::Nothing)?;
        match self.resolve(context, &registries, old, upgrade) {
            // What is missing in a remembered state may have been published since.
            Err(_) if !registries.asked() && !context.global.offline => {
                self.resolve(context, &open_registries(context, &self.settings, true)?, old, upgrade)
            }
            resolved => resolved,
        }
    }

    fn resolve(
        &self,
        context: &Context,
        registries: &Registries,
        old: Option<&Lock>,
        upgrade: &Upgrade,
    ) -> anyhow::Result<Lock> {
        let machine = ThisMachine::new(context, &self.settings, self.requires_python.clone());
        let hosts = self.targets.iter().filter_map(|target| Some(target.host_parts().ok()??.0));
        let required = self.requirements.iter().map(|requirement| requirement.name.clone());
        registries.warm(&hosts.chain(required).collect::<Vec<_>>(), &[]);
        for (name, reader) in registries.readers() {
            reader.config().with_context(|| format!("cannot use the registry `{name}`"))?;
        }
        let judge = judge(context, &self.settings, &self.policies, registries)?;
        let targets: Vec<Target> = self
            .targets
            .iter()
            .map(|spec| decide_target(spec, registries, &judge, &machine))
            .collect::<Result<_, _>>()?;
        let names: Vec<PackageName> = self
            .requirements
            .iter()
            .filter(|requirement| targets.iter().any(|target| requirement.applies(&target.markers, &[])))
            .map(|requirement| requirement.name.clone())
            .chain(old.iter().flat_map(|lock| lock.packages.iter().map(|package| package.name.clone())))
            .collect();
        registries.warm(&names, &targets);
        let options = self.options();
        let preferences = old
            .filter(|lock| !lock.inputs.chooses_otherwise(&self.inputs()))
            .map(|lock| Preferences::of_lock(lock, upgrade))
            .unwrap_or_default();
        let request = Request {
            asker: self.asker,
            requirements: &self.requirements,
            requires_python: self.requires_python.as_deref(),
            hosts: &self.hosts,
            options: &options,
            preferences: &preferences,
            packages: registries,
            rulebook: &judge,
        };
        let resolutions = resolve_all(&request, &targets)?;
        registries.check_inclusion(&resolutions)?;
        registries.check_signatures(&*context.authority(&self.settings)?, &resolutions)?;
        for warning in resolutions.iter().flat_map(|resolution| &resolution.warnings) {
            context.say(&format!("warning: {warning}"));
        }
        Ok(Lock::new(self.inputs(), &targets, &registries.locked(), &resolutions))
    }
}

/// Opens all registries of the settings. With `refresh` they are asked for their state in any case.
pub fn open_registries(context: &Context, settings: &Settings, refresh: bool) -> anyhow::Result<Registries> {
    let registries = settings.registries.clone().unwrap_or_default();
    if registries.is_empty() {
        bail!(
            "no registry is set\n  hint: name one under [tool.rvp] as `registries = [{{ name = \"acme\", url = \"../registry\" }}]`, or for this user with `rvp config set registries.acme.url DIR-or-URL`"
        );
    }
    let readers = registries
        .iter()
        .map(|registry| {
            context
                .open_registry(registry, registry.key.clone(), settings, refresh)
                .with_context(|| format!("cannot use the registry `{}`", registry.name))
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Registries::new(registries, readers))
}

/// Opens the registries that `packages` of a lock come from, each under the key that the lock knows it by.
pub fn open_locked(
    context: &Context,
    settings: &Settings,
    lock: &Lock,
    packages: &[&LockedPackage],
) -> anyhow::Result<Registries> {
    let known: &[Registry] = settings.registries.as_deref().unwrap_or_default();
    let mut registries = Vec::new();
    let mut readers = Vec::new();
    for locked in &lock.registries {
        let Some(package) = packages.iter().find(|package| package.registry == locked.name) else {
            continue;
        };
        let registry = known.iter().find(|registry| registry.name == locked.name).with_context(|| {
            format!(
                "the lock takes {} from the registry `{}`, which no setting names\n  hint: name it under [tool.rvp] registries",
                package.name, locked.name
            )
        })?;
        let reader = context
            .open_registry(registry, Some(locked.key.clone()), settings, false)
            .and_then(|reader| reader.config().map(|_| ()).map(|()| reader).map_err(Into::into))
            .with_context(|| format!("cannot use the registry `{}`", locked.name))?;
        registries.push(registry.clone());
        readers.push(reader);
    }
    Ok(Registries::new(registries, readers))
}

/// A project on disk.
pub struct Workspace {
    pub project: PyProject,
    pub settings: Settings,
    pub policies: Policies,
}

impl Workspace {
    /// The project that the current folder belongs to, with settings of the command line over its own.
    pub fn find(context: &Context, command_line: Settings) -> anyhow::Result<Self> {
        let project = PyProject::read(&find_project(Path::new("."))?)?;
        let settings = context.settings(command_line, Some(&project))?;
        let policies = context.policies()?.clone();
        Ok(Self { project, settings, policies })
    }

    pub fn lock_path(&self) -> PathBuf {
        self.project.root().join("rvp.lock")
    }

    /// The lock of the project, or none.
    pub fn lock(&self) -> anyhow::Result<Option<Lock>> {
        Ok(Lock::read(&self.lock_path())?)
    }

    /// All that the project may need: its dependencies, its optional ones and those of its groups.
    pub fn question(&self) -> Question {
        let project = &self.project.project;
        let optional = project.optional_dependencies.values().flatten();
        let groups = self.project.groups.values().flatten();
        let targets = self.settings.targets.clone().filter(|targets| !targets.is_empty());
        Question {
            asker: Asker::Project,
            requirements: project.dependencies.iter().chain(optional).chain(groups).cloned().collect(),
            requires_python: project.requires_python.as_ref().map(ToString::to_string),
            hosts: self.project.hosts.iter().map(|(host, range)| (host.clone(), range.to_string())).collect(),
            targets: targets.unwrap_or_else(|| vec![TargetSpec::default()]),
            settings: self.settings.clone(),
            policies: self.policies.clone(),
        }
    }

    /// What this machine's, the user's and the project's policies have against the lock, the first of it; none if nothing.
    pub fn forbidden(&self, context: &Context, lock: &Lock) -> anyhow::Result<Option<String>> {
        if self.policies.is_empty() {
            return Ok(None);
        }
        let registries =
            open_locked(context, &self.settings, lock, &lock.packages.iter().collect::<Vec<_>>())?;
        let judge = judge(context, &self.settings, &self.policies, &registries)?;
        let judged = judge_all(&judge, &registries, lock.packages.iter().map(Held::of))?;
        Ok(judged.iter().find_map(Judged::fault))
    }

    /// The lock, made anew where it is missing or was made for another question.
    pub fn fresh_lock(&self, context: &Context) -> anyhow::Result<Lock> {
        let question = self.question();
        let old = self.lock()?;
        if let Some(lock) = old.as_ref().filter(|lock| lock.inputs.difference(&question.inputs()).is_none()) {
            return Ok(lock.clone());
        }
        self.relock(context, old.as_ref(), &Upgrade::Nothing)
    }

    /// Resolves and writes the lock.
    pub fn relock(&self, context: &Context, old: Option<&Lock>, upgrade: &Upgrade) -> anyhow::Result<Lock> {
        let lock = self.question().answer(context, old, upgrade)?;
        self.write_lock(context, old, &lock)?;
        Ok(lock)
    }

    /// Writes the lock in place of `old`, and says what changes by that.
    pub fn write_lock(&self, context: &Context, old: Option<&Lock>, lock: &Lock) -> anyhow::Result<()> {
        lock.write(&self.lock_path())?;
        for change in super::changes::between(old, lock) {
            context.say(&change.to_string());
        }
        context.say(&format!(
            "locked {} for {}",
            super::output::count(lock.packages.len(), "package"),
            super::output::count(lock.targets.len(), "target")
        ));
        Ok(())
    }
}
