//! Settings of a resolution, under the names that Python users know, and the versions that it should keep.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};

use super::Lock;
use crate::model::{PackageName, Version};
pub use crate::project::{PrereleaseMode, ResolutionMode};

/// Settings of `[tool.rvp]` that decide which versions are chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ResolveOptions {
    #[serde(skip_serializing_if = "is_default")]
    pub prerelease: PrereleaseMode,
    #[serde(skip_serializing_if = "is_default")]
    pub resolution: ResolutionMode,
    /// Releases that were sealed after this time do not exist. Read from an RFC 3339 time, or a date: the end of that day in UTC.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "time_or_date")]
    pub exclude_newer: Option<Timestamp>,
    /// Requirements that narrow a package wherever it is needed, and never ask for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constraint_dependencies: Vec<String>,
    /// Requirements that replace every requirement on the same name, whoever asks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub override_dependencies: Vec<String>,
}

impl ResolveOptions {
    pub(super) fn is_default(&self) -> bool {
        is_default(self)
    }
}

fn time_or_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let end_of = |date: Date| Some(date.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).ok()?.timestamp());
    let time = text.parse().ok().or_else(|| end_of(text.parse().ok()?));
    let expected = "`2026-01-31`, or a time such as `2026-01-31T12:00:00Z`";
    time.map(Some).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &expected))
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What an update may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Upgrade {
    #[default]
    Nothing,
    All,
    Packages(BTreeSet<PackageName>),
}

/// Versions that are chosen over others as long as they satisfy the requirements: those of an existing lock.
#[derive(Clone, Debug, Default)]
pub struct Preferences(BTreeMap<PackageName, Vec<Preference>>);

#[derive(Clone, Debug)]
struct Preference {
    version: Version,
    /// Names of the targets it was chosen for; none means all.
    targets: Vec<String>,
}

impl Preferences {
    /// The versions in `lock`, but for the packages that are to be upgraded.
    pub fn of_lock(lock: &Lock, upgrade: &Upgrade) -> Self {
        let mut preferences = Self::default();
        for package in &lock.packages {
            let kept = match upgrade {
                Upgrade::Nothing => true,
                Upgrade::All => false,
                Upgrade::Packages(names) => !names.contains(&package.name),
            };
            if kept {
                preferences
                    .0
                    .entry(package.name.clone())
                    .or_default()
                    .push(Preference { version: package.version.clone(), targets: package.targets.clone() });
            }
        }
        preferences
    }

    /// Prefers `version` over all that is preferred so far, for every target.
    pub(super) fn put_first(&mut self, name: &PackageName, version: &Version) {
        let preference = Preference { version: version.clone(), targets: Vec::new() };
        self.0.entry(name.clone()).or_default().insert(0, preference);
    }

    /// The preferred versions of `name`, best first: those chosen for `target` come before those of other targets.
    pub(super) fn of<'a>(&'a self, name: &PackageName, target: &'a str) -> impl Iterator<Item = &'a Version> {
        let all = self.0.get(name).map(Vec::as_slice).unwrap_or_default();
        let is_for =
            move |one: &&Preference| one.targets.is_empty() || one.targets.iter().any(|name| name == target);
        all.iter()
            .filter(is_for)
            .chain(all.iter().filter(move |one| !is_for(one)))
            .map(|preference| &preference.version)
    }
}
