//! Adding and removing dependencies in place.
use std::path::Path;
use super::ProjectError;
use crate::model::{PackageName, Requirement};
use uv_normalize::{ExtraName, GroupName};

/// Which list of a `pyproject.toml` is edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DependencyTable {
    /// `[project] dependencies`.
    Project,
    /// `[project.optional-dependencies]`.
    Optional(ExtraName),
    /// `[dependency-groups]`; `--dev` is the group `dev`.
    Group(GroupName),
}

pub fn add_dependency(path: &Path, table: &DependencyTable, requirement: &Requirement) -> Result<(), ProjectError> { let _ = (path, table, requirement); Ok(()) }
pub fn remove_dependency(path: &Path, table: &DependencyTable, name: &PackageName) -> Result<Vec<String>, ProjectError> { let _ = (path, table, name); Ok(vec![]) }
