//! Reading a registry: nothing is handed out that the signed state does not cover.

mod ahead;
mod bundles;
mod continuity;
mod files;
mod grown;
mod keys;
mod log;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::executor::block_on;
use futures::future::join;

use super::blob_places::BlobPlaces;
use super::client::Seen;
use super::memory::{Learnt, Signed};
use super::rotation::Handover;
use super::{
    Checkpoint, ClientFolders, Config, Cosignature, Fresh, RegistryError, Store, StoreOptions, WitnessPolicy,
    cosignatures, layout,
};
use crate::model::{Blake3, Package, PackageName};

/// How a registry is to be opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The verifier key to trust, and those that it hands the log over to. Left out: the one trusted before at this place, or
    /// else the one it shows now.
    pub key: Option<String>,
    /// Ask nothing: take the state and the files of the last visit.
    pub offline: bool,
    /// Ask for the state even where the server lets the last one be used for a while.
    pub refresh: bool,
    /// Who must have cosigned the state; all of it must hold. While too few have cosigned the newest one, the one of the last
    /// visit is used, if enough have cosigned that.
    pub witnesses: Vec<WitnessPolicy>,
    /// How old the state may be, whatever the registry itself admits.
    pub max_age: Option<MaxAge>,
    /// How to open the other places of its blobs, which the registry names: so none of its own credentials. None: those are not asked.
    pub blobs: Option<StoreOptions>,
}

/// A limit on the age of a state.
#[derive(Clone, Debug)]
pub struct MaxAge {
    pub days: u32,
    /// Who demands it, for messages.
    pub by: String,
}

/// One state of a registry, checked, and everything under it.
pub struct Reader {
    store: Arc<dyn Store>,
    folders: ClientFolders,
    /// The state as it is signed, and by which key.
    signed: Signed,
    checkpoint: Checkpoint,
    /// The handovers by which the key was found on this visit: to be looked for in the state itself.
    followed: Vec<Handover>,
    config: OnceLock<Config>,
    /// What is to be remembered of this visit, of the place and of the log, once the configuration is checked.
    to_remember: Mutex<(Option<Seen>, Option<Learnt>)>,
    offline: bool,
    asked: bool,
    max_age: Option<MaxAge>,
    blob_options: Option<StoreOptions>,
    /// Set once it is known whether there are any.
    blobs: OnceLock<Option<Blobs>>,
    nodes: Mutex<HashMap<Blake3, Vec<u8>>>,
    files: Mutex<HashMap<String, Option<Arc<Vec<u8>>>>>,
    packages: Mutex<HashMap<PackageName, Option<Arc<Package>>>>,
    /// Files that could not be read ahead, and why.
    failed: Mutex<HashMap<String, RegistryError>>,
}

/// The other places of blobs, and the registry with what is in them.
struct Blobs {
    places: BlobPlaces,
    store: Arc<dyn Store>,
}

impl Reader {
    /// Fetches the checkpoint, checks its signature, its witnesses, and that it continues the states last seen here and elsewhere.
    pub fn open(
        store: Arc<dyn Store>,
        folders: ClientFolders,
        options: &OpenOptions,
    ) -> Result<Self, RegistryError> {
        let location = store.location().to_owned();
        let identity = store.identity();
        let (seen, stranger) = known_here(&folders, &identity, options.key.as_deref())?;
        let now = jiff::Timestamp::now();
        let enough = |seen: &Seen| enough_witnesses(options, &location, seen.checkpoint.as_bytes()).is_ok();
        let remembered = seen.as_ref().filter(|seen| !options.refresh && seen.is_fresh(now) && enough(seen));
        let remembered = remembered.map(Seen::known);
        let asked = remembered.is_none() && !options.offline;
        let known_key = seen.as_ref().map(|seen| &seen.key).or(options.key.as_ref()).cloned();
        let may_ask = !options.offline || store.local_path(layout::CONFIG).is_some();
        let (fresh, config) = block_on(join(
            async {
                match remembered {
                    Some(known) => Ok(known),
                    None => fetch_checkpoint(&*store, seen.as_ref(), options.offline).await,
                }
            },
            async {
                // Only the first visit takes the key from a file that nothing covers yet.
                match known_key.is_none() && may_ask {
                    true => store.read(layout::CONFIG, 0, layout::MAX_CONFIG).await,
                    false => Ok(None),
                }
            },
        ));
        let mut fresh = fresh?;
        if let Err(few) = enough_witnesses(options, &location, &fresh.bytes) {
            // What a host can hide by this, it could hide as well by not showing the newer state.
            let known = seen.as_ref().filter(|seen| enough(seen)).map(Seen::known);
            fresh = known.ok_or(few)?;
        }
        let visit = keys::Visit { store: &*store, folders: &folders, may_ask, checkpoint: &fresh.bytes };
        let believed = match &known_key {
            Some(key) => visit.believe(key).map_err(|error| match (error, &seen) {
                (RegistryError::Signature { location, key }, Some(_)) if options.key.is_none() => {
                    RegistryError::OtherKey { location, key, remembered: folders.seen_path(&identity) }
                }
                (error, _) => error,
            })?,
            None => visit.believe_first(config?)?,
        };
        let way = stranger.as_ref().and_then(|stranger| visit.way(&stranger.key, &believed.key));
        let (seen, followed) = match way {
            Some(way) => (stranger, way),
            None => (seen, believed.followed),
        };
        let ahead = believed.checkpoint.time.as_second() - now.as_second();
        if ahead > layout::MAX_AHEAD_SECONDS {
            return Err(RegistryError::Future { location, time: believed.checkpoint.time, now });
        }
        let unchanged = seen.as_ref().is_some_and(|seen| seen.checkpoint.as_bytes() == fresh.bytes);
        let note = String::from_utf8_lossy(&fresh.bytes).into_owned();
        let reader = Self {
            signed: Signed { key: believed.key, note: note.clone(), place: identity.clone() },
            checkpoint: believed.checkpoint,
            followed,
            store,
            folders,
            config: OnceLock::new(),
            to_remember: Mutex::default(),
            offline: options.offline,
            asked,
            max_age: options.max_age.clone(),
            blob_options: options.blobs.clone(),
            blobs: OnceLock::new(),
            nodes: Mutex::default(),
            files: Mutex::default(),
            packages: Mutex::default(),
            failed: Mutex::default(),
        };
        let learnt = match unchanged {
            true => None,
            false => reader.check_continues(seen.as_ref())?,
        };
        let here = (!unchanged || (asked && fresh.fresh_seconds > 0)).then(|| Seen {
            location: identity,
            key: reader.signed.key.clone(),
            checkpoint: note,
            validator: fresh.validator,
            fresh_until: Seen::fresh_until(now, fresh.fresh_seconds),
        });
        *locked(&reader.to_remember) = (here, learnt);
        Ok(reader)
    }

