//! What a lock was made from, so that a stale lock is known without a solve.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ResolveOptions;
use crate::model::{Requirement, TargetSpec};

/// The project's side of a lock: requirements, settings and targets, as they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockInputs {
    /// As they are written, sorted, each once.
    #[serde(default)]
    requirements: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requires_python: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    hosts: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "ResolveOptions::is_default")]
    options: ResolveOptions,
    /// In order, which decides what is tried first.
    #[serde(default)]
    targets: Vec<TargetSpec>,
}

impl LockInputs {
    pub fn new(
        requirements: &[Requirement],
        requires_python: Option<&str>,
        hosts: &BTreeMap<String, String>,
        options: &ResolveOptions,
        targets: &[TargetSpec],
    ) -> Self {
        let mut texts: Vec<String> = requirements.iter().map(|one| one.text.to_string()).collect();
        texts.sort_unstable();
        texts.dedup();
        Self {
            requirements: texts,
            requires_python: requires_python.map(str::to_owned),
            hosts: hosts.clone(),
            options: options.clone(),
            targets: targets.to_vec(),
        }
    }

    /// The requirements, as they were written.
    pub fn requirements(&self) -> &[String] {
        &self.requirements
    }

    /// Whether `now` chooses by another rule among the versions that fit, so that the lock's own are no guide.
    pub fn chooses_otherwise(&self, now: &LockInputs) -> bool {
        self.options.resolution != now.options.resolution || self.options.prerelease != now.options.prerelease
    }

    /// What `now` asks that the lock was not made for, in words; none if they are the same.
    pub fn difference(&self, now: &LockInputs) -> Option<String> {
        if self == now {
            return None;
        }
        let added = now.requirements.iter().find(|one| !self.requirements.contains(one));
        let removed = self.requirements.iter().find(|one| !now.requirements.contains(one));
        Some(match (added, removed) {
            (Some(added), Some(removed)) => format!("the project requires `{added}`, the lock `{removed}`"),
            (Some(added), None) => format!("the project requires `{added}`, and the lock does not hold it"),
            (None, Some(removed)) => format!("the project requires `{removed}` no more"),
            (None, None) if self.targets != now.targets => "the targets changed".to_owned(),
            (None, None) if self.requires_python != now.requires_python => {
                "`requires-python` changed".to_owned()
            }
            (None, None) if self.hosts != now.hosts => "`hosts` changed".to_owned(),
            (None, None) => "the settings of the resolution changed".to_owned(),
        })
    }
}
