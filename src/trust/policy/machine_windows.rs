//! Where the policy of a machine stands.

use std::path::PathBuf;

use known_folders::{KnownFolder, get_known_folder_path};

use super::PolicyError;

/// Asks the system, and not the variable `ProgramData`, which anybody can set.
pub(super) fn folder() -> Result<PathBuf, PolicyError> {
    let folder = get_known_folder_path(KnownFolder::ProgramData);
    Ok(folder.ok_or(PolicyError::NoMachineFolder)?.join("rvp"))
}
