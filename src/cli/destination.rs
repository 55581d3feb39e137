//! The registry that a command writes to, wherever it stands.

use std::path::Path;

use anyhow::bail;
use rvp::project::{Location, Registry, Settings};
use rvp::registry::{Config, LogKey, Place, RegistryError, Writer};

use super::context::Context;

/// The registry that an argument names: a folder, or the URL of one, by the name that the settings have for it.
pub fn registry_at(argument: &Path, settings: &Settings) -> anyhow::Result<Registry> {
    let location = match argument.to_str() {
        Some(text) => Location::parse(text).map_err(anyhow::Error::msg)?,
        None => Location::Path(argument.to_owned()),
    };
    let known = settings.registries.iter().flatten().find(|registry| registry.url == location);
    Ok(known.cloned().unwrap_or_else(|| Registry::new(location.name(), location)))
}

/// Does `work` with the place of a registry, where that is one that can be written to.
pub fn with_place<T>(
    context: &Context,
    registry: &Registry,
    settings: &Settings,
    work: impl FnOnce(&Place) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    match &registry.url {
        Location::Path(dir) => work(&Place::Folder(dir)),
        Location::Git(url) => {
            work(&Place::Git(url.as_str(), &context.store_options(&registry.name, settings)))
        }
        Location::Http(url) => bail!(
            "{url} cannot be written to: a web server only reads\n  hint: publish into the folder that it serves"
        ),
        Location::Bucket(url) => {
            bail!("{url} cannot be written to\n  hint: publish into a folder, and copy that")
        }
    }
}

/// Opens the registry that an argument names, to seal it with the key that `key` finds.
pub fn open_to_seal(
    context: &Context,
    argument: &Path,
    key: impl FnOnce(&Config) -> Result<LogKey, RegistryError>,
) -> anyhow::Result<Writer> {
    let settings = context.settings(Settings::default(), None)?;
    let registry = registry_at(argument, &settings)?;
    let authority = context.authority(&settings)?;
    let key = |config: &Config| key(config).map(Some);
    with_place(context, &registry, &settings, |place| {
        Ok(Writer::open_at(place, key)?.with_authority(authority))
    })
}
