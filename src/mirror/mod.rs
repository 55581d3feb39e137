//! Mirrors: copies of a registry that carry its signature, whole or with the blobs that somebody chose.
//!
//! A mirror has all records of its source, its log and its snapshot, so it answers every question as the source does
//! and proves it in the same way; what a partial one lacks is blobs, and `mirror.json` says which it holds. The metadata
//! is not chosen from: a mirror without some index files could not tell "there is no such package" from "it is not
//! here", and a lock made from it would differ from one made from the source.
//!
//! [`copy`] follows a registry that can be reached; [`export`] and [`apply`] carry the same steps through a file, for
//! networks that nothing but files enters; [`verify`] proves a copy, however it was made.

mod apply;
mod blobs;
mod choice;
mod container;
mod copy;
mod error;
mod export;
mod manifest;
mod prune;
mod verify;

pub use apply::{Applied, apply};
pub use blobs::Transfer;
pub use copy::{Copied, CopyOptions, choice_of_source, copy};
pub use error::MirrorError;
pub use export::{Exported, Since, export};
pub use verify::{Verified, verify};
