//! Records: the lines of index files, and so the entries of the log. Specified in `index-schema/README.md`.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{
    Add, Approve, Artifact, BundleFile, FileRecord, KeyRecord, NameError, OwnerSet, Owners, PackageName,
    PrefixOwners, Release, Seal, VersionError, Yank,
};

/// A log entry is one line, and the tile format gives its length 16 bits (C2SP tlog-tiles).
pub const MAX_RECORD: usize = 65_535;

/// Nobody is to make a reader fetch and check bundles without end.
pub const MAX_SIGNATURES: usize = 64;

/// One line of an index file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A package at a version, with what the resolver needs to know of it.
    Release(Release),
    /// More artifacts of a release that stands earlier in the same file.
    Add(Add),
    /// A release withdrawn, or given back: still there for locks that name it, never chosen anew.
    Yank(Yank),
    /// Who owns the package from here on.
    Owners(Owners),
    /// Who owns a prefix of names from here on.
    Prefix(PrefixOwners),
    /// A reviewer's word for a release.
    Approve(Approve),
    /// The end of one seal in this file: where its records stand in the log, and when they were sealed.
    Seal(Seal),
    /// A file of the registry that is not an index file, such as `config.json`, and its content from here on.
    File(FileRecord),
    /// A new key of the log.
    Key(KeyRecord),
    /// A kind that this version does not know, and that it may pass over.
    Unknown { kind: String },
}

/// A line that is not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("it is {0} bytes long, and a record has at most {MAX_RECORD}")]
    TooLong(usize),
    #[error("it is not a record: {0}")]
    Json(String),
    #[error("its kind `{0}` is marked critical and this version of rvp does not know it; update rvp")]
    Critical(String),
    #[error(
        "its kind `{0}` must be marked critical: who does not know it would believe what owners have not signed"
    )]
    NotCritical(String),
    #[error("it has {0} signatures, and a record has at most {MAX_SIGNATURES}")]
    Signatures(usize),
    #[error("its name is not valid: {0}")]
    Name(#[from] NameError),
    #[error("its version is not valid: {0}")]
    Version(#[from] VersionError),
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default)]
    critical: bool,
}

impl Record {
    /// Reads one line, without its newline. Unknown fields are passed over; a duplicate key at any depth is an error.
    pub fn parse(line: &str) -> Result<Self, RecordError> {
        if line.len() > MAX_RECORD {
            return Err(RecordError::TooLong(line.len()));
        }
        let json = |error: serde_json::Error| RecordError::Json(error.to_string());
        check_keys(line).map_err(json)?;
        let head: Head = serde_json::from_str(line).map_err(json)?;
        let record = match head.kind.as_ref() {
            "release" => serde_json::from_str(line).map(Record::Release).map_err(json),
            "add" => serde_json::from_str(line).map(Record::Add).map_err(json),
            "yank" => serde_json::from_str(line).map(Record::Yank).map_err(json),
            "owners" => serde_json::from_str(line).map(Record::Owners).map_err(json),
            "prefix" => serde_json::from_str(line).map(Record::Prefix).map_err(json),
            "approve" => serde_json::from_str(line).map(Record::Approve).map_err(json),
            "seal" => serde_json::from_str(line).map(Record::Seal).map_err(json),
            "file" => serde_json::from_str(line).map(Record::File).map_err(json),
            "key" => serde_json::from_str(line).map(Record::Key).map_err(json),
            kind if head.critical => Err(RecordError::Critical(kind.to_owned())),
            kind => Ok(Record::Unknown { kind: kind.to_owned() }),
        }?;
        if record.owners().is_some() && !head.critical {
            return Err(RecordError::NotCritical(head.kind.into_owned()));
        }
        if record.signatures().len() > MAX_SIGNATURES {
            return Err(RecordError::Signatures(record.signatures().len()));
        }
        Ok(record)
    }

