//! Archive formats, one file each. Everything in an archive is hostile until it is checked.

mod entry_points;
mod error;
mod metadata;
mod path;
mod record;
mod remote;
mod sdist;
mod unpack;
mod wheel;
mod zip;

#[cfg(test)]
mod test_support;

use std::path::Path;

pub use entry_points::{EntryPoint, EntryPoints};
pub use error::PackageError;
pub use metadata::{Metadata, MetadataError};
pub use path::PathProblem;
pub use remote::{RemoteError, RemoteWheel, Step};
pub use unpack::UnpackedFile;
pub use wheel::Wheel;
pub use zip::{Entry, EntryProblem, ZipError};

use crate::model::{PackageName, Version};

/// What an artifact says of itself, checked against its file name.
#[derive(Clone, Debug)]
pub struct ArtifactInfo {
    /// Normalised, with its family.
    pub name: PackageName,
    pub version: Version,
    pub metadata: Metadata,
    /// The tags of a wheel, from its file name; none for a source distribution.
    pub wheel: Option<uv_distribution_filename::WheelFilename>,
}

/// Reads a wheel (`.whl`) or a source distribution (`.tar.gz`, `.zip`), told apart by the file name.
///
/// A wheel is checked as by [`Wheel::open`] and [`Wheel::verify`]. Of a source distribution the `PKG-INFO` in its top
/// folder is read, which must be of the name and version of the file name.
pub fn read_artifact(path: &Path) -> Result<ArtifactInfo, PackageError> {
    let file_name = file_name(path)?;
    if file_name.ends_with(".whl") {
        let wheel = Wheel::open(path)?;
        wheel.verify()?;
        let (name, version) = (wheel.name().clone(), wheel.version());
        return Ok(ArtifactInfo { name, version, metadata: wheel.metadata, wheel: Some(wheel.filename) });
    }
    if file_name.ends_with(".tar.gz") || file_name.ends_with(".zip") {
        return sdist::read_sdist(path);
    }
    Err(PackageError::Kind { artifact: path.to_owned() })
}

/// The last part of `path`, as text.
fn file_name(path: &Path) -> Result<&str, PackageError> {
    path.file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| PackageError::Kind { artifact: path.to_owned() })
}
