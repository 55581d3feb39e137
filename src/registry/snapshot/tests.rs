use futures::executor::block_on;
use proptest::prelude::*;

use super::node::SLOTS;
use super::*;

struct Memory(BTreeMap<Blake3, Vec<u8>>);

impl Nodes for Memory {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        Box::pin(async move { self.0.get(&digest).cloned().ok_or(RegistryError::SnapshotNode { digest }) })
    }
}

impl Memory {
    fn add<D>(&mut self, (digest, file): (D, Vec<u8>), name: impl Fn(&D) -> Blake3) -> D {
        self.0.insert(name(&digest), file);
        digest
    }
}

fn entry(length: u64) -> Entry {
    Entry { length, digest: Blake3::of(&length.to_le_bytes()) }
}

fn many(count: u64) -> BTreeMap<String, Entry> {
    (0..count).map(|n| (format!("index/python/p{n}"), entry(n))).collect()
}

fn built(entries: &BTreeMap<String, Entry>) -> (Blake3, Memory) {
    let (root, nodes) = block_on(update(&Memory(BTreeMap::new()), None, entries.clone())).unwrap();
    (root, Memory(nodes))
}

#[test]
fn the_trie_is_a_function_of_its_entries() {
    let mut entries = many(3000);
    // More paths with the same first three digits than a leaf may have, and as many as it may.
    for (digits, count) in [("abc", LEAF_ENTRIES + 1), ("123", LEAF_ENTRIES)] {
        let paths = (0_u64..).map(|n| format!("index/python/crowded-{n}"));
        let crowd = paths.filter(|path| key(path).starts_with(digits)).take(count);
        entries.extend(crowd.map(|path| (path, entry(7))));
    }
    let (root, nodes) = built(&entries);
    for (path, entry) in &entries {
        assert_eq!(block_on(lookup(&nodes, root, path)).unwrap(), Some(*entry));
    }
    for n in 0..1000 {
        assert_eq!(block_on(lookup(&nodes, root, &format!("index/python/absent-{n}"))).unwrap(), None);
    }
    assert_eq!(block_on(all(&nodes, root)).unwrap(), entries);
}

/// Counts what is read, and the steps that wait for the one before.
struct Counted<'a>(&'a Memory, std::sync::Mutex<Vec<u64>>);

impl Nodes for Counted<'_> {
    fn node(&self, digest: Blake3) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        self.0.node(digest)
    }

    fn cell(&self, digest: Blake3, cell: Cell) -> BoxFuture<'_, Result<Vec<u8>, RegistryError>> {
        self.1.lock().unwrap().push(cell.length);
        self.0.cell(digest, cell)
    }
}

#[test]
fn what_a_lookup_reads_hardly_grows_with_the_registry() {
    let bytes = |count: u64| {
        let entries = many(count);
        let (root, nodes) = built(&entries);
        let paths: Vec<&String> = entries.keys().take(500).collect();
        let read = paths.iter().map(|path| {
            let counted = Counted(&nodes, Default::default());
            block_on(lookup(&counted, root, path)).unwrap().unwrap();
            let cells = counted.1.into_inner().unwrap();
            assert_eq!(cells.len(), 2, "one cell of a branch, and one of a leaf");
            cells.iter().sum::<u64>()
        });
        read.sum::<u64>() / 500
    };
    let (small, large) = (bytes(1_000), bytes(40_000));
    assert!(small < 400 && large < small + 100, "{small} and {large} bytes");
}

#[test]
fn no_altered_node_is_believed() {
    let entries = many(8);
    let (root, mut nodes) = built(&entries);
    let files = nodes.0.clone();
    for (digest, file) in files {
        for at in (0..file.len()).step_by(149) {
            nodes.0.get_mut(&digest).unwrap()[at] ^= 1;
            for path in ["index/python/p7", "index/python/absent"] {
                match block_on(lookup(&nodes, root, path)) {
                    Ok(found) => assert_eq!(found.as_ref(), entries.get(path)),
                    Err(error) => assert!(matches!(error, RegistryError::SnapshotNode { .. })),
                }
            }
            assert!(block_on(all(&nodes, root)).is_err());
            nodes.0.get_mut(&digest).unwrap()[at] ^= 1;
        }
    }
}

/// The root of a trie of branches that all have `bottom` under every slot, at the last digit.
fn doubling(memory: &mut Memory, bottom: Child) -> Blake3 {
    let mut child = bottom;
    for _ in ROOT_DIGITS..DIGITS {
        let node = write_branch(&(0..SLOTS).map(|slot| (slot, child)).collect());
        child = memory.add(node, Child::digest);
    }
    memory.add(write_root(&(0..=u8::MAX).map(|label| (label, child.digest())).collect()), |digest| *digest)
}

#[test]
fn a_node_in_many_places_is_refused_before_it_is_read_in_all_of_them() {
    for entries in [BTreeMap::new(), BTreeMap::from([("a".to_owned(), entry(1))])] {
        let mut memory = Memory(BTreeMap::new());
        let bottom = memory.add(write_leaf(DIGITS, &entries), Child::digest);
        let root = doubling(&mut memory, bottom);
        assert!(matches!(block_on(all(&memory, root)), Err(RegistryError::SnapshotNode { .. })));
    }
}

#[test]
fn nodes_below_the_last_digit_are_refused() {
    let mut memory = Memory(BTreeMap::new());
    let bottom = memory.add(write_branch(&BTreeMap::new()), Child::digest);
    let root = doubling(&mut memory, bottom);
    let changes = BTreeMap::from([("a".to_owned(), entry(1))]);
    let refused = |error| matches!(error, RegistryError::SnapshotNode { .. });
    assert!(refused(block_on(update(&memory, Some(root), changes)).unwrap_err()));
    assert!(refused(block_on(lookup(&memory, root, "a")).unwrap_err()));
}

#[test]
fn a_path_that_no_node_can_hold_is_refused() {
    let changes = BTreeMap::from([("a".repeat(256), entry(1))]);
    assert!(block_on(update(&Memory(BTreeMap::new()), None, changes)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn steps_in_any_order_reach_the_same_root(
        mut numbers in proptest::collection::vec(0_u64..3000, 1..600),
        steps in 1_usize..5,
    ) {
        let mut memory = Memory(BTreeMap::new());
        let mut root = None;
        let mut entries = BTreeMap::new();
        for chunk in numbers.chunks_mut(600 / steps) {
            let changes: BTreeMap<_, _> = chunk.iter().map(|n| (format!("p{n}"), entry(*n))).collect();
            entries.extend(changes.clone());
            let (next, written) = block_on(update(&memory, root, changes)).unwrap();
            memory.0.extend(written);
            root = Some(next);
        }
        prop_assert_eq!(root, Some(built(&entries).0));
    }
}
