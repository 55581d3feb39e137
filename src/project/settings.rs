//! The settings: what each is called, what it may be, and where it may be set.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::registries::{Registry, rebased};
use super::text::{self, FromText};
use crate::model::{Platform, Requirement, TargetSpec};

/// A set of settings from one place, or all of them merged. What is not set there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Settings {
    pub registries: Option<Vec<Registry>>,
    #[serde(deserialize_with = "targets")]
    pub targets: Option<Vec<TargetSpec>>,
    #[serde(deserialize_with = "text::option")]
    pub prerelease: Option<PrereleaseMode>,
    #[serde(deserialize_with = "text::option")]
    pub resolution: Option<ResolutionMode>,
    pub no_build: Option<bool>,
    pub no_binary: Option<bool>,
    #[serde(deserialize_with = "text::option")]
    pub exclude_newer: Option<ExcludeNewer>,
    #[serde(deserialize_with = "text::option")]
    pub link_mode: Option<LinkMode>,
    #[serde(deserialize_with = "text::optional_list")]
    pub constraint_dependencies: Option<Vec<Requirement>>,
    #[serde(deserialize_with = "text::optional_list")]
    pub override_dependencies: Option<Vec<Requirement>>,
    pub cache_dir: Option<PathBuf>,
    pub environments_dir: Option<PathBuf>,
    pub store_dir: Option<PathBuf>,
    /// The authorities that are believed about identities: Sigstore's `trusted_root.json`.
    pub trusted_root: Option<PathBuf>,
    /// The private key that publishes are signed with.
    pub sign_key: Option<PathBuf>,
    #[serde(deserialize_with = "count")]
    pub concurrent_downloads: Option<NonZeroUsize>,
    /// In seconds.
    #[serde(deserialize_with = "count")]
    pub http_timeout: Option<NonZeroUsize>,
}

/// Where a setting may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Projects, the user's `config.toml`, and the environment.
    Everywhere,
    /// A machine's own affair: the user's `config.toml` and the environment.
    Machine,
}

/// How the text of a setting, from the environment or `rvp config set`, becomes a TOML value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bool,
    Count,
    /// A TOML array, or one item of it by itself.
    List,
}

/// A known setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// As in TOML: `cache-dir`. The environment variable is `RVP_CACHE_DIR`.
    pub name: &'static str,
    pub scope: Scope,
    pub help: &'static str,
    pub(super) kind: Kind,
    show: fn(&Settings) -> Option<String>,
}

