//! Plain data without input or output: names, versions, requirements, records, digests, targets.

mod artifact;
mod digest;
mod index_file;
mod kinds;
mod name;
mod ownership;
mod package;
mod prefix;
mod record;
mod requirement;
mod signer;
mod target;
mod version;

pub use artifact::Artifact;
pub use digest::{Blake3, DigestError, Digester, Sha256};
pub use index_file::{SealedLine, sealed_lines};
pub use kinds::{Add, Approve, BundleFile, FileRecord, KeyRecord, Owners, PrefixOwners, Release, Seal, Yank};
pub use name::{Family, NameError, PackageName, is_windows_device};
pub use ownership::{Needed, Owner, OwnerSet, Ownership, Unauthorised, Why, authorise, in_force};
pub use package::{Approval, IndexError, Package, ReleaseEntry};
pub use prefix::{PREFIXES_PATH, Prefix, PrefixError, Prefixes};
pub use record::{MAX_RECORD, MAX_SIGNATURES, Record, RecordError, check_keys};
pub use requirement::{Requirement, RequirementError};
pub use signer::{Principal, PublicKey, PublicKeyError, Signer, matches_pattern};
pub use target::{Platform, Target, TargetError, TargetSpec};
pub use version::{Version, VersionError, ranges_of_semver, ranges_of_specifiers, ranges_of_specifiers_text};
