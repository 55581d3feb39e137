//! The dependency graph of a lock, for `tree` and `why`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rvp::model::PackageName;
use rvp::resolve::{Lock, LockedPackage};

/// The packages of a lock for one target, by name.
pub struct Graph<'a> {
    packages: BTreeMap<&'a PackageName, &'a LockedPackage>,
}

impl<'a> Graph<'a> {
    pub fn new(lock: &'a Lock, target: &str) -> Self {
        let order = lock.install_order(target);
        Self { packages: order.into_iter().map(|(package, _)| (&package.name, package)).collect() }
    }

    pub fn get(&self, name: &PackageName) -> Option<&'a LockedPackage> {
        self.packages.get(name).copied()
    }

    /// What the project itself requires, sorted by name.
    pub fn direct(&self) -> Vec<&'a LockedPackage> {
        self.packages.values().copied().filter(|package| package.direct).collect()
    }

    /// `name version`
    pub fn title(package: &LockedPackage) -> String {
        format!("{} {}", package.name, package.version)
    }

    /// The tree below the direct requirements, a line each. What was shown before is marked and not shown again.
    pub fn tree(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut shown = BTreeSet::new();
        for package in self.direct() {
            self.branch(package, "", "", &mut shown, &mut lines);
        }
        lines
    }

    fn branch(
        &self,
        package: &'a LockedPackage,
        here: &str,
        below: &str,
        shown: &mut BTreeSet<&'a PackageName>,
        lines: &mut Vec<String>,
    ) {
        let first = shown.insert(&package.name);
        let again = if first || package.dependencies.is_empty() { "" } else { " (see above)" };
        lines.push(format!("{here}{}{again}", Self::title(package)));
        if !first {
            return;
        }
        let children: Vec<_> = package.dependencies.iter().filter_map(|edge| self.get(&edge.name)).collect();
        for (at, child) in children.iter().enumerate() {
            let last = at + 1 == children.len();
            let (branch, under) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
            self.branch(child, &format!("{below}{branch}"), &format!("{below}{under}"), shown, lines);
        }
    }

    /// The shortest chain from a direct requirement to `name`; none if nothing needs it.
    pub fn why(&self, name: &PackageName) -> Option<Vec<&'a LockedPackage>> {
        let mut queue: VecDeque<Vec<&'a LockedPackage>> =
            self.direct().into_iter().map(|package| vec![package]).collect();
        let mut seen = BTreeSet::new();
        while let Some(chain) = queue.pop_front() {
            let last = *chain.last()?;
            if last.name == *name {
                return Some(chain);
            }
            for next in last.dependencies.iter().filter_map(|edge| self.get(&edge.name)) {
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
            if let Some(package) = self.get(&name)
                && reached.insert(name)
            {
                open.extend(package.dependencies.iter().map(|edge| edge.name.clone()));
            }
        }
        reached
    }
}
