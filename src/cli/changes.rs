//! What changed between two locks or two generations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rvp::install::Plan;
use rvp::resolve::Lock;
use serde::Serialize;

/// The versions of each package. A lock may have several of one.
type Versions = BTreeMap<String, BTreeSet<String>>;

/// A package that changed. Shown as `+ name version`, `- name version` or `~ name old -> new`.
#[derive(Serialize)]
pub struct Change {
    name: String,
    /// Its version before, or versions with commas between; none where it is new.
    before: Option<String>,
    /// The same for now; none where it is gone.
    after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "~ {name} {before} -> {after}"),
            (Some(before), None) => write!(f, "- {name} {before}"),
            (None, after) => write!(f, "+ {name} {}", after.as_deref().unwrap_or_default()),
        }
    }
}

/// What changed, sorted by name.
pub fn between(old: Option<&Lock>, new: &Lock) -> Vec<Change> {
    let versions = |lock: &Lock| versions(lock.packages.iter().map(|one| (&one.name, &one.version)));
    compare(&old.map(versions).unwrap_or_default(), &versions(new))
}

/// The same for what an environment held and holds.
pub fn between_plans(old: &Plan, new: &Plan) -> Vec<Change> {
    let versions = |plan: &Plan| versions(plan.packages.iter().map(|one| (&one.name, &one.version)));
    compare(&versions(old), &versions(new))
}

fn versions(packages: impl Iterator<Item = (impl ToString, impl ToString)>) -> Versions {
    let mut versions = Versions::new();
    for (name, version) in packages {
        versions.entry(name.to_string()).or_default().insert(version.to_string());
    }
    versions
}

fn compare(old: &Versions, new: &Versions) -> Vec<Change> {
    let joined = |versions: &BTreeSet<String>| versions.iter().cloned().collect::<Vec<_>>().join(", ");
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    changed
        .map(|name| Change {
            name: name.clone(),
            before: old.get(name).map(joined),
            after: new.get(name).map(joined),
        })
        .collect()
}
