//! What a registry asks about signatures: who has signed a record. Keys, certificates and bundles are no business of its own.

use std::sync::Arc;

use crate::model::{Record, Signer};

/// A record, with the bundles that it names.
#[derive(Clone, Debug)]
pub struct SignedRecord<'a> {
    /// The index file that it stands in.
    pub path: &'a str,
    pub line: &'a str,
    pub record: &'a Record,
    /// The bytes of each of its bundles, whose digests are checked, in their order.
    pub bundles: Vec<Arc<Vec<u8>>>,
}

/// Knows signatures.
pub trait Authority: Send + Sync {
    /// Who has signed `record` of the registry of this name: one for each bundle. Where a bundle does not hold, or holds for something
    /// else, an error says so as a sentence.
    fn signers(&self, registry: &str, record: &SignedRecord) -> Result<Vec<Signer>, String>;
}
