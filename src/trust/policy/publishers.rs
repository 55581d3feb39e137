//! `[[publishers]]`: who may release packages of certain names.

use serde::Deserialize;
use toml::Spanned;

use super::facts::{ReleaseFacts, Signatures};
use super::origin::quoted;
use super::pattern::{PackagePattern, any_matches, scope};
use super::rule::{Finding, Named, Rule, Who, list};

/// `[[publishers]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [[publishers]]")]
pub(super) struct Publishers {
    packages: Named<PackagePattern>,
    #[serde(default)]
    except: Vec<PackagePattern>,
    /// Each record that brings files to a release is signed by one of them.
    allow: Spanned<Named<Who>>,
}

impl Rule for Publishers {
    fn describe(&self) -> (usize, String) {
        let who = list(self.allow.get_ref());
        (self.allow.span().start, format!("{}: released only by {who}", scope(&self.packages, &self.except)))
    }

    fn asks_for_signatures(&self, release: &ReleaseFacts) -> bool {
        any_matches(&self.packages, release) && !any_matches(&self.except, release)
    }

    fn against_signatures(&self, release: &ReleaseFacts, signatures: &Signatures) -> Option<Finding> {
        if !self.asks_for_signatures(release) {
            return None;
        }
        let allowed = self.allow.get_ref();
        let who = list(allowed);
        let reason = if !signatures.is_signed() {
            format!("not signed, and released only by {who}")
        } else {
            let stranger = signatures.records.iter().find(|signers| {
                !signers.iter().any(|signer| allowed.iter().any(|who| who.0.matches(signer)))
            })?;
            format!("signed by {}, and released only by {who}", quoted(&list(stranger)))
        };
        Some(Finding {
            at: self.allow.span().start,
            reason,
            mend: "choose a release of theirs; if its publisher is to be trusted, whoever keeps the policy adds it there".into(),
        })
    }
}
