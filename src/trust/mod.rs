//! Trust: who signed what. Sigstore bundles and keys, the statements in which records are signed, and policy.

pub mod policy;
