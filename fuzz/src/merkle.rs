//! The log and the snapshot: what a hostile host can answer with.

use std::cell::RefCell;
use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Unstructured};
use futures::executor::block_on;
use futures::future::BoxFuture;
use rvp::model::Blake3;
use rvp::registry::log::{AuditPath, LogFiles, Parts, append, check_consistency, check_inclusion, replay};
use rvp::registry::{Checkpoint, RegistryError, snapshot};
use tlog_tiles::{EMPTY_HASH, Hash, record_hash};

#[derive(Default)]
struct Files(RefCell<BTreeMap<String, Vec<u8>>>);

impl LogFiles for Files {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        let files = self.0.borrow();
        Ok(paths.iter().map(|path| files.get(path).cloned().unwrap_or_default()).collect())
    }

    fn read_with(&self, paths: &[String], audit_paths: &[AuditPath]) -> Result<Parts, RegistryError> {
        let files = self.0.borrow();
        let one = |path: &AuditPath| {
            let file = files.get(&path.path())?.iter().skip(path.from() as usize);
            Some(file.take(path.length() as usize).copied().collect())
        };
        Ok((self.read(paths)?, audit_paths.iter().map(one).collect()))
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

        fn read_with(&self, paths: &[String], audit_paths: &[AuditPath]) -> Result<Parts, RegistryError> {
            let some = |path: &AuditPath| {
                let bytes = self.0.iter().copied().chain(std::iter::repeat(0));
                bytes.skip(path.from() as usize % 64).take(path.length() as usize).collect()
            };
            Ok((self.read(paths)?, audit_paths.iter().map(|path| Some(some(path))).collect()))
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

#[derive(Arbitrary, Debug)]
struct Trie {
    /// How many files an honest snapshot lists.
    listed: u16,
    /// The number of a node of it, a place in its file, and what the byte there is changed by.
    changes: Vec<(u16, u32, u8)>,
    /// Nodes that are cut or extended to a length.
    lengths: Vec<(u16, u16)>,
    /// What somebody makes who holds the key. Each node can have those above it for children.
    forged: Vec<[Slot; 4]>,
    /// Under which first digits the last of these stands.
    labels: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
enum Slot {
    Bytes(Vec<u8>),
    Child {
        kind: u8,
        node: u8,
        with_sizes: bool,
    },
    /// Entries of files with these numbers.
    Entries(Vec<u8>),
}

fn listed(number: u64) -> (String, snapshot::Entry) {
    let digest = Blake3::of(&number.to_le_bytes());
    (format!("index/python/p{number}"), snapshot::Entry { length: number, digest })
}

/// Whatever is changed in the nodes of a snapshot, nothing is found that is not listed; and nodes in which anything at all is
/// signed are refused, or say the same to everybody.
pub fn snapshot_nodes(data: &[u8]) {
    let Ok(trie) = Trie::arbitrary(&mut Unstructured::new(data)) else { return };
    altered_snapshot(&trie);
    forged_snapshot(&trie);
}

fn altered_snapshot(trie: &Trie) {
    let entries: BTreeMap<String, snapshot::Entry> = (0..u64::from(trie.listed % 200)).map(listed).collect();
    let empty = Memory(BTreeMap::new());
    let (root, nodes) = block_on(snapshot::update(&empty, None, entries.clone())).expect("it is honest");
    let mut memory = Memory(nodes);
    let mut files: Vec<&mut Vec<u8>> = memory.0.values_mut().collect();
    let count = files.len();
    for (file, at, by) in &trie.changes {
        let file = &mut files[usize::from(*file) % count];
        if !file.is_empty() {
            let at = *at as usize % file.len();
            file[at] ^= by;
        }
    }
    for (file, length) in &trie.lengths {
        files[usize::from(*file) % count].resize(usize::from(*length), 0);
    }
    for path in entries.keys().map(String::as_str).chain(["index/python/absent"]) {
        if let Ok(found) = block_on(snapshot::lookup(&memory, root, path)) {
            assert_eq!(found.as_ref(), entries.get(path), "only what is listed is found");
        }
    }
    if let Ok(all) = block_on(snapshot::all(&memory, root)) {
        assert_eq!(all, entries);
    }
}

fn forged_snapshot(trie: &Trie) {
    let mut memory = Memory(BTreeMap::new());
    let mut made: Vec<(Blake3, [usize; 16])> = Vec::new();
    for (depth, slots) in (3..).zip(&trie.forged) {
        let mut contents: [Vec<u8>; 16] = Default::default();
        for (number, slot) in slots.iter().enumerate() {
            match slot {
                Slot::Bytes(bytes) => contents[number * 5 % 16].extend(bytes),
                Slot::Child { kind, node, with_sizes } => {
                    let Some((digest, sizes)) = made.get(usize::from(*node) % made.len().max(1)) else {
                        continue;
                    };
                    let sizes = sizes.map(|size| if *with_sizes { size as u16 } else { 0 });
                    let child = &mut contents[number * 5 % 16];
                    child.push(*kind);
                    child.extend(digest.0);
                    child.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
                }
                Slot::Entries(numbers) => {
                    for number in numbers {
                        let (path, entry) = listed(u64::from(*number));
                        let key = Blake3::of(path.as_bytes()).to_string();
                        let digit =
                            key[depth % 64..=depth % 64].chars().next().and_then(|digit| digit.to_digit(16));
                        let slot = &mut contents[digit.expect("it is hexadecimal") as usize];
                        slot.extend(entry.length.to_be_bytes());
                        slot.extend(entry.digest.0);
                        slot.push(path.len() as u8);
                        slot.extend(path.as_bytes());
                    }
                }
            }
        }
        let is_branch = slots.iter().any(|slot| matches!(slot, Slot::Child { .. }));
        if is_branch {
            contents
                .iter_mut()
                .filter(|content| content.is_empty())
                .for_each(|content| content.resize(65, 0));
        }
        let (digest, file) = node(&contents);
        made.push((digest, contents.map(|content| content.len())));
        memory.0.insert(digest, file);
    }
    let Some((last, _)) = made.last() else { return };
    let mut table = vec![0; 8192];
    for label in &trie.labels {
        table[usize::from(*label) * 32..][..32].copy_from_slice(&last.0);
    }
    let root = Blake3::of(&table);
    memory.0.insert(root, table);
    for path in ["config.json", "index/files", "index/python/p0", "index/python/p1"] {
        let _ = block_on(snapshot::lookup(&memory, root, path));
    }
    let new = snapshot::Entry { length: 1, digest: Blake3::of(b"new") };
    let changes = BTreeMap::from([("config.json".to_owned(), new)]);
    let updated = block_on(snapshot::update(&memory, Some(root), changes));
    if let Ok(entries) = block_on(snapshot::all(&memory, root)) {
        for (path, entry) in &entries {
            let found = block_on(snapshot::lookup(&memory, root, path)).expect("the nodes are readable");
            assert_eq!(found, Some(*entry), "what is listed is found");
        }
    }
    if let Ok((changed, written)) = updated {
        memory.0.extend(written);
        let found = block_on(snapshot::lookup(&memory, changed, "config.json")).expect("it was just written");
        assert_eq!(found, Some(new));
    }
}

/// The digest and the file of a node with these slots, as the format has it.
fn node(slots: &[Vec<u8>; 16]) -> (Blake3, Vec<u8>) {
    let mut levels: Vec<Vec<Blake3>> =
        vec![slots.iter().map(|slot| Blake3::of(&[&[0][..], slot].concat())).collect()];
    while levels[levels.len() - 1].len() > 1 {
        let pairs = levels[levels.len() - 1].chunks(2);
        let level = pairs.map(|pair| Blake3::of(&[&[1][..], &pair[0].0, &pair[1].0].concat())).collect();
        levels.push(level);
    }
    let mut file = Vec::new();
    for (number, slot) in slots.iter().enumerate() {
        (0..4).for_each(|height| file.extend(levels[height][(number >> height) ^ 1].0));
        file.extend(slot);
    }
    (levels[4][0], file)
}
