//! Reading ahead: what will be needed next, asked for before it is.

use std::collections::HashSet;
use std::sync::Arc;

use futures::executor::block_on;
use futures::future::{BoxFuture, Shared};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};

use super::files::check;
use super::{Reader, locked};
use crate::model::{Package, PackageName};
use crate::registry::{RegistryError, StoreError, layout};

impl Reader {
    /// Fetches the index files of `names` and, as soon as each is there, of the names that `follow` finds in it.
    ///
    /// Only latency is at stake: what `follow` sees is not checked yet, and what fails here fails with its reason when
    /// the package is asked for. A registry that can be opened in place gains nothing and does nothing.
    pub fn warm(&self, names: &[PackageName], follow: &dyn Fn(&Package) -> Vec<PackageName>) {
        if self.offline || self.store.local_path(layout::CONFIG).is_some() {
            return;
        }
        block_on(async {
            let mut asked: HashSet<PackageName> = names.iter().cloned().collect();
            let mut tasks: FuturesUnordered<BoxFuture<'_, Option<Package>>> = FuturesUnordered::new();
            // Every proof begins at the root of the snapshot, which is fetched once for all.
            let fetch_root = async {
                let root = self.load_node(self.checkpoint.snapshot).await;
                self.or_failed(layout::CONFIG, root);
            };
            let root = fetch_root.boxed().shared();
            let config_root = root.clone();
            tasks.push(Box::pin(async move {
                config_root.await;
                let config = self.load(layout::CONFIG).await;
                self.or_failed(layout::CONFIG, config);
                None
            }));
            let prefixes_root = root.clone();
            tasks.push(Box::pin(async move {
                prefixes_root.await;
                let prefixes = self.load(layout::PREFIXES_INDEX).await;
                self.or_failed(layout::PREFIXES_INDEX, prefixes);
                None
            }));
            let policy_root = root.clone();
            tasks.push(Box::pin(async move {
                policy_root.await;
                let policy = self.load(layout::POLICY).await;
                self.or_failed(layout::POLICY, policy);
                None
            }));
            for name in &asked {
                self.push_warm(&mut tasks, &root, name.clone());
            }
            while let Some(step) = tasks.next().await {
                for name in step.iter().flat_map(follow) {
                    if asked.insert(name.clone()) {
                        self.push_warm(&mut tasks, &root, name);
                    }
                }
            }
        });
    }

    fn push_warm<'a>(
        &'a self,
        tasks: &mut FuturesUnordered<BoxFuture<'a, Option<Package>>>,
        root: &Shared<BoxFuture<'a, ()>>,
        name: PackageName,
    ) {
        let path = name.index_path();
        let known = self.folders.has(self.key(), &path) || locked(&self.files).contains_key(&path);
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
            let read = self.store.read(&file, 0, layout::MAX_INDEX).await;
            if let Err(StoreError::TooLarge { .. }) = read {
                return None; // Of such a file, `load` reads the committed part.
            }
            let bytes = Arc::new(self.or_failed(&file, read)??);
            let _ = send.send(bytes.clone());
            Package::parse_speculatively(&name, &bytes)
        }));
        let root = root.clone();
        tasks.push(Box::pin(async move {
            root.await;
            let entry = self.entry(&path).await;
            let checked = match self.or_failed(&path, entry)? {
                None => None,
                Some(entry) => {
                    let bytes = receive.await.ok()?;
                    Some(Arc::new(check(&bytes, entry).ok()?))
                }
            };
            if let Some(bytes) = &checked {
                self.folders.keep(self.key(), &path, bytes);
            }
            locked(&self.files).insert(path, checked);
            None
        }));
    }

    /// Keeps the reason of a failure for whoever asks for the file: it was tried often enough.
    fn or_failed<T, E: Into<RegistryError>>(&self, path: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| locked(&self.failed).insert(path.to_owned(), error.into())).ok()
    }
}
