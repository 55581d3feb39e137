//! The directory: its layout, where it can stand, the index, the snapshot, the log, and sealing.

mod store;

pub use store::{Fresh, Store, StoreError};
