//! Why a mirror could not be made, brought forward, carried or proven.

use std::path::{Path, PathBuf};

use crate::fetch::FetchError;
use crate::model::TargetError;
use crate::registry::{RegistryError, StoreError, hint_of};

#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(
        "{location} has {found} log entries, and the mirror {} has {has} already: a mirror never goes back\n  hint: {location} lags behind, or was rolled back: copy from where this mirror was copied before", dir.display()
    )]
    Behind { location: String, dir: PathBuf, found: u64, has: u64 },
    #[error(
        "the mirror {} is damaged: {reason}\n  hint: copy it again from its source with --repair, which fetches only what is missing or altered", dir.display()
    )]
    Damaged { dir: PathBuf, reason: String },
    #[error(
        "the records of {path} cannot be read: {reason}\n  hint: update rvp; if it is the newest, tell whoever runs the registry"
    )]
    Index { path: String, reason: String },
    #[error(
        "{path} of {location} would be {size} bytes long, and a file of its kind has at most {limit}\n  hint: tell whoever runs the registry"
    )]
    TooLarge { location: String, path: String, size: u64, limit: u64 },
    #[error(
        "{path} of {location} is not what its record says: {reason}\n  hint: that copy is damaged, or was altered on the way: copy from another mirror"
    )]
    Altered { location: String, path: String, reason: String },
    #[error("cannot {action} {}: {source}{}", path.display(), hint_of(source))]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "{} of {} is damaged: {reason}\n  hint: copy it again from its source; without it, a mirror counts as one of everything", crate::registry::MIRROR_FILE, dir.display()
    )]
    MirrorFile { dir: PathBuf, reason: String },

    #[error(
        "{} is not a bundle of a mirror: {reason}\n  hint: a bundle is what `rvp mirror bundle` writes", path.display()
    )]
    NotABundle { path: PathBuf, reason: String },
    #[error(
        "the bundle {} is damaged: {reason}\n  hint: it was cut or altered on the way: carry it over again; nothing was changed", path.display()
    )]
    DamagedBundle { path: PathBuf, reason: String },
    #[error("the bundle {} has format {format}, and this version of rvp reads format 1\n  hint: update rvp", path.display())]
    BundleFormat { path: PathBuf, format: u32 },
    #[error(
        "the bundle {} continues a state of {from} log entries, and {} has {has}: what lies between is missing\n  hint: apply the bundles for the entries {has} to {from} first, or make one with --since {has}", path.display(), dir.display()
    )]
    Gap { path: PathBuf, dir: PathBuf, from: u64, has: u64 },
    #[error(
        "the bundle {} counts on blobs that {} does not have ({missing}), such as {example}\n  hint: make it with --since {}, or without --since",
        path.display(), dir.display(), dir.display()
    )]
    Lacking { path: PathBuf, dir: PathBuf, missing: usize, example: String },
    #[error(
        "the bundle {} does not lead from the state of {}, with {has} log entries, to the one that it carries\n  hint: the bundle was altered, or the registry shows two histories (fork): make the bundle again, and if that does not help, tell whoever runs the registry", path.display(), dir.display()
    )]
    NotContinued { path: PathBuf, dir: PathBuf, has: u64 },
    #[error(
        "the state that --since names has {since} log entries, and {location} has {has}\n  hint: {location} lags behind what was carried over before: use its source"
    )]
    SinceAhead { location: String, since: u64, has: u64 },
    #[error(
        "--since {since} names no state: {reason}\n  hint: give the number of log entries, a copy of log/checkpoint, or the folder of a mirror"
    )]
    Since { since: String, reason: String },
}

impl MirrorError {
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// For a file of the mirror itself that is not what it should be. Its hint gives way to a better one.
    pub(super) fn damaged(dir: &Path, error: &RegistryError) -> Self {
        let text = error.to_string();
        let reason = text.split("\n  hint: ").next().unwrap_or_default().to_owned();
        Self::Damaged { dir: dir.into(), reason }
    }
}
