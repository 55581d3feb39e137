//! From the derivation of a conflict to sentences about packages, hosts and the project.
//!
//! PubGrub proves that there is no solution by a tree of derived incompatibilities. Its leaves are the facts that the
//! proof rests on: who needs what, and where there is no version. Told in order from the project inwards they
//! explain the conflict; the derived steps between them only repeat ranges.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pubgrub::{DerivationTree as Tree, External};
use version_ranges::Ranges;

use super::facts::{Teller, describe_mends, describe_missing};
use super::provider::{DerivationTree, Node, Unsolved};
use super::rules::Rules;
use super::{Conflict, Request, hosts, suggest};
use crate::model::{Target, Version};

/// At which versions one node needs another, and which versions of that.
pub(super) type Need = (Ranges<Version>, Ranges<Version>);

/// The facts of a proof, merged: one entry for each pair of nodes, and for each node without a version.
#[derive(Default)]
pub(super) struct Leaves {
    /// Who needs what.
    pub needs: BTreeMap<(Node, Node), Vec<Need>>,
    /// Where there is no candidate.
    pub nothing: BTreeMap<Node, Ranges<Version>>,
}

/// A long proof is cut: nobody reads more, and the suggestions matter more then.
const MAX_FACTS: usize = 16;

/// Of each package there may be many forbidden releases, and what mends one mends most.
const MAX_MENDS: usize = 3;

/// Explains why there is no solution, and tries what would work.
pub(super) fn explain(request: &Request, target: &Target, rules: &Rules, unsolved: &Unsolved) -> Conflict {
    let leaves = Leaves::of(&unsolved.tree);
    let teller = Teller { provider: &unsolved.provider, leaves: &leaves };
    let distance = leaves.distances();
    // What stands at the end of a chain follows the chain: first who needs what, then what there is not.
    let mut facts: Vec<(bool, usize, String)> = Vec::new();
    let place = |node: &Node| distance.get(node).copied().unwrap_or(usize::MAX);
    for (from, to) in leaves.needs.keys() {
        facts.extend(teller.needs(from, to).into_iter().map(|fact| (false, place(from), fact)));
    }
    for node in leaves.nothing.keys() {
        facts.extend(teller.nothing(node).into_iter().map(|fact| (true, place(node), fact)));
    }
    facts.sort();
    let mut told = BTreeSet::new();
    let mut facts: Vec<String> =
        facts.into_iter().map(|(.., fact)| fact).filter(|fact| told.insert(fact.clone())).collect();
    if facts.len() > MAX_FACTS {
        let more = facts.len() - MAX_FACTS;
        facts.truncate(MAX_FACTS);
        facts.push(format!("… and {more} more of this kind"));
    }
    let missing = leaves.nothing.keys().filter_map(|node| describe_missing(&unsolved.provider, node));
    let mut suggestions: Vec<String> =
        missing.chain(suggest::suggest(request, target, rules, &leaves)).collect();
    suggestions.dedup();
    if suggestions.is_empty() {
        suggestions = describe_mends(&unsolved.provider, &leaves);
        suggestions.truncate(MAX_MENDS);
    }
    Conflict { target: hosts::describe(target), facts, suggestions }
}

impl Leaves {
    /// Collects without recursion, and each shared branch once: proofs can be deep, and share much.
    fn of(tree: &DerivationTree) -> Self {
        let mut leaves = Self::default();
        let mut seen: BTreeSet<*const DerivationTree> = BTreeSet::new();
        let mut open: Vec<&DerivationTree> = vec![tree];
        while let Some(tree) = open.pop() {
            match tree {
                Tree::Derived(derived) => {
                    for cause in [&derived.cause1, &derived.cause2] {
                        if seen.insert(Arc::as_ptr(cause)) {
                            open.push(cause);
                        }
                    }
                }
                Tree::External(External::FromDependencyOf(from, versions, to, needed)) => {
                    let all = leaves.needs.entry((from.clone(), to.clone())).or_default();
                    match all.iter_mut().find(|(_, known)| known == needed) {
                        Some((known, _)) => *known = known.union(versions),
                        None => all.push((versions.clone(), needed.clone())),
                    }
                }
                Tree::External(External::NoVersions(node, versions)) => {
                    let known = leaves.nothing.entry(node.clone()).or_insert_with(Ranges::empty);
                    *known = known.union(versions);
                }
                Tree::External(External::NotRoot(..) | External::Custom(..)) => {}
            }
        }
        leaves
    }

    /// How many steps each node is from the project.
    fn distances(&self) -> BTreeMap<&Node, usize> {
        let mut distances = BTreeMap::from([(&Node::Root, 0)]);
        let mut open = VecDeque::from([(&Node::Root, 0)]);
        while let Some((node, distance)) = open.pop_front() {
            for (from, to) in self.needs.keys() {
                if from == node && !distances.contains_key(to) {
                    distances.insert(to, distance + 1);
                    open.push_back((to, distance + 1));
                }
            }
        }
        distances
    }
}