/// Every setting. This table drives `rvp config`, the environment variables and the check for unknown keys.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = {
    use Kind::{Bool, Count, List, Text};
    use Scope::{Everywhere, Machine};
    const fn setting(name: &'static str, kind: Kind, scope: Scope, show: fn(&Settings) -> Option<String>, help: &'static str) -> Setting {
        Setting { name, scope, help, kind, show }
    }
    &[
        setting("cache-dir", Text, Machine, |s| path(s.cache_dir.as_ref()), "Folder for what can be fetched again"),
        setting("concurrent-downloads", Count, Machine, |s| shown(s.concurrent_downloads.as_ref()), "Downloads at the same time, at least 1"),
        setting("constraint-dependencies", List, Everywhere, |s| texts(s.constraint_dependencies.as_ref()), "Requirements that bound a package where something else asks for it"),
        setting("environments-dir", Text, Machine, |s| path(s.environments_dir.as_ref()), "Folder for environments that are named and not given a path"),
        setting("exclude-newer", Text, Everywhere, |s| shown(s.exclude_newer.as_ref()), "Pass over releases sealed after this date or RFC 3339 time"),
        setting("http-timeout", Count, Machine, |s| shown(s.http_timeout.as_ref()), "Seconds to wait for the next byte of a server, at least 1"),
        setting("link-mode", Text, Everywhere, |s| shown(s.link_mode.as_ref()), "How environments take files from the store: symlink, hardlink, clone or copy"),
        setting("no-binary", Bool, Everywhere, |s| shown(s.no_binary.as_ref()), "Use no wheels, build every package"),
        setting("no-build", Bool, Everywhere, |s| shown(s.no_build.as_ref()), "Build no packages, use wheels only"),
        setting("override-dependencies", List, Everywhere, |s| texts(s.override_dependencies.as_ref()), "Requirements that replace what packages ask for"),
        setting("prerelease", Text, Everywhere, |s| shown(s.prerelease.as_ref()), "When pre-releases are chosen: disallow, allow, if-necessary, explicit or if-necessary-or-explicit"),
        setting("registries", List, Everywhere, |s| registries(s.registries.as_ref()), "Registries as { name, url, mirrors, prefixes, key, witnesses, quorum, forge, forge-api }; those with prefixes serve only such names"),
        setting("resolution", Text, Everywhere, |s| shown(s.resolution.as_ref()), "Which versions are preferred: highest, lowest or lowest-direct"),
        setting("sign-key", Text, Machine, |s| path(s.sign_key.as_ref()), "Private key file that publishes, yanks and approvals are signed with"),
        setting("store-dir", Text, Machine, |s| path(s.store_dir.as_ref()), "Folder for unpacked packages, shared by all environments"),
        setting("targets", List, Everywhere, |s| targets_text(s.targets.as_ref()), "What locks are made for, as \"revit==2025.4\" or { host, python, platform }"),
        setting("trusted-root", Text, Everywhere, |s| path(s.trusted_root.as_ref()), "Sigstore authorities to believe, as a trusted_root.json file"),
    ]
};

impl Setting {
    pub fn named(name: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// `RVP_CACHE_DIR` for `cache-dir`.
    pub fn variable(&self) -> String {
        format!("RVP_{}", self.name.to_uppercase().replace('-', "_"))
    }

    /// Its value in `settings` as text, if it is set there. A text is shown without quotes, a list as a TOML array.
    pub fn show(&self, settings: &Settings) -> Option<String> {
        (self.show)(settings)
    }

    /// The TOML of a value given as a text. What it may be is checked by whoever reads that TOML.
    pub(super) fn value(&self, text: &str) -> Result<toml_edit::Value, String> {
        let toml =
            |what: &str| text.parse::<toml_edit::Value>().map_err(|_| format!("`{text}` is not {what}"));
        match self.kind {
            Kind::Text => Ok(text.into()),
            Kind::Bool => text
                .parse::<bool>()
                .map(Into::into)
                .map_err(|_| format!("`{text}` is neither `true` nor `false`")),
            Kind::Count => toml("a number of at least 1"),
            Kind::List if text.trim_start().starts_with('[') => toml("a TOML array"),
            Kind::List if text.trim_start().starts_with('{') => {
                Ok(toml_edit::Array::from_iter([toml("a TOML table")?]).into())
            }
            Kind::List => Ok(toml_edit::Array::from_iter([text]).into()),
        }
    }
}

impl Settings {
    /// What holds where neither user nor project says otherwise. The folders are those under `home`.
    pub fn defaults(home: &super::Home) -> Self {
        Self {
            prerelease: Some(PrereleaseMode::default()),
            resolution: Some(ResolutionMode::default()),
            no_build: Some(false),
            no_binary: Some(false),
            cache_dir: Some(home.cache()),
            environments_dir: Some(home.environments()),
            store_dir: Some(home.store()),
            concurrent_downloads: NonZeroUsize::new(50),
            http_timeout: NonZeroUsize::new(30),
            ..Self::default()
        }
    }

