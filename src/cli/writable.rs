//! The registry that a command writes to: how it is named, and opened.

use std::path::PathBuf;

use anyhow::bail;
use rvp::model::Record;
use rvp::project::{Location, PyProject, Registry, Settings};
use rvp::publish::forge::{Actions, Forge, ForgeSettings};
use rvp::publish::{Destination, Requests};
use rvp::registry::{
    BucketPlace, BucketStore, Config, GitPlace, LogKey, Place, RegistryError, Sealed, StoreOptions, Writer,
};
use url::Url;

use super::context::Context;

/// The registry that a command writes to, by default the one of the settings.
#[derive(clap::Args)]
pub struct Writable {
    /// A folder, a URL, or a name in the settings [default: the only one there]
    #[arg(long, value_name = "DIR-or-URL")]
    registry: Option<String>,
    #[command(flatten)]
    access: Access,
    /// Seal nothing: propose it, in git by a pull request
    #[arg(long, alias = "pull-request")]
    propose: bool,
    /// Push the branch of a proposal to this fork
    #[arg(long, value_name = "URL")]
    remote: Option<Url>,
}

/// What writing to a registry takes, besides the place.
#[derive(clap::Args)]
pub struct Access {
    /// The registry's private key [default: the one in the keys folder of ~/.rvp]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    #[command(flatten)]
    pub bucket: BucketArguments,
}

/// What only a bucket takes.
#[derive(Clone, clap::Args)]
pub struct BucketArguments {
    /// A file that all who write to this bucket lock in turn, for stores without conditional writes
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
}

impl Writable {
    /// Opens the registry for writing, once no other process of this machine does.
    pub fn open(&self, context: &Context, project: Option<&PyProject>) -> anyhow::Result<Destination> {
        let settings = self.settings(context, project)?;
        let registry = self.find(&settings)?;
        let is_git = matches!(registry.url, Location::Git(_));
        let propose = self.propose || self.remote.is_some();
        let key = |config: &Config| match context.log_key(self.access.key.as_deref(), config) {
            _ if propose => Ok(None),
            // Whoever names a key means to seal.
            Err(RegistryError::NoKey { .. }) if is_git && self.access.key.is_none() => Ok(None),
            found => found.map(Some),
        };
        let writer = self.access.open(context, &registry, &settings, key)?;
        Ok(Destination { writer, requests: self.requests(context, &registry, &settings)? })
    }

    /// How reviewers are asked.
    fn requests(
        &self,
        context: &Context,
        registry: &Registry,
        settings: &Settings,
    ) -> anyhow::Result<Option<Requests>> {
        let Location::Git(url) = &registry.url else { return Ok(None) };
        let place = GitPlace::parse(url.as_str()).map_err(anyhow::Error::msg)?;
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let of_forge = ForgeSettings {
            kind: registry.forge,
            api: registry.forge_api.clone(),
            actions: Actions::of(variable),
        };
        let remote = match &self.remote {
            Some(url) if url.password().is_some() => {
                bail!(
                    "the URL of --remote holds a password, which would end up in messages\n  hint: leave it out; `rvp login` stores it"
                )
            }
            remote => remote.clone(),
        };
        let options = context.store_options(&registry.name, settings);
        let forge = Forge::of(&place, of_forge);
        let forge = match &remote {
            Some(remote) => forge.with_fork(remote),
            None => forge,
        };
        Ok(Some(Requests { forge, options, policies: context.policies()?.clone(), remote }))
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
        let key = |config: &Config| {
            let key = context.log_key(self.key.as_deref(), config)?;
            found(&key)?;
            Ok(Some(key))
        };
        self.open(context, &named(location.clone(), &settings), &settings, key)
    }

    fn open(
        &self,
        context: &Context,
        registry: &Registry,
        settings: &Settings,
        key: impl FnOnce(&Config) -> Result<Option<LogKey>, RegistryError>,
    ) -> anyhow::Result<Writer> {
        let writer = Writer::open_at(self.bucket.place(context, registry, settings)?, key)?;
        let writer = writer.with_blob_places(&context.blob_options(settings))?;
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
        let place = self.place(context, &registry, &settings)?;
        Ok(Writer::create_at(place, config, key, records, now)?)
    }

    /// Where the registry is written.
    fn place(&self, context: &Context, registry: &Registry, settings: &Settings) -> anyhow::Result<Place> {
        let options = || context.store_options(&registry.name, settings);
        Ok(match &registry.url {
            Location::Path(path) => Place::Folder(path.clone()),
            Location::Bucket(url) => {
                let StoreOptions { http, sources, .. } = options();
                Place::Bucket(Box::new(BucketPlace {
                    store: BucketStore::open(url.as_str(), &http, sources)?,
                    probed: context.probed(),
                    lock: self.lock.clone().or_else(|| registry.write_lock.clone()),
                }))
            }
            Location::Git(url) => Place::Git(url.to_string(), Box::new(options())),
            Location::Http(url) => return Err(read_only(url)),
        })
    }
}

fn read_only(url: &Url) -> anyhow::Error {
    anyhow::anyhow!(
        "{url} cannot be written to: a web server only reads\n  hint: publish into the folder or the bucket that it serves"
    )
}
