//! Plain data without input or output: names, versions, requirements, records, digests, targets.

mod artifact;
mod digest;
mod kinds;
mod name;
mod ownership;
mod package;
mod record;
mod requirement;
mod signer;
mod target;
mod version;

pub use artifact::Artifact;
pub use digest::{Blake3, DigestError, Digester, Sha256};
pub use kinds::{Add, Approve, BundleFile, FileRecord, KeyRecord, Owners, PrefixOwners, Release, Seal, Yank};
pub use name::{Family, NameError, PackageName, is_windows_device};
pub use ownership::{Needed, Owner, OwnerSet, Ownership, Unauthorised, Why, in_force};
pub use package::{Approval, IndexError, Package, ReleaseEntry};
pub use record::{MAX_RECORD, Record, RecordError};
pub use requirement::{Requirement, RequirementError};
pub use signer::{Principal, PublicKey, PublicKeyError, Signer, matches_pattern};
pub use target::{Platform, Target, TargetError, TargetSpec};
pub use version::{Version, VersionError, ranges_of_semver, ranges_of_specifiers, ranges_of_specifiers_text};
