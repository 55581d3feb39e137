//! A log's key, and those that it had before: each hands the log over to the next one in a note that it signs.
//!
//! The notes stand in `index/keys` as records. They prove themselves, so a client that trusts an older key can follow
//! them before it can believe anything else:
//!
//! ```text
//! rvp log key handover
//! origin acme
//! size 20852163
//! key acme+0c32f0a4+AZk…
//!
//! — acme Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```
//!
//! No origin has spaces, so this text cannot be taken for a checkpoint, nor a checkpoint for it.

use signed_note::{Note, VerifierList};

use super::log_key::{LogKey, key_name, verifier};
use super::{Checkpoint, RegistryError, layout};
use crate::model::{KeyRecord, Record};

/// A log's key gives its place to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handover {
    /// The verifier key of before, which has signed this.
    pub old: String,
    pub new: String,
    /// How many entries the log has under the old key. What that signs of a longer log is not believed.
    pub size: u64,
    pub note: String,
}

impl Handover {
    /// Has `key`, whose public half is `old`, hand over a log of `size` entries.
    pub fn sign(key: &LogKey, old: &str, new: &str, size: u64) -> Result<Self, RegistryError> {
        let origin = key_name(old)?;
        if key_name(new)? != origin {
            let reason = format!("it is not a key of the log `{origin}`");
            return Err(RegistryError::Key { key: new.into(), reason });
        }
        let note = key.sign(text(&origin, size, new).as_bytes())?;
        let note = String::from_utf8_lossy(&note).into_owned();
        Ok(Self { old: old.into(), new: new.into(), size, note })
    }

    /// Reads a note, and believes it only if `old` has signed it.
    pub fn verify(note: &str, old: &str) -> Option<Self> {
        let signed = Note::from_bytes(note.as_bytes()).ok()?;
        let known = VerifierList::new(vec![Box::new(verifier(old).ok()?)]);
        let (verified, _) = signed.verify(&known).ok()?;
        let found = std::str::from_utf8(signed.text()).ok().filter(|_| !verified.is_empty())?;
        let mut lines = found.lines().skip(2);
        let size: u64 = lines.next()?.strip_prefix("size ")?.parse().ok()?;
        let new = lines.next()?.strip_prefix("key ")?;
        let origin = key_name(old).ok()?;
        let fits = found == text(&origin, size, new) && key_name(new).ok()? == origin && new != old;
        fits.then(|| Self { old: old.into(), new: new.into(), size, note: note.into() })
    }

    pub fn record(&self) -> Record {
        Record::Key(KeyRecord { key: self.new.clone(), note: self.note.clone() })
    }
}

fn text(origin: &str, size: u64, key: &str) -> String {
    format!("rvp log key handover\norigin {origin}\nsize {size}\nkey {key}\n")
}

/// The handovers in `lines`, those of `index/keys`, that lead from the key `from` to one that `is_wanted`; none if none do.
///
/// Lines that are not such a handover are passed over: before the way begins stand those of older keys, and behind the
/// committed lines may stand anything.
pub(super) fn follow(lines: &[u8], from: &str, is_wanted: impl Fn(&str) -> bool) -> Option<Vec<Handover>> {
    let mut way: Vec<Handover> = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let Some(Record::Key(record)) =
            std::str::from_utf8(line).ok().and_then(|line| Record::parse(line).ok())
        else {
            continue;
        };
        let (key, size) = way.last().map_or((from, 0), |last| (last.new.as_str(), last.size));
        let next =
            Handover::verify(&record.note, key).filter(|next| next.new == record.key && next.size >= size);
        // A key that comes back could sign anything that it did not before.
        let Some(next) = next.filter(|next| next.new != from && way.iter().all(|one| one.new != next.new))
        else {
            continue;
        };
        let wanted = is_wanted(&next.new);
        way.push(next);
        if wanted {
            return Some(way);
        }
    }
    None
}

/// The state that the bytes `signed` are, if `key` has signed it or one that it hands the log over to in `lines`; and that key.
pub fn believe(
    location: &str,
    signed: &[u8],
    key: &str,
    lines: &[u8],
) -> Result<(Checkpoint, String), RegistryError> {
    let verify = |key: &str| Checkpoint::verify(location, signed, key);
    let refused = match verify(key) {
        Ok(checkpoint) => return Ok((checkpoint, key.to_owned())),
        Err(error) => error,
    };
    let way = follow(lines, key, |key| verify(key).is_ok()).unwrap_or_default();
    match way.last() {
        Some(last) => Ok((verify(&last.new)?, last.new.clone())),
        None => Err(refused),
    }
}

