//! `rvp.lock` as a file: TOML, read as hostile input and written so that the same lock has the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;
use uv_normalize::ExtraName;

use super::lock::is_for;
use super::{Dependency, Lock, LockInputs, LockedArtifact, LockedPackage, LockedRegistry, LockedTarget};
use crate::files;
use crate::model::{Family, PackageName, Version, is_windows_device};
use crate::registry::hint_of;

/// The version of the format that this module writes, and the only one it reads.
const FORMAT: u32 = 1;

/// A lock of 10,000 packages has about 6 MB.
const MAX_BYTES: u64 = 64 << 20;

const HEADING: &str = "# Written by `rvp lock`. To change it, change the project and lock again.\n";

/// A lock that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("cannot read the lock {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write the lock {}: {source}{}", path.display(), hint_of(source))]
    Write { path: PathBuf, source: io::Error },
    #[error("the lock {} is larger than {MAX_BYTES} bytes; delete it and run `rvp lock`", path.display())]
    TooLarge { path: PathBuf },
    #[error(
        "the lock {} has format {found}, and this version of rvp reads format {FORMAT}; update rvp, or delete the file and run `rvp lock`",
        path.display()
    )]
    Format { path: PathBuf, found: u32 },
    #[error("line {line} of the lock {}: {reason}\n  hint: if git left a conflict in it, take either side whole, or delete the file, and run `rvp lock`", path.display())]
    Line { path: PathBuf, line: usize, reason: String },
    #[error("the lock {} does not hold together: {reason}; make it anew with `rvp lock`", path.display())]
    Content { path: PathBuf, reason: String },
    #[error("the lock cannot be written as TOML: {0}")]
    Toml(#[from] toml::ser::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    inputs: LockInputs,
    #[serde(default)]
    target: Vec<LockedTarget>,
    #[serde(default)]
    registry: Vec<LockedRegistry>,
    #[serde(default)]
    package: Vec<PackageTable>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageTable {
    name: Spanned<String>,
    #[serde(default = "python", skip_serializing_if = "is_python")]
    family: Family,
    version: String,
    registry: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    direct: bool,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    extras: BTreeSet<ExtraName>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    targets: Vec<String>,
    #[serde(default)]
    artifact: Vec<LockedArtifact>,
}

fn python() -> Family {
    Family::Python
}

fn is_python(family: &Family) -> bool {
    *family == Family::Python
}

impl Lock {
    /// Reads the lock at `path`; none if there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, LockError> {
        let failed = |source| LockError::Read { path: path.into(), source };
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut text = String::new();
        let read = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
        if read as u64 > MAX_BYTES {
            return Err(LockError::TooLarge { path: path.into() });
        }
        Self::parse(path, &text).map(Some)
    }

    /// Writes the lock to `path`, whole or not at all. A lock that would not change is not touched.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let text = self.to_toml()?;
        if std::fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
            return Ok(());
        }
        let failed = |source| LockError::Write { path: path.into(), source };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Not with `NamedTempFile::new_in`, which keeps others from reading a file that a team shares.
        let create = |path: &Path| std::fs::File::options().write(true).create_new(true).open(path);
        let mut file =
            tempfile::Builder::new().prefix(".rvp.lock.").make_in(folder, create).map_err(failed)?;
        file.as_file_mut().write_all(text.as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        files::persist(file, path).map_err(failed)
    }

    /// The bytes of the file.
    pub fn to_toml(&self) -> Result<String, LockError> {
        let file = File {
            version: FORMAT,
            inputs: self.inputs.clone(),
            target: self.targets.clone(),
            registry: self.registries.clone(),
            package: self.packages.iter().map(PackageTable::of).collect(),
        };
        Ok(format!("{HEADING}{}", toml::to_string_pretty(&file)?))
    }

    /// Reads the text of a lock. `path` is for messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self, LockError> {
        let format = |found| LockError::Format { path: path.into(), found };
        let file: File = toml::from_str(text).map_err(|error| match format_of(text) {
            Some(found) if found != FORMAT => format(found),
            _ => at(path, text, error.span(), error.message().to_owned()),
        })?;
        if file.version != FORMAT {
            return Err(format(file.version));
        }
        let mut lock = Self {
            inputs: file.inputs,
            targets: file.target,
            registries: file.registry,
            packages: Vec::with_capacity(file.package.len()),
        };
        for names in [
            lock.targets.iter().map(|target| &target.name).collect::<Vec<_>>(),
            lock.registries.iter().map(|registry| &registry.name).collect(),
        ] {
            let mut seen = BTreeSet::new();
            if let Some(twice) = names.into_iter().find(|name| !seen.insert(*name)) {
                return Err(at(path, text, None, format!("`{twice}` is described twice")));
            }
        }
        let mut taken = Taken::default();
        for table in file.package {
            let span = table.name.span();
            let fail = |reason: String| at(path, text, Some(span.clone()), reason);
            let package = table.check().map_err(fail)?;
            lock.check_references(&package).map_err(fail)?;
            taken.take(&package).map_err(fail)?;
            lock.packages.push(package);
        }
        Ok(lock)
    }

    /// Fails if `package` names a target or a registry that the lock does not describe, or has not one file for each target.
    fn check_references(&self, package: &LockedPackage) -> Result<(), String> {
        let LockedPackage { name, version, .. } = package;
        if !self.registries.iter().any(|registry| registry.name == package.registry) {
            return Err(format!(
                "{name} {version} is of the registry `{}`, which the lock does not describe",
                package.registry
            ));
        }
        let of_artifacts = package.artifacts.iter().flat_map(|artifact| &artifact.targets);
        let unknown = |name: &&String| !self.targets.iter().any(|target| target.name == **name);
        if let Some(target) = package.targets.iter().chain(of_artifacts).find(unknown) {
            return Err(format!(
                "{name} {version} is for the target `{target}`, which the lock does not describe"
            ));
        }
        for target in self.targets.iter().filter(|target| is_for(&package.targets, &target.name)) {
            let files = package.artifacts.iter().filter(|one| is_for(&one.targets, &target.name)).count();
            if files != 1 {
                return Err(format!("{name} {version} has {files} files for the target `{}`", target.name));
            }
        }
        Ok(())
    }
}