    /// These settings, and `lower` where they say nothing. Registries add up, by name.
    pub(super) fn over(self, lower: Self) -> Self {
        let registries = match (self.registries, lower.registries) {
            (Some(mut registries), Some(lower)) => {
                for registry in lower {
                    if registries.iter().all(|known| known.name != registry.name) {
                        registries.push(registry);
                    }
                }
                Some(registries)
            }
            (one, other) => one.or(other),
        };
        Self {
            registries,
            targets: self.targets.or(lower.targets),
            prerelease: self.prerelease.or(lower.prerelease),
            resolution: self.resolution.or(lower.resolution),
            no_build: self.no_build.or(lower.no_build),
            no_binary: self.no_binary.or(lower.no_binary),
            exclude_newer: self.exclude_newer.or(lower.exclude_newer),
            link_mode: self.link_mode.or(lower.link_mode),
            constraint_dependencies: self.constraint_dependencies.or(lower.constraint_dependencies),
            override_dependencies: self.override_dependencies.or(lower.override_dependencies),
            cache_dir: self.cache_dir.or(lower.cache_dir),
            environments_dir: self.environments_dir.or(lower.environments_dir),
            store_dir: self.store_dir.or(lower.store_dir),
            trusted_root: self.trusted_root.or(lower.trusted_root),
            sign_key: self.sign_key.or(lower.sign_key),
            concurrent_downloads: self.concurrent_downloads.or(lower.concurrent_downloads),
            http_timeout: self.http_timeout.or(lower.http_timeout),
        }
    }

    /// Makes relative paths relative to `base`, the folder of the file that they stand in.
    pub(super) fn rebase(&mut self, base: &Path) {
        for registry in self.registries.iter_mut().flatten() {
            registry.url.rebase(base);
            registry.mirrors.iter_mut().for_each(|mirror| mirror.rebase(base));
        }
        for path in [
            &mut self.cache_dir,
            &mut self.environments_dir,
            &mut self.store_dir,
            &mut self.trusted_root,
            &mut self.sign_key,
        ]
        .into_iter()
        .flatten()
        {
            *path = rebased(path, base);
        }
    }
}

/// Declares an enum of named choices, as the value of a setting.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident, $what:literal, $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text),+ })
            }
        }

        impl FromText for $name {
            const EXPECTED: &'static str = concat!("one of ", $what);
            fn from_text(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!("`{text}` is not one of {}", $what)),
                }
            }
        }
    };
}

choice! {
    /// When a pre-release is a candidate; the same words as in uv.
    PrereleaseMode, "disallow, allow, if-necessary, explicit, if-necessary-or-explicit",
    Disallow = "disallow",
    Allow = "allow",
    /// For packages that have nothing but pre-releases.
    IfNecessary = "if-necessary",
    /// For packages whose direct requirement names one.
    Explicit = "explicit",
    #[default]
    IfNecessaryOrExplicit = "if-necessary-or-explicit",
}

choice! {
    /// Which of the admitted versions is preferred.
    ResolutionMode, "highest, lowest, lowest-direct",
    #[default]
    Highest = "highest",
    Lowest = "lowest",
    /// The lowest of what the project itself requires, and the highest of the rest.
    LowestDirect = "lowest-direct",
}

choice! {
    /// How an environment takes files from the store. Where nothing is set: symlink for this machine's platform, and
    /// hardlink for another one's, since links into the store do not travel.
    LinkMode, "symlink, hardlink, clone, copy",
    /// One link (a junction on Windows) for a folder that one package owns, and the next possible way for the rest.
    #[default]
    Symlink = "symlink",
    Hardlink = "hardlink",
    /// Copy on write, where the file system has it.
    Clone = "clone",
    Copy = "copy",
}

/// Releases sealed after this moment do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExcludeNewer(pub jiff::Timestamp);

impl ExcludeNewer {
    /// Reads a date or a time, as the setting has it.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::from_text(text)
    }
}

impl fmt::Display for ExcludeNewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromText for ExcludeNewer {
    const EXPECTED: &'static str = "a date or time such as \"2026-01-31\" or \"2026-01-31T12:00:00Z\"";