/// Checks that the committed lines of `index/keys` are one way, each key signing for the next, that ends at `key`.
pub(super) fn check_all(lines: &[u8], key: &str) -> Result<(), String> {
    let mut last: Option<String> = None;
    for (number, line) in lines.split(|byte| *byte == b'\n').enumerate() {
        let at = |reason: &str| format!("line {} of {}: {reason}", number + 1, layout::KEYS_INDEX);
        let line = std::str::from_utf8(line).map_err(|_| at("it is not UTF-8"))?;
        if line.is_empty() {
            continue;
        }
        let Record::Key(record) = Record::parse(line).map_err(|error| at(&error.to_string()))? else {
            continue;
        };
        if let Some(old) = &last
            && Handover::verify(&record.note, old).is_none_or(|found| found.new != record.key)
        {
            return Err(at("the key before it has not signed it"));
        }
        last = Some(record.key);
    }
    match last {
        Some(last) if last != key => {
            Err(format!("{} ends at another key than the log's", layout::KEYS_INDEX))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(handovers: &[&Handover]) -> Vec<u8> {
        handovers.iter().flat_map(|one| (one.record().to_line().unwrap() + "\n").into_bytes()).collect()
    }

    /// From `index-schema/vectors/make.py`, which shares no code with this.
    #[test]
    fn ways_are_those_of_the_vectors() {
        #[derive(serde::Deserialize)]
        struct Case {
            case: String,
            lines: String,
            from: String,
            to: String,
            leads: bool,
        }
        let cases = include_str!("../../index-schema/vectors/handovers.json");
        for Case { case, lines, from, to, leads } in serde_json::from_str::<Vec<Case>>(cases).unwrap() {
            assert_eq!(follow(lines.as_bytes(), &from, |key| key == to).is_some(), leads, "{case}");
        }
    }

    #[test]
    fn a_way_leads_from_key_to_key_and_each_has_signed_it() {
        let keys: Vec<(LogKey, String)> = (0..4).map(|_| LogKey::generate("acme").unwrap()).collect();
        let hand = |from: usize, to: usize, size| {
            Handover::sign(&keys[from].0, &keys[from].1, &keys[to].1, size).unwrap()
        };
        let (first, second, third) = (hand(0, 1, 5), hand(1, 2, 9), hand(2, 3, 9));
        let all = [b"torn {\n".to_vec(), lines(&[&first, &second, &third])].concat();
        let to = |from: usize, to: usize| follow(&all, &keys[from].1, |key| *key == keys[to].1);
        assert_eq!(to(0, 3).unwrap(), [first.clone(), second.clone(), third.clone()]);
        assert_eq!(to(1, 2).unwrap(), std::slice::from_ref(&second));
        assert_eq!(to(2, 1), None, "there is no way back");
        check_all(&lines(&[&first, &second]), &keys[2].1).unwrap();
        assert!(check_all(&lines(&[&first, &second]), &keys[1].1).is_err());
        assert!(check_all(&lines(&[&first, &third]), &keys[3].1).is_err());

        // Another's signature, an altered text, a smaller log, a key of another log, and the way in a circle.
        let stranger = Handover { note: hand(3, 1, 5).note, ..first.clone() };
        let altered = Handover { note: first.note.replace("size 5", "size 6"), ..first.clone() };
        for bad in [&stranger, &altered] {
            assert_eq!(follow(&lines(&[bad]), &keys[0].1, |_| true), None);
        }
        assert_eq!(
            follow(&lines(&[&hand(0, 1, 9), &hand(1, 2, 5)]), &keys[0].1, |key| *key == keys[2].1),
            None
        );
        assert_eq!(follow(&lines(&[&first, &hand(1, 0, 9)]), &keys[0].1, |key| *key == keys[0].1), None);
        let (_, other) = LogKey::generate("other").unwrap();
        assert!(Handover::sign(&keys[0].0, &keys[0].1, &other, 5).is_err());
    }
}
