//! Policies: what a machine, a user, a project and a registry demand of the packages that are used.
//!
//! A policy is a file, `policy.toml`, of rules that each stand for themselves. A release may be used if no rule of any
//! file is against it, so that nobody weakens what another demands. This module does not ask for anything: it is told
//! what records say ([`ReleaseFacts`]) and who has signed them ([`Signatures`]), and says what is against it and where that stands.

mod age;
mod approvals;
mod deny;
mod error;
mod facts;
mod file;
mod layers;
mod licenses;
mod log;
#[cfg(unix)]
#[path = "machine_unix.rs"]
mod machine;
#[cfg(windows)]
#[path = "machine_windows.rs"]
mod machine;
mod origin;
mod pattern;
mod publishers;
mod registries;
mod rule;
mod signatures;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use error::PolicyError;
pub use facts::{RegistryFacts, ReleaseFacts, Signatures};
pub use file::PolicyFile;
pub use layers::{FILE_NAME, Level, Places, ProjectPlace};
pub use origin::{Origin, Violation};
pub use rule::VerifierKey;

use crate::model::Blake3;
use rule::{Finding, Rule};

/// All policies that hold here, at one moment.
#[derive(Clone, Debug)]
pub struct Policies {
    files: Vec<PolicyFile>,
    /// The moment, for ages.
    now: jiff::Timestamp,
}

/// A demand on the cosignatures of checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessQuorum {
    pub origin: Origin,
    /// How many of `keys` must have cosigned, at least 1 and at most all.
    pub quorum: u32,
    pub keys: Vec<VerifierKey>,
}

/// A rule as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub level: Level,
    pub origin: Origin,
    pub text: String,
}

impl Policies {
    /// Reads the policies of this machine, and those of `places`.
    pub fn load(places: &Places, now: jiff::Timestamp) -> Result<Self, PolicyError> {
        Ok(Self::new(layers::read_all(places)?, now))
    }

    pub fn new(files: Vec<PolicyFile>, now: jiff::Timestamp) -> Self {
        Self { files, now }
    }

    /// These, and the policy of a registry.
    pub fn and(mut self, file: PolicyFile) -> Self {
        self.files.push(file);
        self
    }

    /// Whether nothing is demanded of anything.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Of all that they say, and where.
    pub fn digest(&self) -> Blake3 {
        let said: Vec<_> = self.files.iter().map(|file| (file.path(), file.digest())).collect();
        // Not JSON, which has no way to write a path that is not Unicode.
        Blake3::of(format!("{said:?}").as_bytes())
    }

    /// What is against a release by what its records say.
    pub fn against(&self, release: &ReleaseFacts) -> Vec<Violation> {
        self.violations(release, |rule| rule.against(release, self.now))
    }

    /// Whether some rule must know who has signed the release.
    pub fn ask_for_signatures(&self, release: &ReleaseFacts) -> bool {
        self.applying(release).any(|(_, rule)| rule.asks_for_signatures(release))
    }

    /// What is against a release by who has signed it.
    pub fn against_signatures(&self, release: &ReleaseFacts, signatures: &Signatures) -> Vec<Violation> {
        self.violations(release, |rule| rule.against_signatures(release, signatures))
    }

    /// What checkpoints must be cosigned by: each demand, of this machine, the user and the project, by itself.
    pub fn witnesses(&self) -> Vec<WitnessQuorum> {
        let of_file = |file: &PolicyFile| {
            file.witnesses().map(|witnesses| WitnessQuorum {
                origin: file.origin(witnesses.quorum.span().start),
                quorum: witnesses.quorum.get_ref().0,
                keys: witnesses.keys.get_ref().to_vec(),
            })
        };
        self.files.iter().filter_map(of_file).collect()
    }

    /// The least of the ages, in days, beyond which a checkpoint is not believed to be current.
    pub fn max_checkpoint_age(&self) -> Option<(u32, Origin)> {
        let of_file = |file: &PolicyFile| {
            let days = &file.checkpoint()?.max_age_days;
            Some((days.get_ref().0, file.origin(days.span().start)))
        };
        self.files.iter().filter_map(of_file).min()
    }

    /// The Sigstore trusted root that the machine wants in place of the one that comes with rvp.
    pub fn trusted_root(&self) -> Option<(PathBuf, Origin)> {
        self.files.iter().find_map(PolicyFile::trusted_root)
    }

    /// Every rule, in the order of the files and of their lines.
    pub fn describe(&self) -> Vec<Described> {
        let of_file = |file: &PolicyFile| {
            let described = |rule: &dyn Rule| {
                let (at, text) = rule.describe();
                Described { level: file.level.clone(), origin: file.origin(at), text }
            };
            let mut all: Vec<Described> = file.rules().into_iter().map(described).collect();
            all.sort_by_key(|one| one.origin.line);
            all
        };
        self.files.iter().flat_map(of_file).collect()
    }

    /// The rules that a release is judged by. A registry's own are for what comes from there.
    fn applying<'a>(
        &'a self,
        release: &ReleaseFacts,
    ) -> impl Iterator<Item = (&'a PolicyFile, &'a dyn Rule)> {
        let registry = release.registry.name.clone();
        self.files
            .iter()
            .filter(move |file| match &file.level {
                Level::Registry(name) => *name == registry,
                Level::Machine | Level::User | Level::Project => true,
            })
            .flat_map(|file| file.rules().into_iter().map(move |rule| (file, rule)))
    }

    fn violations(
        &self,
        release: &ReleaseFacts,
        judge: impl Fn(&dyn Rule) -> Option<Finding>,
    ) -> Vec<Violation> {
        self.applying(release)
            .filter_map(|(file, rule)| {
                let Finding { at, reason, mend } = judge(rule)?;
                Some(Violation { origin: file.origin(at), reason, mend, passes: rule.passes() })
            })
            .collect()
    }
}
