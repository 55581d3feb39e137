//! The registry that a command writes to: how it is named, and opened.

use std::path::PathBuf;

use anyhow::bail;
use rvp::model::Record;
use rvp::project::{Location, PyProject, Registry, Settings};
use rvp::registry::{BucketPlace, BucketStore, Config, LogKey, RegistryError, Sealed, Writer};
use url::Url;

use super::context::Context;

/// The registry that a command writes to, by default the one of the settings.
#[derive(clap::Args)]
pub struct Writable {
    /// A folder, the URL of a bucket, or a registry's name in the settings [default: the only one in the settings]
    #[arg(long, value_name = "DIR-or-URL")]
    registry: Option<String>,
    #[command(flatten)]
    access: Access,
}

/// What writing to a registry takes, besides the place.
#[derive(clap::Args)]
pub struct Access {
    /// The registry's private key [default: the one in the keys folder of ~/.rvp]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    #[command(flatten)]
    bucket: BucketArguments,
}

/// What only a bucket takes.
#[derive(clap::Args)]
pub struct BucketArguments {
    /// A file that all who write to this bucket lock in turn, for stores without conditional writes
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
}

impl Writable {
    /// Opens the registry for writing, once no other process does.
    pub fn open(&self, context: &Context, project: Option<&PyProject>) -> anyhow::Result<Writer> {
        let settings = self.settings(context, project)?;
        let registry = self.find(&settings)?;
        self.access.open(context, &registry, &settings, |_| Ok(()))
    }

    /// The settings that hold for what is written.
    pub fn settings(&self, context: &Context, project: Option<&PyProject>) -> anyhow::Result<Settings> {
        context.settings(Settings::default(), project)
    }

    fn find(&self, settings: &Settings) -> anyhow::Result<Registry> {
        let registries = settings.registries.clone().unwrap_or_default();
        let Some(text) = &self.registry else {
            return match <[_; 1]>::try_from(registries) {
                Ok([registry]) => Ok(registry),
                Err(registries) if registries.is_empty() => {
                    bail!("no registry is set\n  hint: name the folder or the URL of one with --registry")
                }
                Err(registries) => {
                    let names: Vec<_> = registries.iter().map(|registry| registry.name.as_str()).collect();
                    bail!(
                        "the settings name {} registries, so which one is meant is not clear\n  hint: choose one with --registry: {}",
                        names.len(),
                        names.join(", ")
                    )
                }
            };
        };
        if let Some(registry) = registries.iter().find(|registry| registry.name == *text) {
            return Ok(registry.clone());
        }
        let location = Location::parse(text).map_err(anyhow::Error::msg)?;
        Ok(named(location, settings))
    }
}

/// The registry at a place: as the settings know it, or else without a name.
fn named(location: Location, settings: &Settings) -> Registry {
    let known = settings.registries.iter().flatten().find(|registry| registry.url == location);
    known.cloned().unwrap_or_else(|| Registry::new(String::new(), location))
}

impl Access {
    /// Opens the registry at `location` for writing, once no other process does. `found` is called with its private key.
    pub fn open_at(
        &self,
        context: &Context,
        location: &Location,
        found: impl FnOnce(&LogKey) -> Result<(), RegistryError>,
    ) -> anyhow::Result<Writer> {
        let settings = context.settings(Settings::default(), None)?;
        self.open(context, &named(location.clone(), &settings), &settings, found)
    }

    fn open(
        &self,
        context: &Context,
        registry: &Registry,
        settings: &Settings,
        found: impl FnOnce(&LogKey) -> Result<(), RegistryError>,
    ) -> anyhow::Result<Writer> {
        let key = |config: &Config| {
            let key = context.log_key(self.key.as_deref(), config)?;
            found(&key)?;
            Ok(key)
        };
        let writer = match &registry.url {
            Location::Path(path) => Writer::open(path, key)?,
            Location::Bucket(url) => {
                Writer::open_bucket(self.bucket.place(context, url, registry, settings)?, key)?
            }
            Location::Http(url) | Location::Git(url) => return Err(read_only(url)),
        };
        Ok(writer.with_authority(context.authority(settings)?))
    }
}

impl BucketArguments {
    /// Makes a new registry at `location`.
    pub fn create(
        &self,
        context: &Context,
        location: &Location,
        config: &Config,
        key: LogKey,
        records: Vec<Record>,
    ) -> anyhow::Result<Sealed> {
        let settings = context.settings(Settings::default(), None)?;
        let registry = named(location.clone(), &settings);
        let now = jiff::Timestamp::now();
        Ok(match location {
            Location::Path(path) => Writer::create(path, config, key, records, now)?,
            Location::Bucket(url) => {
                let place = self.place(context, url, &registry, &settings)?;
                Writer::create_in_bucket(place, config, key, records, now)?
            }
            Location::Http(url) | Location::Git(url) => return Err(read_only(url)),
        })
    }

    fn place(
        &self,
        context: &Context,
        url: &Url,
        registry: &Registry,
        settings: &Settings,
    ) -> anyhow::Result<BucketPlace> {
        let options = context.store_options(&registry.name, settings);
        Ok(BucketPlace {
            store: BucketStore::open(url.as_str(), &options.http, options.sources)?,
            probed: context.probed(),
            lock: self.lock.clone().or_else(|| registry.write_lock.clone()),
        })
    }
}

fn read_only(url: &Url) -> anyhow::Error {
    anyhow::anyhow!(
        "{url} cannot be written to: a web server only reads\n  hint: publish into the folder or the bucket that it serves"
    )
}
