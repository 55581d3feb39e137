//! Whether a store compares and swaps. Some take a conditional write for a plain one, and some look and write in two steps: two
//! publishers at once would each be told that they were first, and one release would be lost.

use std::path::Path;

use object_store::UpdateVersion;

use super::objects::{Objects, Swap};
use crate::model::Blake3;
use crate::registry::store::Store as _;
use crate::registry::{RegistryError, replace_file};

/// How many writers race for one object, and how often.
const WRITERS: usize = 8;
const RACES: usize = 3;

/// Tries the store with an object of its own, once on this machine: `remembered` says that it
/// passed. Whoever holds a lock that all writers take needs no such store.
pub(super) fn check(objects: &Objects, remembered: &Path) -> Result<(), RegistryError> {
    if objects.is_locked() || remembered.exists() {
        return Ok(());
    }
    let path = format!("log/probe-{}", Blake3(rand::random()));
    let tried = probe(objects, &path);
    // Nothing but an object of a few bytes is left if it stays.
    let _ = objects.remove(&path);
    if let Some(reason) = tried? {
        let location = objects.store.location().to_owned();
        return Err(RegistryError::NoSwap { location, reason });
    }
    replace_file(remembered, format!("{}\n", objects.store.location()).as_bytes())
}

/// What the store does that it must not; none if it does what it should.
fn probe(objects: &Objects, path: &str) -> Result<Option<&'static str>, RegistryError> {
    let put = |known: Option<&UpdateVersion>, text: &str| objects.swap(path, known, text.as_bytes());
    let version = || -> Result<_, RegistryError> {
        Ok(objects.find(path, 64)?.map_or_else(none, |found| found.version))
    };
    if put(None, "first")? == Swap::Changed {
        return Ok(Some(
            "it refuses to write an object that does not exist, on the condition that it does not exist",
        ));
    }
    let first = version()?;
    if put(None, "second")? == Swap::Done {
        return Ok(Some("it writes over an object on the condition that there is none (If-None-Match)"));
    }
    if put(Some(&first), "second")? == Swap::Changed {
        return Ok(Some("it refuses to replace an object whose version was just read (If-Match)"));
    }
    if put(Some(&first), "third")? == Swap::Done {
        return Ok(Some("it replaces an object on the condition of a version that is gone (If-Match)"));
    }
    for race in 0..RACES {
        let known = version()?;
        let swaps: Vec<Result<Swap, RegistryError>> = std::thread::scope(|scope| {
            let put = &put;
            let known = &known;
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| scope.spawn(move || put(Some(known), &format!("{race} {writer}"))))
                .collect();
            writers.into_iter().filter_map(|writer| writer.join().ok()).collect()
        });
        let mut won = 0;
        for swap in swaps {
            won += usize::from(swap? == Swap::Done);
        }
        if won > 1 {
            return Ok(Some(
                "of several who replace one version of an object at once, more than one is told that it did",
            ));
        }
    }
    Ok(None)
}

/// The version of an object that cannot be found.
fn none() -> UpdateVersion {
    UpdateVersion { e_tag: Some("none".into()), version: None }
}
