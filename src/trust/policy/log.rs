//! `[witnesses]`, `[checkpoint]` and `[trust]`: what must hold of a registry's state before its packages are looked at.

use std::ops::Range;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::rule::{Count, Named, Rule, VerifierKey, days, list};
use crate::registry::Witness;

/// `[witnesses]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [witnesses]")]
pub(super) struct Witnesses {
    /// How many of them must have cosigned a checkpoint.
    pub quorum: Spanned<Count>,
    pub keys: Spanned<Named<VerifierKey>>,
}

impl Rule for Witnesses {
    fn describe(&self) -> (usize, String) {
        let keys = list(self.keys.get_ref());
        let quorum = self.quorum.get_ref().0;
        (self.quorum.span().start, format!("states of registries: cosigned by at least {quorum} of {keys}"))
    }

    fn fault(&self) -> Option<(Range<usize>, String)> {
        let keys = self.keys.get_ref();
        if let Some(error) = keys.iter().find_map(|key| Witness::parse(key.as_str()).err()) {
            let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
            return Some((self.keys.span(), reason));
        }
        if let Some((_, key)) = keys.iter().enumerate().find(|(at, key)| keys[..*at].contains(key)) {
            return Some((self.keys.span(), format!("the witness {key} is named twice")));
        }
        let (quorum, most) = (self.quorum.get_ref().0, keys.len());
        (quorum as usize > most).then(|| {
            let reason = format!("{quorum} witnesses are required, and {most} can cosign: name more keys");
            (self.quorum.span(), reason)
        })
    }
}

/// `[checkpoint]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table: [checkpoint]")]
pub(super) struct Checkpoint {
    /// A state that was sealed longer ago is not believed to be current, whatever the registry itself admits.
    pub max_age_days: Spanned<Count>,
}

impl Rule for Checkpoint {
    fn describe(&self) -> (usize, String) {
        let age = days(self.max_age_days.get_ref().0);
        (self.max_age_days.span().start, format!("states of registries: sealed at most {age} ago"))
    }
}

/// `[trust]`, of a machine only.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [trust]")]
pub(super) struct Trust {
    /// A Sigstore trusted root, in place of the one that comes with rvp. Relative to the folder of the policy.
    pub root: Spanned<PathBuf>,
}

impl Rule for Trust {
    fn describe(&self) -> (usize, String) {
        let root = self.root.get_ref().display();
        (self.root.span().start, format!("identities are vouched for by {root}"))
    }
}
