//! One registry in several places: what one of them does not give, another does, and the quickest is asked first.
//!
//! No place has to be trusted more than another: what they serve is checked against the signed state.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};

use super::store::{ByteStream, Fresh, Store, StoreError, StoreOptions, open_store};

/// How long the registry's own place may be slower than its quickest mirror, and still say what the newest state is.
const PATIENCE: Duration = Duration::from_secs(2);

/// The places of one registry. Its futures need a tokio runtime.
pub struct MirrorStore {
    /// In the order of the settings: the registry's own place comes first.
    places: Vec<Arc<dyn Store>>,
    order: Arc<Mutex<Order>>,
    identity: String,
}

/// The numbers of the places.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Order {
    /// The one to ask first at the front.
    answering: Vec<usize>,
    /// Those that failed in this run, asked only when no other says anything.
    failing: Vec<usize>,
}

impl Order {
    fn failed(&mut self, number: usize) {
        self.answering.retain(|other| *other != number);
        if !self.failing.contains(&number) {
            self.failing.push(number);
        }
    }
}

/// Opens a registry that stands at `location` and has `mirrors`. A place that cannot be opened is left out as long as another can.
pub fn open_mirrored(
    location: &str,
    mirrors: &[String],
    options: &StoreOptions,
) -> Result<Arc<dyn Store>, StoreError> {
    let own = open_store(location, options);
    if mirrors.is_empty() {
        return own;
    }
    let identity = own.as_ref().map_or_else(|_| location.to_owned(), |store| store.identity());
    let (mut places, mut failed) = (Vec::new(), Vec::new());
    for opened in std::iter::once(own).chain(mirrors.iter().map(|mirror| open_store(mirror, options))) {
        match opened {
            Ok(store) => places.push(store),
            Err(error) => failed.push(error),
        }
    }
    match failed.into_iter().next() {
        Some(error) if places.is_empty() => Err(error),
        _ => Ok(Arc::new(MirrorStore::new(places, identity))),
    }
}

impl MirrorStore {
    /// `identity` is that of the registry's own place, the first of `places`, of which there must be one at least.
    pub fn new(places: Vec<Arc<dyn Store>>, identity: String) -> Self {
        let order = Order { answering: (0..places.len()).collect(), failing: Vec::new() };
        Self { places, order: Arc::new(Mutex::new(order)), identity }
    }

