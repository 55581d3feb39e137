//! The registries of a project, as the resolver sees them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Found, LockedRegistry, Packages, PackagesError, Resolution};
use crate::model::{Package, PackageName, Sha256, Target, Version};
use crate::project::{Registry, registries_for};
use crate::registry::{Authority, Reader, RegistryError};
use crate::trust::{self, Facts, HistoryError};

/// The opened registries of a project, in order of precedence.
pub struct Registries {
    settings: Vec<Registry>,
    readers: Vec<Arc<Reader>>,
    found: Mutex<HashMap<PackageName, Option<Arc<Found>>>>,
}

/// Two registries hold one name, and nothing says which is meant.
#[derive(Debug, thiserror::Error)]
#[error(
    "the registries `{first}` and `{second}` both have `{name}`\n  hint: bind the name to one of them, so that nobody can put a package in its place: give that registry a prefix, as in `prefixes = [\"{name}\"]`"
)]
pub struct Ambiguous {
    name: PackageName,
    first: String,
    second: String,
}

/// No registry has a package.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no package `{name}` in {searched}\n  hint: check the spelling, and the prefixes of the registries"
)]
struct Unknown {
    name: PackageName,
    searched: String,
}

impl Registries {
    /// `readers` are those of `settings`, in the same order.
    pub fn new(settings: Vec<Registry>, readers: Vec<Reader>) -> Self {
        let readers = readers.into_iter().map(Arc::new).collect();
        Self { settings, readers, found: Mutex::default() }
    }

    /// The opened registry of this name.
    pub fn reader(&self, name: &str) -> Option<&Reader> {
        let at = self.settings.iter().position(|registry| registry.name == name)?;
        self.readers.get(at).map(Arc::as_ref)
    }

    /// All that is known of `name`; an error where no registry has it.
    pub fn find(&self, name: &PackageName) -> Result<Arc<Found>, PackagesError> {
        let found = self.package(name)?;
        found.ok_or_else(|| {
            Box::new(Unknown { name: name.clone(), searched: self.searched(name).join(", ") }).into()
        })
    }

    /// What the registry `registry` knows of a package; none where it is not opened, or has none of that name.
    pub fn package_of(
        &self,
        registry: &str,
        name: &PackageName,
    ) -> Result<Option<Arc<Found>>, RegistryError> {
        let Some(reader) = self.reader(registry) else { return Ok(None) };
        let package = reader.package(name)?;
        Ok(package.map(|package| Arc::new(Found { registry: registry.into(), package })))
    }

    /// The names of the registries, each with the registry.
    pub fn readers(&self) -> impl Iterator<Item = (&str, &Arc<Reader>)> {
        self.settings.iter().map(|registry| registry.name.as_str()).zip(&self.readers)
    }

    /// Whether every registry was asked for its state just now.
    pub fn asked(&self) -> bool {
        self.readers.iter().all(|reader| reader.asked())
    }

    fn serving<'a>(&'a self, name: &PackageName) -> impl Iterator<Item = (&'a str, &'a Arc<Reader>)> {
        let serving = registries_for(&self.settings, name);
        self.settings
            .iter()
            .zip(&self.readers)
            .filter(move |(registry, _)| serving.iter().any(|one| one.name == registry.name))
            .map(|(registry, reader)| (registry.name.as_str(), reader))
    }

    /// Fetches the index files that resolving `names` for `targets` will most likely need, all at once.
    pub fn warm(&self, names: &[PackageName], targets: &[Target]) {
        for (at, reader) in self.readers.iter().enumerate() {
            let here =
                |name: &PackageName| self.serving(name).any(|(serving, _)| self.settings[at].name == serving);
            let names: Vec<PackageName> = names.iter().filter(|name| here(name)).cloned().collect();
            let follow = |package: &Package| {
                let names = newest_requirements(package, targets);
                names.into_iter().filter(here).collect()
            };
            reader.warm(&names, &follow);
        }
    }

    /// The signed states that answers come from.
    pub fn locked(&self) -> Vec<LockedRegistry> {
        let locked = |(registry, reader): (&Registry, &Arc<Reader>)| LockedRegistry {
            name: registry.name.clone(),
            key: reader.key().to_owned(),
            size: reader.checkpoint().size,
            root: Sha256(reader.checkpoint().root.0),
            snapshot: reader.checkpoint().snapshot,
        };
        self.settings.iter().zip(&self.readers).map(locked).collect()
    }

    /// Checks that the records of everything that was chosen stand in the logs of their registries.
    pub fn check_inclusion(&self, resolutions: &[Resolution]) -> Result<(), RegistryError> {
        for (registry, reader) in self.settings.iter().zip(&self.readers) {
            let chosen = resolutions
                .iter()
                .flat_map(|resolution| &resolution.packages)
                .filter(|package| package.registry == registry.name)
                .map(|package| (&package.name, &package.entry));
            reader.check_inclusion(chosen)?;
        }
        Ok(())
    }

    /// Checks the signatures behind everything that was chosen, and says what is known of each release, by the name of
    /// its registry.
    pub fn check_signatures(
        &self,
        authority: &dyn Authority,
        resolutions: &[Resolution],
    ) -> Result<Vec<(&str, Vec<Facts>)>, HistoryError> {
        self.readers()
            .map(|(registry, reader)| {
                let chosen: BTreeSet<(PackageName, Version)> = resolutions
                    .iter()
                    .flat_map(|resolution| &resolution.packages)
                    .filter(|package| package.registry == registry)
                    .map(|package| (package.name.clone(), package.version.clone()))
                    .collect();
                let chosen: Vec<(PackageName, Version)> = chosen.into_iter().collect();
                Ok((registry, trust::check(authority, reader, &chosen)?))
            })
            .collect()
    }

    fn look_up(&self, name: &PackageName) -> Result<Option<Arc<Found>>, PackagesError> {
        let mut found: Option<Arc<Found>> = None;
        for (registry, reader) in self.serving(name) {
            let Some(package) = reader.package(name)? else { continue };
            if let Some(first) = &found {
                return Err(Box::new(Ambiguous {
                    name: name.clone(),
                    first: first.registry.clone(),
                    second: registry.into(),
                }));
            }
            found = Some(Arc::new(Found { registry: registry.into(), package }));
            // What hosts offer is the same everywhere; the first registry that says it is believed.
            if name.family() == crate::model::Family::Host {
                break;
            }
        }
        Ok(found)
    }
}

impl Packages for Registries {
    fn package(&self, name: &PackageName) -> Result<Option<Arc<Found>>, PackagesError> {
        if let Some(found) = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(found.clone());
        }
        let found = self.look_up(name)?;
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), found.clone());
        Ok(found)
    }

    fn searched(&self, name: &PackageName) -> Vec<String> {
        self.serving(name).map(|(registry, _)| registry.to_owned()).collect()
    }
}

/// The names that the newest release of a package requires on some target, extras left out.
fn newest_requirements(package: &Package, targets: &[Target]) -> Vec<PackageName> {
    let stable = |version: &Version| !version.is_prerelease();
    let newest = package
        .releases
        .iter()
        .rev()
        .filter(|(version, entry)| entry.yanked.is_none() && stable(version))
        .map(|(_, entry)| entry)
        .next();
    let requirements = newest.iter().flat_map(|entry| &entry.release.requires);
    requirements
        .filter_map(|text| crate::model::Requirement::parse(package.name.family(), text).ok())
        .filter(|requirement| targets.iter().any(|target| requirement.applies(&target.markers, &[])))
        .map(|requirement| requirement.name)
        .collect()
}
