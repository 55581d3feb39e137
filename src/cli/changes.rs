//! What changed between two locks, in lines for people.

use std::collections::{BTreeMap, BTreeSet};

use rvp::resolve::Lock;

/// `+ name version`, `- name version` and `~ name old -> new`, sorted by name.
pub fn between(old: Option<&Lock>, new: &Lock) -> Vec<String> {
    let versions = |lock: &Lock| {
        let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for package in &lock.packages {
            versions.entry(package.name.to_string()).or_default().insert(package.version.to_string());
        }
        versions
    };
    let old = old.map(versions).unwrap_or_default();
    let new = versions(new);
    let joined = |versions: &BTreeSet<String>| versions.iter().cloned().collect::<Vec<_>>().join(", ");
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| match (old.get(name), new.get(name)) {
            (None, Some(new)) => Some(format!("+ {name} {}", joined(new))),
            (Some(old), None) => Some(format!("- {name} {}", joined(old))),
            (Some(old), Some(new)) if old != new => {
                Some(format!("~ {name} {} -> {}", joined(old), joined(new)))
            }
            _ => None,
        })
        .collect()
}
