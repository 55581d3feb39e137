//! Reading a registry: nothing is handed out that the signed state does not cover.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use futures::executor::block_on;
use futures::future::{BoxFuture, join_all};
use futures::stream::FuturesUnordered;

use super::log::{self, LogFiles};
use super::snapshot::{self, Entry, Nodes};
use super::{
    Checkpoint, ClientFolders, Config, Fresh, RegistryError, Store, StoreError, client::Seen, layout,
};
use crate::model::{Blake3, Package, PackageName, Record, ReleaseEntry};

/// How a registry is to be opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The verifier key to trust. Left out: the one trusted before at this place, or else the one it shows now.
    pub key: Option<String>,
    /// Ask nothing: take the state and the files of the last visit.
    pub offline: bool,
}

/// One state of a registry, checked, and everything under it.
pub struct Reader {
    store: Arc<dyn Store>,
    folders: ClientFolders,
    key: String,
    checkpoint: Checkpoint,
    config: Config,
    offline: bool,
    nodes: Mutex<HashMap<Blake3, Vec<u8>>>,
    files: Mutex<HashMap<String, Option<Arc<Vec<u8>>>>>,
    packages: Mutex<HashMap<PackageName, Option<Arc<Package>>>>,
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
        let fresh = fetch_checkpoint(&*store, seen.as_ref(), options.offline)?;
        let key = match (&options.key, &seen) {
            (Some(key), _) => key.clone(),
            (None, Some(seen)) => seen.key.clone(),
            (None, None) => {
                let bytes = block_on(store.read(layout::CONFIG, 0, layout::MAX_CONFIG))?.ok_or(
                    RegistryError::NotARegistry { location: location.clone(), missing: layout::CONFIG },
                )?;
                Config::parse(&location, &bytes)?.key
            }
        };
        let checkpoint =
            Checkpoint::verify(&location, &fresh.bytes, &key).map_err(|error| match (error, &seen) {
                (RegistryError::Signature { location, key }, Some(_)) if options.key.is_none() => {
                    RegistryError::OtherKey { location, key, remembered: folders.seen_path(&identity) }
                }
                (error, _) => error,
            })?;
        let mut reader = Self {
            store,
            folders,
            key,
            checkpoint,
            config: Config { format: 0, name: String::new(), key: String::new(), max_age_days: None },
            offline: options.offline,
            nodes: Mutex::default(),
            files: Mutex::default(),
            packages: Mutex::default(),
        };
        let unchanged = seen.as_ref().is_some_and(|seen| seen.checkpoint.as_bytes() == fresh.bytes);
        if let Some(seen) = seen.as_ref().filter(|_| !unchanged) {
            reader.check_continues(seen)?;
        }
        let bytes = reader
            .file(layout::CONFIG)?
            .ok_or(RegistryError::NotARegistry { location: location.clone(), missing: layout::CONFIG })?;
        reader.config = Config::parse(&location, &bytes)?;
        if reader.config.key != reader.key {
            let reason = format!("it names the key {}, and {} signed it", reader.config.key, reader.key);
            return Err(RegistryError::Config { location, reason });
        }
        reader.check_age(jiff::Timestamp::now())?;
        if !unchanged {
            reader.folders.remember(&Seen {
                location: identity,
                key: reader.key.clone(),
                checkpoint: String::from_utf8_lossy(&fresh.bytes).into_owned(),
                validator: fresh.validator,
            })?;
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
            log::check_consistency(self, &old, new)?;
        }
        Ok(())
    }

    fn check_age(&self, now: jiff::Timestamp) -> Result<(), RegistryError> {
        let Some(days) = self.config.max_age_days else { return Ok(()) };
        let limit = i64::from(days) * 24 * 3600;
        if now.as_second() - self.checkpoint.time.as_second() > limit {
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

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The verifier key that this registry's state was checked with.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The committed bytes of a file that the snapshot covers, or none if it covers no such file.
    pub fn file(&self, path: &str) -> Result<Option<Arc<Vec<u8>>>, RegistryError> {
        block_on(self.load(path))
    }

    /// All releases of a package, or none if the registry has no such package.
    pub fn package(&self, name: &PackageName) -> Result<Option<Arc<Package>>, RegistryError> {
        if let Some(package) = locked(&self.packages).get(name) {
            return Ok(package.clone());
        }
        let package = match self.file(&name.index_path())? {
            Some(bytes) => Some(Arc::new(Package::parse(name, &bytes)?)),
            None => None,
        };
        locked(&self.packages).insert(name.clone(), package.clone());
        Ok(package)
    }

    /// Fetches the index files of `names` and, as soon as each is there, of the names that `follow` finds in it.
    ///
    /// Only latency is at stake: what `follow` sees is not checked yet, and what fails here fails again, with its
    /// reason, when the package is asked for. A registry that can be opened in place gains nothing and does nothing.
    pub fn warm(&self, names: &[PackageName], follow: &dyn Fn(&Package) -> Vec<PackageName>) {
        if self.offline || self.store.local_path(layout::CONFIG).is_some() {
            return;
        }
        block_on(async {
            let mut asked: std::collections::HashSet<PackageName> = names.iter().cloned().collect();
            let mut tasks: FuturesUnordered<BoxFuture<'_, Option<Package>>> = FuturesUnordered::new();
            for name in &asked {
                self.push_warm(&mut tasks, name.clone());
            }
            while let Some(step) = tasks.next().await {
                for name in step.iter().flat_map(follow) {
                    if asked.insert(name.clone()) {
                        self.push_warm(&mut tasks, name);
                    }
                }
            }
        });
    }

    fn push_warm<'a>(
        &'a self,
        tasks: &mut FuturesUnordered<BoxFuture<'a, Option<Package>>>,
        name: PackageName,
    ) {
        let path = name.index_path();
        let known =
            self.folders.cached(&self.key, &path).is_some() || locked(&self.files).contains_key(&path);
        if known {
            tasks.push(Box::pin(async move {
                let bytes = self.load(&path).await.ok()??;
                Package::parse(&name, &bytes).ok()
            }));
            return;
        }
        // The file and the proof of it travel at the same time; names found in the file are followed at once.
        let (send, receive) = futures::channel::oneshot::channel::<Arc<Vec<u8>>>();
        let file = path.clone();
        tasks.push(Box::pin(async move {
            let bytes = self.store.read(&file, 0, layout::MAX_INDEX).await.ok()??;
            let bytes = Arc::new(bytes);
            let _ = send.send(bytes.clone());
            Package::parse_speculatively(&name, &bytes)
        }));
        tasks.push(Box::pin(async move {
            let entry = self.entry(&path).await.ok()?;
            let checked = match entry {
                None => None,
                Some(entry) => {
                    let bytes = receive.await.ok()?;
                    Some(Arc::new(check(&bytes, entry).ok()?))
                }
            };
            if let Some(bytes) = &checked {
                self.folders.keep(&self.key, &path, bytes);
            }
            locked(&self.files).insert(path, checked);
            None
        }));
    }

    /// Checks that every record behind these releases stands in the log where its seal line says.
    pub fn check_inclusion<'a>(
        &self,
        releases: impl IntoIterator<Item = (&'a PackageName, &'a ReleaseEntry)>,
    ) -> Result<(), RegistryError> {
        let mut entries = Vec::new();
        for (name, release) in releases {
            let Some(bytes) = self.file(&name.index_path())? else { continue };
            let mut open: Vec<&[u8]> = Vec::new();
            for line in bytes.split(|byte| *byte == b'\n') {
                let is_seal = std::str::from_utf8(line).ok().and_then(|line| match Record::parse(line) {
                    Ok(Record::Seal(seal)) => Some(seal),
                    _ => None,
                });
                let Some(seal) = is_seal else {
                    open.push(line);
                    continue;
                };
                for (number, line) in (seal.first..).zip(open.drain(..)) {
                    if release.entries.contains(&number) {
                        entries.push((number, tlog_tiles::record_hash(line)));
                    }
                }
            }
        }
        entries.sort_unstable_by_key(|(number, _)| *number);
        entries.dedup_by_key(|(number, _)| *number);
        log::check_inclusion(self, &self.checkpoint, &entries)
    }

    async fn entry(&self, path: &str) -> Result<Option<Entry>, RegistryError> {
        snapshot::lookup(self, self.checkpoint.snapshot, path).await
    }

    async fn load(&self, path: &str) -> Result<Option<Arc<Vec<u8>>>, RegistryError> {
        if let Some(bytes) = locked(&self.files).get(path) {
            return Ok(bytes.clone());
        }
        let bytes = match self.entry(path).await? {
            Some(entry) => Some(Arc::new(self.load_entry(path, entry).await?)),
            None => None,
        };
        locked(&self.files).insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    /// The bytes that `entry` covers: from the cache where it has them, else what was appended since, else the whole.
    async fn load_entry(&self, path: &str, entry: Entry) -> Result<Vec<u8>, RegistryError> {
        let location = self.store.location();
        let missing = || RegistryError::Missing { location: location.into(), path: path.into() };
        let altered =
            |reason| RegistryError::Altered { location: location.into(), path: path.into(), reason };
        if entry.length > layout::MAX_INDEX {
            return Err(altered(format!("it would be {} bytes long", entry.length)));
        }
        if self.store.local_path(path).is_some() {
            let bytes = self.read_committed(path, 0, entry).await?.ok_or_else(missing)?;
            return check(&bytes, entry).map_err(altered);
        }
        let mut cached = self.folders.cached(&self.key, path).unwrap_or_default();
        if let Ok(bytes) = check(&cached, entry) {
            return Ok(bytes);
        }
        if self.offline {
            return Err(missing());
        }
        if !cached.is_empty() && (cached.len() as u64) < entry.length {
            let tail = self.read_committed(path, cached.len() as u64, entry).await?.ok_or_else(missing)?;
            cached.extend(tail);
            if let Ok(bytes) = check(&cached, entry) {
                self.folders.keep(&self.key, path, &bytes);
                return Ok(bytes);
            }
        }
        let whole = self.read_committed(path, 0, entry).await?.ok_or_else(missing)?;
        let bytes = match check(&whole, entry) {
            Ok(bytes) => bytes,
            Err(_) => {
                // A cache on the way may hold an older file than the checkpoint: ask past it, once.
                let past_caches = format!("{path}?{}", entry.digest);
                let whole = self.read_committed(&past_caches, 0, entry).await?.ok_or_else(missing)?;
                check(&whole, entry).map_err(altered)?
            }
        };
        self.folders.keep(&self.key, path, &bytes);
        Ok(bytes)
    }

    /// The bytes of a file from `from` on, at least up to where `entry` ends. What anybody put behind the committed
    /// bytes does not matter, however much it is.
    async fn read_committed(
        &self,
        path: &str,
        from: u64,
        entry: Entry,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        match self.store.read(path, from, layout::MAX_INDEX).await {
            Err(StoreError::TooLarge { .. }) => {}
            read => return Ok(read?),
        }
        let Some(mut pieces) = self.store.stream(path, from, u64::MAX).await? else { return Ok(None) };
        let mut bytes = Vec::new();
        while from + (bytes.len() as u64) < entry.length {
            let Some(piece) = pieces.next().await else { break };
            bytes.extend_from_slice(&piece?);
        }
        Ok(Some(bytes))
    }

    async fn load_node(&self, digest: Blake3) -> Result<Vec<u8>, RegistryError> {
        if let Some(bytes) = locked(&self.nodes).get(&digest) {
            return Ok(bytes.clone());
        }
        let path = layout::snapshot_node(digest);
        let local = self.store.local_path(&path).is_some();
        let cached = if local { None } else { self.folders.cached(&self.key, &path) };
        let bytes = match cached.filter(|bytes| Blake3::of(bytes) == digest) {
            Some(bytes) => bytes,
            None => {
                let missing =
                    || RegistryError::Missing { location: self.store.location().into(), path: path.clone() };
                if self.offline && !local {
                    return Err(missing());
                }
                let bytes =
                    self.store.read(&path, 0, layout::MAX_SNAPSHOT_NODE).await?.ok_or_else(missing)?;
                if Blake3::of(&bytes) != digest {
                    return Err(RegistryError::SnapshotNode { digest });
                }
                if !local {
                    self.folders.keep(&self.key, &path, &bytes);
                }
                bytes
            }
        };
        locked(&self.nodes).insert(digest, bytes.clone());
        Ok(bytes)
    }
}

