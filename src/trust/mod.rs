//! Trust: who signed what. Sigstore bundles and keys, the statements in which records are signed, and policy.

mod statement;

pub use statement::{PAYLOAD_TYPE, PREDICATE_TYPE, RecordLine, Statement, StatementError};
