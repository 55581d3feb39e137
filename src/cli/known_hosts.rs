//! The host releases that a target may name: those of the registries, or the ones that come with rvp.

use std::collections::BTreeMap;
use std::sync::Arc;

use rvp::model::{Family, Package, PackageName, Record};
use rvp::project::Settings;
use rvp::registry::REVIT_RELEASES;
use rvp::resolve::{Found, Packages, PackagesError, Registries};

use super::context::Context;
use super::workspace::open_registries;

pub enum KnownHosts {
    Registries(Registries),
    /// Where no registry is set, as on a machine that only lays out environments.
    Shipped(Arc<Found>),
}

impl KnownHosts {
    pub fn open(context: &Context, settings: &Settings) -> anyhow::Result<Self> {
        if settings.registries.as_ref().is_some_and(|registries| !registries.is_empty()) {
            return Ok(Self::Registries(open_registries(context, settings)?));
        }
        let name = PackageName::new(Family::Host, "revit")?;
        let mut package = Package { name, releases: BTreeMap::new() };
        for (number, line) in REVIT_RELEASES.lines().enumerate() {
            let record = Record::parse(line)?;
            package.apply("the shipped releases", number + 1, record, jiff::Timestamp::UNIX_EPOCH, 0)?;
        }
        let package = Arc::new(package);
        Ok(Self::Shipped(Arc::new(Found { registry: "rvp".into(), package })))
    }
}

impl Packages for KnownHosts {
    fn package(&self, name: &PackageName) -> Result<Option<Arc<Found>>, PackagesError> {
        match self {
            Self::Registries(registries) => registries.package(name),
            Self::Shipped(found) => Ok((found.package.name == *name).then(|| Arc::clone(found))),
        }
    }
}
