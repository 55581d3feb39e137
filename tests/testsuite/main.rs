//! The behaviour of rvp, through the command line and the library: one file for each area.
//!
//! They are one program, so that what they share is built once, and what none of them uses is noticed.

mod approvals;
mod attacks;
mod attestations;
mod bucket_publish;
mod c2sp;
mod clocks;
mod config;
mod copies;
mod credentials;
mod environment;
mod environment_history;
mod fetch;
mod format;
mod format_signatures;
mod freshness;
#[cfg(target_os = "linux")]
mod full_disk;
mod git_proposals;
mod git_publish;
mod growth;
mod help;
mod hostile_host;
mod hostile_wheels;
mod http;
mod import;
mod import_by_pip;
mod keygen;
mod keyless_publish;
mod large_blobs;
mod lock;
mod lock_choices;
mod lock_conflicts;
mod log_seen;
mod mirror;
mod mirror_bundle;
mod mirror_crashes;
mod mirror_faults;
mod ownership;
#[cfg(unix)]
mod pages_example;
mod policy;
mod policy_check;
mod policy_files;
#[cfg(target_os = "linux")]
mod policy_of_machine;
mod policy_of_states;
mod policy_signed;
mod project;
mod project_edits;
mod publish;
mod publish_example;
mod pull_requests;
#[cfg(unix)]
mod push_options;
mod registry;
mod registry_add;
mod registry_check;
mod registry_crashes;
mod registry_faults;
mod rotation;
mod sign;
mod sign_faults;
mod signed_records;
mod simple;
#[cfg(unix)]
mod simple_set_s;
mod stale_caches;
mod stolen_log_key;
mod stores;
mod support;
mod trust_root;
mod two_processes;
mod verify;
mod verify_altered;
mod witness;
mod writers;
