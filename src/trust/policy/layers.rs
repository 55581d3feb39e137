//! Where policies stand: this machine's, the user's, the project's, and those of registries.

use std::fmt;
use std::path::PathBuf;

use super::{PolicyError, PolicyFile, machine};

/// What a policy file is called, wherever it stands.
pub const FILE_NAME: &str = crate::registry::layout::POLICY;

/// Whose policy it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// `/etc/rvp/policy.toml`, or `rvp\policy.toml` in ProgramData. No setting and no variable leads past it.
    Machine,
    /// `~/.rvp/policy.toml`
    User,
    Project,
    /// Of the registry with this name in the settings, for the packages that come from there.
    Registry(String),
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine => f.write_str("this machine"),
            Self::User => f.write_str("this user"),
            Self::Project => f.write_str("the project"),
            Self::Registry(name) => write!(f, "the registry `{name}`"),
        }
    }
}

/// The files in which policies stand besides this machine's.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub user: Option<PathBuf>,
    pub project: Option<ProjectPlace>,
}

/// Where the policy of a project stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectPlace {
    /// Named by the project: the file must be there.
    Named(PathBuf),
    /// `policy.toml` beside `pyproject.toml`, where there is one.
    Beside(PathBuf),
}

/// Reads the policies that hold here, the strongest first.
pub(super) fn read_all(places: &Places) -> Result<Vec<PolicyFile>, PolicyError> {
    let mut all = Vec::new();
    all.extend(PolicyFile::find(Level::Machine, &machine::folder()?.join(FILE_NAME))?);
    if let Some(path) = &places.user {
        all.extend(PolicyFile::find(Level::User, path)?);
    }
    match &places.project {
        Some(ProjectPlace::Named(path)) => all.push(PolicyFile::read(Level::Project, path)?),
        Some(ProjectPlace::Beside(path)) => all.extend(PolicyFile::find(Level::Project, path)?),
        None => {}
    }
    Ok(all)
}