impl Nodes for Reader {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        Box::pin(self.load_node(digest))
    }
}

impl LogFiles for Reader {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        let read = |path: &'_ String| {
            let path = path.clone();
            async move {
                let found = self.store.read(&path, 0, log::MAX_TILE).await?;
                found.ok_or(RegistryError::Missing { location: self.store.location().into(), path })
            }
        };
        block_on(join_all(paths.iter().map(read))).into_iter().collect()
    }
}

fn fetch_checkpoint(store: &dyn Store, seen: Option<&Seen>, offline: bool) -> Result<Fresh, RegistryError> {
    let known = seen
        .map(|seen| Fresh { bytes: seen.checkpoint.clone().into_bytes(), validator: seen.validator.clone() });
    if offline && store.local_path(layout::CHECKPOINT).is_none() {
        return known.ok_or(RegistryError::NeverSeen { location: store.location().into() });
    }
    block_on(store.read_fresh(layout::CHECKPOINT, known.as_ref(), layout::MAX_CHECKPOINT))?
        .ok_or(RegistryError::NotARegistry { location: store.location().into(), missing: layout::CHECKPOINT })
}

/// The first bytes of a file, once they are what the snapshot says.
fn check(bytes: &[u8], entry: Entry) -> Result<Vec<u8>, String> {
    let committed = usize::try_from(entry.length)
        .ok()
        .and_then(|length| bytes.get(..length))
        .ok_or_else(|| format!("it has {} bytes, and should have {}", bytes.len(), entry.length))?;
    let digest = Blake3::of(committed);
    if digest != entry.digest {
        return Err(format!("its digest is {digest}, and should be {}", entry.digest));
    }
    Ok(committed.to_vec())
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic elsewhere cannot leave these maps half-written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