    /// The line of this record, without a newline: compact JSON with `kind` first.
    pub fn to_line(&self) -> Result<String, RecordError> {
        #[derive(Serialize)]
        struct Tagged<'a, T> {
            kind: &'a str,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            critical: bool,
            #[serde(flatten)]
            record: &'a T,
        }
        fn tagged<T: Serialize>(kind: &str, critical: bool, record: &T) -> Result<String, RecordError> {
            serde_json::to_string(&Tagged { kind, critical, record })
                .map_err(|error| RecordError::Json(error.to_string()))
        }
        let line = match self {
            Record::Release(release) => tagged("release", false, release),
            Record::Add(add) => tagged("add", false, add),
            Record::Yank(yank) => tagged("yank", false, yank),
            // A reader that does not know owners would believe what they have not signed.
            Record::Owners(owners) => tagged("owners", true, owners),
            Record::Prefix(owners) => tagged("prefix", true, owners),
            Record::Approve(approve) => tagged("approve", false, approve),
            Record::Seal(seal) => tagged("seal", false, seal),
            Record::File(file) => tagged("file", false, file),
            // A reader that does not know it would go on with the old key.
            Record::Key(key) => tagged("key", true, key),
            Record::Unknown { kind } => {
                Err(RecordError::Json(format!("a record of kind `{kind}` cannot be written")))
            }
        }?;
        if line.len() > MAX_RECORD {
            return Err(RecordError::TooLong(line.len()));
        }
        Ok(line)
    }

    /// The bundles in which it is signed.
    pub fn signatures(&self) -> &[BundleFile] {
        match self {
            Record::Release(release) => &release.signatures,
            Record::Add(add) => &add.signatures,
            Record::Yank(yank) => &yank.signatures,
            Record::Owners(owners) => &owners.signatures,
            Record::Prefix(owners) => &owners.signatures,
            Record::Approve(approve) => &approve.signatures,
            Record::Seal(_) | Record::File(_) | Record::Key(_) | Record::Unknown { .. } => &[],
        }
    }

    /// The same list, to be filled; none where the kind cannot be signed.
    pub fn signatures_mut(&mut self) -> Option<&mut Vec<BundleFile>> {
        match self {
            Record::Release(release) => Some(&mut release.signatures),
            Record::Add(add) => Some(&mut add.signatures),
            Record::Yank(yank) => Some(&mut yank.signatures),
            Record::Owners(owners) => Some(&mut owners.signatures),
            Record::Prefix(owners) => Some(&mut owners.signatures),
            Record::Approve(approve) => Some(&mut approve.signatures),
            Record::Seal(_) | Record::File(_) | Record::Key(_) | Record::Unknown { .. } => None,
        }
    }

    /// The owners that it states.
    pub fn owners(&self) -> Option<&OwnerSet> {
        match self {
            Record::Owners(owners) => Some(&owners.set),
            Record::Prefix(owners) => Some(&owners.set),
            _ => None,
        }
    }

    /// The files that it brings.
    pub fn artifacts(&self) -> &[Artifact] {
        match self {
            Record::Release(release) => &release.artifacts,
            Record::Add(add) => &add.artifacts,
            _ => &[],
        }
    }

    /// The package that this record is about, or none for a prefix, a seal, a file, a key or an unknown kind.
    pub fn package(&self) -> Result<Option<PackageName>, RecordError> {
        let (family, name) = match self {
            Record::Release(release) => (release.family, &release.name),
            Record::Add(add) => (add.family, &add.name),
            Record::Yank(yank) => (yank.family, &yank.name),
            Record::Owners(owners) => (owners.family, &owners.name),
            Record::Approve(approve) => (approve.family, &approve.name),
            Record::Prefix(_)
            | Record::Seal(_)
            | Record::File(_)
            | Record::Key(_)
            | Record::Unknown { .. } => return Ok(None),
        };
        Ok(Some(PackageName::new(family, name)?))
    }
}

/// Fails on a duplicate key at any depth of a JSON text, which JSON parsers otherwise resolve each in their own way.
pub fn check_keys(line: &str) -> Result<(), serde_json::Error> {
    struct NoDuplicates;

    impl<'de> DeserializeSeed<'de> for NoDuplicates {
        type Value = ();
        fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_any(self)
        }
    }

    impl<'de> Visitor<'de> for NoDuplicates {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("JSON")
        }
        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            Ok(())
        }
        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            Ok(())
        }
        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            Ok(())
        }
        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            Ok(())
        }
        fn visit_str<E>(self, _: &str) -> Result<(), E> {
            Ok(())
        }
        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
            while sequence.next_element_seed(NoDuplicates)?.is_some() {}
            Ok(())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            let mut keys = std::collections::HashSet::new();
            while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                map.next_value_seed(NoDuplicates)?;
                if let Some(key) = keys.replace(key) {
                    return Err(serde::de::Error::custom(format!("the key `{key}` stands twice")));
                }
            }
            Ok(())
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(line);
    NoDuplicates.deserialize(&mut deserializer)?;
    deserializer.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_key_is_an_error_at_any_depth() {
        for line in [
            r#"{"kind":"yank","kind":"yank"}"#,
            r#"{"kind":"x","a":[{"b":1,"b":2}]}"#,
            r#"{"kind":"x","a":1,"\u0061":2}"#,
        ] {
            let error = Record::parse(line).unwrap_err().to_string();
            assert!(error.contains("stands twice"), "{error}");
        }
    }

    #[test]
    fn an_unknown_kind_stops_the_reader_only_when_critical() {
        assert!(matches!(Record::parse(r#"{"kind":"x","y":1}"#), Ok(Record::Unknown { .. })));
        assert!(matches!(Record::parse(r#"{"kind":"x","critical":true}"#), Err(RecordError::Critical(_))));
    }

    #[test]
    fn a_record_is_written_as_it_is_read() {
        let line = r#"{"kind":"yank","family":"python","name":"numpy","version":"1.0","yanked":true,"reason":"broken"}"#;
        assert_eq!(Record::parse(line).unwrap().to_line().unwrap(), line);
    }
}
