//! The directory: its layout, where it can stand, the index, the snapshot, the log, and sealing.

mod checkpoint;
mod client;
mod config;
mod directory;
mod error;
mod hosts;
mod http_client;
mod http_failure;
pub mod layout;
pub mod log;
mod reader;
mod retry;
mod seal;
pub mod snapshot;
mod store;
mod store_dir;
mod store_http;
mod verify;
mod writer;

pub use checkpoint::{Checkpoint, LogKey, key_stem};
pub use client::{ClientFolders, replace_file};
pub use config::Config;
pub use error::{RegistryError, hint_of};
pub use hosts::REVIT_RELEASES;
pub use http_client::HttpSettings;
pub(crate) use http_client::{client_builder, take_credentials};
pub(crate) use http_failure::{Again, Failure};
pub use reader::{OpenOptions, Reader};
pub(crate) use retry::TRIES;
pub use retry::backoff;
pub use seal::Dropped;
pub use store::{ByteStream, Fresh, Store, StoreError, open_store};
pub use store_dir::DirStore;
pub use store_http::HttpStore;
pub use verify::{Report, verify};
pub use writer::{SealOptions, Sealed, Writer};
