//! Prefixes of names that have owners, and the registry's file of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::{Family, IndexError, NameError, OwnerSet, Ownership, PackageName, Record, sealed_lines};

/// The index file in which the owners of prefixes stand, relative to the registry.
pub const PREFIXES_PATH: &str = "index/prefixes";

/// A shorter beginning would take in too much that has nothing to do with each other.
const SHORTEST: usize = 2;

/// The beginning of normalised names in a family, ended by `-` or `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    family: Family,
    text: String,
}

/// A text that is not a prefix of names.
#[derive(Debug, thiserror::Error)]
pub enum PrefixError {
    #[error(
        "`{0}` is not a prefix of names: it ends with `-` or `/`, with two or more characters of a normalised name before that"
    )]
    Form(String),
    #[error("`{text}` is not a prefix of names: {source}")]
    Name { text: String, source: NameError },
}

impl Prefix {
    /// Takes a prefix in its normalised form, as records have it: `acme-`, or `acme/` and `acme/tools-` in the family `vitte`.
    pub fn new(family: Family, text: &str) -> Result<Self, PrefixError> {
        let form = || PrefixError::Form(text.chars().take(40).collect());
        let stem = text.strip_suffix(['-', '/']).filter(|stem| stem.len() >= SHORTEST).ok_or_else(form)?;
        // What is a prefix can be continued to a name.
        let continued = match (family, text.contains('/')) {
            (Family::Vitte, false) => format!("{text}x/x"),
            _ => format!("{text}x"),
        };
        let name = PackageName::new(family, &continued)
            .map_err(|source| PrefixError::Name { text: text.chars().take(40).collect(), source })?;
        if name.as_str() != continued || stem.ends_with(['-', '/']) {
            return Err(form());
        }
        Ok(Self { family, text: text.to_owned() })
    }

    pub fn family(&self) -> Family {
        self.family
    }

    /// Without the family: `acme-`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn covers(&self, name: &PackageName) -> bool {
        self.family == name.family() && name.as_str().starts_with(&self.text)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// Reads what `Display` writes: `acme-*`, `vitte:acme/*`. The star may be left out.
    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (family, prefix) = match text.split_once(':') {
            Some((family, prefix)) => {
                let known = Family::ALL.into_iter().find(|known| known.as_str() == family);
                (known.ok_or_else(|| PrefixError::Form(text.chars().take(40).collect()))?, prefix)
            }
            None => (Family::Python, text),
        };
        Self::new(family, prefix.strip_suffix('*').unwrap_or(prefix))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.family {
            Family::Python => write!(f, "{}*", self.text),
            family => write!(f, "{family}:{}*", self.text),
        }
    }
}

/// Who owns which prefixes, over the life of one registry.
#[derive(Clone, Debug, Default)]
pub struct Prefixes {
    /// The statements about each, rising.
    pub owners: BTreeMap<Prefix, Vec<Ownership>>,
}

