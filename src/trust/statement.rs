//! The statement that a bundle over records signs: an in-toto statement whose subjects are the files of the records,
//! and whose predicate holds the records themselves (`index-schema/README.md`, section 5.10).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::model::{RecordError, Sha256, check_keys};

/// The type of the envelope's payload (in-toto attestation framework, v1).
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
pub const PREDICATE_TYPE: &str = "urn:rvp:records:v1";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// One publish of one package has a few records; comparing them must not take long.
const MAX_RECORDS: usize = 1000;

/// A record as one statement signs it.
#[derive(Clone, Copy, Debug)]
pub struct RecordLine<'a> {
    /// The index file that it stands in.
    pub path: &'a str,
    /// With or without its `signatures`.
    pub line: &'a str,
}

/// What has been signed, once the signature is verified.
#[derive(Debug)]
pub struct Statement {
    registry: String,
    records: Vec<Value>,
    subjects: HashSet<(String, Sha256)>,
}

/// A statement that cannot be made or read, or that does not sign a record. The end of a sentence about the signature.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    #[error("signs no statement about records of a registry: {0}")]
    Form(String),
    #[error("is over records of the registry `{found}`, and this is `{expected}`")]
    OtherRegistry { found: String, expected: String },
    #[error("is over other records than this one: it was altered, or the signature belongs to another")]
    OtherRecord,
    #[error("does not name the file {0} with its digest among its subjects")]
    Subject(String),
    #[error("cannot be over this record: {0}")]
    Record(#[from] RecordError),
    #[error(
        "cannot be over this record: the number {0} in it is not an integer, which every program reads alike"
    )]
    Number(String),
}

#[derive(Deserialize, Serialize)]
struct Subject {
    name: String,
    digest: SubjectDigest,
}

#[derive(Deserialize, Serialize)]
struct SubjectDigest {
    sha256: Sha256,
}

impl Statement {
    /// The payload that signs `records`, all of one registry.
    pub fn payload(registry: &str, records: &[RecordLine]) -> Result<Vec<u8>, StatementError> {
        let mut values = Vec::new();
        let mut subjects = Vec::new();
        let mut named = HashSet::new();
        for record in records {
            let value = signed_part(record.line)?;
            for (name, sha256) in subjects_of(record.path, &value)? {
                if named.insert((name.clone(), sha256)) {
                    subjects.push(Subject { name, digest: SubjectDigest { sha256 } });
                }
            }
            values.push(value);
        }
        let statement = json!({
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": PREDICATE_TYPE,
            "predicate": { "registry": registry, "records": values },
        });
        let payload = statement.to_string().into_bytes();
        // What is nested as deeply as readers go is too deep for them within a statement.
        Self::parse(&payload)?;
        Ok(payload)
    }

    /// Reads a payload. Its length is bounded by that of the bundle it comes from.
    pub fn parse(payload: &[u8]) -> Result<Self, StatementError> {
        #[derive(Deserialize)]
        struct Form {
            #[serde(rename = "_type")]
            statement_type: String,
            subject: Vec<Subject>,
            #[serde(rename = "predicateType")]
            predicate_type: String,
            predicate: Predicate,
        }
        #[derive(Deserialize)]
        struct Predicate {
            registry: String,
            records: Vec<Value>,
        }
        let form = |error: &dyn std::fmt::Display| StatementError::Form(error.to_string());
        let text = std::str::from_utf8(payload).map_err(|_| form(&"it is not UTF-8"))?;
        check_keys(text).map_err(|error| form(&error))?;
        let Form { statement_type, subject, predicate_type, predicate } =
            serde_json::from_str(text).map_err(|error| form(&error))?;
        if statement_type != STATEMENT_TYPE || predicate_type != PREDICATE_TYPE {
            return Err(form(&format!(
                "its type is {statement_type}, and that of its predicate {predicate_type}"
            )));
        }
        if predicate.records.len() > MAX_RECORDS {
            return Err(form(&format!(
                "it holds {} records, and at most {MAX_RECORDS} are read",
                predicate.records.len()
            )));
        }
        let subjects = subject.into_iter().map(|subject| (subject.name, subject.digest.sha256)).collect();
        Ok(Self { registry: predicate.registry, records: predicate.records, subjects })
    }

    /// Checks that it signs `record` of this registry.
    pub fn covers(&self, registry: &str, record: RecordLine) -> Result<(), StatementError> {
        if self.registry != registry {
            return Err(StatementError::OtherRegistry {
                found: self.registry.clone(),
                expected: registry.to_owned(),
            });
        }
        let value = signed_part(record.line)?;
        if !self.records.contains(&value) {
            return Err(StatementError::OtherRecord);
        }
        match subjects_of(record.path, &value)?.into_iter().find(|subject| !self.subjects.contains(subject)) {
            Some((name, _)) => Err(StatementError::Subject(name)),
            None => Ok(()),
        }
    }
}

/// A record as it is signed: without `signatures`.
fn signed_part(line: &str) -> Result<Value, StatementError> {
    let json = |error: serde_json::Error| RecordError::Json(error.to_string());
    check_keys(line).map_err(json)?;
    let mut record: Map<String, Value> = serde_json::from_str(line).map_err(json)?;
    record.remove("signatures");
    Ok(Value::Object(record))
}

