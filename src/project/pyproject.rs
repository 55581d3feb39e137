//! `pyproject.toml`: the standard tables (PEP 621, PEP 735) and `[tool.rvp]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use uv_normalize::{ExtraName, GroupName};
use uv_pep440::VersionSpecifiers;

use super::error::Source;
use super::groups::{self, RawGroups};
use super::layers::{Layer, Origin, from_table};
use super::text::{self, FromText};
use super::{ProjectError, SETTINGS, Scope};
use crate::model::{Family, PackageName, Requirement, Version};

/// A project's file, read and checked.
#[derive(Clone, Debug)]
pub struct PyProject {
    /// The file itself.
    pub path: PathBuf,
    pub project: Project,
    /// `[dependency-groups]`, with what they include.
    pub groups: BTreeMap<GroupName, Vec<Requirement>>,
    /// `[tool.rvp] hosts`: normalised host name, and the PEP 440 specifiers of the releases that this package runs in.
    pub hosts: BTreeMap<String, VersionSpecifiers>,
    /// The settings of `[tool.rvp]`.
    pub layer: Layer,
}

/// `[project]`, as far as rvp uses it. Other keys are the build backend's to check.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Project {
    #[serde(deserialize_with = "name")]
    pub name: PackageName,
    /// None where it is dynamic.
    #[serde(default, deserialize_with = "text::option")]
    pub version: Option<Version>,
    #[serde(default, deserialize_with = "text::option")]
    pub requires_python: Option<VersionSpecifiers>,
    #[serde(default, deserialize_with = "text::list")]
    pub dependencies: Vec<Requirement>,
    #[serde(default, deserialize_with = "extras")]
    pub optional_dependencies: BTreeMap<ExtraName, Vec<Requirement>>,
    /// Fields that only the build backend knows.
    #[serde(default)]
    pub dynamic: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Raw {
    project: Project,
    #[serde(default)]
    dependency_groups: RawGroups,
}

impl PyProject {
    pub fn read(path: &Path) -> Result<Self, ProjectError> {
        Self::parse(&Source::read(path)?)
    }

    pub(super) fn parse(source: &Source) -> Result<Self, ProjectError> {
        let document = DeTable::parse(&source.text).map_err(|error| source.toml_error(&error))?;
        if !document.get_ref().contains_key("project") {
            let reason =
                "there is no [project] table\n  hint: expected `[project]` with at least `name = \"…\"`";
            return Err(source.error(None, reason));
        }
        let (hosts, settings) = match tool_table(source, document.get_ref())? {
            Some(mut table) => {
                let hosts = table.get_mut().remove("hosts");
                let mut known: Vec<&str> = vec!["hosts"];
                let shared = SETTINGS.iter().filter(|setting| setting.scope == Scope::Everywhere);
                known.extend(shared.map(|setting| setting.name));
                (read_hosts(source, hosts)?, from_table(source, &table, &known)?)
            }
            None => Default::default(),
        };
        let raw = Raw::deserialize(toml::de::Deserializer::from(document))
            .map_err(|error| source.toml_error(&error))?;
        Ok(Self {
            path: source.path.clone(),
            project: raw.project,
            groups: groups::expand(source, raw.dependency_groups)?,
            hosts,
            layer: Layer { origin: Origin::Project(source.path.clone()), settings },
        })
    }

    /// The folder of the project.
    pub fn root(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

/// Walks up from the folder `start` to the first that holds a `pyproject.toml`, and returns the path of that file.
pub fn find_project(start: &Path) -> Result<PathBuf, ProjectError> {
    let absolute =
        std::path::absolute(start).map_err(|source| ProjectError::Read { path: start.to_owned(), source })?;
    for folder in absolute.ancestors() {
        let file = folder.join("pyproject.toml");
        if file.is_file() {
            return Ok(file);
        }
        let vitte = folder.join("vitte.toml");
        if vitte.is_file() {
            return Err(ProjectError::Vitte { path: vitte });
        }
    }
    Err(ProjectError::NoProject { start: absolute })
}

fn tool_table<'i>(
    source: &Source,
    document: &DeTable<'i>,
) -> Result<Option<Spanned<DeTable<'i>>>, ProjectError> {
    let tool = document.get("tool").and_then(|tool| tool.get_ref().as_table());
    let Some(rvp) = tool.and_then(|tool| tool.get("rvp")) else { return Ok(None) };
    match rvp.get_ref() {
        DeValue::Table(table) => Ok(Some(Spanned::new(rvp.span(), table.clone()))),
        other => Err(source.error(
            Some(rvp.span()),
            format!("`tool.rvp` is of type {}, and a table is expected", other.type_str()),
        )),
    }
}

fn read_hosts(
    source: &Source,
    hosts: Option<Spanned<DeValue<'_>>>,
) -> Result<BTreeMap<String, VersionSpecifiers>, ProjectError> {
    let Some(hosts) = hosts else { return Ok(BTreeMap::new()) };
    let span = hosts.span();
    let DeValue::Table(table) = hosts.into_inner() else {
        let reason = "`hosts` is a table of host names and versions: `hosts = { revit = \">=2022,<2028\" }`";
        return Err(source.error(Some(span), reason));
    };
    let mut read = BTreeMap::new();
    for (key, value) in table {
        let name = PackageName::new(Family::Host, key.get_ref())
            .map_err(|error| source.error(Some(key.span()), error))?;
        let text = value.get_ref().as_str().ok_or_else(|| {
            let expected = VersionSpecifiers::EXPECTED;
            source.error(Some(value.span()), format!("the releases of a host: expected {expected}"))
        })?;
        let specifiers =
            VersionSpecifiers::from_text(text).map_err(|reason| source.error(Some(value.span()), reason))?;
        if read.insert(name.as_str().to_owned(), specifiers).is_some() {
            return Err(source.error(Some(key.span()), format!("the host `{}` stands twice", name.as_str())));
        }
    }
    Ok(read)
}

fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<PackageName, D::Error> {
    text::Text::deserialize(deserializer).map(|text::Text(name)| name)
}

fn extras<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<ExtraName, Vec<Requirement>>, D::Error> {
    let extras = BTreeMap::<ExtraName, Vec<text::Text<Requirement>>>::deserialize(deserializer)?;
    let unwrap = |list: Vec<text::Text<Requirement>>| list.into_iter().map(|text::Text(one)| one).collect();
    Ok(extras.into_iter().map(|(name, list)| (name, unwrap(list))).collect())
}
