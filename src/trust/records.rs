//! Signatures of records: each bundle is verified once, whatever number of records it signs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::attestation::verify_provenance;
use super::{Bundle, RecordLine, Statement, TrustError, TrustedRoot, Verifier};
use crate::model::{Blake3, BundleFile, PublicKey, Sha256, Signer};
use crate::registry::{Authority, SignedRecord};

/// Verifies the signatures of records against the trusted root of this machine, never against one that a registry names.
#[derive(Default)]
pub struct RecordVerifier {
    root: RootFiles,
    verifier: OnceLock<Result<Verifier, String>>,
    verified: Mutex<Verdicts>,
}

/// Where the trusted root is.
#[derive(Clone, Debug, Default)]
pub struct RootFiles {
    /// The one that the user names.
    pub named: Option<PathBuf>,
    /// The public one as it was last refreshed, where there is one. Without both, the embedded one counts.
    pub refreshed: Option<PathBuf>,
}

/// By the digest of the bundle, and the key that a record names with it.
type Verdicts = HashMap<(Blake3, Option<PublicKey>), Arc<Verdict>>;

/// Who has signed which statement, or why the bundle does not hold.
type Verdict = Result<(Signer, Statement), String>;

impl RootFiles {
    pub fn load(&self) -> Result<TrustedRoot, TrustError> {
        match &self.named {
            Some(path) => TrustedRoot::read(path),
            None => TrustedRoot::load(self.refreshed.as_deref()),
        }
    }
}

impl RecordVerifier {
    /// The root is read when the first bundle is to be verified.
    pub fn new(root: RootFiles) -> Self {
        Self { root, ..Self::default() }
    }

    fn verify(&self, file: &BundleFile, bytes: &[u8]) -> Arc<Verdict> {
        let known = || self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (file.blake3, file.key.clone());
        if let Some(verdict) = known().get(&key) {
            return Arc::clone(verdict);
        }
        let verdict = Arc::new(self.verify_now(file, bytes));
        known().insert(key, Arc::clone(&verdict));
        verdict
    }

    fn verifier(&self) -> Result<&Verifier, String> {
        let verifier = self.verifier.get_or_init(|| {
            let root = self.root.load().map_err(|error| error.to_string())?;
            Verifier::new(&root).map_err(|error| error.to_string())
        });
        verifier.as_ref().map_err(Clone::clone)
    }

    /// Who made the attestations of a file (PEP 740), which all have to hold.
    pub fn attesters(
        &self,
        provenance: &[u8],
        file: &str,
        sha256: Sha256,
    ) -> Result<Vec<Signer>, TrustError> {
        let verifier = self.verifier().map_err(|reason| TrustError::Unsupported { reason })?;
        verify_provenance(verifier, provenance, file, sha256)
    }

    fn verify_now(&self, file: &BundleFile, bytes: &[u8]) -> Verdict {
        let verifier = self.verifier()?;
        let bundle = Bundle::parse(bytes).map_err(|error| error.to_string())?;
        let keys = file.key.as_slice();
        let (verified, payload) =
            verifier.verify_statement(&bundle, keys).map_err(|error| error.to_string())?;
        let named = file.key.as_ref().map(|key| Signer::Key { key: key.clone() });
        if named.is_some_and(|named| named != verified.signer) {
            return Err(format!("it is by {}, and the record names another", verified.signer));
        }
        let statement = Statement::parse(&payload).map_err(|error| format!("it {error}"))?;
        Ok((verified.signer, statement))
    }
}

impl Authority for RecordVerifier {
    fn signers(&self, registry: &str, signed: &SignedRecord) -> Result<Vec<Signer>, String> {
        let record = RecordLine { path: signed.path, line: signed.line };
        let files = signed.record.signatures();
        files
            .iter()
            .zip(&signed.bundles)
            .map(|(file, bytes)| match &*self.verify(file, bytes) {
                Ok((signer, statement)) => match statement.covers(registry, record) {
                    Ok(()) => Ok(signer.clone()),
                    Err(error) => Err(format!("its signature by {signer} {error}")),
                },
                Err(reason) => Err(format!("its signature does not hold: {reason}")),
            })
            .collect()
    }
}
