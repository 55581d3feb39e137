//! Everything that can be wrong with a registry, in words for the person in front of it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::model::{Blake3, IndexError, PackageName};

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Index(#[from] IndexError),

    #[error(
        "{location} is not a registry: it has no {missing}\n  hint: check the path or URL; a copy of a registry may not be complete yet; `rvp registry init` makes a new one"
    )]
    NotARegistry { location: String, missing: &'static str },
    #[error(
        "{location} was a registry when it was last read, in the state of {time}, and now has no log/checkpoint\n  hint: it was moved or removed, or another drive or server answers in its place; check the path or URL, and ask whoever runs the registry"
    )]
    Gone { location: String, time: jiff::Timestamp },
    #[error(
        "config.json of {location} cannot be read: {reason}\n  hint: check the path or URL; if that is right, copy the registry again from its source"
    )]
    Config { location: String, reason: String },
    #[error("{location} has format {format}, and this version of rvp reads format 1\n  hint: update rvp")]
    Format { location: String, format: u32 },
    #[error("`{name}` cannot name a registry: a name has no spaces and no `+`")]
    Name { name: String },
    #[error(
        "`{key}` is not a log key: {reason}\n  hint: a key is written as `name+hash+key`, as in the registry's config.json"
    )]
    Key { key: String, reason: String },
    #[error(
        "{path} holds no private key: {reason}\n  hint: it is the file that `rvp registry init` wrote, one line that begins with PRIVATE+KEY"
    )]
    KeyFile { path: PathBuf, reason: String },
    #[error("cannot sign the registry's state: {reason}")]
    Sign { reason: String },
    #[error(
        "`{key}` is not the key of a witness: {reason}\n  hint: it is written as `name+hash+key`, as `rvp registry witness keygen` prints it"
    )]
    WitnessKey { key: String, reason: String },
    #[error(
        "log/checkpoint of {location} cannot take the cosignature: {reason}\n  hint: ask the witness for its signature line again"
    )]
    Cosignature { location: String, reason: String },
    #[error(
        "{location} shows a state that too few witnesses have seen: {quorum} of {} must have cosigned it, and {} did\n  hint: it may be a state that is shown to you alone (a fork); if the registry was sealed just now, its witnesses may not have cosigned yet: try again later", of.join(", "), list_or_nobody(found)
    )]
    TooFewWitnesses { location: String, quorum: usize, of: Vec<String>, found: Vec<String> },

    #[error(
        "log/checkpoint of {location} is damaged: {reason}\n  hint: fetch it again, or ask whoever runs the registry"
    )]
    Checkpoint { location: String, reason: String },
    #[error(
        "log/checkpoint of {location} is not signed by the key {key}, nor by one that it has handed over to\n  hint: this is another registry than the one that is meant, or someone has put another one in its place; ask whoever runs it"
    )]
    Signature { location: String, key: String },
    #[error(
        "log/checkpoint of {location} is not signed by the key that this machine trusts for that place, {key}, nor by one that it has handed over to\n  hint: another registry stands there now, or somebody without that key has sealed this one; if that is meant to be so, remove {} and its key is trusted anew", remembered.display()
    )]
    OtherKey { location: String, key: String, remembered: PathBuf },
    #[error(
        "{location} shows a state of {size} log entries that is signed by the key {key}, and that key handed the log over to another when it had {handed}\n  hint: a key that was replaced signs again, as one that was stolen would; do not use this copy, and tell whoever runs the registry"
    )]
    ReplacedKey { location: String, key: String, size: u64, handed: u64 },
    #[error(
        "this witness has cosigned another log that is named `{origin}`, that of the key {key}\n  hint: a witness knows a log by its name; give it another key, or another folder by --state, for this log"
    )]
    OtherLog { origin: String, key: String },
    #[error(
        "the new key of {location} cannot be believed: {reason}\n  hint: whoever serves it has put the change of keys together from parts; ask whoever runs the registry"
    )]
    Handover { location: String, reason: String },
    #[error(
        "{location} was restored from an old copy: the key has sealed {sealed} log entries, and the log there has {found}\n  hint: to seal it would fork the log, and its clients would refuse it; copy the registry from a mirror that has them all. If they are lost for good, `rvp registry seal --accept-loss` forgets them (it removes {}), and every client that saw them will report a fork", memory.display()
    )]
    Behind { location: String, sealed: u64, found: String, memory: PathBuf },
    #[error(
        "{location} shows an older state than it showed before: {found} log entries, and {seen} were seen\n  hint: an old copy is being served (rollback), perhaps by a cache on the way: try again later; a mirror that lags behind is mended by copying it again"
    )]
    Rollback { location: String, seen: u64, found: u64 },
    #[error(
        "the registry shows two histories (a fork): its first {size} log entries were {seen}, and are now {found}\n  hint: the log was rewritten, or each of two readers is shown another one; do not use this copy, and tell whoever runs the registry{}", kept(evidence.as_deref())
    )]
    Fork { size: u64, seen: String, found: String, evidence: Option<PathBuf> },
    #[error(
        "the state of {location} was signed at {time}, more than {days} days ago{by}\n  hint: the registry may be frozen by whoever serves it, or this machine's clock be ahead; ask for a fresh seal, or fetch from another mirror"
    )]
    Stale { location: String, time: jiff::Timestamp, days: u32, by: String },
    #[error(
        "the state of {location} claims to be of {time}, and it is {now} here (fast-forward)\n  hint: set this machine's clock; if it is right, whoever sealed the registry lied or has a wrong clock: do not use it, and tell them"
    )]
    Future { location: String, time: jiff::Timestamp, now: jiff::Timestamp },
    #[error(
        "the registry's log does not hold together: {reason}\n  hint: a file under log/tile was altered, or the copy is from two moments; copy the registry again from its source"
    )]
    Log { reason: String },
    #[error("snapshot node {digest} is damaged\n  hint: copy the registry again from its source")]
    SnapshotNode { digest: Blake3 },
    #[error(
        "{path} of {location} is missing, and the signed state of the registry says that it is there\n  hint: somebody hides it, or the copy is incomplete or of two moments: copy it again from its source"
    )]
    Missing { location: String, path: String },
    #[error(
        "{path} of {location} is not what the signed state of the registry says: {reason}\n  hint: the file was altered, or the copy is from another moment; copy it again from its source"
    )]
    Altered { location: String, path: String, reason: String },

    #[error(
        "{path} of {location} does not begin with the records that it had when it was last used here: owners, or what they signed, were taken out of it\n  hint: someone who has the registry's key has rewritten it; use nothing of this copy, and tell whoever runs the registry that `rvp registry verify` should be run on it"
    )]
    Rewritten { location: String, path: String },
    #[error(
        "{location} was never read from this machine, and this run is offline\n  hint: run it once without --offline"
    )]
    NeverSeen { location: String },
    #[error(
        "{path}, in which rvp remembers a registry, is damaged: {reason}\n  hint: remove the file; the registry's key is then trusted anew on the next visit, so compare it with whoever runs the registry"
    )]
    State { path: PathBuf, reason: String },
    #[error("cannot {action} {path}: {source}{}", hint_of(source))]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "{path} already holds a registry\n  hint: choose another folder, or use the registry that is there"
    )]
    Exists { path: PathBuf },
    #[error(
        "{path} is not an empty folder\n  hint: choose a new folder: a registry is published as a whole, and must hold nothing else"
    )]
    NotEmpty { path: PathBuf },
    #[error(
        "no private key for {key} is at {path}\n  hint: only the holder of the log key can seal; publish from the machine that has it, or name the key's file with --key"
    )]
    NoKey { key: String, path: PathBuf },
    #[error("{path} changed while it was read\n  hint: run the command again once nobody writes to it")]
    SourceChanged { path: PathBuf },
    #[error(
        "{location} got another log key, {key}, while this command ran; nothing was changed\n  hint: run the command again, with the new key"
    )]
    KeyChanged { location: String, key: String },
    #[error(
        "{location} was opened without its log key, and nothing can be sealed there\n  hint: propose it, or seal it where the key is"
    )]
    NotSealing { location: String },
    #[error(
        "proposals cannot wait in {location}\n  hint: publish with the log key, or propose to a registry in a folder or a git repository"
    )]
    NoProposals { location: String },
    #[error(
        "the branch `{branch}` of {location} holds something else\n  hint: remove it there, if nobody needs it"
    )]
    BranchTaken { location: String, branch: String },
    #[error(
        "cannot push the proposal to {location}: {reason}\n  hint: push it to a fork of yours with --remote URL; or have somebody push it who may: it is in {0}, from which `git fetch {0} {branch}` takes it", bundle.display()
    )]
    Bundled { location: String, branch: String, reason: String, bundle: PathBuf },
    #[error("cannot push to {location}: {reason}\n  hint: {hint}")]
    Push { location: String, reason: String, hint: Cow<'static, str> },
    #[error(
        "{path} has {size} bytes, and no file of more than {limit} bytes goes into a git repository\n  hint: forges refuse large files; name a bucket for them, with `rvp registry blobs`, and have its keys at hand"
    )]
    LargeForGit { path: PathBuf, size: u64, limit: u64 },
    #[error("cannot write {path} of {location}: {reason}\n  hint: {hint}")]
    Write { location: String, path: String, reason: String, hint: Cow<'static, str> },
    #[error(
        "the change is committed to {location}, but not all of it is in its place yet, and readers still see the state before: {reason}\n  hint: the next command that writes there finishes it; `rvp registry seal` does nothing else"
    )]
    Unfinished { location: String, reason: String },
    #[error(
        "{location} cannot be written to: its store does not compare and swap ({reason}), so that of two who publish at once one would be lost\n  hint: use a store with conditional writes; or, if all who publish can reach one folder, name a file in it that they lock in turn: --lock FILE"
    )]
    NoSwap { location: String, reason: &'static str },
    #[error("a record cannot be written: {reason}")]
    Record { reason: String },
    #[error("{package} {version} cannot be published: {reason}")]
    Refused { package: PackageName, version: String, reason: String },
    #[error(
        "the clock of this machine says {now}, and the registry was last sealed at {sealed}\n  hint: set the clock; if it is right, the machine that sealed it last was ahead: wait until then"
    )]
    Clock { now: jiff::Timestamp, sealed: jiff::Timestamp },
}

fn list_or_nobody(names: &[String]) -> String {
    if names.is_empty() { "nobody".into() } else { names.join(", ") }
}

fn kept(evidence: Option<&Path>) -> String {
    evidence.map_or_else(String::new, |path| {
        format!("; both signed states are kept in {}, as evidence that others can check", path.display())
    })
}

/// What to try when a file could not be written: a line of its own, or nothing.
pub fn hint_of(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "\n  hint: check that you may write there"
        }
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "\n  hint: free some space and run the command again; nothing was changed"
        }
        _ => "",
    }
}

impl RegistryError {
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
