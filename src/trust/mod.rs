//! Trust: who signed what. Sigstore bundles and keys, the statements in which records are signed, and policy.

mod bundle;
mod error;
mod refresh;
mod root;
mod verify;

pub use bundle::{Bundle, MAX_BUNDLE};
pub use error::TrustError;
pub use refresh::{TufRepository, refresh};
pub use root::{Authority, AuthorityKind, Origin, TrustedRoot};
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
