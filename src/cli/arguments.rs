//! Arguments that several commands read alike.

use rvp::model::{Family, Requirement, RequirementError};

/// A requirement as PEP 508 writes it.
pub fn requirement(text: &str) -> Result<Requirement, RequirementError> {
    Requirement::parse(Family::Python, text)
}