/// The files of a record with their digests; of a record without files, the record itself by the name of its index file.
fn subjects_of(path: &str, record: &Value) -> Result<Vec<(String, Sha256)>, StatementError> {
    let mut canonical = String::new();
    write_canonical(record, &mut canonical)?;
    let artifacts = record.get("artifacts").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if artifacts.is_empty() {
        return Ok(vec![(path.to_owned(), Sha256::of(canonical.as_bytes()))]);
    }
    let subject = |artifact: &Value| {
        let text = |field| artifact.get(field).and_then(Value::as_str);
        Some((text("file")?.to_owned(), text("sha256")?.parse().ok()?))
    };
    let form = || RecordError::Json("an artifact has no file name or no digest".into());
    artifacts.iter().map(|artifact| Ok(subject(artifact).ok_or_else(form)?)).collect()
}

/// Compact JSON with sorted keys: the same text for the same value, whoever writes it.
fn write_canonical(value: &Value, text: &mut String) -> Result<(), StatementError> {
    match value {
        Value::Number(number) if !number.is_i64() && !number.is_u64() => {
            return Err(StatementError::Number(number.to_string()));
        }
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_canonical(item, text)?;
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (at, (key, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(member, text)?;
            }
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn release(file: &str, more: &str) -> String {
        format!(
            r#"{{"kind":"release","family":"python","name":"demo","version":"1.0","artifacts":[{{"file":"{file}","size":0,"blake3":"{DIGEST}","sha256":"{DIGEST}"}}]{more}}}"#
        )
    }

    const PATH: &str = "index/python/de/mo/demo";

    fn line(line: &str) -> RecordLine<'_> {
        RecordLine { path: PATH, line }
    }

    #[test]
    fn a_record_that_no_reader_would_read_in_a_statement_is_not_signed() {
        let nested = |depth: usize| {
            let text = format!(r#"{{"kind":"yank","x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
            Statement::payload("acme", &[line(&text)]).map(drop)
        };
        assert!(nested(100).is_ok());
        assert!(
            crate::model::Record::parse(&format!(
                r#"{{"kind":"y","x":{}{}}}"#,
                "[".repeat(126),
                "]".repeat(126)
            ))
            .is_ok()
        );
        assert!(nested(126).unwrap_err().to_string().contains("recursion limit"));
    }

    #[test]
    fn a_statement_signs_its_records_in_any_spelling_and_no_others() {
        let (first, yank) = (release("a.whl", ""), r#"{"kind":"yank","version":"1.0","revision":1}"#);
        let payload = Statement::payload("acme", &[line(&first), line(yank)]).unwrap();
        let statement = Statement::parse(&payload).unwrap();
        let signed = release("a.whl", r#","signatures":[{"size":1,"blake3":"x"}]"#);
        let spelled = r#"{ "revision": 1, "version":"1.\u0030", "kind":"yank", "signatures":[] }"#;
        for good in [first.as_str(), &signed, yank, spelled] {
            statement.covers("acme", line(good)).unwrap();
        }
        for bad in [
            release("b.whl", ""),
            release("a.whl", r#","summary":"x""#),
            yank.replace("1,", "2,").replace("\"revision\":1", "\"revision\":2"),
        ] {
            assert!(
                matches!(statement.covers("acme", line(&bad)), Err(StatementError::OtherRecord)),
                "{bad}"
            );
        }
        assert!(matches!(statement.covers("other", line(&first)), Err(StatementError::OtherRegistry { .. })));
        let elsewhere = RecordLine { path: "index/python/ot/he/other", line: yank };
        assert!(matches!(statement.covers("acme", elsewhere), Err(StatementError::Subject(_))));
    }

    #[test]
    fn every_file_of_a_record_is_a_subject() {
        let record = release("a.whl", "");
        let payload = String::from_utf8(Statement::payload("acme", &[line(&record)]).unwrap()).unwrap();
        let subject = format!(r#"{{"digest":{{"sha256":"{DIGEST}"}},"name":"a.whl"}}"#);
        let parsed: Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(parsed["subject"], serde_json::from_str::<Value>(&format!("[{subject}]")).unwrap());
        let renamed =
            payload.replacen("\"a.whl\"", "\"b.whl\"", usize::from(payload.find("subject").is_some()));
        let mut without: Value = parsed;
        without["subject"] = serde_json::json!([]);
        for payload in [without.to_string(), renamed] {
            let Ok(statement) = Statement::parse(payload.as_bytes()) else { continue };
            assert!(statement.covers("acme", line(&record)).is_err(), "{payload}");
        }
    }

    #[test]
    fn a_payload_of_another_form_is_none() {
        let good =
            String::from_utf8(Statement::payload("acme", &[line(r#"{"kind":"x"}"#)]).unwrap()).unwrap();
        for bad in [
            "",
            "{}",
            &good.replace("records:v1", "records:v2"),
            &good.replace("Statement/v1", "Statement/v0.1"),
            &good.replace("\"registry\":\"acme\"", "\"registry\":\"acme\",\"registry\":\"other\""),
        ] {
            assert!(matches!(Statement::parse(bad.as_bytes()), Err(StatementError::Form(_))), "{bad}");
        }
        assert!(matches!(
            Statement::payload("acme", &[line(r#"{"kind":"x","n":1.5}"#)]),
            Err(StatementError::Number(_))
        ));
    }
}
