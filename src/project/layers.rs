//! Settings from several places, and which of them wins.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use super::error::{Source, nearest_hint};
use super::registries::conflict;
use super::{Home, ProjectError, SETTINGS, Setting, Settings};

/// Where settings come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    CommandLine,
    Environment,
    /// The project's `pyproject.toml`.
    Project(PathBuf),
    /// The user's `config.toml`.
    User(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("command line"),
            Self::Environment => f.write_str("environment"),
            Self::Project(path) | Self::User(path) => path.display().fmt(f),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The settings of one origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    pub origin: Origin,
    pub settings: Settings,
}

/// All layers, the strongest first: command line, environment, project, user, default.
#[derive(Clone, Debug)]
pub struct Layers(Vec<Layer>);

/// A setting as `rvp config` lists it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub setting: &'static Setting,
    /// None where no layer sets it.
    pub value: Option<String>,
    /// The strongest layer that sets it.
    pub origin: Option<Origin>,
}

impl Layers {
    /// Reads the user's file and the environment of this process, between the layers of the command line and of the project.
    pub fn load(command_line: Settings, project: Option<Layer>, home: &Home) -> Result<Self, ProjectError> {
        let folder = std::env::current_dir()
            .map_err(|source| ProjectError::Read { path: PathBuf::from("."), source })?;
        let mut command_line = command_line;
        command_line.rebase(&folder);
        let environment = from_environment(|name| std::env::var_os(name), &folder)?;
        let user = super::UserConfig::read(&home.config_file())?.layer()?;
        Ok(Self::stack(command_line, environment, project, user, home))
    }

    fn stack(
        command_line: Settings,
        environment: Settings,
        project: Option<Layer>,
        user: Layer,
        home: &Home,
    ) -> Self {
        let mut layers = vec![
            Layer { origin: Origin::CommandLine, settings: command_line },
            Layer { origin: Origin::Environment, settings: environment },
        ];
        layers.extend(project);
        layers.push(user);
        layers.push(Layer { origin: Origin::Default, settings: Settings::defaults(home) });
        Self(layers)
    }

    /// What holds: each setting from the strongest layer that has it; registries from all, by name.
    pub fn settings(&self) -> Settings {
        let layers = self.0.iter().rev().map(|layer| layer.settings.clone());
        layers.fold(Settings::default(), |lower, layer| layer.over(lower))
    }

    /// Every known setting, sorted by name.
    pub fn list(&self) -> Vec<Listed> {
        let settings = self.settings();
        let listed = |setting: &'static Setting| {
            let sets = |layer: &&Layer| setting.show(&layer.settings).is_some();
            let origin = self.0.iter().find(sets).map(|layer| layer.origin.clone());
            Listed { setting, value: setting.show(&settings), origin }
        };
        SETTINGS.iter().map(listed).collect()
    }
}

/// Reads `RVP_*`. Relative paths are relative to `folder`. An empty variable is not set.
fn from_environment(
    variable: impl Fn(&str) -> Option<OsString>,
    folder: &Path,
) -> Result<Settings, ProjectError> {
    let mut merged = Settings::default();
    for setting in SETTINGS {
        let name = setting.variable();
        let Some(value) = variable(&name).filter(|value| !value.is_empty()) else { continue };
        let error = |reason: String| ProjectError::Environment { variable: name.clone(), reason };
        let text = value.to_str().ok_or_else(|| error("it is not Unicode".into()))?;
        let mut table = toml_edit::DocumentMut::new();
        table[setting.name] = toml_edit::value(setting.value(text).map_err(&error)?);
        let table = table.to_string();
        let settings = toml::from_str::<Settings>(&table).map_err(|e| error(e.message().to_owned()))?;
        if let Some(reason) = settings.registries.as_deref().and_then(conflict) {
            return Err(error(reason));
        }
        merged = merged.over(settings);
    }
    merged.rebase(folder);
    Ok(merged)
}

/// Reads a table of settings that stands in `source`; every key in it is one of `known`.
pub(super) fn from_table(
    source: &Source,
    table: &Spanned<DeTable<'_>>,
    known: &[&str],
) -> Result<Settings, ProjectError> {
    for key in table.get_ref().keys() {
        if !known.contains(&key.get_ref().as_ref()) {
            let names: Vec<String> = known.iter().map(ToString::to_string).collect();
            let hint = match Setting::named(key.get_ref()) {
                Some(_) => "\n  hint: it belongs to a machine: set it in ~/.rvp/config.toml".to_owned(),
                None => nearest_hint(key.get_ref(), &names),
            };
            let reason = format!("`{}` is not a setting here{hint}", key.get_ref());
            return Err(source.error(Some(key.span()), reason));
        }
    }
    let deserializer = toml::de::Deserializer::from(table.clone());
    let mut settings = Settings::deserialize(deserializer).map_err(|error| source.toml_error(&error))?;
    if let Some(reason) = settings.registries.as_deref().and_then(conflict) {
        let span = table.get_ref().get("registries").map(Spanned::span);
        return Err(source.error(span, reason));
    }
    settings.rebase(source.path.parent().unwrap_or(Path::new("")));
    Ok(settings)
}