    fn check_age(&self, config: &Config) -> Result<(), RegistryError> {
        let own = config.max_age_days.map(|days| (days, String::new()));
        let demanded = self.max_age.as_ref().map(|most| (most.days, format!(", which {} refuses", most.by)));
        let Some((days, by)) = own.into_iter().chain(demanded).min() else { return Ok(()) };
        let limit = i64::from(days) * 24 * 3600;
        if jiff::Timestamp::now().as_second() - self.checkpoint.time.as_second() > limit {
            return Err(RegistryError::Stale {
                location: self.store.location().to_owned(),
                time: self.checkpoint.time,
                days,
                by,
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
        if config.key != self.signed.key {
            let reason = format!("it names the key {}, and {} signed it", config.key, self.signed.key);
            return Err(RegistryError::Config { location, reason });
        }
        self.check_followed()?;
        self.check_age(&config)?;
        let mut to_remember = locked(&self.to_remember);
        // The log first: a place that is known to show a state is not compared with the log again.
        if let Some(learnt) = &to_remember.1 {
            self.folders.remember_log(learnt)?;
        }
        if let Some(seen) = &to_remember.0 {
            self.folders.remember(seen)?;
        }
        *to_remember = (None, None);
        Ok(self.config.get_or_init(|| config))
    }

    /// Whether the registry was asked for its state; else the one of the last visit was taken.
    pub fn asked(&self) -> bool {
        self.asked
    }

    /// The verifier key that this registry's state was checked with.
    pub fn key(&self) -> &str {
        &self.signed.key
    }

    /// The signed bytes of this state.
    pub fn signed_checkpoint(&self) -> &[u8] {
        self.signed.note.as_bytes()
    }

    /// Those of the witnesses with these verifier keys who have cosigned this state.
    pub fn witnesses(&self, keys: &[String]) -> Result<Vec<Cosignature>, RegistryError> {
        cosignatures(self.signed_checkpoint(), keys)
    }

    /// The files behind this state, and its blobs wherever they are.
    pub fn store(&self) -> Result<&Arc<dyn Store>, RegistryError> {
        Ok(self.blobs()?.map_or(&self.store, |blobs| &blobs.store))
    }

    /// The other places of its blobs, if it names any that are to be asked.
    pub(super) fn blob_places(&self) -> Result<Option<&BlobPlaces>, RegistryError> {
        Ok(self.blobs()?.map(|blobs| &blobs.places))
    }

    fn blobs(&self) -> Result<Option<&Blobs>, RegistryError> {
        let config = self.config()?;
        if let Some(known) = self.blobs.get() {
            return Ok(known.as_ref());
        }
        let opened = match self.blob_options.as_ref().filter(|_| !self.offline) {
            Some(options) => BlobPlaces::open(config, options)?,
            None => None,
        };
        let opened = opened.map(|places| {
            let store = places.behind(&self.store);
            Blobs { places, store }
        });
        Ok(self.blobs.get_or_init(|| opened).as_ref())
    }
}

/// What was seen at a place: first, where it is of the log that is meant, and else second.
fn known_here(
    folders: &ClientFolders,
    identity: &str,
    key: Option<&str>,
) -> Result<(Option<Seen>, Option<Seen>), RegistryError> {
    let Some(seen) = folders.seen(identity)? else { return Ok((None, None)) };
    let same = match key {
        Some(key) if key != seen.key => folders.log_memory(key)?.had(&seen.key),
        _ => true,
    };
    Ok(if same { (Some(seen), None) } else { (None, Some(seen)) })
}

fn enough_witnesses(options: &OpenOptions, location: &str, checkpoint: &[u8]) -> Result<(), RegistryError> {
    options.witnesses.iter().try_for_each(|witnesses| witnesses.check(location, checkpoint))
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
