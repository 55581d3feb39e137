//! The directory: its layout, where it can stand, the index, the snapshot, the log, and sealing.

mod checkpoint;
mod client;
mod config;
mod error;
pub mod layout;
mod log;
mod reader;
mod seal;
pub mod snapshot;
mod store;
mod verify;
mod writer;

pub use checkpoint::{Checkpoint, LogKey};
pub use client::{ClientFolders, replace_file};
pub use config::Config;
pub use error::RegistryError;
pub use reader::{OpenOptions, Reader};
pub use seal::Dropped;
pub use store::{Fresh, Store, StoreError};
pub use verify::{Report, verify};
pub use writer::{Sealed, Writer};
