//! Signing what is published: the records of one package in one statement, as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::PublishError;
use crate::model::{
    BundleFile, Owner, OwnerSet, Owners, Package, PackageName, Prefix, Prefixes, Record, Signer, authorise,
};
use crate::registry::layout;
use crate::trust::sign::Signatory;
use crate::trust::{RecordLine, Statement};

/// Which names a signed publish claims for its signer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// Those that the registry does not have yet.
    #[default]
    New,
    /// All that nobody owns.
    Unowned,
    Nothing,
}

/// Records of one index file, ready to be sealed, and the bundle that signs them.
#[derive(Debug)]
pub struct SignedRecords {
    pub records: Vec<Record>,
    /// None: they are not signed.
    pub bundle: Option<Vec<u8>>,
    /// Who has signed them with that.
    pub signer: Option<Signer>,
}

/// Who owns a name or a prefix as a registry stands now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing<'a> {
    pub own: Option<&'a OwnerSet>,
    /// The owners of the longest prefix of it.
    pub prefix: Option<&'a OwnerSet>,
}

impl<'a> Standing<'a> {
    pub fn of_name(name: &PackageName, package: Option<&'a Package>, prefixes: &'a Prefixes) -> Self {
        Self {
            own: package.and_then(|package| package.owners.last()).map(|owners| &owners.set),
            prefix: prefixes.in_force(name, u64::MAX).map(|(_, owners)| owners),
        }
    }

    pub fn of_prefix(prefix: &Prefix, prefixes: &'a Prefixes) -> Self {
        let own = prefixes.owners.get(prefix).and_then(|history| history.last());
        Self {
            own: own.map(|owners| &owners.set),
            prefix: prefixes.around(prefix, u64::MAX).map(|(_, owners)| owners),
        }
    }

    pub fn is_owned(&self) -> bool {
        self.own.or(self.prefix).is_some()
    }
}

/// Signs records of one package where there is somebody to sign, once it is clear that the signature will be enough.
pub fn sign(
    registry: &str,
    standing: Standing,
    signatory: Option<&Signatory>,
    mut records: Vec<Record>,
    now: jiff::Timestamp,
) -> Result<SignedRecords, PublishError> {
    let signers: Vec<Signer> = signatory.map(Signatory::signer).into_iter().collect();
    for record in &records {
        authorise(record, &signers, standing.own, standing.prefix, now).map_err(|source| {
            PublishError::Unauthorised {
                what: title(record),
                signed: signatory.is_some(),
                source: Box::new(source),
            }
        })?;
    }
    let bundle = signatory.map(|signatory| sign_records(registry, signatory, &mut records)).transpose()?;
    Ok(SignedRecords { records, bundle, signer: signers.into_iter().next() })
}

/// Adds to each record the signature of one statement over all of them, and gives the bundle that holds it.
pub fn sign_records(
    registry: &str,
    signatory: &Signatory,
    records: &mut [Record],
) -> Result<Vec<u8>, PublishError> {
    let not_written = |record: &Record| {
        let release = title(record);
        move |source| PublishError::Record { release, source }
    };
    let mut lines = Vec::with_capacity(records.len());
    for record in &*records {
        let path = layout::index_path(record).map_err(not_written(record))?;
        lines.push((path.unwrap_or_default(), record.to_line().map_err(not_written(record))?));
    }
    let lines: Vec<RecordLine> = lines.iter().map(|(path, line)| RecordLine { path, line }).collect();
    let bundle = signatory.sign_statement(&Statement::payload(registry, &lines)?)?;
    let file = BundleFile::of(&bundle, &signatory.signer());
    for record in records {
        if let Some(signatures) = record.signatures_mut() {
            signatures.push(file.clone());
        }
        record.to_line().map_err(not_written(record))?;
    }
    Ok(bundle)
}

/// The statement by which a signer claims a name.
pub fn claim(name: &PackageName, spelling: &str, signer: &Signer) -> Record {
    Record::Owners(Owners {
        family: name.family(),
        name: spelling.to_owned(),
        set: OwnerSet {
            revision: 1,
            threshold: 1,
            owners: vec![Owner { principal: signer.clone().into(), until: None }],
        },
        signatures: Vec::new(),
    })
}

/// The records of a publish by package, in the order in which they apply.
pub(super) fn by_package(records: Vec<Record>) -> BTreeMap<PackageName, Vec<Record>> {
    let mut packages: BTreeMap<PackageName, Vec<Record>> = BTreeMap::new();
    for record in records {
        if let Ok(Some(name)) = record.package() {
            packages.entry(name).or_default().push(record);
        }
    }
    packages
}

/// The names and versions that records are about, for people.
pub(super) fn title(record: &Record) -> String {
    match record {
        Record::Release(release) => format!("{} {}", release.name, release.version),
        Record::Add(add) => format!("more files of {} {}", add.name, add.version),
        Record::Yank(yank) => format!("a yank of {} {}", yank.name, yank.version),
        Record::Owners(owners) => format!("a change of the owners of {}", owners.name),
        Record::Prefix(owners) => format!("a change of the owners of {}*", owners.prefix),
        Record::Approve(approve) => format!("an approval of {} {}", approve.name, approve.version),
        Record::Seal(_) | Record::File(_) | Record::Key(_) | Record::Unknown { .. } => "a record".to_owned(),
    }
}

/// The digests of the files that records bring.
pub(super) fn blobs_of(records: &[Record]) -> BTreeSet<(crate::model::Blake3, &str)> {
    let artifacts = records.iter().flat_map(Record::artifacts);
    artifacts.map(|artifact| (artifact.blake3, artifact.file.as_str())).collect()
}
