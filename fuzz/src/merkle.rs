//! The log and the snapshot: what a hostile host can answer with.

use std::cell::RefCell;
use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Unstructured};
use futures::executor::block_on;
use futures::future::BoxFuture;
use rvp::model::Blake3;
use rvp::registry::log::{LogFiles, append, check_consistency, check_inclusion, replay};
use rvp::registry::{Checkpoint, RegistryError, snapshot};
use tlog_tiles::{EMPTY_HASH, Hash, record_hash};

#[derive(Default)]
struct Files(RefCell<BTreeMap<String, Vec<u8>>>);

impl LogFiles for Files {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        let files = self.0.borrow();
        Ok(paths.iter().map(|path| files.get(path).cloned().unwrap_or_default()).collect())
    }
}

fn state(size: u64, root: Hash) -> Checkpoint {
    let time = jiff::Timestamp::UNIX_EPOCH;
    Checkpoint { origin: "acme".into(), size, root, snapshot: Blake3::of(b""), time }
}

#[derive(Arbitrary, Debug)]
struct Lies {
    /// Entries of the log at its first and at its second state.
    first: u16,
    more: u16,
    /// The number of a file, a place in it, and what its byte there is changed by.
    changes: Vec<(u16, u32, u8)>,
    /// Files that are cut or extended to a length.
    lengths: Vec<(u16, u16)>,
    /// An entry that the client looks for.
    wanted: u16,
}

/// Whatever is changed in the files of a log, nothing that is not in the log is believed, and an honest host is.
pub fn log_proofs(data: &[u8]) {
    let Ok(lies) = Lies::arbitrary(&mut Unstructured::new(data)) else { return };
    let (first, second) = (u64::from(lies.first % 300), u64::from(lies.more % 300));
    let all: Vec<String> = (0..first + second).map(|number| format!("{{\"n\":{number}}}")).collect();
    let files = Files::default();
    let grow = |size: u64, root: Hash, to: u64| {
        let entries = &all[size as usize..to as usize];
        let appended = append(&files, size, root, entries).expect("an honest log grows");
        files.0.borrow_mut().extend(appended.files);
        state(appended.size, appended.root)
    };
    let old = grow(0, EMPTY_HASH, first);
    let new = grow(first, old.root, first + second);

    let mut honest = true;
    {
        let mut files = files.0.borrow_mut();
        let mut files: Vec<&mut Vec<u8>> = files.values_mut().collect();
        let count = files.len();
        for (file, at, by) in lies.changes.iter().filter(|_| count > 0) {
            let bytes = &mut files[usize::from(*file) % count];
            if !bytes.is_empty() {
                let at = *at as usize % bytes.len();
                bytes[at] ^= by;
                honest &= *by == 0;
            }
        }
        for (file, length) in lies.lengths.iter().filter(|_| count > 0) {
            let bytes = &mut files[usize::from(*file) % count];
            honest &= bytes.len() == usize::from(*length);
            bytes.resize(usize::from(*length), 0);
        }
    }

    let mut read = Vec::new();
    let replayed = replay(&files, &new, 0, |number, entry| {
        assert_eq!(entry, all[number as usize].as_bytes(), "only entries of the log are replayed");
        read.push(number);
        Ok(())
    });
    let consistent = check_consistency(&files, &old, &new);
    let wanted = u64::from(lies.wanted);
    let included = all.get(lies.wanted as usize).map(|entry| {
        let entry = record_hash(entry.as_bytes());
        let other = record_hash(b"other");
        assert!(check_inclusion(&files, &new, &[(wanted, other)]).is_err(), "another entry is not included");
        check_inclusion(&files, &new, &[(wanted, entry)])
    });
    if honest {
        replayed.expect("an honest log is replayed");
        consistent.expect("an honest log is consistent");
        included.transpose().expect("an entry of an honest log is included");
        assert_eq!(read.len() as u64, new.size);
    } else if replayed.is_ok() {
        assert_eq!(read.len() as u64, new.size, "nothing is left out");
    }
    if old.size > 0 {
        let forged = state(old.size, Hash([7; 32]));
        assert!(check_consistency(&files, &forged, &new).is_err(), "a fork is seen");
    }
    let _ = append(&files, new.size, new.root, &["{}".to_owned()]);
}

