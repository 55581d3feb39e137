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
use super::registries::rebased;
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
    /// `[tool.rvp] policy`: where the project's policy stands, if it is not `policy.toml` beside this file.
    pub policy: Option<PathBuf>,
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
        let (hosts, policy, settings) = match tool_table(source, document.get_ref())? {
            Some(mut table) => {
                let hosts = table.get_mut().remove("hosts");
                let policy = table.get_mut().remove("policy");
                let mut known: Vec<&str> = vec!["hosts", "policy"];
                let shared = SETTINGS.iter().filter(|setting| setting.scope == Scope::Everywhere);
                known.extend(shared.map(|setting| setting.name));
                (
                    read_hosts(source, hosts)?,
                    read_policy(source, policy)?,
                    from_table(source, &table, &known)?,
                )
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
            policy,
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

/// A path, relative to the folder of the file that it stands in.
fn read_policy(
    source: &Source,
    policy: Option<Spanned<DeValue<'_>>>,
) -> Result<Option<PathBuf>, ProjectError> {
    let Some(policy) = policy else { return Ok(None) };
    match policy.get_ref().as_str().filter(|path| !path.is_empty()) {
        Some(path) => {
            let folder = source.path.parent().unwrap_or(Path::new(""));
            Ok(Some(rebased(Path::new(path), folder)))
        }
        None => {
            let reason = "`policy` is the path of a file: expected one such as \"policy.toml\"";
            Err(source.error(Some(policy.span()), reason))
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Location, ResolutionMode};

    const SITE_TOOLS: &str = r#"
[project]
name = "Site.Tools"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["revitpy-geometry>=1.2", "numpy"]
optional-dependencies.plot = ["matplotlib>=3.8; sys_platform == 'win32'"]
dynamic = ["license"]

[dependency-groups]
test = ["pytest>=8"]
Dev_All = ["ruff", { include-group = "Test" }]

[tool.other]
unknown = true

[tool.rvp]
registries = [
    { name = "acme", url = "../registry", prefixes = ["acme-", "revitpy-"] },
    { name = "share", url = '\\server\share\registry' },
    { name = "public", url = "https://example.org/registry", key = "public+1234abcd+AAAA" },
]
targets = ["revit==2025.4", { python = "3.12", platform = "win_amd64" }]
hosts = { Revit = ">=2022,<2028" }
resolution = "lowest-direct"
exclude-newer = "2026-01-31"
constraint-dependencies = ["numpy<3"]
"#;

    fn parse(text: &str) -> Result<PyProject, ProjectError> {
        PyProject::parse(&Source { path: PathBuf::from("tools/pyproject.toml"), text: text.into() })
    }

    #[test]
    fn the_project_of_the_design_is_read() {
        let read = parse(SITE_TOOLS).unwrap();
        assert_eq!(read.project.name.as_str(), "site-tools");
        assert_eq!(read.project.version.unwrap().to_string(), "0.1.0");
        assert_eq!(read.project.requires_python.unwrap().to_string(), ">=3.11");
        assert_eq!(read.project.dependencies.len(), 2);
        assert_eq!(read.project.dynamic, ["license"]);
        let plot = &read.project.optional_dependencies[&"plot".parse().unwrap()];
        assert_eq!(&*plot[0].text, "matplotlib>=3.8; sys_platform == 'win32'");
        assert_eq!(read.hosts["revit"].to_string(), ">=2022, <2028");
        let group = &read.groups[&"dev-all".parse().unwrap()];
        assert_eq!(group.iter().map(|one| &*one.text).collect::<Vec<_>>(), ["ruff", "pytest>=8"]);

        let settings = read.layer.settings;
        assert_eq!(read.layer.origin, Origin::Project("tools/pyproject.toml".into()));
        let registries = settings.registries.unwrap();
        assert_eq!(registries[0].url, Location::Path(Path::new("tools").join("../registry")));
        assert_eq!(registries[1].url, Location::Path(r"\\server\share\registry".into()));
        assert_eq!(registries[2].url.to_string(), "https://example.org/registry");
        assert_eq!(settings.targets.unwrap()[1].python.as_deref(), Some("3.12"));
        assert_eq!(settings.resolution, Some(ResolutionMode::LowestDirect));
        assert_eq!(settings.exclude_newer.unwrap().to_string(), "2026-02-01T00:00:00Z");
        assert_eq!(settings.constraint_dependencies.unwrap().len(), 1);
    }

    #[test]
    fn a_file_of_windows_notepad_is_read() {
        let text = format!("\u{feff}{}", SITE_TOOLS.replace('\n', "\r\n"));
        assert_eq!(parse(&text).unwrap().groups.len(), 2);
    }

    #[test]
    fn the_example_package_is_read() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/revit-geometry/pyproject.toml");
        let read = PyProject::read(&example).unwrap();
        assert_eq!(read.project.name.as_str(), "revit-geometry");
        assert_eq!(read.hosts["revit"].to_string(), ">=2022, <2028");
    }

    /// Each mistake in the file above, and the whole message.
    #[test]
    fn a_mistake_is_shown_where_it_stands() {
        let mistakes = [
            ("name = \"Site.Tools\"\n", "\n"),
            ("\"Site.Tools\"", "\"-x\""),
            ("\"0.1.0\"", "\"one\""),
            ("\"0.1.0\"", "1"),
            ("\">=3.11\"", "\"3.11\""),
            ("\"numpy\"]", "\"numpy >== 1\"]"),
            ("\"numpy\"]", "\"numpy @ https://example.org/numpy.whl\"]"),
            ("\"numpy\"]", "\"numpy\", 3]"),
            ("optional-dependencies.plot", "optional-dependencies.'p!'"),
            ("\"Test\"", "\"tests\""),
            ("\"pytest>=8\"", "{ include-group = \"dev-all\" }"),
            ("\"pytest>=8\"", "{ include = \"dev-all\" }"),
            ("Dev_All", "TEST"),
            ("registries = [\n", "registry = [\n"),
            ("resolution =", "resoluton ="),
            ("resolution =", "cache-dir ="),
            ("\"lowest-direct\"", "\"newest\""),
            ("\"2026-01-31\"", "\"yesterday\""),
            ("\"2026-01-31\"", "2026-01-31"),
            ("\"../registry\"", "\"ftp://example.org\""),
            ("\"https://example.org/registry\"", "\"https://me:secret@example.org\""),
            ("\"acme\"", "\"Acme Ltd\""),
            ("name = \"acme\"", "name = \"public\""),
            ("prefixes", "prefix"),
            ("\"revit==2025.4\"", "\"revit 2025.4\""),
            ("\"win_amd64\"", "\"windows\""),
            ("python = \"3.12\"", "python = 3.12"),
            ("hosts = { Revit = \">=2022,<2028\" }", "hosts = [\"revit\"]"),
            (">=2022,<2028", "2022"),
            ("[tool.rvp]", "[tool.rvp"),
            ("[project]", "[package]"),
            ("\n[tool.rvp]\n", "\n[tool]\nrvp = 1\n[more]\n"),
        ];
        let mut messages = String::new();
        for (right, wrong) in mistakes {
            assert!(SITE_TOOLS.contains(right), "{right}");
            let error = parse(&SITE_TOOLS.replacen(right, wrong, 1)).expect_err(wrong);
            messages.push_str(&format!("{error}\n"));
        }
        insta::assert_snapshot!(messages, @r#"
        tools/pyproject.toml:2:1: missing field `name`
        tools/pyproject.toml:3:8: `-x` is not a Python package name: use ASCII letters, digits, `.`, `_` and `-`, beginning and ending with a letter or digit
        tools/pyproject.toml:4:11: `one` is not a PEP 440 version: expected version to start with a number, but no leading ASCII digits were found
        tools/pyproject.toml:4:11: invalid type: integer `1`, expected a version such as "1.2.0"
        tools/pyproject.toml:5:19: `3.11` is not a version specifier: Unexpected end of version specifier, expected operator. Did you mean `==3.11`?
        tools/pyproject.toml:6:42: `numpy >== 1` is not a PEP 508 requirement: no such comparison operator ">==", must be one of ~= == != <= >= < > ===
        tools/pyproject.toml:6:42: `numpy @ https://example.org/numpy.whl` names a URL or a path: a registry serves names and versions only; publish the package and require it by version
        tools/pyproject.toml:6:51: invalid type: integer `3`, expected a requirement such as "numpy>=1.26"
        tools/pyproject.toml:7:23: Not a valid package or extra name: "p!". Names must start and end with a letter or digit and may only contain -, _, ., and alphanumeric characters.
        tools/pyproject.toml:12:20: there is no group `tests` to include
          hint: did you mean `test`?
        tools/pyproject.toml:11:9: the groups include each other in a circle: dev-all → test → dev-all
        tools/pyproject.toml:11:11: unknown field `include`, expected `include-group`
        tools/pyproject.toml:11:1: `test` and `TEST` are the same group; give one of them another name
        tools/pyproject.toml:18:1: `registry` is not a setting here
          hint: did you mean `registries`?
        tools/pyproject.toml:25:1: `resoluton` is not a setting here
          hint: did you mean `resolution`?
        tools/pyproject.toml:25:1: `cache-dir` is not a setting here
          hint: it belongs to a machine: set it in ~/.rvp/config.toml
        tools/pyproject.toml:25:14: `newest` is not one of highest, lowest, lowest-direct
        tools/pyproject.toml:26:17: `yesterday` is not a date or time such as "2026-01-31" or "2026-01-31T12:00:00Z"
        tools/pyproject.toml:26:17: it is not a text in quotes: expected a date or time such as "2026-01-31" or "2026-01-31T12:00:00Z"
        tools/pyproject.toml:19:28: `ftp://` is not a way to read a registry: expected a folder, or a URL of `https://`, `s3://`, `gs://`, `az://`, `git+https://`, `git+ssh://` or `file://`
        tools/pyproject.toml:21:30: the URL of a registry holds a user name or password; project files are shared, keep credentials out of them
        tools/pyproject.toml:19:14: `Acme Ltd` does not name a registry: use lower-case ASCII letters, digits and `-`
        tools/pyproject.toml:18:14: two registries have the name `public`; give each its own
        tools/pyproject.toml:19:43: unknown field `prefix`, expected one of `name`, `url`, `mirrors`, `prefixes`, `key`, `witnesses`, `quorum`, `forge`, `forge-api`, `write-lock`
        tools/pyproject.toml:23:12: `revit 2025.4` does not name a host release; write it as `revit==2025.4`
        tools/pyproject.toml:23:29: `windows` is not a platform that rvp knows; examples: win_amd64, win_arm64, manylinux_2_28_x86_64, musllinux_1_2_x86_64, macosx_11_0_arm64
        tools/pyproject.toml:23:29: a target is a text such as "revit==2025.4", or a table of `host`, `python` and `platform`
        tools/pyproject.toml:24:9: `hosts` is a table of host names and versions: `hosts = { revit = ">=2022,<2028" }`
        tools/pyproject.toml:24:19: `2022` is not a version specifier: Unexpected end of version specifier, expected operator. Did you mean `==2022`?
        tools/pyproject.toml:17:10: unclosed table, expected `]`
        tools/pyproject.toml:1:1: there is no [project] table
          hint: expected `[project]` with at least `name = "…"`
        tools/pyproject.toml:18:7: `tool.rvp` is of type integer, and a table is expected
        "#);
    }

    #[test]
    fn a_file_that_is_not_utf8_says_from_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pyproject.toml");
        std::fs::write(&path, b"# caf\xe9\n[project]\nname = \"a\"\n").unwrap();
        let shown = PyProject::read(&path).unwrap_err().to_string();
        insta::assert_snapshot!(shown.replace(&path.display().to_string(), "pyproject.toml"), @"
        pyproject.toml is not UTF-8 from byte 5 on
          hint: TOML files are UTF-8; save it with that encoding
        ");
    }

    #[test]
    fn the_nearest_project_above_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b/c");
        std::fs::create_dir_all(&inner).unwrap();
        let shown = |error: ProjectError| {
            error.to_string().replace(&folder.path().display().to_string(), "DIR").replace('\\', "/")
        };
        assert!(matches!(find_project(&inner), Err(ProjectError::NoProject { .. })));
        std::fs::write(folder.path().join("a/vitte.toml"), "").unwrap();
        insta::assert_snapshot!(shown(find_project(&inner).unwrap_err()), @"
        DIR/a/vitte.toml is a Vitte project, which this version of rvp does not read yet
          hint: put a pyproject.toml beside it, or run rvp in another folder
        ");
        std::fs::write(folder.path().join("a/pyproject.toml"), "").unwrap();
        assert_eq!(find_project(&inner).unwrap(), folder.path().join("a/pyproject.toml"));
    }
}
