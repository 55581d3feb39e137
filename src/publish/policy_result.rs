//! What policies say of a release that is proposed, for those who decide about it.

use crate::model::Version;
use crate::publish::forge::{PolicyResult, ProposedRelease};
use crate::trust::policy::{Policies, RegistryFacts, ReleaseFacts, Signatures};

/// What `policies` have against a release that is sealed at `now`, but for what waiting mends. Where a rule stands is left out: it may be
/// a file of the publisher's own machine.
pub(super) fn policy_result(
    policies: &Policies,
    registry: &RegistryFacts,
    proposed: &ProposedRelease,
    now: jiff::Timestamp,
) -> PolicyResult {
    let Ok(version) = Version::parse(proposed.name.family(), &proposed.version) else {
        return PolicyResult::NoPolicy;
    };
    if policies.is_empty() {
        return PolicyResult::NoPolicy;
    }
    let facts = ReleaseFacts {
        registry,
        name: &proposed.name,
        version: &version,
        license: proposed.difference.license.after.as_deref(),
        sealed: now,
    };
    let signatures = Signatures { records: vec![proposed.signers.clone()], approvals: Vec::new() };
    let mut against = policies.against(&facts);
    against.extend(policies.against_signatures(&facts, &signatures));
    let lasting = against.into_iter().filter(|violation| !violation.passes);
    let reasons: Vec<String> = lasting.map(|violation| violation.reason).collect();
    match reasons.is_empty() {
        true => PolicyResult::Admitted,
        false => PolicyResult::Refused(reasons),
    }
}
