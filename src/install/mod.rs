//! The store of unpacked artifacts, and environments as lists of generations of links into it.
//!
//! - [`Store`]: each wheel unpacked once, read-only, under its digest.
//! - [`Plan`]: which packages an environment is to have.
//! - [`Environment`]: a folder that looks like a virtual environment, and switches between generations in one step.
//! - [`python`]: the interpreters of this machine.

mod activate;
mod arrange;
mod compose;
mod environment;
mod error;
mod generation;
mod judged;
mod launcher;
mod layout;
mod link;
mod lock;
mod manifest;
mod plan;
pub mod python;
mod record;
mod store;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree;
#[cfg(test)]
mod windows_tests;

#[cfg(unix)]
#[path = "system_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "system_windows.rs"]
mod system;

pub use crate::project::LinkMode;
pub use environment::{Environment, EnvironmentSpec, EnvironmentState};
pub use error::InstallError;
pub use generation::{Applied, Generation};
pub use lock::LockedEnvironment;
pub use plan::{Plan, PlannedPackage};
pub use store::{Store, Unpacked};
pub use tree::Conflict;
