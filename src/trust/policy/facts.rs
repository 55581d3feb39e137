//! What a policy looks at.

use crate::model::{PackageName, Signer, Version};

/// A registry, as a rule tells it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryFacts {
    /// What the settings call it.
    pub name: String,
    /// The verifier key of its log, with which its state was checked.
    pub key: String,
    /// Its absolute path or its URL.
    pub location: String,
}

/// What the records of a registry say of a release.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseFacts<'a> {
    pub registry: &'a RegistryFacts,
    pub name: &'a PackageName,
    pub version: &'a Version,
    /// As the package states it.
    pub license: Option<&'a str>,
    /// When the last record was sealed that brought files to it.
    pub sealed: jiff::Timestamp,
}

/// Who stands for a release, once the signatures are verified and the owners of its name found among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signatures {
    /// The signers of each record that brought files, the release record first. Empty where one is not signed.
    pub records: Vec<Vec<Signer>>,
    /// The signers of the approvals of the release as it stands; those of a release that has grown since do not count.
    pub approvals: Vec<Signer>,
}

impl Signatures {
    /// Whether each record that brought files is signed by somebody.
    pub fn is_signed(&self) -> bool {
        !self.records.is_empty() && self.records.iter().all(|signers| !signers.is_empty())
    }
}
