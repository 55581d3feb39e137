//! Filling a registry: what to publish, from files, from folders and from simple indexes.
//!
//! Each way in ends with artifacts that are read and hashed ([`Incoming`]). [`plan()`] compares them with what the
//! registry has, and says which records and blobs are missing ([`Staged`]). Writing those is the registry's part.

mod approve;
mod catalogue;
mod closure;
mod difference;
mod error;
mod folder;
pub mod forge;
mod incoming;
pub mod markdown;
mod owners;
mod pip;
mod pip_closure;
mod plan;
mod propose;
mod provenance;
mod sign;
pub mod simple_index;
mod source;
mod staging;
mod write;
mod yank;

use std::path::PathBuf;

use crate::model::{Blake3, BundleFile, Record, Sha256};

use closure::import_from_indexes;
use pip_closure::import_by_pip;

pub use approve::approve;
pub use difference::{Change, Changed, Dependencies, Difference, difference, release_before};
pub use error::PublishError;
pub use folder::read_folder;
pub use incoming::{Hosts, Incoming, ReadArtifacts, read_artifacts};
pub use owners::{Attempt, Owned, OwnedError, PendingOwners, standing_in};
pub use pip::{Pip, PipSettings};
pub use plan::{Plan, Refused, plan};
pub use propose::{Destination, Requests, Waiting, WaitingBranch, Written, commit};
pub use provenance::attest_beside;
pub use sign::{Claim, SignedRecords, Standing, claim, sign, sign_records};
pub use source::{Indexes, Source, Wanted};
pub use staging::Staging;
pub use write::{Published, Signing, publish};
pub use yank::{undo_yank, yank};

/// What a publish hands to the writer of a registry. Records of one package stand in the order in which they apply.
#[derive(Debug, Default)]
pub struct Staged {
    pub records: Vec<Record>,
    pub blobs: Vec<StagedBlob>,
    pub small_blobs: Vec<SmallBlob>,
}

/// A blob that is made in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallBlob {
    /// The name it has in the registry.
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

impl SmallBlob {
    /// How a record names it.
    pub fn file(&self) -> BundleFile {
        BundleFile { size: self.bytes.len() as u64, blake3: Blake3::of(&self.bytes), key: None }
    }
}

/// A file on this machine that is to become a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedBlob {
    /// Where the bytes are now.
    pub path: PathBuf,
    /// The name it has in the registry.
    pub file: String,
    pub blake3: Blake3,
    pub sha256: Sha256,
    /// Length in bytes.
    pub size: u64,
}
