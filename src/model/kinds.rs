//! The kinds of records, as their lines spell them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Artifact, Blake3, Family, OwnerSet, PackageName, PublicKey, Signer, Version, VersionError};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Release {
    pub family: Family,
    pub name: String,
    pub version: String,
    /// Requirements as the family writes them: PEP 508, or `owner/name ^1.2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// PEP 440 specifiers for the Python version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extras: Vec<String>,
    /// Host requirements: the host's name, and PEP 440 specifiers for its version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<String, String>,
    /// What a release of a host offers to the packages in it: `dotnet`, `python`, `platform`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub provides: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// The bundles in which this record is signed; they do not cover this field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<BundleFile>,
}

/// A Sigstore bundle: the blob `blobs/<first two digits>/<blake3>/bundle.sigstore.json`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BundleFile {
    /// Length in bytes.
    pub size: u64,
    pub blake3: Blake3,
    /// The key that has signed it, where no identity has: a bundle only hints at its key. That the signature is this
    /// key's is checked with it; whether this key counts is another question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Add {
    pub family: Family,
    pub name: String,
    pub version: String,
    pub artifacts: Vec<Artifact>,
    /// The bundles in which this record is signed; they do not cover this field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<BundleFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Yank {
    pub family: Family,
    pub name: String,
    pub version: String,
    pub yanked: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Which word about this version it is, counted from 1: a signed yank cannot be said again after it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The bundles in which this record is signed; they do not cover this field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<BundleFile>,
}

/// Who owns a package from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Owners {
    pub family: Family,
    pub name: String,
    #[serde(flatten)]
    pub set: OwnerSet,
    /// The bundles in which this record is signed; they do not cover this field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<BundleFile>,
}

/// Who owns the names that begin with a prefix, and have no owners of their own, from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PrefixOwners {
    pub family: Family,
    /// The beginning of normalised names, ended by `-` or `/`.
    pub prefix: String,
    #[serde(flatten)]
    pub set: OwnerSet,
    /// The bundles in which this record is signed; they do not cover this field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<BundleFile>,
}

/// A reviewer's word for a release as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Approve {
    pub family: Family,
    pub name: String,
    pub version: String,
    /// The BLAKE3 digests of the lines that were reviewed: the release record and its `add` records.
    pub records: Vec<Blake3>,
    /// The bundles in which this record is signed; they do not cover this field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<BundleFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seal {
    /// The index file that this line ends, relative to the registry.
    pub path: String,
    /// The log's number for the first record of this seal in this file; this line's own number is `first + count`.
    pub first: u64,
    /// How many records stand between the previous seal line and this one.
    pub count: u64,
    /// When, by the sealer's clock: seconds of UTC as RFC 3339.
    pub time: jiff::Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileRecord {
    /// Relative to the registry.
    pub path: String,
    pub length: u64,
    pub blake3: Blake3,
}

/// A new key of the log from here on. It stands in `index/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyRecord {
    /// A verifier key of C2SP `signed-note`.
    pub key: String,
    /// A C2SP signed note in which the key before it hands the log over.
    pub note: String,
}

impl BundleFile {
    /// The file of a bundle that `signer` has signed.
    pub fn of(bundle: &[u8], signer: &Signer) -> Self {
        let key = match signer {
            Signer::Key { key } => Some(key.clone()),
            Signer::Identity { .. } => None,
        };
        Self { size: bundle.len() as u64, blake3: Blake3::of(bundle), key }
    }
}

impl Release {
    /// A release of which nothing is known but its name and version.
    pub fn new(name: &PackageName, version: &Version) -> Self {
        Self {
            family: name.family(),
            name: name.as_str().to_owned(),
            version: version.to_string(),
            requires: Vec::new(),
            requires_python: None,
            extras: Vec::new(),
            hosts: BTreeMap::new(),
            provides: BTreeMap::new(),
            license: None,
            summary: None,
            artifacts: Vec::new(),
            signatures: Vec::new(),
        }
    }

    pub fn parsed_version(&self) -> Result<Version, VersionError> {
        Version::parse(self.family, &self.version)
    }
}
