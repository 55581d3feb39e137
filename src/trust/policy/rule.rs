//! What the rules of every subject have in common, and the pieces that they are written with.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};

use serde::{Deserialize, Deserializer, de};

use super::facts::{ReleaseFacts, Signatures};
use crate::model::{Principal, PublicKey};

/// A rule of a policy file.
pub(super) trait Rule {
    /// Where it stands in the file, in bytes, and what it says, for `rvp policy show`.
    fn describe(&self) -> (usize, String);

    /// Why nobody could live by it, and where that stands.
    fn fault(&self) -> Option<(Range<usize>, String)> {
        None
    }

    /// What it has against a release, by what its records say.
    fn against(&self, _release: &ReleaseFacts, _now: jiff::Timestamp) -> Option<Finding> {
        None
    }

    /// Whether what it has against a release passes without another release: with time, or by the word of reviewers.
    fn passes(&self) -> bool {
        false
    }

    /// Whether it must know who has signed the release.
    fn asks_for_signatures(&self, _release: &ReleaseFacts) -> bool {
        false
    }

    /// What it has against a release, by who has signed it.
    fn against_signatures(&self, _release: &ReleaseFacts, _signatures: &Signatures) -> Option<Finding> {
        None
    }
}

/// What a rule has against a release.
pub(super) struct Finding {
    /// Where the rule stands in the file, in bytes.
    pub at: usize,
    pub reason: String,
    pub mend: String,
}

/// A list that names something. An empty one could be meant as "all" or as "none", so it is neither.
#[derive(Clone, Debug)]
pub(super) struct Named<T>(Vec<T>);

impl<T> Deref for Named<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::deserialize(deserializer)?;
        match items.is_empty() {
            true => Err(de::Error::custom("the list is empty: name something in it, or leave the rule out")),
            false => Ok(Self(items)),
        }
    }
}

/// A number of at least 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count(pub u32);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;

        impl de::Visitor<'_> for CountVisitor {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of at least 1")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Count, E> {
                let count = u32::try_from(number).ok().filter(|count| *count > 0);
                count.map(Count).ok_or_else(|| E::invalid_value(de::Unexpected::Signed(number), &self))
            }
        }

        deserializer.deserialize_i64(CountVisitor)
    }
}

/// Tables of one name: `[[deny]]`.
#[derive(Clone, Debug)]
pub(super) struct Several<T>(Vec<T>);

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T> IntoIterator for &'a Several<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SeveralVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for SeveralVisitor<T> {
            type Value = Several<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tables with two brackets on each side, as in [[deny]]: there can be several")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut tables: A) -> Result<Several<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(table) = tables.next_element()? {
                    all.push(table);
                }
                Ok(Several(all))
            }
        }

        deserializer.deserialize_seq(SeveralVisitor(PhantomData))
    }
}

/// `{ identity = "…", issuer = "…" }` or `{ key = "…" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "WhoTable")]
pub(super) struct Who(pub Principal);

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { identity = \"…\", issuer = \"…\" } or { key = \"…\" }"
)]
struct WhoTable {
    identity: Option<String>,
    issuer: Option<String>,
    key: Option<String>,
}

impl TryFrom<WhoTable> for Who {
    type Error = String;

    fn try_from(table: WhoTable) -> Result<Self, String> {
        match table {
            WhoTable { identity: Some(identity), issuer: Some(issuer), key: None } => {
                if identity.chars().chain(issuer.chars()).any(char::is_control) {
                    return Err("an identity and its issuer have no control characters".into());
                }
                Ok(Self(Principal::Identity { identity, issuer }))
            }
            WhoTable { identity: None, issuer: None, key: Some(key) } => {
                let key = PublicKey::parse(&key).map_err(|error| error.to_string())?;
                Ok(Self(Principal::Key { key }))
            }
            _ => Err("somebody is named by `identity` and `issuer`, or by `key`".into()),
        }
    }
}

impl Who {
    /// Whether more than one signer can be meant.
    pub fn is_pattern(&self) -> bool {
        matches!(&self.0, Principal::Identity { identity, issuer } if identity.contains('*') || issuer.contains('*'))
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A verifier key of C2SP `signed-note`: `name+hash+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey(String);

impl VerifierKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for VerifierKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let holds_together = || {
            let (name, rest) = text.split_once('+')?;
            let (hash, key) = rest.split_once('+')?;
            let key = data_encoding::BASE64.decode(key.as_bytes()).ok()?;
            let digest = crate::model::Sha256::of(&[name.as_bytes(), b"\n", &key].concat());
            (!name.is_empty() && key.len() == 33 && hash == &digest.to_string()[..8]).then_some(())
        };
        match holds_together() {
            Some(()) => Ok(Self(text)),
            None => Err(de::Error::custom(format!(
                "`{}` is not a verifier key, `name+hash+key`: copy it whole",
                text.escape_debug()
            ))),
        }
    }
}

impl fmt::Display for VerifierKey {
    /// `name+hash`, which tells it from others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(crate::registry::key_stem(&self.0))
    }
}

/// The items of a list, for people.
pub(super) fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// `1 day`, `7 days`
pub(super) fn days(count: u32) -> String {
    if count == 1 { "1 day".into() } else { format!("{count} days") }
}
