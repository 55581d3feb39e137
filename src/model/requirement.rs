//! Requirements of one package on another.

use std::str::FromStr;
use std::sync::Arc;

use uv_normalize::ExtraName;
use uv_pep508::{MarkerEnvironment, MarkerTree, VerbatimUrl, VersionOrUrl};
use version_ranges::Ranges;

use super::{Family, NameError, PackageName, Version, VersionError, ranges_of_semver, ranges_of_specifiers};

/// What one package asks of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    pub name: PackageName,
    pub extras: Vec<ExtraName>,
    pub ranges: Ranges<Version>,
    /// When it applies (PEP 508); always, outside the Python family.
    pub marker: MarkerTree,
    /// Its versions name a pre-release, which allows pre-releases of the package (PEP 440).
    pub names_prerelease: bool,
    /// As it was written, for messages and for the lock.
    pub text: Arc<str>,
}

/// A text that is not a requirement of its family.
#[derive(Debug, thiserror::Error)]
pub enum RequirementError {
    #[error("`{text}` is not a PEP 508 requirement: {reason}")]
    Pep508 { text: String, reason: String },
    #[error(
        "`{0}` names a URL or a path: a registry serves names and versions only; publish the package and require it by version"
    )]
    Url(String),
    #[error("`{text}` is not a Vitte requirement (`owner/name ^1.2`): {source}")]
    VitteName { text: String, source: NameError },
    #[error("`{text}`: {source}")]
    Version { text: String, source: VersionError },
}

impl Requirement {
    pub fn parse(family: Family, text: &str) -> Result<Self, RequirementError> {
        match family {
            Family::Python | Family::Host => Self::parse_python(text),
            Family::Vitte => Self::parse_vitte(text),
        }
    }

    fn parse_python(text: &str) -> Result<Self, RequirementError> {
        let pep508 = |reason: String| RequirementError::Pep508 { text: text.into(), reason };
        let parsed = uv_pep508::Requirement::<VerbatimUrl>::from_str(text)
            .map_err(|error| pep508(error.message.to_string()))?;
        let name = PackageName::python(parsed.name.as_ref()).map_err(|error| pep508(error.to_string()))?;
        let (ranges, names_prerelease) = match parsed.version_or_url {
            None => (Ranges::full(), false),
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
                let pre = specifiers.iter().any(|specifier| specifier.any_prerelease());
                (ranges_of_specifiers(specifiers), pre)
            }
            Some(VersionOrUrl::Url(_)) => return Err(RequirementError::Url(text.into())),
        };
        Ok(Self {
            name,
            extras: parsed.extras.into_vec(),
            ranges,
            marker: parsed.marker,
            names_prerelease,
            text: text.into(),
        })
    }

    fn parse_vitte(text: &str) -> Result<Self, RequirementError> {
        let (name, versions) = text.trim().split_once(' ').unwrap_or((text.trim(), "*"));
        let name = PackageName::new(Family::Vitte, name)
            .map_err(|source| RequirementError::VitteName { text: text.into(), source })?;
        let ranges = ranges_of_semver(versions)
            .map_err(|source| RequirementError::Version { text: text.into(), source })?;
        Ok(Self {
            name,
            extras: Vec::new(),
            ranges,
            marker: MarkerTree::TRUE,
            names_prerelease: versions.contains('-'),
            text: text.into(),
        })
    }

    /// Whether it applies in an environment, when the given extras are asked for.
    pub fn applies(&self, environment: &MarkerEnvironment, extras: &[ExtraName]) -> bool {
        self.marker.evaluate(environment, extras)
    }
}
