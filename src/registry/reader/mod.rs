//! Reading a registry: nothing is handed out that the signed state does not cover.

mod ahead;
mod bundles;
mod files;
mod grown;
mod log;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::executor::block_on;
use futures::future::join;

use super::{
    Checkpoint, ClientFolders, Config, Fresh, RegistryError, Store, client::Seen, layout,
    log::check_consistency,
};
use crate::model::{Blake3, Package, PackageName};

/// How a registry is to be opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The verifier key to trust. Left out: the one trusted before at this place, or else the one it shows now.
    pub key: Option<String>,
    /// Ask nothing: take the state and the files of the last visit.
    pub offline: bool,
    /// Ask for the state even where the server lets the last one be used for a while.
    pub refresh: bool,
}

/// One state of a registry, checked, and everything under it.
pub struct Reader {
    store: Arc<dyn Store>,
    folders: ClientFolders,
    key: String,
    checkpoint: Checkpoint,
    config: OnceLock<Config>,
    /// What is to be remembered of this visit, once the configuration is checked.
    to_remember: Mutex<Option<Seen>>,
    offline: bool,
    asked: bool,
    nodes: Mutex<HashMap<Blake3, Vec<u8>>>,
    files: Mutex<HashMap<String, Option<Arc<Vec<u8>>>>>,
    packages: Mutex<HashMap<PackageName, Option<Arc<Package>>>>,
    /// Files that could not be read ahead, and why.
    failed: Mutex<HashMap<String, RegistryError>>,
}

impl Reader {
    /// Fetches the checkpoint, checks its signature, its age, and that it continues the state last seen here.
    pub fn open(
        store: Arc<dyn Store>,
        folders: ClientFolders,
        options: &OpenOptions,
    ) -> Result<Self, RegistryError> {
        let location = store.location().to_owned();
        let identity = store.identity();
        let seen =
            folders.seen(&identity)?.filter(|seen| options.key.as_ref().is_none_or(|key| *key == seen.key));
        let now = jiff::Timestamp::now();
        let remembered = seen.as_ref().filter(|seen| !options.refresh && seen.is_fresh(now)).map(Seen::known);
        let asked = remembered.is_none() && !options.offline;
        let known_key = options.key.as_ref().or(seen.as_ref().map(|seen| &seen.key)).cloned();
        let (fresh, config) = block_on(join(
            async {
                match remembered {
                    Some(known) => Ok(known),
                    None => fetch_checkpoint(&*store, seen.as_ref(), options.offline).await,
                }
            },
            async {
                // Only the first visit takes the key from a file that nothing covers yet.
                let may_ask = !options.offline || store.local_path(layout::CONFIG).is_some();
                match known_key.is_none() && may_ask {
                    true => store.read(layout::CONFIG, 0, layout::MAX_CONFIG).await,
                    false => Ok(None),
                }
            },
        ));
        let fresh = fresh?;
        let missing = || RegistryError::NotARegistry { location: location.clone(), missing: layout::CONFIG };
        let key = match known_key {
            Some(key) => key,
            None => Config::parse(&location, &config?.ok_or_else(missing)?)?.key,
        };
        let checkpoint =
            Checkpoint::verify(&location, &fresh.bytes, &key).map_err(|error| match (error, &seen) {
                (RegistryError::Signature { location, key }, Some(_)) if options.key.is_none() => {
                    RegistryError::OtherKey { location, key, remembered: folders.seen_path(&identity) }
                }
                (error, _) => error,
            })?;
        let reader = Self {
            store,
            folders,
            key,
            checkpoint,
            config: OnceLock::new(),
            to_remember: Mutex::default(),
            offline: options.offline,
            asked,
            nodes: Mutex::default(),
            files: Mutex::default(),
            packages: Mutex::default(),
            failed: Mutex::default(),
        };
        let unchanged = seen.as_ref().is_some_and(|seen| seen.checkpoint.as_bytes() == fresh.bytes);
        if let Some(seen) = seen.as_ref().filter(|_| !unchanged) {
            reader.check_continues(seen)?;
        }
        if !unchanged || (asked && fresh.fresh_seconds > 0) {
            *locked(&reader.to_remember) = Some(Seen {
                location: identity,
                key: reader.key.clone(),
                checkpoint: String::from_utf8_lossy(&fresh.bytes).into_owned(),
                validator: fresh.validator,
                fresh_until: Seen::fresh_until(now, fresh.fresh_seconds),
            });
        }
        Ok(reader)
    }

