//! A registry in memory, read from index lines as a reader of a registry reads them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::model::{Blake3, Family, Package, PackageName, Record, Requirement, Sha256, Target, Version};
use crate::resolve::{
    Asker, Found, NoRules, Packages, PackagesError, Preferences, Request, Resolution, ResolveError,
    ResolveOptions, resolve, resolve_all,
};

/// When releases are sealed, unless a test says otherwise.
const SEALED: &str = "2026-01-01T00:00:00Z";

#[derive(Clone, Default)]
pub(super) struct Universe {
    packages: BTreeMap<PackageName, Arc<Found>>,
}

impl Packages for Universe {
    fn package(&self, name: &PackageName) -> Result<Option<Arc<Found>>, PackagesError> {
        Ok(self.packages.get(name).cloned())
    }

    fn searched(&self, _: &PackageName) -> Vec<String> {
        vec!["acme".into()]
    }

    fn similar(&self, name: &PackageName) -> Vec<PackageName> {
        self.packages
            .keys()
            .filter(|known| known.as_str().starts_with(&name.as_str()[..1]))
            .cloned()
            .collect()
    }
}

/// A release that is being described.
pub(super) struct ReleaseLine<'a> {
    universe: &'a mut Universe,
    value: Value,
    sealed: &'static str,
}

impl Universe {
    /// A pure Python release that requires these.
    pub(super) fn release(&mut self, name: &str, version: &str, requires: &[&str]) -> &mut Self {
        self.describe(name, version).requires(requires).add()
    }

    pub(super) fn describe(&mut self, name: &str, version: &str) -> ReleaseLine<'_> {
        let (family, name, extension) = match name.contains('/') {
            true => (Family::Vitte, name, "vitpkg"),
            false => (Family::Python, name, "whl"),
        };
        let file = match family {
            Family::Vitte => format!("{}-{version}.{extension}", name.replace('/', "-")),
            _ => format!("{}-{version}-py3-none-any.{extension}", name.replace('-', "_")),
        };
        let value = json!({
            "kind": "release", "family": family, "name": name, "version": version,
            "artifacts": [artifact(&file)],
        });
        ReleaseLine { universe: self, value, sealed: SEALED }
    }

    pub(super) fn yank(&mut self, name: &str, version: &str, reason: &str) -> &mut Self {
        let line = json!({
            "kind": "yank", "family": "python", "name": name, "version": version, "yanked": true, "reason": reason,
        });
        self.apply(&line, SEALED)
    }

    fn apply(&mut self, line: &Value, sealed: &str) -> &mut Self {
        let record = Record::parse(&line.to_string()).unwrap();
        let name = record.package().unwrap().unwrap();
        let found = self.packages.entry(name.clone()).or_insert_with(|| {
            let package = Package::new(name.clone());
            Arc::new(Found { registry: "acme".into(), package: Arc::new(package) })
        });
        let package = &mut Arc::make_mut(found).package;
        Arc::make_mut(package).apply("index", 1, record, sealed.parse().unwrap(), 0).unwrap();
        self
    }

    pub(super) fn solve(&self, requirements: &[&str]) -> Result<Resolution, ResolveError> {
        Project::new(requirements).solve(self)
    }

    /// `name version` of each package, in install order.
    pub(super) fn versions(&self, requirements: &[&str]) -> Vec<String> {
        versions_of(&self.solve(requirements).unwrap())
    }

    pub(super) fn conflict(&self, requirements: &[&str]) -> String {
        self.solve(requirements).unwrap_err().to_string()
    }
}

impl<'a> ReleaseLine<'a> {
    pub(super) fn requires(mut self, requires: &[&str]) -> Self {
        self.value["requires"] = json!(requires);
        self
    }

    pub(super) fn set(mut self, key: &str, value: Value) -> Self {
        self.value[key] = value;
        self
    }

    pub(super) fn hosts(self, hosts: Value) -> Self {
        self.set("hosts", hosts)
    }

    pub(super) fn files(self, files: &[&str]) -> Self {
        let artifacts: Vec<Value> = files.iter().map(|file| artifact(file)).collect();
        self.set("artifacts", json!(artifacts))
    }

    pub(super) fn sealed(mut self, sealed: &'static str) -> Self {
        self.sealed = sealed;
        self
    }

    pub(super) fn add(self) -> &'a mut Universe {
        self.universe.apply(&self.value, self.sealed)
    }
}

/// An artifact's record; its digests are those of its name.
pub(super) fn artifact(file: &str) -> Value {
    let bytes = file.as_bytes();
    json!({ "file": file, "size": bytes.len(), "blake3": Blake3::of(bytes), "sha256": Sha256::of(bytes) })
}

/// The project's side of a test.
pub(super) struct Project {
    pub requirements: Vec<Requirement>,
    pub requires_python: Option<&'static str>,
    pub hosts: BTreeMap<String, String>,
    pub options: ResolveOptions,
    pub preferences: Preferences,
    pub target: Target,
}

impl Project {
    pub(super) fn new(requirements: &[&str]) -> Self {
        let parse = |text: &&str| {
            let family = if text.contains('/') { Family::Vitte } else { Family::Python };
            Requirement::parse(family, text).unwrap()
        };
        Self {
            requirements: requirements.iter().map(parse).collect(),
            requires_python: None,
            hosts: BTreeMap::new(),
            options: ResolveOptions::default(),
            preferences: Preferences::default(),
            target: plain("3.11", "win_amd64"),
        }
    }

    pub(super) fn on(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    pub(super) fn request<'a>(&'a self, universe: &'a Universe) -> Request<'a> {
        Request {
            asker: Asker::Project,
            requirements: &self.requirements,
            requires_python: self.requires_python,
            hosts: &self.hosts,
            options: &self.options,
            preferences: &self.preferences,
            packages: universe,
            rulebook: &NoRules,
        }
    }

    pub(super) fn solve(&self, universe: &Universe) -> Result<Resolution, ResolveError> {
        resolve(&self.request(universe), &self.target)
    }

    pub(super) fn solve_all(
        &self,
        universe: &Universe,
        targets: &[Target],
    ) -> Result<Vec<Resolution>, ResolveError> {
        resolve_all(&self.request(universe), targets)
    }

    pub(super) fn versions(&self, universe: &Universe) -> Vec<String> {
        versions_of(&self.solve(universe).unwrap())
    }

    pub(super) fn conflict(&self, universe: &Universe) -> String {
        self.solve(universe).unwrap_err().to_string()
    }
}

pub(super) fn versions_of(resolution: &Resolution) -> Vec<String> {
    resolution.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

/// A target without a host.
pub(super) fn plain(python: &str, platform: &str) -> Target {
    let name = format!("py{python}-{platform}");
    Target::new(name, None, BTreeMap::new(), python, platform.parse().unwrap()).unwrap()
}

/// A Revit release, with the .NET of `dotnet` and Python 3.11.
pub(super) fn revit(version: &str, dotnet: &str) -> Target {
    let host = PackageName::new(Family::Host, "revit").unwrap();
    let provides = BTreeMap::from([("dotnet".to_owned(), dotnet.to_owned())]);
    let parsed = Version::parse(Family::Host, version).unwrap();
    let name = format!("revit-{version}");
    Target::new(name, Some((host, parsed)), provides, "3.11", "win_amd64".parse().unwrap()).unwrap()
}
