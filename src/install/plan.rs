//! What an environment is to hold.

use serde::{Deserialize, Serialize};

use crate::model::{Blake3, PackageName};

/// The packages of an environment, dependencies before dependents: where two packages bring one file, the later wins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub packages: Vec<PlannedPackage>,
    /// The text of the lock that they come from, where the environment remembers it and no project does. A part of the
    /// generation, so that it changes and goes back together with the packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedPackage {
    pub name: PackageName,
    pub version: String,
    /// The wheel.
    pub artifact: Blake3,
    /// Whether a person asked for it, and not another package: marked with `REQUESTED` (PEP 376).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requested: bool,
    /// Those packages of the plan that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<PackageName>,
    /// The text of `direct_url.json` (PEP 610), where the package does not come from a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct_url: Option<String>,
}
