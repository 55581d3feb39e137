//! `rvp` replaces a package server with a directory of plain files.
//!
//! The modules are layers, and use only those below them: `cli`, then `check`, then `publish`, `mirror`, `install`, `resolve` and `views`,
//! then `project`, `package`, `fetch` and `trust`, then `registry`, then `model`. `files` is below all of them, and so is `testing`, which exists for tests only.

pub mod check;
pub mod fetch;
pub mod files;
pub mod install;
pub mod mirror;
pub mod model;
pub mod package;
pub mod project;
pub mod publish;
pub mod registry;
pub mod resolve;
pub mod trust;
pub mod views;

#[cfg(test)]
mod testing;
