//! The host releases that a target may name: those of the registries, and the ones that come with rvp.

use std::sync::Arc;

use rvp::model::{Family, Package, PackageName, Record};
use rvp::project::{Location, Registry, Settings};
use rvp::registry::REVIT_RELEASES;
use rvp::resolve::{Found, NoRules, Packages, PackagesError, Registries, Rulebook};
use rvp::trust::policy::Policies;

use super::context::Context;
use super::judgement::judge;
use super::workspace::open_registries;

pub struct KnownHosts {
    registries: Option<Registries>,
    /// For registries that know no host, and machines without a registry.
    shipped: Arc<Found>,
}

impl KnownHosts {
    /// Those of the registries in the settings.
    pub fn of_settings(context: &Context, settings: &Settings) -> anyhow::Result<Self> {
        let set = settings.registries.as_ref().is_some_and(|registries| !registries.is_empty());
        let registries = if set { Some(open_registries(context, settings, false)?) } else { None };
        Ok(Self { registries, shipped: shipped()? })
    }

    /// Those of one registry.
    pub fn of_registry(context: &Context, location: &Location) -> anyhow::Result<Self> {
        let reader = context.open_as_keeper(location, None)?;
        let registry = Registry::new(reader.config()?.name.clone(), location.clone());
        Ok(Self { registries: Some(Registries::new(vec![registry], vec![reader])), shipped: shipped()? })
    }
}

impl KnownHosts {
    /// What `policies` say of the releases of hosts; those that come with rvp are admitted.
    pub fn rulebook(
        &self,
        context: &Context,
        settings: &Settings,
        policies: &Policies,
    ) -> anyhow::Result<Box<dyn Rulebook>> {
        Ok(match &self.registries {
            Some(registries) => Box::new(judge(context, settings, policies, registries)?),
            None => Box::new(NoRules),
        })
    }
}

/// The releases of Revit that come with rvp.
pub fn shipped() -> anyhow::Result<Arc<Found>> {
    let name = PackageName::new(Family::Host, "revit")?;
    let mut package = Package::new(name);
    for (number, line) in REVIT_RELEASES.lines().enumerate() {
        let record = Record::parse(line)?;
        package.apply("the shipped releases", number + 1, record, jiff::Timestamp::UNIX_EPOCH, 0)?;
    }
    Ok(Arc::new(Found { registry: "rvp".into(), package: Arc::new(package) }))
}

impl Packages for KnownHosts {
    fn package(&self, name: &PackageName) -> Result<Option<Arc<Found>>, PackagesError> {
        if let Some(registries) = &self.registries
            && let Some(found) = registries.package(name)?
        {
            return Ok(Some(found));
        }
        Ok((self.shipped.package.name == *name).then(|| Arc::clone(&self.shipped)))
    }
}