    fn check_continues(&self, seen: &Seen) -> Result<(), RegistryError> {
        let old = Checkpoint::verify(&seen.location, seen.checkpoint.as_bytes(), &seen.key)?;
        let new = &self.checkpoint;
        if new.size < old.size {
            return Err(RegistryError::Rollback {
                location: seen.location.clone(),
                seen: old.size,
                found: new.size,
            });
        }
        if new.size == old.size && (new.root != old.root || new.snapshot != old.snapshot) {
            return Err(RegistryError::Fork {
                size: old.size,
                seen: old.root_base64(),
                found: new.root_base64(),
            });
        }
        if new.size > old.size {
            self.check_log(|files| check_consistency(files, &old, new))?;
        }
        Ok(())
    }

    fn check_age(&self, config: &Config) -> Result<(), RegistryError> {
        let Some(days) = config.max_age_days else { return Ok(()) };
        let limit = i64::from(days) * 24 * 3600;
        if jiff::Timestamp::now().as_second() - self.checkpoint.time.as_second() > limit {
            return Err(RegistryError::Stale {
                location: self.store.location().to_owned(),
                time: self.checkpoint.time,
                days,
            });
        }
        Ok(())
    }

    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// What the registry says of itself, checked on the first call; nothing else is handed out before that.
    ///
    /// It is not part of `open`, so that the way to it can be gone together with the ways to packages (`warm`).
    pub fn config(&self) -> Result<&Config, RegistryError> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let location = self.store.location().to_owned();
        let bytes = block_on(self.load(layout::CONFIG))?.ok_or_else(|| RegistryError::NotARegistry {
            location: location.clone(),
            missing: layout::CONFIG,
        })?;
        let config = Config::parse(&location, &bytes)?;
        if config.key != self.key {
            let reason = format!("it names the key {}, and {} signed it", config.key, self.key);
            return Err(RegistryError::Config { location, reason });
        }
        self.check_age(&config)?;
        let mut to_remember = locked(&self.to_remember);
        if let Some(seen) = &*to_remember {
            self.folders.remember(seen)?;
        }
        *to_remember = None;
        Ok(self.config.get_or_init(|| config))
    }

    /// Whether the registry was asked for its state; else the one of the last visit was taken.
    pub fn asked(&self) -> bool {
        self.asked
    }

    /// The verifier key that this registry's state was checked with.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The files behind this state.
    pub fn store(&self) -> Result<&Arc<dyn Store>, RegistryError> {
        self.config()?;
        Ok(&self.store)
    }
}

async fn fetch_checkpoint(
    store: &dyn Store,
    seen: Option<&Seen>,
    offline: bool,
) -> Result<Fresh, RegistryError> {
    let known = seen.map(Seen::known);
    if offline && store.local_path(layout::CHECKPOINT).is_none() {
        return known.ok_or(RegistryError::NeverSeen { location: store.location().into() });
    }
    if let Some(fresh) = store.read_fresh(layout::CHECKPOINT, known.as_ref(), layout::MAX_CHECKPOINT).await? {
        return Ok(fresh);
    }
    let location = store.location().to_owned();
    let Some(seen) = seen else {
        return Err(RegistryError::NotARegistry { location, missing: layout::CHECKPOINT });
    };
    let last = Checkpoint::verify(&seen.location, seen.checkpoint.as_bytes(), &seen.key)?;
    Err(RegistryError::Gone { location, time: last.time })
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic elsewhere cannot leave these maps half-written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
