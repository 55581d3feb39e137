//! Artifacts: the files of a release.

use std::str::FromStr as _;

use serde::{Deserialize, Serialize};
use uv_distribution_filename::{DistFilename, WheelFilename};

use super::{Blake3, BundleFile, Family, PackageName, Sha256, Version};

/// A file of a release. Its bytes are the blob `blobs/<first two digits>/<blake3>/<file>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Artifact {
    pub file: String,
    /// Length in bytes.
    pub size: u64,
    pub blake3: Blake3,
    pub sha256: Sha256,
    /// Replaces the release's requirements where this artifact's metadata has others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<Vec<String>>,
    /// Replaces the release's `requires-python` where this artifact's metadata has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
    /// The attestations that came with the file from a simple index (PEP 740): the blob `provenance.json` of that digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<BundleFile>,
}

impl Artifact {
    /// The parts of the file name, if this is a wheel of that release. A wheel of another package, under whatever
    /// record it stands, is none.
    pub fn wheel_of(&self, name: &PackageName, version: &Version) -> Option<WheelFilename> {
        let wheel = WheelFilename::from_str(&self.file).ok()?;
        let same = wheel.name.as_ref() == name.as_str() && Version::Pep440(wheel.version.clone()) == *version;
        same.then_some(wheel)
    }

    /// Whether the file name is one that this release can have: in the Python family, that of a wheel or a source
    /// distribution of this very name and version.
    pub fn is_of(&self, name: &PackageName, version: &Version) -> bool {
        if name.family() != Family::Python || self.wheel_of(name, version).is_some() {
            return true;
        }
        let Ok(normalised) = uv_normalize::PackageName::from_str(name.as_str()) else { return false };
        match DistFilename::try_from_filename(&self.file, &normalised) {
            Some(DistFilename::SourceDistFilename(file)) => Version::Pep440(file.version) == *version,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_package_is_none_of_a_release() {
        let name = PackageName::python("revit-geometry").unwrap();
        let version = Version::parse(Family::Python, "1.0").unwrap();
        let is_of = |file: &str| {
            let artifact = Artifact {
                file: file.into(),
                size: 0,
                blake3: Blake3::of(b""),
                sha256: Sha256::of(b""),
                requires: None,
                requires_python: None,
                provenance: None,
            };
            artifact.is_of(&name, &version)
        };
        for file in
            ["revit_geometry-1.0-py3-none-any.whl", "Revit.Geometry-1.0.0.tar.gz", "revit-geometry-1.0.zip"]
        {
            assert!(is_of(file), "{file}");
        }
        for file in
            ["numpy-1.0-py3-none-any.whl", "revit_geometry-1.1-py3-none-any.whl", "numpy-1.0.tar.gz", "x"]
        {
            assert!(!is_of(file), "{file}");
        }
    }
}