/// Which targets of each package are taken by a version already; none means all.
#[derive(Default)]
struct Taken(BTreeMap<PackageName, Vec<Vec<String>>>);

impl Taken {
    fn take(&mut self, package: &LockedPackage) -> Result<(), String> {
        let before = self.0.entry(package.name.clone()).or_default();
        let clash = before.iter().any(|targets| {
            targets.is_empty()
                || package.targets.is_empty()
                || targets.iter().any(|target| package.targets.contains(target))
        });
        if clash {
            return Err(format!("{} is locked twice for one target", package.name));
        }
        before.push(package.targets.clone());
        Ok(())
    }
}

impl PackageTable {
    fn of(package: &LockedPackage) -> Self {
        Self {
            name: Spanned::new(0..0, package.name.as_str().to_owned()),
            family: package.name.family(),
            version: package.version.to_string(),
            registry: package.registry.clone(),
            direct: package.direct,
            extras: package.extras.clone(),
            dependencies: package.dependencies.iter().map(ToString::to_string).collect(),
            targets: package.targets.clone(),
            artifact: package.artifacts.clone(),
        }
    }

    fn check(self) -> Result<LockedPackage, String> {
        let name = PackageName::new(self.family, self.name.get_ref()).map_err(|error| error.to_string())?;
        let version =
            Version::parse(self.family, &self.version).map_err(|error| format!("{name}: {error}"))?;
        let dependencies = self
            .dependencies
            .iter()
            .map(|text| {
                parse_dependency(text)
                    .ok_or_else(|| format!("{name}: `{text}` is not a dependency (`name` or `name[extra]`)"))
            })
            .collect::<Result<_, _>>()?;
        if let Some(bad) = self.artifact.iter().find(|artifact| !is_plain_file_name(&artifact.file)) {
            return Err(format!("{name}: `{}` is not a plain file name", bad.file.escape_debug()));
        }
        Ok(LockedPackage {
            name,
            version,
            registry: self.registry,
            direct: self.direct,
            extras: self.extras,
            dependencies,
            targets: self.targets,
            artifacts: self.artifact,
        })
    }
}

/// Reads what `Dependency` displays.
fn parse_dependency(text: &str) -> Option<Dependency> {
    let (name, extras) = match text.split_once('[') {
        None => (text, ""),
        Some((name, rest)) => (name, rest.strip_suffix(']')?),
    };
    let extras = extras.split(',').filter(|extra| !extra.is_empty()).map(|extra| extra.parse().ok());
    Some(Dependency { name: name.parse().ok()?, extras: extras.collect::<Option<_>>()? })
}

/// Whether a text can only be a file in the folder it is written to, on every system.
fn is_plain_file_name(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or_default();
    !text.is_empty()
        && text.len() <= 255
        && !text.starts_with('.')
        && !text.ends_with(['.', ' '])
        && !text.chars().any(|c| c.is_control() || "/\\:*?\"<>|".contains(c))
        && !is_windows_device(stem)
}

/// The format's number alone, from a text that may be otherwise unknown.
fn format_of(text: &str) -> Option<u32> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    toml::from_str::<Head>(text).ok().map(|head| head.version)
}

fn at(path: &Path, text: &str, span: Option<Range<usize>>, reason: String) -> LockError {
    let path = path.to_owned();
    let Some(span) = span else { return LockError::Content { path, reason } };
    let line = 1 + text.bytes().take(span.start).filter(|&byte| byte == b'\n').count();
    LockError::Line { path, line, reason }
}
