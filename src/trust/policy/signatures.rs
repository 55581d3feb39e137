//! `[signatures]`: which releases must be signed, by whomever.

use serde::Deserialize;
use toml::Spanned;

use super::facts::{ReleaseFacts, Signatures};
use super::pattern::{PackagePattern, any_matches, scope};
use super::rule::{Finding, Named, Rule};

/// `[signatures]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [signatures]")]
pub(super) struct Required {
    required: Spanned<Named<PackagePattern>>,
    /// Those that were imported before anybody signed them.
    #[serde(default)]
    unsigned: Vec<PackagePattern>,
}

impl Rule for Required {
    fn describe(&self) -> (usize, String) {
        let scope = scope(self.required.get_ref(), &self.unsigned);
        (self.required.span().start, format!("{scope}: must be signed"))
    }

    fn asks_for_signatures(&self, release: &ReleaseFacts) -> bool {
        any_matches(self.required.get_ref(), release) && !any_matches(&self.unsigned, release)
    }

    fn against_signatures(&self, release: &ReleaseFacts, signatures: &Signatures) -> Option<Finding> {
        (self.asks_for_signatures(release) && !signatures.is_signed()).then(|| Finding {
            at: self.required.span().start,
            reason: "not signed".into(),
            mend: "choose a signed release; if this one is to be trusted without, whoever keeps the policy names it under `unsigned`".into(),
        })
    }
}
