//! Where the policy of a machine stands.

use std::path::PathBuf;

use super::PolicyError;

pub(super) fn folder() -> Result<PathBuf, PolicyError> {
    Ok("/etc/rvp".into())
}