    /// A date alone means the end of that day in UTC, so that what was sealed on it counts.
    fn from_text(text: &str) -> Result<Self, String> {
        let end_of_day = || {
            let next = text.parse::<jiff::civil::Date>().ok()?.tomorrow().ok()?;
            Some(next.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        };
        match text.parse::<jiff::Timestamp>().ok().or_else(end_of_day) {
            Some(timestamp) => Ok(Self(timestamp)),
            None => Err(format!("`{text}` is not {}", Self::EXPECTED)),
        }
    }
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZeroUsize>, D::Error> {
    let number = i64::deserialize(deserializer)?;
    let count = usize::try_from(number).ok().and_then(NonZeroUsize::new);
    let error = || de::Error::custom(format!("`{number}` is not a number of at least 1"));
    count.ok_or_else(error).map(Some)
}

/// Reads a list of targets, each checked where it stands.
fn targets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<TargetSpec>>, D::Error> {
    struct Checked(TargetSpec);
    struct TargetVisitor;

    impl<'de> Visitor<'de> for TargetVisitor {
        type Value = Checked;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a target such as \"revit==2025.4\", or a table of `host`, `python` and `platform`")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Checked, E> {
            check_target(TargetSpec { host: Some(text.into()), ..TargetSpec::default() })
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Checked, A::Error> {
            check_target(TargetSpec::deserialize(MapAccessDeserializer::new(map))?)
        }
    }

    fn check_target<E: de::Error>(target: TargetSpec) -> Result<Checked, E> {
        target.host_parts().map_err(E::custom)?;
        if let Some(platform) = &target.platform {
            platform.parse::<Platform>().map_err(E::custom)?;
        }
        Ok(Checked(target))
    }

    impl<'de> Deserialize<'de> for Checked {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(TargetVisitor)
        }
    }

    let targets = Vec::<Checked>::deserialize(deserializer)?;
    Ok(Some(targets.into_iter().map(|Checked(target)| target).collect()))
}

fn shown<T: fmt::Display>(value: Option<&T>) -> Option<String> {
    value.map(T::to_string)
}

fn path(value: Option<&PathBuf>) -> Option<String> {
    value.map(|path| path.display().to_string())
}

fn array(items: impl Iterator<Item = toml_edit::Value>) -> String {
    items.collect::<toml_edit::Array>().to_string()
}

fn table<'a>(entries: impl IntoIterator<Item = (&'static str, &'a String)>) -> toml_edit::Value {
    toml_edit::InlineTable::from_iter(entries.into_iter().map(|(key, value)| (key, value.as_str()))).into()
}

fn texts(value: Option<&Vec<Requirement>>) -> Option<String> {
    value.map(|list| array(list.iter().map(|requirement| (&*requirement.text).into())))
}

fn registries(value: Option<&Vec<Registry>>) -> Option<String> {
    let item = |registry: &Registry| {
        let mut item = table([("name", &registry.name), ("url", &registry.url.to_string())]);
        if let Some(item) = item.as_inline_table_mut() {
            if !registry.mirrors.is_empty() {
                let mirrors: toml_edit::Array = registry.mirrors.iter().map(ToString::to_string).collect();
                item.insert("mirrors", mirrors.into());
            }
            if !registry.prefixes.is_empty() {
                let prefixes: toml_edit::Array = registry.prefixes.iter().map(ToString::to_string).collect();
                item.insert("prefixes", prefixes.into());
            }
            if let Some(key) = &registry.key {
                item.insert("key", key.into());
            }
        }
        item
    };
    value.map(|list| array(list.iter().map(item)))
}

fn targets_text(value: Option<&Vec<TargetSpec>>) -> Option<String> {
    let item = |target: &TargetSpec| match target {
        TargetSpec { host: Some(host), python: None, platform: None } => host.into(),
        TargetSpec { host, python, platform } => {
            let entries = [("host", host), ("python", python), ("platform", platform)];
            table(entries.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))))
        }
    };
    value.map(|list| array(list.iter().map(item)))
}
