//! Who owns a name, over the life of a log, and whether a record is signed by those who must sign it.
//!
//! Owners are stated as a whole by each `owners` record, which those before them have signed. A record is judged by
//! the owners in force where it stands in the log, so that what a former owner released stays released.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Principal, PublicKey, Record, Signer};

/// The owners that one record states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OwnerSet {
    /// Counted from 1: a signed statement cannot be said again after another one.
    pub revision: u64,
    /// How many of the owners must sign the next statement. One of them is enough for releases.
    pub threshold: u32,
    pub owners: Vec<Owner>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Owner {
    #[serde(flatten)]
    pub principal: Principal,
    /// Records sealed after this time cannot be signed by this owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<jiff::Timestamp>,
}

/// A statement of owners, and where it stands.
#[derive(Clone, Debug)]
pub struct Ownership {
    /// The number in the log of the record.
    pub entry: u64,
    pub sealed: jiff::Timestamp,
    pub set: OwnerSet,
}

/// Whose signatures a record needs.
#[derive(Clone, Copy, Debug)]
pub struct Needed<'a> {
    pub from: &'a OwnerSet,
    /// How many different owners.
    pub count: u32,
    pub why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// They own the name.
    Owned,
    /// They own a prefix of the name, and the name has no owners of its own.
    Prefix,
    /// They are the first owners, and show that they can sign.
    Claim,
}

/// A record that is not signed by those who must sign it. The end of a sentence: "is …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthorised {
    #[error("not signed, and its name is owned by {owners}")]
    Unsigned { owners: String },
    #[error("signed by {signers}, and its name is owned by {owners}")]
    Stranger { signers: String, owners: String },
    #[error("signed by {signer}, who was an owner until {until}, and it was sealed at {sealed}")]
    Expired { signer: String, until: jiff::Timestamp, sealed: jiff::Timestamp },
    #[error("signed by {found} of the owners, and {needed} must sign a change of owners: {owners}")]
    TooFew { found: u32, needed: u32, owners: String },
    #[error("not numbered by a revision, so that it could be said again after it was taken back")]
    Unnumbered,
}

impl Unauthorised {
    /// Whether it is signed, and by none of those who own it now.
    pub fn is_by_a_stranger(&self) -> bool {
        matches!(self, Self::Stranger { .. } | Self::Expired { .. })
    }
}

impl OwnerSet {
    /// Why nobody could live by this statement, or none.
    pub fn fault(&self, before: Option<&OwnerSet>) -> Option<String> {
        let next = before.map_or(1, |before| before.revision.saturating_add(1));
        if self.revision != next {
            return Some(format!(
                "it is revision {} of the owners, and the next one is {next}",
                self.revision
            ));
        }
        let owners = u32::try_from(self.owners.len()).unwrap_or(u32::MAX);
        if owners == 0 {
            return Some("it names no owner".into());
        }
        if self.threshold == 0 || self.threshold > owners {
            return Some(format!("{} of {owners} owners cannot sign", self.threshold));
        }
        let twice =
            self.owners.iter().enumerate().find(|(at, owner)| {
                self.owners[..*at].iter().any(|known| known.principal == owner.principal)
            });
        twice.map(|(_, owner)| format!("it names {} twice", owner.principal))
    }

    /// The keys among the owners.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.owners.iter().filter_map(|owner| owner.principal.key())
    }

    /// The owners, for people.
    pub fn shown(&self) -> String {
        self.owners.iter().map(|owner| owner.principal.to_string()).collect::<Vec<_>>().join(", ")
    }
}

/// The statement in force for a record with the number `entry`.
pub fn in_force(history: &[Ownership], entry: u64) -> Option<&OwnerSet> {
    history.iter().rev().find(|statement| statement.entry < entry).map(|statement| &statement.set)
}

