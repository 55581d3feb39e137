//! What a page of a simple index lists, in either of its forms.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::model::Sha256;

/// One file of a project, as an index lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexFile {
    /// The file name: one plain path component.
    pub name: String,
    /// Where it is, without a fragment.
    pub url: Url,
    /// Absent where the index gives no hash, or only one of another algorithm.
    pub sha256: Option<Sha256>,
    /// Length in bytes; only the JSON form tells.
    pub size: Option<u64>,
    pub requires_python: Option<String>,
    /// The reason, which may be empty, of a file that is withdrawn (PEP 592).
    pub yanked: Option<String>,
    pub metadata: CoreMetadata,
    /// Where its attestations are, as a provenance object (PEP 740).
    pub provenance: Option<Url>,
}

/// Whether the METADATA of a wheel is served beside it (PEP 658, PEP 714).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreMetadata {
    Absent,
    /// At the file's URL with `.metadata` behind it, and with this hash where the index tells one.
    Served(Option<Sha256>),
}

/// A page that is not what the simple repository API describes.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("it is not JSON of the simple repository API: {0}")]
    Json(String),
    #[error("it is not HTML that can be read: {0}")]
    Html(String),
    #[error("it is of version {0} of the simple repository API, and rvp knows version 1; update rvp")]
    Version(String),
    #[error("its base address `{0}` is not a URL")]
    Base(String),
}

/// Version 1.x of the API is read; a page that says nothing is 1.0 (PEP 629).
pub(super) fn check_api_version(text: &str) -> Result<(), PageError> {
    match text.trim().split('.').next() {
        Some("1") => Ok(()),
        _ => Err(PageError::Version(text.chars().take(20).collect())),
    }
}

/// The last path segment of `url`, decoded, if it can be a file's name.
pub(super) fn file_name_of(url: &Url) -> Option<String> {
    let segment = url.path_segments()?.next_back()?;
    let name = percent_decode_str(segment).decode_utf8().ok()?;
    is_file_name(&name).then(|| name.into_owned())
}

/// File names of Python distributions have no need for anything outside of this set, and paths are made of them.
pub(super) fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+!".contains(c);
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && name.chars().all(plain)
}