    /// Asks one place after the other until one has the file: a mirror may lag behind. None only if all say that it is not there.
    async fn first<T, F>(
        &self,
        path: &str,
        ask: impl Fn(usize) -> F,
    ) -> Result<Option<(usize, T)>, StoreError>
    where
        F: Future<Output = Result<Option<T>, StoreError>>,
    {
        let (mut failed, mut is_missing) = (None, false);
        let mut order = locked(&self.order).clone();
        if path.contains('?') {
            // What the quickest has is of another state: the registry's own place knows best.
            order.answering.sort_unstable();
        }
        let first_failing = order.answering.len();
        for (at, number) in order.answering.into_iter().chain(order.failing).enumerate() {
            if is_missing && at >= first_failing {
                return Ok(None);
            }
            match ask(number).await {
                Ok(Some(found)) => return Ok(Some((number, found))),
                Ok(None) => is_missing = true,
                Err(error @ StoreError::Path { .. }) => return Err(error),
                Err(error) => {
                    locked(&self.order).failed(number);
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// What a place said before, if this is the one.
    fn known_at(&self, number: usize, known: Option<&Fresh>) -> Option<Fresh> {
        let known = known?;
        let validator =
            known.validator.as_deref()?.strip_prefix(self.places[number].location())?.strip_prefix(' ')?;
        Some(Fresh { validator: Some(validator.to_owned()), ..known.clone() })
    }
}

fn locked(order: &Mutex<Order>) -> std::sync::MutexGuard<'_, Order> {
    order.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for MirrorStore {
    fn location(&self) -> &str {
        self.places[0].location()
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn read<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            let found = self.first(path, |number| self.places[number].read(path, from, limit)).await?;
            Ok(found.map(|(_, bytes)| bytes))
        }
        .boxed()
    }

    fn read_range<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        length: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            let found = self.first(path, |number| self.places[number].read_range(path, from, length)).await?;
            Ok(found.map(|(_, bytes)| bytes))
        }
        .boxed()
    }

    fn stream<'a>(
        &'a self,
        path: &'a str,
        from: u64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<ByteStream>, StoreError>> {
        async move {
            let found = self.first(path, |number| self.places[number].stream(path, from, limit)).await?;
            let Some((number, stream)) = found else { return Ok(None) };
            // Whoever asks for the rest of what broke off gets it from elsewhere.
            let order = Arc::clone(&self.order);
            let watched = stream.inspect(move |piece| {
                if piece.is_err() {
                    locked(&order).failed(number);
                }
            });
            Ok(Some(watched.boxed()))
        }
        .boxed()
    }

    /// All places are asked at once, and the order of their answers is the one in which they are asked for everything else. The
    /// state is that of the first of the settings which has one, if it is not much slower than the quickest.
    fn read_fresh<'a>(
        &'a self,
        path: &'a str,
        known: Option<&'a Fresh>,
        limit: u64,
    ) -> BoxFuture<'a, Result<Option<Fresh>, StoreError>> {
        async move {
            let ask = |number: usize| async move {
                let known = self.known_at(number, known);
                (number, self.places[number].read_fresh(path, known.as_ref(), limit).await)
            };
            let mut asked: FuturesUnordered<_> = (0..self.places.len()).map(ask).collect();
            let mut answers: Vec<Option<Fresh>> = vec![None; self.places.len()];
            let mut order = Order { answering: Vec::new(), failing: Vec::new() };
            let (mut failed, mut is_missing) = (None, false);
            let patience = tokio::time::sleep(Duration::MAX);
            tokio::pin!(patience);
            loop {
                let (number, answer) = tokio::select! {
                    next = asked.next() => match next {
                        Some(next) => next,
                        None => break,
                    },
                    () = &mut patience => break,
                };
                match answer {
                    Ok(Some(fresh)) => {
                        if order.answering.is_empty() {
                            patience.as_mut().reset(tokio::time::Instant::now() + PATIENCE);
                        }
                        order.answering.push(number);
                        answers[number] = Some(fresh);
                        if number == 0 {
                            break;
                        }
                    }
                    Ok(None) => is_missing = true,
                    Err(error) => {
                        order.failing.push(number);
                        failed.get_or_insert(error);
                    }
                }
            }
            for slower in 0..self.places.len() {
                if !order.answering.contains(&slower) && !order.failing.contains(&slower) {
                    order.answering.push(slower);
                }
            }
            *locked(&self.order) = order;
            let found = answers.into_iter().enumerate().find_map(|(number, fresh)| Some((number, fresh?)));
            match (found, failed) {
                (Some((number, fresh)), _) => {
                    let place = self.places[number].location();
                    let validator = fresh.validator.map(|validator| format!("{place} {validator}"));
                    Ok(Some(Fresh { validator, ..fresh }))
                }
                (None, Some(error)) if !is_missing => Err(error),
                (None, _) => Ok(None),
            }
        }
        .boxed()
    }

    fn local_path(&self, _path: &str) -> Option<PathBuf> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::DirStore;

    /// Three places, of which the second lacks a file and the third has another one.
    fn places() -> (tempfile::TempDir, MirrorStore) {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str, files: &[(&str, &str)]| -> Arc<dyn Store> {
            let root = folder.path().join(name);
            std::fs::create_dir(&root).unwrap();
            for (path, text) in files {
                std::fs::write(root.join(path), text).unwrap();
            }
            Arc::new(DirStore::open(&root).unwrap())
        };
        let places = vec![
            place("own", &[("state", "own"), ("all", "own")]),
            place("lagging", &[("state", "lagging"), ("all", "lagging")]),
            place("other", &[("state", "other"), ("all", "other"), ("only", "here")]),
        ];
        (folder, MirrorStore::new(places, "own".into()))
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn what_one_place_lacks_another_gives() {
        let (_folder, store) = places();
        let read = |path: &str| runtime().block_on(store.read(path, 0, 99)).unwrap();
        assert_eq!(read("only").unwrap(), b"here");
        assert_eq!(read("none"), None);
        locked(&store.order).answering = vec![1, 2, 0];
        assert_eq!(read("all").unwrap(), b"lagging");
        assert_eq!(read("all?00").unwrap(), b"own");
    }

    #[test]
    fn a_place_that_fails_is_asked_last_from_then_on() {
        let (folder, store) = places();
        std::fs::remove_file(folder.path().join("own/all")).unwrap();
        std::fs::create_dir(folder.path().join("own/all")).unwrap();
        let read = || runtime().block_on(store.read("all", 0, 99)).unwrap().unwrap();
        assert_eq!(read(), b"lagging");
        assert_eq!(*locked(&store.order), Order { answering: vec![1, 2], failing: vec![0] });
    }

    #[test]
    fn the_state_is_that_of_the_own_place_where_it_answers() {
        let (folder, store) = places();
        let state = || runtime().block_on(store.read_fresh("state", None, 99)).unwrap().unwrap();
        assert_eq!(state().bytes, b"own");
        std::fs::remove_file(folder.path().join("own/state")).unwrap();
        assert_eq!(state().bytes, b"lagging");
        assert_eq!(locked(&store.order).answering, [1, 2, 0]);
    }
}
