//! A conflict as it is told: the facts that exclude each other, and what would work.

use std::fmt;

use serde::Serialize;

/// Why a project cannot be resolved for a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The target, in words: `Revit 2025.4`.
    pub target: String,
    /// What cannot all be true, from the project inwards, one sentence each.
    pub facts: Vec<String>,
    /// Changes to the project that were tried and do resolve.
    pub suggestions: Vec<String>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no set of versions for {}:", self.target)?;
        for fact in &self.facts {
            write!(f, "\n  {fact}")?;
        }
        for suggestion in &self.suggestions {
            write!(f, "\n  hint: {suggestion}")?;
        }
        Ok(())
    }
}
