//! Settings from several places, and which of them wins.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use super::error::{Source, nearest_hint};
use super::registries::{Registry, conflict};
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

    /// What holds for `key`, a setting or `registries.NAME.FIELD`, as text; none if nothing sets it.
    pub fn get(&self, key: &str) -> Result<Option<String>, ProjectError> {
        let settings = self.settings();
        if let Some(setting) = Setting::named(key) {
            return Ok(setting.show(&settings));
        }
        let registries = settings.registries.unwrap_or_default();
        let fields: Vec<(String, Option<String>)> = registries.iter().flat_map(Registry::fields).collect();
        match fields.iter().find(|(name, _)| name == key) {
            Some((_, value)) => Ok(value.clone()),
            None => {
                let known = SETTINGS.iter().map(|setting| setting.name.to_owned());
                let known = known.chain(fields.into_iter().map(|(name, _)| name)).collect();
                Err(ProjectError::UnknownSetting { key: key.into(), known })
            }
        }
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

#[cfg(test)]
mod tests {
    use super::super::{PyProject, UserConfig};
    use super::*;

    const FOLDER: &str = "/project";

    fn layer(origin: Origin, text: &str) -> Layer {
        let source = Source { path: Path::new(FOLDER).join("config.toml"), text: text.into() };
        let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        let settings = from_table(&source, &DeTable::parse(text).unwrap(), &known).unwrap();
        Layer { origin, settings }
    }

    fn variables(pairs: &[(&str, &str)]) -> Result<Settings, ProjectError> {
        let value = |name: &str| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.into());
        from_environment(value, Path::new(FOLDER))
    }

    /// Each setting, and a value for it that is not its default.
    const VALUES: &[(&str, &str)] = &[
        ("cache-dir", "'/project/one'"),
        ("concurrent-downloads", "7"),
        ("constraint-dependencies", "['numpy<3']"),
        ("environments-dir", "'/project/one'"),
        ("exclude-newer", "'2026-01-31T12:00:00Z'"),
        ("http-timeout", "7"),
        ("link-mode", "'copy'"),
        ("no-binary", "true"),
        ("no-build", "true"),
        ("override-dependencies", "['numpy==2.1']"),
        ("prerelease", "'allow'"),
        (
            "registries",
            "[{ name = 'one', url = '/one', mirrors = ['/two', 's3://b/three'], prefixes = ['a-'], key = 'k', witnesses = ['w'], quorum = 1, forge = 'gitea', forge-api = 'https://h/api' }]",
        ),
        ("resolution", "'lowest'"),
        ("sign-key", "'/project/one'"),
        ("store-dir", "'/project/one'"),
        ("targets", "['revit==2025', { host = 'revit==2026', python = '3.12', platform = 'win_amd64' }]"),
        ("trusted-root", "'/project/one'"),
    ];

    #[test]
    fn every_setting_goes_before_the_default_from_each_place() {
        let home = Home::at(Path::new("/home/ana/.rvp")).unwrap();
        assert!(VALUES.iter().map(|value| value.0).eq(SETTINGS.iter().map(|setting| setting.name)));
        for (name, value) in VALUES {
            let setting = Setting::named(name).unwrap();
            let given = |origin| layer(origin, &format!("{name} = {value}"));
            let empty = |origin| layer(origin, "");
            let user = Origin::User("u".into());
            let project = Origin::Project("p".into());
            let stack = |at: usize| {
                let one = |here: usize, origin| if here == at { given(origin) } else { empty(origin) };
                let layers = Layers::stack(
                    one(0, Origin::CommandLine).settings,
                    one(1, Origin::Environment).settings,
                    Some(one(2, project.clone())),
                    one(3, user.clone()),
                    &home,
                );
                let listed = layers.list().into_iter().find(|listed| listed.setting.name == *name).unwrap();
                (listed.value, listed.origin)
            };
            let expected = setting.show(&given(Origin::Default).settings);
            assert!(expected.is_some(), "{name}");
            assert_ne!(stack(9).0, expected, "{name}");
            assert_eq!(stack(0), (expected.clone(), Some(Origin::CommandLine)));
            assert_eq!(stack(1), (expected.clone(), Some(Origin::Environment)));
            assert_eq!(stack(2), (expected.clone(), Some(project.clone())));
            assert_eq!(stack(3), (expected.clone(), Some(user.clone())));
            // What is shown is also what the environment takes.
            let text = expected.clone().unwrap_or_default();
            let read = variables(&[(setting.variable().as_str(), text.as_str())]).unwrap();
            assert_eq!(setting.show(&read), expected);
        }
    }

    #[test]
    fn the_stronger_of_two_layers_wins() {
        let layers = ["prerelease = 'allow'", "prerelease = 'explicit'\nno-build = true", "no-build = false"];
        let layers = Layers(layers.iter().map(|text| layer(Origin::Default, text)).collect());
        let settings = layers.settings();
        assert_eq!(settings.prerelease, Some(super::super::PrereleaseMode::Allow));
        assert_eq!(settings.no_build, Some(true));
    }

    #[test]
    fn registries_add_up_by_name_and_the_stronger_comes_first() {
        let strong = layer(
            Origin::Default,
            "registries = [{ name = 'a', url = 'strong' }, { name = 'b', url = 'b' }]",
        );
        let weak =
            layer(Origin::Default, "registries = [{ name = 'c', url = 'c' }, { name = 'a', url = 'weak' }]");
        let registries = Layers(vec![strong, weak]).settings().registries.unwrap();
        let shown: Vec<String> =
            registries.iter().map(|one| one.url.to_string().replace('\\', "/")).collect();
        assert_eq!(shown, ["/project/strong", "/project/b", "/project/c"]);
    }

    #[test]
    fn a_field_of_a_registry_has_a_dotted_key() {
        let layers = Layers(vec![layer(
            Origin::Default,
            "no-build = true\nregistries = [{ name = 'acme', url = 'https://example.org/', prefixes = ['a-', 'b-'] }]",
        )]);
        assert_eq!(layers.get("no-build").unwrap().as_deref(), Some("true"));
        assert_eq!(layers.get("resolution").unwrap(), None);
        assert_eq!(layers.get("registries.acme.url").unwrap().as_deref(), Some("https://example.org/"));
        assert_eq!(layers.get("registries.acme.prefixes").unwrap().as_deref(), Some("[\"a-\", \"b-\"]"));
        assert_eq!(layers.get("registries.acme.key").unwrap(), None);
        insta::assert_snapshot!(layers.get("registries.acne.url").unwrap_err(), @r#"
        `registries.acne.url` is not a setting
          hint: did you mean `registries.acme.url`?
        "#);
    }

    #[test]
    fn the_environment_takes_single_items_and_arrays() {
        let read = variables(&[
            ("RVP_TARGETS", "revit==2025.4"),
            ("RVP_REGISTRIES", "{ name = 'a', url = '../a' }"),
            ("RVP_CONSTRAINT_DEPENDENCIES", "['numpy<3', 'pandas']"),
            ("RVP_CACHE_DIR", "cache"),
            ("RVP_STORE_DIR", ""),
        ])
        .unwrap();
        assert_eq!(read.targets.unwrap()[0].host.as_deref(), Some("revit==2025.4"));
        assert_eq!(read.registries.unwrap()[0].name, "a");
        assert_eq!(read.constraint_dependencies.unwrap().len(), 2);
        assert_eq!(read.cache_dir.unwrap(), Path::new(FOLDER).join("cache"));
        assert_eq!(read.store_dir, None);
    }

    #[test]
    fn a_variable_with_a_wrong_value_is_named() {
        let mut messages = String::new();
        for (name, value) in [
            ("RVP_NO_BUILD", "yes"),
            ("RVP_CONCURRENT_DOWNLOADS", "0"),
            ("RVP_CONCURRENT_DOWNLOADS", "many"),
            ("RVP_LINK_MODE", "junction"),
            ("RVP_TARGETS", "[revit==2025]"),
            ("RVP_REGISTRIES", "../registry"),
        ] {
            messages.push_str(&format!("{}\n", variables(&[(name, value)]).unwrap_err()));
        }
        insta::assert_snapshot!(messages, @r#"
        the environment variable RVP_NO_BUILD: `yes` is neither `true` nor `false`
        the environment variable RVP_CONCURRENT_DOWNLOADS: `0` is not a number of at least 1
        the environment variable RVP_CONCURRENT_DOWNLOADS: `many` is not a number of at least 1
        the environment variable RVP_LINK_MODE: `junction` is not one of symlink, hardlink, clone, copy
        the environment variable RVP_TARGETS: `[revit==2025]` is not a TOML array
        the environment variable RVP_REGISTRIES: invalid type: string "../registry", expected a table such as { name = "acme", url = "../registry" }
        "#);
    }

    #[test]
    fn all_places_are_read_from_disk() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        UserConfig::read(&home.config_file()).unwrap().set("resolution", "lowest").unwrap();
        let file = folder.path().join("pyproject.toml");
        std::fs::write(&file, "[project]\nname = 'a'\n[tool.rvp]\nprerelease = 'allow'\n").unwrap();
        let project = PyProject::read(&file).unwrap();
        let line = Settings { no_build: Some(true), ..Settings::default() };
        let layers = Layers::load(line, Some(project.layer), &home).unwrap();
        let origin =
            |name| layers.list().into_iter().find(|one| one.setting.name == name).unwrap().origin.unwrap();
        assert_eq!(origin("no-build"), Origin::CommandLine);
        assert_eq!(origin("prerelease"), Origin::Project(file));
        assert_eq!(origin("resolution"), Origin::User(home.config_file()));
        assert_eq!(origin("cache-dir"), Origin::Default);
    }
}
