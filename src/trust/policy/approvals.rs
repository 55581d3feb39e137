//! `[[approvals]]`: releases that count only once reviewers have approved them.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::facts::{ReleaseFacts, Signatures};
use super::pattern::{PackagePattern, any_matches, scope};
use super::rule::{Count, Finding, Named, Rule, Who, list};
use crate::model::Signer;

/// `[[approvals]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [[approvals]]")]
pub(super) struct Approvals {
    packages: Named<PackagePattern>,
    #[serde(default)]
    except: Vec<PackagePattern>,
    /// How many different reviewers; nobody counts who signed the release itself.
    count: Spanned<Count>,
    reviewers: Named<Who>,
}

impl Approvals {
    fn count(&self) -> usize {
        self.count.get_ref().0 as usize
    }

    /// The different reviewers who have approved the release.
    fn found<'a>(&self, signatures: &'a Signatures) -> Vec<&'a Signer> {
        let mut found: Vec<&Signer> = signatures
            .approvals
            .iter()
            .filter(|signer| self.reviewers.iter().any(|who| who.0.matches(signer)))
            .filter(|signer| !signatures.records.iter().any(|signers| signers.contains(signer)))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Rule for Approvals {
    fn describe(&self) -> (usize, String) {
        let scope = scope(&self.packages, &self.except);
        let (count, who) = (self.count(), list(&self.reviewers));
        (self.count.span().start, format!("{scope}: approved by at least {count} of {who}"))
    }

    fn fault(&self) -> Option<(Range<usize>, String)> {
        let enough = self.reviewers.len() >= self.count() || self.reviewers.iter().any(Who::is_pattern);
        (!enough).then(|| {
            let reason = format!(
                "{} approvals are required, and {} can be given: name more reviewers",
                self.count(),
                self.reviewers.len()
            );
            (self.count.span(), reason)
        })
    }

    fn passes(&self) -> bool {
        true
    }

    fn asks_for_signatures(&self, release: &ReleaseFacts) -> bool {
        any_matches(&self.packages, release) && !any_matches(&self.except, release)
    }

    fn against_signatures(&self, release: &ReleaseFacts, signatures: &Signatures) -> Option<Finding> {
        let found = self.found(signatures);
        (self.asks_for_signatures(release) && found.len() < self.count()).then(|| Finding {
            at: self.count.span().start,
            reason: format!("approved by {} of the {} reviewers that it needs", found.len(), self.count()),
            mend: format!(
                "ask for `rvp approve {} {}` by one of {}",
                release.name,
                release.version,
                list(&self.reviewers)
            ),
        })
    }
}
