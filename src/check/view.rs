//! The registry as it is, and as it will be with the proposal.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Package, PackageName};
use crate::resolve::{Found, Packages, PackagesError, Registries};

/// The packages of a registry, some of them in another state than the committed one.
pub(super) struct View<'a> {
    registries: &'a Registries,
    /// Where the registry has no releases of this host.
    shipped_host: &'a Arc<Found>,
    replaced: BTreeMap<PackageName, Arc<Found>>,
}

impl<'a> View<'a> {
    /// As it is committed.
    pub fn new(registries: &'a Registries, shipped_host: &'a Arc<Found>) -> Self {
        Self { registries, shipped_host, replaced: BTreeMap::new() }
    }

    /// With these packages in place of what is committed of them.
    pub fn with(&self, packages: BTreeMap<PackageName, Package>) -> Self {
        let registry = self.registries.readers().next().map_or("", |(name, _)| name);
        let found = |(name, package)| {
            let found = Found { registry: registry.to_owned(), package: Arc::new(package) };
            (name, Arc::new(found))
        };
        Self { replaced: packages.into_iter().map(found).collect(), ..*self }
    }
}

impl Packages for View<'_> {
    fn package(&self, name: &PackageName) -> Result<Option<Arc<Found>>, PackagesError> {
        if let Some(found) = self.replaced.get(name) {
            return Ok(Some(Arc::clone(found)));
        }
        let found = self.registries.package(name)?;
        let shipped = || (self.shipped_host.package.name == *name).then(|| Arc::clone(self.shipped_host));
        Ok(found.or_else(shipped))
    }

    fn searched(&self, name: &PackageName) -> Vec<String> {
        self.registries.searched(name)
    }
}
