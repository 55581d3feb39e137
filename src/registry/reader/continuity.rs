//! Whether a state continues all that this client has seen of the log, at this place and at others.

use std::cmp::Ordering;

use super::Reader;
use crate::registry::client::Seen;
use crate::registry::evidence::Evidence;
use crate::registry::log::{LogFiles, check_consistency, prove_consistency};
use crate::registry::memory::{Learnt, Signed};
use crate::registry::rotation::Handover;
use crate::registry::{Checkpoint, ClientFolders, RegistryError};

impl Reader {
    /// Compares a state that is new at this place with the one last seen here, and with those of the log seen elsewhere.
    /// Returns what is to be remembered of the log, if that is more than is known.
    ///
    /// A mirror may lag behind others, but no place goes back: a smaller log is believed where this place has not shown more,
    /// and stays unproven until a larger one is found to continue it.
    pub(super) fn check_continues(&self, here: Option<&Seen>) -> Result<Option<Learnt>, RegistryError> {
        let first = self.followed.first().map_or(&self.signed.key, |first| &first.old);
        let mut memory = self.folders.log_memory(first)?;
        let mut handovers = memory.handovers();
        if memory.key == *first {
            handovers.extend(self.followed.iter().cloned());
        }
        for key in self.followed.iter().map(|one| &one.new) {
            memory.absorb(self.folders.log_memory(key)?);
        }
        let key = handovers.last().map_or(&memory.key, |last| &last.new).clone();
        self.check_not_replaced(&handovers)?;

        let mut learnt = Learnt { key, ..Learnt::default() };
        let new = &self.checkpoint;
        let here = here.map(|seen| Signed {
            key: seen.key.clone(),
            note: seen.checkpoint.clone(),
            place: seen.location.clone(),
        });
        if let Some(here) = &here {
            let old = verified(here)?;
            if new.size < old.size {
                let location = here.place.clone();
                return Err(RegistryError::Rollback { location, seen: old.size, found: new.size });
            }
            self.compare(here, &old, &handovers)?;
        }
        let mut known = false;
        for state in &memory.states {
            match self.compare(state, &verified(state)?, &handovers)? {
                Comparison::Continued => learnt.proven.push(state.clone()),
                Comparison::Same | Comparison::Continues => known = true,
                Comparison::Behind => {}
            }
        }
        learnt.state = (!known).then(|| self.signed.clone());
        learnt.handovers = handovers;
        let more = learnt.state.is_some() || !learnt.proven.is_empty() || !self.followed.is_empty();
        Ok(more.then_some(learnt))
    }

    /// A key that has handed the log over signs nothing longer than what it has handed over.
    fn check_not_replaced(&self, handovers: &[Handover]) -> Result<(), RegistryError> {
        let (key, size) = (&self.signed.key, self.checkpoint.size);
        match handovers.iter().find(|one| one.old == *key && one.size < size) {
            Some(replaced) => Err(RegistryError::ReplacedKey {
                location: self.store.location().to_owned(),
                key: key.clone(),
                size,
                handed: replaced.size,
            }),
            None => Ok(()),
        }
    }

    /// Compares this state with one that was believed before.
    fn compare(
        &self,
        known: &Signed,
        old: &Checkpoint,
        handovers: &[Handover],
    ) -> Result<Comparison, RegistryError> {
        let new = &self.checkpoint;
        let fork = |evidence: Evidence, size: u64, seen: String, found: String| {
            // A disk without room for evidence must not make a fork look like a full disk.
            let evidence = evidence.write(&self.folders.evidence, new).ok();
            Err(RegistryError::Fork { size, seen, found, evidence })
        };
        match new.size.cmp(&old.size) {
            Ordering::Equal if new.root != old.root => {
                let evidence = Evidence::new(known, &self.signed, handovers, None);
                fork(evidence, old.size, old.root_base64(), new.root_base64())
            }
            Ordering::Equal if new.snapshot != old.snapshot => {
                let evidence = Evidence::new(known, &self.signed, handovers, None);
                let snapshot = |state: &Checkpoint| format!("those of the snapshot {}", state.snapshot);
                fork(evidence, old.size, snapshot(old), snapshot(new))
            }
            Ordering::Equal => Ok(Comparison::Same),
            Ordering::Greater => match self.check_log(|files| check_consistency(files, old, new)) {
                Err(RegistryError::Fork { size, seen, found, .. }) => {
                    let prefix = prove_consistency(self, old.size, new)?;
                    fork(Evidence::new(known, &self.signed, handovers, Some(prefix)), size, seen, found)
                }
                checked => checked.map(|()| Comparison::Continued),
            },
            Ordering::Less => {
                let cached = Cached { folders: &self.folders, key: &known.key };
                match check_consistency(&cached, new, old) {
                    Ok(()) => Ok(Comparison::Continues),
                    Err(RegistryError::Fork { size, seen, found, .. }) => {
                        let prefix = prove_consistency(&cached, new.size, old)?;
                        fork(Evidence::new(&self.signed, known, handovers, Some(prefix)), size, found, seen)
                    }
                    // The tiles that would tell are not here.
                    Err(_) => Ok(Comparison::Behind),
                }
            }
        }
    }

    /// Checks that this state continues `known`, one of this log by a key that it has or had.
    pub(in crate::registry) fn check_follows(&self, known: &Signed) -> Result<(), RegistryError> {
        let memory = self.folders.log_memory(self.key())?;
        if !memory.had(&known.key) {
            return Err(RegistryError::OtherLog {
                origin: self.checkpoint.origin.clone(),
                key: known.key.clone(),
            });
        }
        let old = verified(known)?;
        if self.checkpoint.size < old.size {
            let location = self.store.location().to_owned();
            return Err(RegistryError::Rollback { location, seen: old.size, found: self.checkpoint.size });
        }
        self.compare(known, &old, &memory.handovers()).map(drop)
    }

    /// This state as it is signed.
    pub(in crate::registry) fn signed(&self) -> &Signed {
        &self.signed
    }
}

/// What a state is to one that was known before.
enum Comparison {
    Same,
    /// The known one is the beginning of it.
    Continued,
    /// It is the beginning of the known one.
    Continues,
    /// It is smaller, and may or may not be the beginning of the known one.
    Behind,
}

/// A remembered state, which was verified before it was remembered.
fn verified(state: &Signed) -> Result<Checkpoint, RegistryError> {
    Checkpoint::verify(&state.place, state.note.as_bytes(), &state.key)
}

/// The tiles of a log that are in the cache already.
struct Cached<'a> {
    folders: &'a ClientFolders,
    key: &'a str,
}

impl LogFiles for Cached<'_> {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        let missing =
            |path: &String| RegistryError::Missing { location: "the cache".into(), path: path.clone() };
        paths.iter().map(|path| self.folders.cached(self.key, path).ok_or_else(|| missing(path))).collect()
    }
}
