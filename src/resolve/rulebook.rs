//! What policies say of the releases that the solver considers.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Found, PackagesError, Registries};
use crate::model::{PackageName, ReleaseEntry, Version};
use crate::registry::{Authority, Reader, layout};
use crate::trust;
use crate::trust::policy::{Level, Policies, PolicyFile, RegistryFacts, ReleaseFacts, Signatures, Violation};

/// Says which releases must not be used.
pub trait Rulebook {
    /// The first rule that a release breaks, or none. An error where that could not be found out, which ends the solve: who
    /// hides a signature must not be able to have an older release chosen by it.
    fn against(
        &self,
        found: &Found,
        version: &Version,
        entry: &ReleaseEntry,
    ) -> Result<Option<Violation>, PackagesError>;
}

/// Forbids nothing. For what fills a registry, and installs nothing.
pub struct NoRules;

impl Rulebook for NoRules {
    fn against(&self, _: &Found, _: &Version, _: &ReleaseEntry) -> Result<Option<Violation>, PackagesError> {
        Ok(None)
    }
}

/// The policies that hold here, and those of the registries that packages come from.
pub struct Judge {
    policies: Policies,
    registries: Vec<(RegistryFacts, Arc<Reader>)>,
    authority: Arc<dyn Authority>,
    verified: Mutex<HashMap<(PackageName, Version), Arc<Signatures>>>,
}

impl Judge {
    /// Reads the policies of `registries`, beside those of `local`. `authority` is asked only where a rule must know who signed.
    pub fn new(
        local: &Policies,
        registries: &Registries,
        authority: Arc<dyn Authority>,
    ) -> Result<Self, PackagesError> {
        let mut policies = local.clone();
        let mut facts = Vec::new();
        for (name, reader) in registries.readers() {
            let store = reader.store()?;
            let registry =
                RegistryFacts { name: name.into(), key: reader.key().into(), location: store.identity() };
            if let Some(bytes) = reader.file(layout::POLICY)? {
                let path = PathBuf::from(format!("{}/{}", store.location(), layout::POLICY));
                policies =
                    policies.and(PolicyFile::parse(Level::Registry(name.into()), &path, bytes.to_vec())?);
            }
            facts.push((registry, Arc::clone(reader)));
        }
        Ok(Self { policies, registries: facts, authority, verified: Mutex::default() })
    }

    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// All that is against a release.
    pub fn violations(
        &self,
        found: &Found,
        version: &Version,
        entry: &ReleaseEntry,
    ) -> Result<Vec<Violation>, PackagesError> {
        let Some(release) = self.facts(found, version, entry) else { return Ok(Vec::new()) };
        let mut all = self.policies.against(&release);
        if self.policies.ask_for_signatures(&release) {
            let signatures = self.signatures(found, version)?;
            all.extend(self.policies.against_signatures(&release, &signatures));
        }
        Ok(all)
    }

    /// None for what comes with rvp itself, and from no registry.
    fn facts<'f>(
        &'f self,
        found: &'f Found,
        version: &'f Version,
        entry: &'f ReleaseEntry,
    ) -> Option<ReleaseFacts<'f>> {
        Some(ReleaseFacts {
            registry: &self.registries.iter().find(|(registry, _)| registry.name == found.registry)?.0,
            name: &found.package.name,
            version,
            license: entry.release.license.as_deref(),
            sealed: entry.completed,
        })
    }

    fn signatures(&self, found: &Found, version: &Version) -> Result<Arc<Signatures>, PackagesError> {
        let key = (found.package.name.clone(), version.clone());
        let known = || self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signatures) = known().get(&key) {
            return Ok(Arc::clone(signatures));
        }
        let mut signatures = Signatures::default();
        if let Some((_, reader)) =
            self.registries.iter().find(|(registry, _)| registry.name == found.registry)
        {
            let facts = trust::check(&*self.authority, reader, std::slice::from_ref(&key))?;
            for facts in facts {
                signatures.records = facts.records;
                let as_it_stands = facts.approvals.into_iter().filter(|(_, whole)| *whole);
                signatures.approvals = as_it_stands.map(|(signer, _)| signer).collect();
            }
        }
        let signatures = Arc::new(signatures);
        known().insert(key, Arc::clone(&signatures));
        Ok(signatures)
    }
}

impl Rulebook for Judge {
    fn against(
        &self,
        found: &Found,
        version: &Version,
        entry: &ReleaseEntry,
    ) -> Result<Option<Violation>, PackagesError> {
        let Some(release) = self.facts(found, version, entry) else { return Ok(None) };
        if let Some(violation) = self.policies.against(&release).into_iter().next() {
            return Ok(Some(violation));
        }
        if !self.policies.ask_for_signatures(&release) {
            return Ok(None);
        }
        let signatures = self.signatures(found, version)?;
        Ok(self.policies.against_signatures(&release, &signatures).into_iter().next())
    }
}
