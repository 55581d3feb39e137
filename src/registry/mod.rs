//! The directory: its layout, where it can stand, the index, the snapshot, the log, and sealing.

mod hosts;
mod store;

pub use hosts::REVIT_RELEASES;
pub use store::{Fresh, Store, StoreError};
