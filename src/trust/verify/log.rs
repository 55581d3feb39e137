//! The entries of transparency logs, Rekor's versions 1 and 2: what binds an entry to its log beyond the proof of inclusion.

use jiff::Timestamp;
use serde::Deserialize;
use sigstore_crypto::VerificationKey;
use sigstore_trust_root::trusted_root::TransparencyLog;
use sigstore_types::bundle::InclusionProof;
use sigstore_types::{KindVersion, SignatureBytes, TimeRange, TransparencyLogEntry};
use sigstore_verify::rekor::body::RekorEntryBody;

use super::LogEntry;
use crate::trust::Bundle;

/// A log of the trusted root.
pub struct TrustedLog {
    id: Vec<u8>,
    url: String,
    key: VerificationKey,
    valid_for: Option<TimeRange>,
}

impl TrustedLog {
    /// Prepares a log of a trusted root; the error is the reason why it cannot be used.
    pub fn new(log: &TransparencyLog) -> Result<Self, String> {
        Ok(Self {
            id: log.log_id.key_id.as_bytes().to_owned(),
            url: log.base_url.clone(),
            key: VerificationKey::from_spki(&log.public_key.raw_bytes).map_err(|error| error.to_string())?,
            valid_for: log.public_key.valid_for,
        })
    }
}

/// Checks an entry whose signatures and proof the crate has verified, with some key of some log, and says where it stands.
/// `times` is when the bundle was signed.
pub fn check(
    logs: &[TrustedLog],
    bundle: &Bundle,
    entry: &TransparencyLogEntry,
    times: &[Timestamp],
) -> Result<LogEntry, String> {
    let id = entry.log_id.key_id.as_bytes();
    let log = logs
        .iter()
        .find(|log| log.id == id)
        .ok_or_else(|| format!("the trusted root does not know the log {}", entry.log_id.key_id))?;
    if let Some(window) = &log.valid_for
        && let Some(time) = times.iter().find(|time| !window.contains(**time))
    {
        return Err(format!("it was signed at {time}, when the key of {} was not valid", log.url));
    }
    let is_v2 = entry.kind_version == KindVersion::HashedRekordV002;
    if let Some(proof) = &entry.inclusion_proof {
        check_proof(log, entry, proof, is_v2)?;
    }
    check_kind(entry)?;
    check_logged_certificate(bundle, entry)?;
    // Of an entry of Rekor v1, the promise signs the number and the time. The proof of one of v2 is for its number.
    let promised = entry.inclusion_promise.is_some();
    Ok(LogEntry {
        log: log.url.clone(),
        index: (promised || is_v2).then(|| entry.log_index.get()),
        time: entry.integrated_time.filter(|_| promised),
    })
}

/// The crate takes a checkpoint that any log of the root has signed, and leaves some of what the proof repeats unread.
fn check_proof(
    log: &TrustedLog,
    entry: &TransparencyLogEntry,
    proof: &InclusionProof,
    is_v2: bool,
) -> Result<(), String> {
    let checkpoint = proof.checkpoint.checkpoint().ok_or("its proof has no checkpoint")?;
    if proof.tree_size != checkpoint.tree_size() || proof.root_hash != *checkpoint.root_hash() {
        return Err("the proof is for another state of the log than the checkpoint".into());
    }
    if is_v2 && proof.log_index != entry.log_index {
        return Err("the proof is for another number than the entry's".into());
    }
    let note = Note::parse(proof.checkpoint.envelope()).ok_or("its checkpoint is not a signed note")?;
    let by_log = note.signatures.iter().any(|signature| {
        let named = note.origin == signature.name
            || note.origin.strip_prefix(signature.name).is_some_and(|rest| rest.starts_with(" - "));
        let (hint, bytes) = signature.bytes.split_at_checked(4).unwrap_or_default();
        named
            && log.id.starts_with(hint)
            && log.key.verify(note.text, &SignatureBytes::from_bytes(bytes)).is_ok()
    });
    if !by_log {
        return Err(format!("its checkpoint is not signed by {}, the log that it names", log.url));
    }
    Ok(())
}

/// The crate reads the body as the kind that the bundle names. The log has signed the body, and so the kind that is in it.
fn check_kind(entry: &TransparencyLogEntry) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        kind: String,
        api_version: String,
    }
    let logged: Kind = serde_json::from_slice(entry.canonicalized_body.as_bytes())
        .map_err(|error| format!("its body cannot be read: {error}"))?;
    let named = entry.kind_version;
    if (logged.kind.as_str(), logged.api_version.as_str()) != (named.kind(), named.version()) {
        return Err("the log has an entry of another kind than the bundle says".into());
    }
    Ok(())
}

/// An entry of the kind `intoto` is bound to the signer's key by the crate, and not to the certificate: so someone with two
/// certificates for one key could show one in the log, and the other in the bundle.
fn check_logged_certificate(bundle: &Bundle, entry: &TransparencyLogEntry) -> Result<(), String> {
    if entry.kind_version != KindVersion::IntotoV002 {
        return Ok(());
    }
    let Some(certificate) = bundle.inner.signing_certificate() else { return Ok(()) };
    let body = RekorEntryBody::parse(&entry.canonicalized_body, entry.kind_version)
        .map_err(|error| error.to_string())?;
    let RekorEntryBody::IntotoV002(body) = body else {
        return Err("its body is of another kind".into());
    };
    let logged = body.spec.content.envelope.signatures.first().map(|signature| signature.parse_certificate());
    match logged {
        Some(Ok(logged)) if logged == *certificate => Ok(()),
        _ => Err("the log has another certificate than the bundle".into()),
    }
}

/// A C2SP signed note: <https://c2sp.org/signed-note>
struct Note<'a> {
    /// What is signed: all lines before the empty one.
    text: &'a str,
    origin: &'a str,
    signatures: Vec<NoteSignature<'a>>,
}

struct NoteSignature<'a> {
    name: &'a str,
    /// Four bytes of the key's ID, then the signature.
    bytes: Vec<u8>,
}

impl<'a> Note<'a> {
    fn parse(envelope: &'a str) -> Option<Self> {
        let end = envelope.find("\n\n")? + 1;
        let (text, signatures) = envelope.split_at(end);
        let lines = signatures.strip_prefix('\n')?.strip_suffix('\n')?;
        let signatures = lines.split('\n').map(|line| {
            let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
            let bytes = data_encoding::BASE64.decode(base64.as_bytes()).ok()?;
            Some(NoteSignature { name, bytes })
        });
        Some(Self { text, origin: text.lines().next()?, signatures: signatures.collect::<Option<_>>()? })
    }
}
