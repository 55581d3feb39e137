//! The folder of rvp's own files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ProjectError;

/// `~/.rvp`, or what `RVP_HOME` names. Nothing in it is made before it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// The home of this process's user.
    pub fn find() -> Result<Self, ProjectError> {
        Self::find_with(std::env::var_os("RVP_HOME"), etcetera::home_dir().ok())
    }

    fn find_with(variable: Option<OsString>, user_home: Option<PathBuf>) -> Result<Self, ProjectError> {
        match variable.filter(|value| !value.is_empty()) {
            Some(root) => Self::at(&PathBuf::from(root)),
            None => Ok(Self { root: user_home.ok_or(ProjectError::NoHome)?.join(".rvp") }),
        }
    }

    /// A home in a folder of one's choice; a relative one is relative to the current folder.
    pub fn at(root: &Path) -> Result<Self, ProjectError> {
        let root = std::path::absolute(root)
            .map_err(|source| ProjectError::Read { path: root.to_owned(), source })?;
        Ok(Self { root })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The user's settings.
    pub fn config_file(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// What `rvp login` stored.
    pub fn credentials_file(&self) -> PathBuf {
        self.root.join("credentials.toml")
    }

    /// What the user demands of packages.
    pub fn policy_file(&self) -> PathBuf {
        self.root.join("policy.toml")
    }

    /// What can be fetched again. The setting `cache-dir` moves it.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Unpacked packages. The setting `store-dir` moves it.
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// Environments that are named and not given a path. The setting `environments-dir` moves it.
    pub fn environments(&self) -> PathBuf {
        self.root.join("environments")
    }

    /// Secret keys of the registries that this user seals.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Evidence of logs that were forked.
    pub fn evidence(&self) -> PathBuf {
        self.root.join("evidence")
    }

    /// What must not be lost and cannot be fetched: the last checkpoint seen of each registry.
    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The trusted root that `rvp trust refresh` keeps, and beside it what it needs to notice an older one.
    pub fn trusted_root(&self) -> PathBuf {
        self.root.join("trust").join("trusted_root.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_goes_before_the_user_s_home() {
        let home = |variable: Option<&str>| {
            Home::find_with(variable.map(OsString::from), Some(PathBuf::from("/home/ana")))
        };
        assert_eq!(home(None).unwrap().config_file(), Path::new("/home/ana/.rvp/config.toml"));
        assert_eq!(home(Some("")).unwrap().root(), Path::new("/home/ana/.rvp"));
        let elsewhere = home(Some("elsewhere")).unwrap();
        assert!(elsewhere.root().is_absolute());
        assert_eq!(elsewhere.store(), elsewhere.root().join("store"));
    }

    #[test]
    fn a_user_without_a_home_is_told_of_the_variable() {
        insta::assert_snapshot!(Home::find_with(None, None).unwrap_err(), @"
        this user has no home folder
          hint: set RVP_HOME to a folder for rvp's files
        ");
    }
}
