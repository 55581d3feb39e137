use super::*;

#[derive(Default)]
struct Memory(RefCell<BTreeMap<String, Vec<u8>>>);

impl LogFiles for Memory {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        let files = self.0.borrow();
        Ok(paths.iter().map(|path| files.get(path).cloned().unwrap_or_default()).collect())
    }
}

/// RFC 6962 §2.1, straight from its text, as a second opinion on the roots.
fn merkle_tree_hash(entries: &[String]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    match entries {
        [] => Sha256::digest([]).into(),
        [one] => Sha256::new().chain_update([0]).chain_update(one).finalize().into(),
        _ => {
            let k = entries.len().next_power_of_two() / 2;
            Sha256::new()
                .chain_update([1])
                .chain_update(merkle_tree_hash(&entries[..k]))
                .chain_update(merkle_tree_hash(&entries[k..]))
                .finalize()
                .into()
        }
    }
}

fn state(size: u64, root: Hash) -> Checkpoint {
    Checkpoint {
        origin: "t".into(),
        size,
        root,
        snapshot: crate::model::Blake3::of(b""),
        time: jiff::Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn a_log_that_grows_in_steps_has_the_roots_of_rfc_6962() {
    let memory = Memory::default();
    let all: Vec<String> = (0..1300).map(|n| format!("{{\"n\":{n}}}")).collect();
    let mut states = vec![state(0, EMPTY_HASH)];
    for step in [1, 1, 5, 248, 1, 300, 512, 232] {
        let old = states.last().unwrap();
        let from = usize::try_from(old.size).unwrap();
        let added = &all[from..from + step];
        let appended = append(&memory, old.size, old.root, added).unwrap();
        let hashes = added.iter().map(|entry| record_hash(entry.as_bytes()));
        assert_eq!(root_after(&memory, old.size, old.root, hashes).unwrap(), appended.root);
        assert_eq!(appended.root.0, merkle_tree_hash(&all[..from + step]));
        memory.0.borrow_mut().extend(appended.files);
        states.push(state(appended.size, appended.root));
    }
    let last = states.last().unwrap();
    for old in &states {
        check_consistency(&memory, old, last).unwrap();
    }
    let mut seen = Vec::new();
    for from in [1299, 512, 1, 0] {
        seen.clear();
        replay(&memory, last, from as u64, |number, entry| {
            assert_eq!(number, (from + seen.len()) as u64);
            seen.push(String::from_utf8(entry.to_vec()).unwrap());
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, all[from..]);
    }
    let entry = |n: usize| (n as u64, record_hash(all[n].as_bytes()));
    check_inclusion(&memory, last, &[entry(0), entry(777), entry(1299)]).unwrap();
    assert!(check_inclusion(&memory, last, &[(5, record_hash(b"other"))]).is_err());
    let forged = state(300, Hash([7; 32]));
    assert!(matches!(check_consistency(&memory, &forged, last), Err(RegistryError::Fork { .. })));
    assert!(memory.0.borrow().contains_key("log/tile/0/000"));
    assert!(memory.0.borrow().contains_key("log/tile/entries/005.p/20"));
}

/// Files that count what is read of them, and give audit paths.
#[derive(Default)]
struct Host {
    files: Memory,
    tiles: RefCell<Vec<String>>,
    paths: RefCell<usize>,
    steps: RefCell<usize>,
}

impl LogFiles for Host {
    fn read(&self, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
        *self.steps.borrow_mut() += 1;
        self.tiles.borrow_mut().extend_from_slice(paths);
        self.files.read(paths)
    }

    fn read_with(&self, paths: &[String], audit_paths: &[AuditPath]) -> Result<Parts, RegistryError> {
        *self.paths.borrow_mut() += audit_paths.len();
        let files = self.files.0.borrow();
        let one = |path: &AuditPath| {
            let (from, length) = (path.from() as usize, path.length() as usize);
            Some(files.get(&path.path())?[from..from + length].to_vec())
        };
        Ok((self.read(paths)?, audit_paths.iter().map(one).collect()))
    }
}

/// A log with two full tiles of level 1.
fn large() -> (Host, Checkpoint, impl Fn(u64) -> (u64, Hash)) {
    let line = |number: u64| format!("{{\"n\":{number}}}");
    let host = Host::default();
    let entries: Vec<String> = (0..2 * 65_536 + 3 * 256 + 7).map(line).collect();
    let appended = append(&host, 0, EMPTY_HASH, &entries).unwrap();
    host.files.0.borrow_mut().extend(appended.files);
    (host, state(appended.size, appended.root), move |number| (number, record_hash(line(number).as_bytes())))
}

#[test]
fn a_few_entries_are_proven_by_their_audit_paths() {
    let (host, state, entry) = large();
    let wanted = [entry(5), entry(6), entry(70_000), entry(131_071), entry(131_500), entry(state.size - 1)];
    check_inclusion(&host, &state, &wanted).unwrap();
    assert_eq!(
        (*host.steps.borrow(), *host.paths.borrow()),
        (1, 7),
        "all at once; two groups of them are shared"
    );
    let edge = ["log/tile/0/515.p/7", "log/tile/1/002.p/3", "log/tile/2/000.p/2"];
    assert_eq!(*host.tiles.borrow(), edge);
    for (number, _) in wanted {
        assert!(check_inclusion(&host, &state, &[(number, record_hash(b"other"))]).is_err());
    }
}

#[test]
fn many_entries_of_a_tile_are_proven_by_the_tile() {
    let (host, state, entry) = large();
    let wanted: Vec<_> = (0..256).step_by(8).map(&entry).chain([entry(300)]).collect();
    check_inclusion(&host, &state, &wanted).unwrap();
    assert_eq!((*host.steps.borrow(), *host.paths.borrow()), (1, 2), "all at once");
    let tiles: Vec<String> =
        host.tiles.borrow().iter().filter(|path| !path.contains(".p/")).cloned().collect();
    assert_eq!(tiles, ["log/tile/0/000", "log/tile/1/000"]);
}

#[test]
fn nothing_depends_on_audit_paths() {
    let (host, state, entry) = large();
    let tile = host.files.0.borrow()["log/tile/1/001"].clone();
    let file = host.files.0.borrow()["log/paths/1/001"].clone();
    assert_eq!(AuditPath::of(1, 256 + 77).of_tile(&tile).unwrap(), file[19 * 320..20 * 320]);
    for path in ["log/paths/0/000", "log/paths/1/001"] {
        let honest = host.files.0.borrow()[path].clone();
        for damage in [|bytes: &mut Vec<u8>| bytes.iter_mut().for_each(|byte| *byte ^= 1), Vec::clear] {
            damage(host.files.0.borrow_mut().get_mut(path).unwrap());
            if host.files.0.borrow()[path].is_empty() {
                host.files.0.borrow_mut().remove(path);
            }
            check_inclusion(&host, &state, &[entry(5), entry(70_000)]).unwrap();
            assert!(check_inclusion(&host, &state, &[(5, record_hash(b"other"))]).is_err());
            host.files.0.borrow_mut().insert(path.into(), honest.clone());
        }
    }
    let present = |path: &str| host.files.0.borrow().get(path).cloned();
    assert!(check_audit_paths(&host, state.size, present).unwrap().is_empty());
    host.files.0.borrow_mut().get_mut("log/paths/1/001").unwrap()[0] ^= 1;
    assert_eq!(
        check_audit_paths(&host, state.size, present).unwrap(),
        ["log/paths/1/001 does not follow from its tile"]
    );
}
