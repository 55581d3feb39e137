//! Attestations that come with a file (PEP 740): checked, and kept as a blob beside it.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Incoming, PublishError, ReadArtifacts, Refused, SmallBlob};
use crate::registry::layout::{MAX_PROVENANCE, PROVENANCE};
use crate::trust::{RecordVerifier, provenance_of};

impl Incoming {
    /// Takes a provenance object whose attestations all hold for this file.
    pub(super) fn attest(&mut self, verifier: &RecordVerifier, bytes: Vec<u8>) -> Result<(), PublishError> {
        let file = self.blob.file.clone();
        verifier
            .attesters(&bytes, &file, self.blob.sha256)
            .map_err(|source| PublishError::Provenance { file, source: Box::new(source) })?;
        self.provenance = Some(SmallBlob { name: PROVENANCE, bytes });
        Ok(())
    }
}

/// Takes the attestations that stand beside files, as `<file>.publish.attestation`. A file whose attestation does not hold is refused.
pub fn attest_beside(mut all: ReadArtifacts, verifier: &RecordVerifier) -> ReadArtifacts {
    let attest = |incoming: &mut Incoming| match beside(&incoming.blob.path)? {
        Some(attestation) => {
            let file = incoming.blob.file.clone();
            let provenance = provenance_of(&[attestation])
                .map_err(|source| PublishError::Provenance { file, source: Box::new(source) })?;
            incoming.attest(verifier, provenance)
        }
        None => Ok(()),
    };
    let results: Vec<_> = all.incoming.par_iter_mut().map(attest).collect();
    for (incoming, result) in std::mem::take(&mut all.incoming).into_iter().zip(results) {
        match result {
            Ok(()) => all.incoming.push(incoming),
            Err(error) => all.refused.push(Refused { files: vec![incoming.blob.path], error }),
        }
    }
    all
}

/// The attestation beside a file.
fn beside(path: &Path) -> Result<Option<Vec<u8>>, PublishError> {
    use std::io::Read as _;
    let mut name = path.as_os_str().to_owned();
    name.push(".publish.attestation");
    let path = PathBuf::from(name);
    let failed = |source| PublishError::Io { action: "read", path: path.clone(), source };
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_PROVENANCE).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}
