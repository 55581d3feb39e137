//! Changes of owners: the next statement, and a file that goes round until enough of the owners have signed it.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sign::Standing;
use super::{Destination, PublishError, SignedRecords, Written, commit, sign_records};
use crate::model::{
    NameError, OwnerSet, Owners, Package, PackageName, Prefix, PrefixError, PrefixOwners, Prefixes, Record,
    Unauthorised, authorise,
};
use crate::registry::{Authority, SignedRecord, Writer, layout, replace_file};
use crate::trust::sign::Signatory;

/// What can have owners: a package, or the names that begin with a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owned {
    Name(PackageName),
    Prefix(Prefix),
}

/// A text that is neither a name nor a prefix.
#[derive(Debug, thiserror::Error)]
pub enum OwnedError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Prefix(#[from] PrefixError),
}

/// A statement of owners that is not sealed yet, with the signatures so far.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PendingOwners {
    /// The name of the registry that it is for.
    registry: String,
    /// The line of the record; its `signatures` name the bundles below, in their order.
    record: String,
    /// Sigstore bundles as text.
    bundles: Vec<String>,
}

/// What came of an attempt to seal a change.
pub enum Attempt {
    Written(Written),
    /// More owners must sign.
    TooFew(Unauthorised),
}

impl FromStr for Owned {
    type Err = OwnedError;

    /// A text that ends in `*` is a prefix: `acme-*`.
    fn from_str(text: &str) -> Result<Self, OwnedError> {
        match text.ends_with('*') {
            true => Ok(Self::Prefix(text.parse()?)),
            false => Ok(Self::Name(text.parse()?)),
        }
    }
}

impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Prefix(prefix) => prefix.fmt(f),
        }
    }
}

impl Owned {
    /// Whose it is, where `package` is what the registry has of this name.
    pub fn standing<'a>(&self, package: Option<&'a Package>, prefixes: &'a Prefixes) -> Standing<'a> {
        match self {
            Self::Name(name) => Standing::of_name(name, package, prefixes),
            Self::Prefix(prefix) => Standing::of_prefix(prefix, prefixes),
        }
    }

    /// The record that states `set`.
    pub fn record(&self, set: OwnerSet) -> Record {
        let signatures = Vec::new();
        match self {
            Self::Name(name) => Record::Owners(Owners {
                family: name.family(),
                name: name.as_str().to_owned(),
                set,
                signatures,
            }),
            Self::Prefix(prefix) => Record::Prefix(PrefixOwners {
                family: prefix.family(),
                prefix: prefix.as_str().to_owned(),
                set,
                signatures,
            }),
        }
    }

    fn of(record: &Record) -> Result<Option<Self>, OwnedError> {
        Ok(match record {
            Record::Owners(owners) => Some(Self::Name(PackageName::new(owners.family, &owners.name)?)),
            Record::Prefix(owners) => Some(Self::Prefix(Prefix::new(owners.family, &owners.prefix)?)),
            _ => None,
        })
    }
}

/// More would not be a file that `rvp owner` wrote.
const MAX_PENDING: u64 = 64 << 20;

impl PendingOwners {
    pub fn new(registry: &str, record: &Record) -> Result<Self, PublishError> {
        let line = record.to_line();
        let record =
            line.map_err(|source| PublishError::Record { release: "the change of owners".into(), source })?;
        Ok(Self { registry: registry.to_owned(), record, bundles: Vec::new() })
    }

    pub fn read(path: &Path) -> Result<Self, PublishError> {
        let io = |source| PublishError::Io { action: "read", path: path.into(), source };
        let file = std::fs::File::open(path).map_err(io)?;
        let reader = std::io::Read::take(file, MAX_PENDING);
        serde_json::from_reader(std::io::BufReader::new(reader))
            .map_err(|source| PublishError::Pending { path: path.into(), reason: source.to_string() })
    }

    pub fn write(&self, path: &Path) -> Result<(), PublishError> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        Ok(replace_file(path, &bytes)?)
    }

    /// The change, and what it is about.
    pub fn record(&self) -> Result<(Owned, Record), PublishError> {
        let bad = |reason: String| PublishError::Pending { path: "the pending change".into(), reason };
        let record = Record::parse(&self.record).map_err(|error| bad(error.to_string()))?;
        let owned = Owned::of(&record).map_err(|error| bad(error.to_string()))?;
        Ok((owned.ok_or_else(|| bad("it is no change of owners".into()))?, record))
    }

    /// Adds the signature of `signatory`.
    pub fn sign(&mut self, signatory: &Signatory) -> Result<(), PublishError> {
        let (_, mut record) = self.record()?;
        let bundle = sign_records(&self.registry, signatory, std::slice::from_mut(&mut record))?;
        let text = String::from_utf8(bundle);
        self.bundles.push(text.map_err(|_| PublishError::Pending {
            path: "the pending change".into(),
            reason: "its new signature is not text".into(),
        })?);
        self.record = record
            .to_line()
            .map_err(|source| PublishError::Record { release: "the change of owners".into(), source })?;
        Ok(())
    }

    /// Seals or proposes the change, where enough of the owners have signed it.
    pub fn seal(
        &self,
        to: &mut Destination,
        authority: &dyn Authority,
        now: jiff::Timestamp,
    ) -> Result<Attempt, PublishError> {
        let writer = &to.writer;
        if writer.config().name != self.registry {
            return Err(PublishError::OtherRegistry {
                expected: self.registry.clone(),
                found: writer.config().name.clone(),
            });
        }
        let (owned, record) = self.record()?;
        let (package, prefixes) = standing_in(writer, &owned)?;
        let standing = owned.standing(package.as_ref(), &prefixes);
        if let Some(reason) = record.owners().and_then(|set| set.fault(standing.own)) {
            return Err(PublishError::Outdated { of: owned.to_string(), reason });
        }
        let path = layout::index_path(&record).ok().flatten().unwrap_or_default();
        let bundles = self.bundles.iter().map(|bundle| Arc::new(bundle.clone().into_bytes())).collect();
        let signed = SignedRecord { path: &path, line: &self.record, record: &record, bundles };
        let signers = authority
            .signers(&self.registry, &signed)
            .map_err(|reason| PublishError::Pending { path: "the pending change".into(), reason })?;
        match authorise(&record, &signers, standing.own, standing.prefix, now) {
            Err(too_few @ Unauthorised::TooFew { .. }) => return Ok(Attempt::TooFew(too_few)),
            Err(source) => {
                let what = format!("the change of the owners of {owned}");
                return Err(PublishError::Unauthorised {
                    what,
                    signed: !signers.is_empty(),
                    source: Box::new(source),
                });
            }
            Ok(_) => {}
        }
        for bundle in &self.bundles {
            writer.put_small_blob(layout::BUNDLE, bundle.as_bytes())?;
        }
        let records = SignedRecords { records: vec![record], bundle: None, signer: None };
        Ok(Attempt::Written(commit(to, vec![records], now)?))
    }
}

/// What a registry has that says whose something is.
pub fn standing_in(writer: &Writer, owned: &Owned) -> Result<(Option<Package>, Prefixes), PublishError> {
    let package = match owned {
        Owned::Name(name) => writer.package(name)?,
        Owned::Prefix(_) => None,
    };
    Ok((package, writer.prefixes()?))
}
