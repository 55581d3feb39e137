//! What can go wrong when a registry is filled.

use std::path::PathBuf;

use super::simple_index::SimpleIndexError;
use crate::model::{
    NameError, PackageName, RecordError, RequirementError, Sha256, Unauthorised, Version, VersionError,
};
use crate::package::PackageError;
use crate::registry::{RegistryError, hint_of};
use crate::resolve::ResolveError;
use crate::trust::policy::PolicyError;
use crate::trust::sign::SignError;
use crate::trust::{StatementError, TrustError};

/// A publish or an import that cannot go on, or an artifact that it refuses.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("cannot {action} {path}: {source}{}", hint_of(source))]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("cannot walk through {path}: {source}")]
    Walk { path: PathBuf, source: walkdir::Error },
    #[error("{0}")]
    Package(#[from] PackageError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    SimpleIndex(#[from] SimpleIndexError),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("another import is using {folder}\n  hint: wait until it has ended")]
    StagingBusy { folder: PathBuf },
    #[error("pip was not found\n  hint: give the index with --index-url, or a folder of files with --from")]
    NoPip,
    #[error(
        "pip cannot list the versions of a package\n  hint: give the index with --index-url to import all versions"
    )]
    AllVersionsByPip,
    #[error("cannot start {way}: {source}")]
    StartPip { way: String, source: std::io::Error },
    #[error("{way} failed:\n  {said}")]
    Pip { way: String, said: String },
    #[error(
        "pip has no wheel that runs on the target and is asked for:\n  {said}\n  hint: check the name, the version and the target"
    )]
    PipHasNone { said: String },
    #[error(
        "pip has nothing for {wanted} on {target} that rvp can take\n  hint: give the index with --index-url; rvp then searches for versions that fit together"
    )]
    PipUnmet { wanted: String, target: String },
    #[error(
        "the attestations of {file} do not hold: {source}\n  hint: the file or its attestations were altered on the way, or do not belong together; do not use it, and tell its publisher"
    )]
    Provenance { file: String, source: Box<TrustError> },
    #[error("its name is not valid: {0}")]
    Name(#[from] NameError),
    #[error("a requirement of {release} cannot be used: {source}")]
    Requirement { release: String, source: RequirementError },
    #[error("the Python versions that {release} asks for cannot be read: {source}")]
    RequiresPython { release: String, source: VersionError },
    #[error(
        "the versions of the host `{host}` that the metadata of {name} asks for cannot be read: {source}"
    )]
    HostVersions { host: String, name: String, source: VersionError },
    #[error(
        "the host requirement `{0}` cannot be used: write it as `revit (>=2022,<2028)`, without an environment marker"
    )]
    HostText(String),
    #[error(
        "the host requirements in pyproject.toml are not a table of texts such as `revit = \">=2022,<2028\"`"
    )]
    HostTable,
    #[error(
        "{file} is in the registry with other bytes: there sha256:{there}, here sha256:{here}\n  hint: a published file never changes; publish a new version, or a new build number of this one"
    )]
    OtherBytes { file: String, there: Sha256, here: Sha256 },
    #[error("{file} asks for other hosts ({here}) than its release {release} ({there})")]
    OtherHosts { file: String, release: String, here: String, there: String },
    #[error("the record of {release} cannot be written: {source}")]
    Record { release: String, source: RecordError },
    #[error("{what} is refused: it is {source}\n  hint: {}", sign_hint(*signed))]
    Unauthorised { what: String, signed: bool, source: Box<Unauthorised> },
    #[error("{} holds no change of owners that can be used: {reason}\n  hint: make the change again with `rvp owner … --pending FILE`", path.display())]
    Pending { path: PathBuf, reason: String },
    #[error(
        "the change of the owners of {of} is outdated: {reason}\n  hint: the owners were changed since; make the change again"
    )]
    Outdated { of: String, reason: String },
    #[error(
        "the change is for the registry `{expected}`, and this is `{found}`\n  hint: choose that registry with --registry"
    )]
    OtherRegistry { expected: String, found: String },
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error("the signature {0}")]
    Statement(#[from] StatementError),
    #[error("{name} {version} is not in the registry; {there}")]
    NoSuchVersion { name: PackageName, version: Version, there: String },
    #[error("{name} {version} is already yanked{}", reason_suffix(.reason))]
    AlreadyYanked { name: PackageName, version: Version, reason: String },
    #[error("{name} {version} is not yanked, so there is nothing to undo")]
    NotYanked { name: PackageName, version: Version },
}

fn sign_hint(signed: bool) -> &'static str {
    match signed {
        true => "only an owner can sign it; `rvp owner list` shows the owners, and one of them can add you",
        false => "sign it with --sign or --sign-key FILE, or name a key in the setting `sign-key`",
    }
}

fn reason_suffix(reason: &str) -> String {
    if reason.is_empty() { ", without a reason".to_owned() } else { format!(": {reason}") }
}
