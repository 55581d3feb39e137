//! Comparing blobs with what their records say.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use futures::executor::block_on;
use futures::stream::{self, StreamExt as _};
use rayon::prelude::*;

use crate::model::{Artifact, Digester};
use crate::registry::store::Store;

/// How many blobs are on their way at once, where they come from elsewhere.
const AT_ONCE: usize = 16;

/// What is wrong with blobs, by path, sorted. `elsewhere` passes over those that are missing. `each` is told of the size of each.
pub(super) fn check(
    store: &dyn Store,
    artifacts: &BTreeMap<String, Artifact>,
    elsewhere: bool,
    each: &(dyn Fn(u64) + Sync),
) -> Vec<String> {
    let found = |path: &str, artifact: &Artifact, checked: Option<Result<(), String>>| {
        each(artifact.size);
        let problem =
            checked.unwrap_or_else(|| if elsewhere { Ok(()) } else { Err("is missing".to_owned()) });
        problem.err().map(|problem| format!("{path} {problem}"))
    };
    let (here, there): (Vec<_>, Vec<_>) =
        artifacts.iter().partition(|(path, _)| store.local_path(path).is_some());
    let mut problems: Vec<String> = here
        .par_iter()
        .filter_map(|(path, artifact)| {
            let checked = store.local_path(path).and_then(|file| check_file(&file, artifact));
            found(path, artifact, checked)
        })
        .collect();
    let fetched = stream::iter(there).map(|(path, artifact)| async move {
        let checked = check_stream(store, path, artifact).await;
        found(path, artifact, checked)
    });
    let fetched: Vec<Option<String>> = block_on(fetched.buffer_unordered(AT_ONCE).collect());
    problems.extend(fetched.into_iter().flatten());
    problems.sort();
    problems
}

/// Compares a file; none if it is not there. The error is the end of a sentence.
pub(crate) fn check_file(path: &Path, artifact: &Artifact) -> Option<Result<(), String>> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Err(unreadable(error))),
    };
    let mut digester = Digester::default();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Some(compare(digester, artifact)),
            Ok(length) => digester.update(&buffer[..length]),
            Err(error) => return Some(Err(unreadable(error))),
        }
    }
}

/// The same for one that is elsewhere.
async fn check_stream(store: &dyn Store, path: &str, artifact: &Artifact) -> Option<Result<(), String>> {
    let unreadable = |error: crate::registry::StoreError| Some(Err(format!("cannot be read: {error}")));
    let mut pieces = match store.stream(path, 0, artifact.size.saturating_add(1)).await {
        Ok(pieces) => pieces?,
        Err(error) => return unreadable(error),
    };
    let mut digester = Digester::default();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => digester.update(&piece),
            Err(error) => return unreadable(error),
        }
    }
    Some(compare(digester, artifact))
}

fn compare(digester: Digester, artifact: &Artifact) -> Result<(), String> {
    let (blake3, sha256, size) = digester.finish();
    if size != artifact.size {
        return Err(format!("has {size} bytes, and should have {}", artifact.size));
    }
    if blake3 != artifact.blake3 {
        return Err(format!("was altered: its BLAKE3 digest is {blake3}"));
    }
    if sha256 != artifact.sha256 {
        return Err(format!("has the SHA-256 digest {sha256}, and its record says {}", artifact.sha256));
    }
    Ok(())
}
