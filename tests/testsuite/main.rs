//! The behaviour of rvp, through the command line and the library: one file for each area.
//!
//! They are one program, so that what they share is built once, and what none of them uses is noticed.

mod config;
mod environment;
mod environment_history;
mod fetch;
mod format;
mod freshness;
#[cfg(target_os = "linux")]
mod full_disk;
mod help;
mod hostile_host;
mod hostile_wheels;
mod http;
mod import;
mod import_by_pip;
mod lock;
mod lock_choices;
mod lock_conflicts;
mod project;
mod project_edits;
mod publish;
mod registry;
mod registry_crashes;
mod registry_faults;
mod simple;
mod support;
mod two_processes;
