//! The dependency graph of a lock or of an environment, for `tree` and `why`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rvp::install::Plan;
use rvp::model::PackageName;
use rvp::resolve::Lock;
use serde::Serialize;

/// A package and what it needs.
#[derive(Serialize)]
pub struct Node {
    pub name: PackageName,
    pub version: String,
    /// Somebody asked for it, and not another package only.
    pub direct: bool,
    pub dependencies: Vec<PackageName>,
}

impl Node {
    /// `name version`
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

/// Packages by name. What they need may stand outside of it.
pub struct Graph {
    packages: BTreeMap<PackageName, Node>,
}

impl Graph {
    /// What a lock has for one target.
    pub fn of_lock(lock: &Lock, target: &str) -> Self {
        let order = lock.install_order(target);
        let nodes = order.into_iter().map(|(package, _)| Node {
            name: package.name.clone(),
            version: package.version.to_string(),
            direct: package.direct,
            dependencies: package.dependencies.iter().map(|edge| edge.name.clone()).collect(),
        });
        Self { packages: nodes.map(|node| (node.name.clone(), node)).collect() }
    }

    /// What an environment holds.
    pub fn of_plan(plan: &Plan) -> Self {
        let nodes = plan.packages.iter().map(|package| Node {
            name: package.name.clone(),
            version: package.version.clone(),
            direct: package.requested,
            dependencies: package.dependencies.clone(),
        });
        Self { packages: nodes.map(|node| (node.name.clone(), node)).collect() }
    }

    /// All packages, sorted by name.
    pub fn packages(&self) -> impl Iterator<Item = &Node> {
        self.packages.values()
    }

    fn needs<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = &'a Node> {
        node.dependencies.iter().filter_map(|name| self.packages.get(name))
    }

    fn direct(&self) -> impl Iterator<Item = &Node> {
        self.packages().filter(|node| node.direct)
    }

    /// The tree below what was asked for, a line each. What was shown before is marked and not shown again.
    pub fn tree(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut shown = BTreeSet::new();
        for node in self.direct() {
            self.branch(node, "", "", &mut shown, &mut lines);
        }
        lines
    }

    fn branch<'a>(
        &'a self,
        node: &'a Node,
        here: &str,
        below: &str,
        shown: &mut BTreeSet<&'a PackageName>,
        lines: &mut Vec<String>,
    ) {
        let first = shown.insert(&node.name);
        let again = if first || node.dependencies.is_empty() { "" } else { " (see above)" };
        lines.push(format!("{here}{}{again}", node.title()));
        if !first {
            return;
        }
        let children: Vec<_> = self.needs(node).collect();
        for (at, child) in children.iter().enumerate() {
            let last = at + 1 == children.len();
            let (branch, under) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
            self.branch(child, &format!("{below}{branch}"), &format!("{below}{under}"), shown, lines);
        }
    }

    /// The shortest chain from something that was asked for to `name`; none if nothing needs it.
    pub fn why(&self, name: &PackageName) -> Option<Vec<&Node>> {
        let mut queue: VecDeque<Vec<&Node>> = self.direct().map(|node| vec![node]).collect();
        let mut seen = BTreeSet::new();
        while let Some(chain) = queue.pop_front() {
            let last = *chain.last()?;
            if last.name == *name {
                return Some(chain);
            }
            for next in self.needs(last) {
                if seen.insert(&next.name) {
                    queue.push_back(chain.iter().copied().chain([next]).collect());
                }
            }
        }
        None
    }

    /// All that `roots` need, themselves included.
    pub fn reachable(&self, roots: impl IntoIterator<Item = PackageName>) -> BTreeSet<PackageName> {
        let mut open: Vec<PackageName> = roots.into_iter().collect();
        let mut reached = BTreeSet::new();
        while let Some(name) = open.pop() {
            if let Some(node) = self.packages.get(&name)
                && reached.insert(name)
            {
                open.extend(node.dependencies.iter().cloned());
            }
        }
        reached
    }
}
