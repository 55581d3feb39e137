//! What can be wrong with a policy.

use super::Level;
use crate::project::ProjectError;

/// A policy that cannot be used. Nothing is done without it.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("cannot use the policy of {level}: {source}{}", hint(level))]
    Unusable { level: Level, source: Box<ProjectError> },
    #[error(
        "this machine has no folder for the data of programs, in which its policy would stand\n  hint: Windows calls it ProgramData; ask whoever manages this machine"
    )]
    NoMachineFolder,
}

fn hint(level: &Level) -> &'static str {
    match level {
        Level::Machine => "\n  hint: a policy is never ignored; ask whoever manages this machine to mend it",
        Level::Registry(_) => "\n  hint: a policy is never ignored; ask whoever runs the registry to mend it",
        Level::User | Level::Project => "\n  hint: a policy is never ignored; mend it, or take it away",
    }
}
