//! Real wheels and hostile archives, made by the test that needs them.
//!
//! The tests in `tests/` include this folder by its path, so it uses nothing else of this crate.

#![allow(dead_code)] // Unit tests use one part of it, the tests in `tests/` another.

pub mod archive;
mod wheel;

pub use wheel::Wheel;