/// Checks that `record` is signed by those who must sign it where it stands: under the owners `own` of its name and
/// `prefix` of the longest owned prefix, sealed at that time. Says why it needs what it has, or that it needs nothing.
pub fn authorise(
    record: &Record,
    signers: &[Signer],
    own: Option<&OwnerSet>,
    prefix: Option<&OwnerSet>,
    sealed: jiff::Timestamp,
) -> Result<Option<Why>, Unauthorised> {
    let needed = match record {
        Record::Release(_) | Record::Add(_) | Record::Yank(_) => Needed::for_record(own, prefix),
        record => record.owners().map(|next| Needed::for_owners(next, own, prefix)),
    };
    let Some(needed) = needed else { return Ok(None) };
    needed.check(signers, sealed)?;
    if matches!(record, Record::Yank(yank) if yank.revision.is_none()) {
        return Err(Unauthorised::Unnumbered);
    }
    Ok(Some(needed.why))
}

/// How many of `owners` have signed, when nobody counts twice, whatever number of patterns match.
fn different_owners(owners: &[&Owner], signers: &[Signer]) -> u32 {
    /// Finds a signer for an owner, where needed by finding another one for the owner who has it (Kuhn's algorithm).
    fn assign(
        at: usize,
        owners: &[&Owner],
        signers: &[Signer],
        taken: &mut [Option<usize>],
        tried: &mut [bool],
    ) -> bool {
        for (signer, who) in signers.iter().enumerate() {
            if tried[signer] || !owners[at].principal.matches(who) {
                continue;
            }
            tried[signer] = true;
            if taken[signer].is_none_or(|other| assign(other, owners, signers, taken, tried)) {
                taken[signer] = Some(at);
                return true;
            }
        }
        false
    }
    // One who signs twice is still one.
    let signers: Vec<Signer> = signers.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect();
    let mut taken = vec![None; signers.len()];
    let found = (0..owners.len())
        .filter(|at| assign(*at, owners, &signers, &mut taken, &mut vec![false; signers.len()]));
    u32::try_from(found.count()).unwrap_or(u32::MAX)
}

impl<'a> Needed<'a> {
    /// What a record needs that is no statement of owners: one signature of those who own the name, or else its prefix.
    pub fn for_record(own: Option<&'a OwnerSet>, prefix: Option<&'a OwnerSet>) -> Option<Self> {
        match (own, prefix) {
            (Some(from), _) => Some(Self { from, count: 1, why: Why::Owned }),
            (None, Some(from)) => Some(Self { from, count: 1, why: Why::Prefix }),
            (None, None) => None,
        }
    }

    /// What the statement `next` needs: the threshold of those before, or of the prefix, or of itself.
    pub fn for_owners(next: &'a OwnerSet, own: Option<&'a OwnerSet>, prefix: Option<&'a OwnerSet>) -> Self {
        let (from, why) = match (own, prefix) {
            (Some(from), _) => (from, Why::Owned),
            (None, Some(from)) => (from, Why::Prefix),
            (None, None) => (next, Why::Claim),
        };
        Self { from, count: from.threshold, why }
    }

    /// Checks that enough different owners are among `signers`, at the time when the record was sealed.
    pub fn check(&self, signers: &[Signer], sealed: jiff::Timestamp) -> Result<(), Unauthorised> {
        let owners = || self.from.shown();
        if signers.is_empty() {
            return Err(Unauthorised::Unsigned { owners: owners() });
        }
        let (valid, expired): (Vec<&Owner>, Vec<&Owner>) =
            self.from.owners.iter().partition(|owner| owner.until.is_none_or(|until| until >= sealed));
        let found = different_owners(&valid, signers);
        if found >= self.count {
            return Ok(());
        }
        if let Some((signer, until)) = expired.iter().find_map(|owner| {
            let signer = signers.iter().find(|signer| owner.principal.matches(signer))?;
            Some((signer.to_string(), owner.until?))
        }) {
            return Err(Unauthorised::Expired { signer, until, sealed });
        }
        if found > 0 {
            return Err(Unauthorised::TooFew { found, needed: self.count, owners: owners() });
        }
        let signers = signers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(Unauthorised::Stranger { signers, owners: owners() })
    }
}

#[cfg(test)]
#[path = "ownership_tests.rs"]
mod tests;
