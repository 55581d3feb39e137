//! Plain data without input or output: names, versions, requirements, records, digests, targets.

mod artifact;
mod digest;
mod name;
mod package;
mod record;
mod requirement;
mod target;
mod version;

pub use artifact::Artifact;
pub use digest::{Blake3, DigestError, Digester, Sha256};
pub use name::{Family, NameError, PackageName, is_windows_device};
pub use package::{IndexError, Package, ReleaseEntry};
pub use record::{Add, FileRecord, MAX_RECORD, Record, RecordError, Release, Seal, Yank};
pub use requirement::{Requirement, RequirementError};
pub use target::{Platform, Target, TargetError, TargetSpec};
pub use version::{Version, VersionError, ranges_of_semver, ranges_of_specifiers, ranges_of_specifiers_text};
