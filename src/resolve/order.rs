//! The order of installation.

use std::collections::{BTreeMap, BTreeSet};

use super::Dependency;
use crate::model::PackageName;

/// Names such that dependencies come before what depends on them.
///
/// Depth first from each package in order of name; only an edge that closes a cycle can then point to a later package.
/// The stack is explicit, because the depth of the graph is the registry's to choose.
pub(super) fn install_order<'a>(
    edges: &BTreeMap<&'a PackageName, &'a BTreeSet<Dependency>>,
) -> Vec<&'a PackageName> {
    let mut order = Vec::with_capacity(edges.len());
    let mut visited = BTreeSet::new();
    for &start in edges.keys() {
        let mut path = vec![(start, false)];
        while let Some((name, finished)) = path.pop() {
            if finished {
                order.push(name);
            } else if visited.insert(name) {
                path.push((name, true));
                let needed = edges.get(name).into_iter().flat_map(|needed| needed.iter());
                path.extend(
                    needed
                        .rev()
                        .filter_map(|edge| edges.get_key_value(&edge.name))
                        .map(|(&name, _)| (name, false)),
                );
            }
        }
    }
    order
}
