//! Trust: who signed what. Sigstore bundles and keys, the statements in which records are signed, and policy.

mod attestation;
mod bundle;
mod error;
mod history;
pub mod keys;
pub mod policy;
mod records;
mod refresh;
mod root;
pub mod sign;
mod statement;
mod verify;

pub use attestation::provenance_of;
pub use bundle::{Bundle, MAX_BUNDLE};
pub use error::TrustError;
pub use history::{Facts, HistoryError, check, check_all, check_owners, check_prefixes};
pub use records::{RecordVerifier, RootFiles};
pub use refresh::{TufRepository, refresh};
pub use root::{Authority, AuthorityKind, Origin, TrustedRoot};
pub use statement::{PAYLOAD_TYPE, PREDICATE_TYPE, RecordLine, Statement, StatementError};
pub use verify::{Artifact, LogEntry, Verified, Verifier};

use std::io::Read as _;
use std::path::Path;

/// The bytes of a file, or none where there are more than `limit`.
fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, TrustError> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    read.map_err(|source| TrustError::Read { path: path.to_owned(), source })?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}