/// Files of the log that are anything at all, under a root that is anything at all.
pub fn log_tiles(data: &[u8]) {
    struct Same<'a>(&'a [u8]);
    impl LogFiles for Same<'_> {
        fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
            // Most of a tile's length is decided by its path: without that, nothing behind the check of it is reached.
            let width = |path: &String| match path.split_once(".p/") {
                Some((_, width)) => width.parse().unwrap_or(0),
                None => 256,
            };
            let cut = |path: &String| {
                if path.contains("entries") {
                    return self.0.to_owned();
                }
                self.0.iter().copied().chain(std::iter::repeat(0)).take(32 * width(path)).collect()
            };
            Ok(paths.iter().map(cut).collect())
        }
    }
    let Some((head, rest)) = data.split_first_chunk::<64>() else { return };
    // Of no larger log is a checkpoint believed.
    let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes")) >> 2;
    let root = |at: usize| Hash(head[at..at + 32].try_into().expect("32 bytes"));
    let (old, new) = (state(number(0), root(16)), state(number(8), root(32)));
    let files = Same(rest);
    let _ = check_consistency(&files, &old, &new);
    let _ = check_inclusion(&files, &new, &[(number(0), old.root)]);
    let _ = replay(&files, &new, 0, |_, _| Ok(()));
    let _ = append(&files, new.size, new.root, &["{}".to_owned()]);
}

struct Memory(BTreeMap<Blake3, Vec<u8>>);

impl snapshot::Nodes for Memory {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        let found = self.0.get(&digest).cloned().ok_or(RegistryError::SnapshotNode { digest });
        Box::pin(std::future::ready(found))
    }
}

/// Nodes with `@0`, `@1`, … in place of the digests of the nodes above them: what a host can make that holds the key.
/// Nodes are parted by empty lines, and the last one is the root.
pub fn snapshot_nodes(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut memory = Memory(BTreeMap::new());
    let mut digests: Vec<Blake3> = Vec::new();
    for node in text.split("\n\n") {
        let mut bytes = String::new();
        for line in node.split_inclusive('\n') {
            match line.split_once('@').and_then(|(before, rest)| {
                Some((before, digests.get(rest.trim_end().parse::<usize>().ok()?)?))
            }) {
                Some((before, digest)) => bytes.push_str(&format!("{before}{digest}\n")),
                None => bytes.push_str(line),
            }
        }
        // The last newline parts the nodes.
        if !bytes.ends_with('\n') {
            bytes.push('\n');
        }
        let digest = Blake3::of(bytes.as_bytes());
        memory.0.insert(digest, bytes.into_bytes());
        digests.push(digest);
    }
    let Some(root) = digests.last().copied() else { return };
    for path in ["config.json", "index/files", "index/python/ac/me/acme-walls"] {
        let _ = block_on(snapshot::lookup(&memory, root, path));
    }
    let Ok(entries) = block_on(snapshot::all(&memory, root)) else { return };
    for (path, entry) in &entries {
        let found = block_on(snapshot::lookup(&memory, root, path)).expect("the nodes are readable");
        assert_eq!(found, Some(*entry), "what is listed is found");
    }
    let new = snapshot::Entry { length: 1, digest: Blake3::of(b"new") };
    let changes = BTreeMap::from([("config.json".to_owned(), new)]);
    if let Ok((changed, written)) = block_on(snapshot::update(&memory, Some(root), changes)) {
        memory.0.extend(written);
        let found = block_on(snapshot::lookup(&memory, changed, "config.json")).expect("it was just written");
        assert_eq!(found, Some(new));
    }
}