impl Prefixes {
    /// Reads the committed bytes of [`PREFIXES_PATH`].
    pub fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        let mut prefixes = Self::default();
        for line in sealed_lines(PREFIXES_PATH, bytes)? {
            prefixes.apply(&line.record, line.sealed, line.entry).map_err(|reason| IndexError::Order {
                path: PREFIXES_PATH.to_owned(),
                line: line.number,
                reason,
            })?;
        }
        Ok(prefixes)
    }

    /// Takes a record as the next one, or says why it cannot be: the end of a sentence.
    pub fn apply(&mut self, record: &Record, sealed: jiff::Timestamp, entry: u64) -> Result<(), String> {
        let owners = match record {
            Record::Prefix(owners) => owners,
            Record::Unknown { .. } => return Ok(()),
            _ => return Err("this kind of record has no place in the file of prefixes".into()),
        };
        let prefix = Prefix::new(owners.family, &owners.prefix).map_err(|error| error.to_string())?;
        if owners.signatures.is_empty() {
            return Err("a statement of owners is not signed".into());
        }
        let known = self.owners.entry(prefix).or_default();
        if let Some(fault) = owners.set.fault(known.last().map(|known| &known.set)) {
            return Err(fault);
        }
        known.push(Ownership { entry, sealed, set: owners.set.clone() });
        Ok(())
    }

    /// The longest prefix of `name` that somebody owns where the entry of that number stands, and its owners.
    pub fn in_force(&self, name: &PackageName, entry: u64) -> Option<(&Prefix, &OwnerSet)> {
        self.longest(entry, |prefix| prefix.covers(name))
    }

    /// The longest owned prefix that takes in all of `prefix`, and more.
    pub fn around(&self, prefix: &Prefix, entry: u64) -> Option<(&Prefix, &OwnerSet)> {
        self.longest(entry, |wider| {
            wider != prefix && wider.family == prefix.family && prefix.text.starts_with(&wider.text)
        })
    }

    fn longest(&self, entry: u64, fits: impl Fn(&Prefix) -> bool) -> Option<(&Prefix, &OwnerSet)> {
        self.owners
            .iter()
            .filter(|(prefix, _)| fits(prefix))
            .filter_map(|(prefix, history)| Some((prefix, super::in_force(history, entry)?)))
            .max_by_key(|(prefix, _)| prefix.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_normalised_and_long_enough() {
        for (family, text) in [
            (Family::Python, "acme-"),
            (Family::Python, "ac-"),
            (Family::Host, "revit-"),
            (Family::Vitte, "acme/"),
            (Family::Vitte, "acme-"),
            (Family::Vitte, "acme/tools-"),
        ] {
            assert_eq!(Prefix::new(family, text).unwrap().as_str(), text);
        }
        for (family, text) in [
            (Family::Python, ""),
            (Family::Python, "-"),
            (Family::Python, "a-"),
            (Family::Python, "acme"),
            (Family::Python, "Acme-"),
            (Family::Python, "acme--"),
            (Family::Python, "acme_"),
            (Family::Python, "acme/"),
            (Family::Python, "-ac-"),
            (Family::Vitte, "acme//"),
            (Family::Vitte, "acme/tools/"),
            (Family::Vitte, "/tools-"),
        ] {
            assert!(Prefix::new(family, text).is_err(), "{text}");
        }
        assert_eq!("vitte:acme/*".parse::<Prefix>().unwrap().to_string(), "vitte:acme/*");
        assert!("other:acme-*".parse::<Prefix>().is_err());
    }

    fn statement(prefix: &str, revision: u64, owner: &str) -> Record {
        let digest = "0".repeat(64);
        let line = format!(
            r#"{{"kind":"prefix","critical":true,"family":"python","prefix":"{prefix}","revision":{revision},"threshold":1,"owners":[{{"identity":"{owner}","issuer":"i"}}],"signatures":[{{"size":1,"blake3":"{digest}"}}]}}"#
        );
        Record::parse(&line).unwrap()
    }

    #[test]
    fn the_longest_prefix_in_force_decides() {
        let mut prefixes = Prefixes::default();
        let time = jiff::Timestamp::UNIX_EPOCH;
        prefixes.apply(&statement("acme-", 1, "wide"), time, 5).unwrap();
        prefixes.apply(&statement("acme-walls-", 1, "narrow"), time, 10).unwrap();
        prefixes.apply(&statement("acme-", 2, "later"), time, 20).unwrap();
        let owner = |name: &str, entry| {
            let found = prefixes.in_force(&PackageName::python(name).unwrap(), entry);
            found.map(|(_, set)| set.shown()).unwrap_or_default()
        };
        assert_eq!(owner("acme-doors", 5), "", "not yet");
        assert_eq!(owner("acme-doors", 6), "wide (of i)");
        assert_eq!(owner("acme-walls-x", 10), "wide (of i)");
        assert_eq!(owner("acme-walls-x", 11), "narrow (of i)");
        assert_eq!(owner("acme-walls", 21), "later (of i)", "the name is not below its own longer form");
        assert_eq!(owner("acme", 21), "");
        let narrow = Prefix::new(Family::Python, "acme-walls-").unwrap();
        assert_eq!(prefixes.around(&narrow, 10).unwrap().1.shown(), "wide (of i)");
        assert!(prefixes.around(&Prefix::new(Family::Python, "acme-").unwrap(), 30).is_none());
        let error = prefixes.apply(&statement("acme-", 2, "again"), time, 30).unwrap_err();
        assert_eq!(error, "it is revision 2 of the owners, and the next one is 3");
    }
}
