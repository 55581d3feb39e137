//! What a release changes against the one before it, as plain data: for the text of a pull request, and for its check.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::{Artifact, Package, Release, ReleaseEntry, Requirement, Version};

/// What a release changes against the one before it. Without one before it, all that it has is new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// The version that it is compared with. None: it is the first one.
    pub previous: Option<String>,
    pub dependencies: Dependencies,
    /// PEP 440 specifiers; none where any Python will do.
    pub requires_python: Change<Option<String>>,
    /// Host requirements: the host's name, and PEP 440 specifiers for its version.
    pub hosts: Change<BTreeMap<String, String>>,
    pub license: Change<Option<String>>,
    /// The length of all files together, in bytes.
    pub size: Change<u64>,
    /// What the files are for: the tags of wheels (`cp311-cp311-win_amd64`), and `source`.
    pub files: Change<BTreeSet<String>>,
}

/// A value before and after. Before the first release there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    pub before: Option<T>,
    pub after: T,
}

impl<T: PartialEq> Change<T> {
    /// Whether there was another value before.
    pub fn is_other(&self) -> bool {
        self.before.as_ref().is_some_and(|before| *before != self.after)
    }
}

/// Requirements of any file, of extras too, by the packages that they name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dependencies {
    /// On packages that were not required before.
    pub added: Vec<String>,
    /// On packages that are not required any more.
    pub removed: Vec<String>,
    /// On packages that were required in another way.
    pub changed: Vec<Changed>,
}

/// How one package is required: several texts where markers tell cases apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    pub before: Vec<String>,
    pub after: Vec<String>,
}

impl Dependencies {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// The release that `version` follows: the newest one below it.
pub fn release_before<'a>(package: &'a Package, version: &Version) -> Option<&'a ReleaseEntry> {
    package.releases.range(..version).next_back().map(|(_, entry)| entry)
}

/// Compares a release, of which `artifacts` are all files, with the one before it.
pub fn difference(previous: Option<&ReleaseEntry>, release: &Release, artifacts: &[Artifact]) -> Difference {
    let before = previous.map(|entry| (&entry.release, &entry.artifacts[..]));
    fn change<'a, T>(
        before: Option<(&'a Release, &'a [Artifact])>,
        after: (&'a Release, &'a [Artifact]),
        value: impl Fn(&'a Release, &'a [Artifact]) -> T,
    ) -> Change<T> {
        Change {
            before: before.map(|(release, artifacts)| value(release, artifacts)),
            after: value(after.0, after.1),
        }
    }
    let after = (release, artifacts);
    Difference {
        previous: previous.map(|entry| entry.release.version.clone()),
        dependencies: dependencies(
            before.map(|(release, artifacts)| requirements(release, artifacts)).unwrap_or_default(),
            requirements(release, artifacts),
        ),
        requires_python: change(before, after, |release, _| release.requires_python.clone()),
        hosts: change(before, after, |release, _| release.hosts.clone()),
        license: change(before, after, |release, _| release.license.clone()),
        size: change(before, after, |_, artifacts| {
            artifacts.iter().fold(0, |sum, one| u64::saturating_add(sum, one.size))
        }),
        files: change(before, after, |_, artifacts| artifacts.iter().map(tags).collect()),
    }
}

type ByName<'a> = BTreeMap<String, BTreeSet<&'a str>>;

/// The requirements of a release and of its files that have others, by the name that each requires. One that cannot be
/// read stands under its own text.
fn requirements<'a>(release: &'a Release, artifacts: &'a [Artifact]) -> ByName<'a> {
    let of_files = artifacts.iter().flat_map(|artifact| artifact.requires.iter().flatten());
    let mut all = ByName::new();
    for text in release.requires.iter().chain(of_files) {
        let name = Requirement::parse(release.family, text).map_or(text.clone(), |one| one.name.to_string());
        all.entry(name).or_default().insert(text);
    }
    all
}

fn dependencies(before: ByName, after: ByName) -> Dependencies {
    let texts = |texts: &BTreeSet<&str>| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let only_in = |one: &ByName, other: &ByName| {
        one.iter().filter(|(name, _)| !other.contains_key(*name)).flat_map(|(_, all)| texts(all)).collect()
    };
    let changed = after.iter().filter_map(|(name, after)| {
        let before = before.get(name).filter(|before| *before != after)?;
        Some(Changed { before: texts(before), after: texts(after) })
    });
    Dependencies {
        added: only_in(&after, &before),
        removed: only_in(&before, &after),
        changed: changed.collect(),
    }
}

/// The last three parts of a wheel's name, whatever stands before them (PEP 427); of other files, what they are.
fn tags(artifact: &Artifact) -> String {
    let Some(stem) = artifact.file.strip_suffix(".whl") else { return "source".into() };
    let mut parts: Vec<&str> = stem.rsplitn(4, '-').take(3).collect();
    parts.reverse();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Blake3, Family, PackageName, Sha256};

    fn artifact(file: &str, size: u64, requires: Option<&[&str]>) -> Artifact {
        Artifact {
            file: file.into(),
            size,
            blake3: Blake3::of(file.as_bytes()),
            sha256: Sha256::of(file.as_bytes()),
            requires: requires.map(|texts| texts.iter().map(ToString::to_string).collect()),
            requires_python: None,
            provenance: None,
        }
    }

    fn release(version: &str, requires: &[&str], artifacts: Vec<Artifact>) -> Release {
        let name = PackageName::python("acme-walls").unwrap();
        let version = Version::parse(Family::Python, version).unwrap();
        let requires = requires.iter().map(ToString::to_string).collect();
        Release { requires, artifacts, ..Release::new(&name, &version) }
    }

    fn package(releases: Vec<Release>) -> Package {
        let mut package = Package::new(PackageName::python("acme-walls").unwrap());
        for release in releases {
            let record = crate::model::Record::Release(release);
            package.apply("index", 1, record, jiff::Timestamp::UNIX_EPOCH, 0).unwrap();
        }
        package
    }

    #[test]
    fn requirements_are_compared_by_the_packages_that_they_name() {
        let files = |version: &str| {
            vec![
                artifact(&format!("acme_walls-{version}-py3-none-any.whl"), 10, None),
                artifact(&format!("acme_walls-{version}.tar.gz"), 30, None),
            ]
        };
        let old = release("1.0", &["numpy>=1", "Acme_Units", "six; python_version < '3'"], files("1.0"));
        let package = package(vec![old, release("3.0", &[], Vec::new())]);
        let wheel = "acme_walls-2.0-1-cp311-cp311-win_amd64.whl";
        let mut new = release("2.0", &["numpy>=2", "acme-units"], Vec::new());
        new.requires_python = Some(">=3.8".into());
        new.hosts = BTreeMap::from([("revit".to_owned(), ">=2025".to_owned())]);
        let artifacts = [artifact(wheel, 7, Some(&["numpy>=2", "requests"]))];

        let before = release_before(&package, &new.parsed_version().unwrap());
        let found = difference(before, &new, &artifacts);
        let text = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found.previous.as_deref(), Some("1.0"), "not the newer one");
        assert_eq!(found.dependencies.added, ["requests"]);
        assert_eq!(found.dependencies.removed, ["six; python_version < '3'"]);
        assert_eq!(
            found.dependencies.changed,
            [
                Changed { before: text(&["Acme_Units"]), after: text(&["acme-units"]) },
                Changed { before: text(&["numpy>=1"]), after: text(&["numpy>=2"]) }
            ]
        );
        assert_eq!(found.size, Change { before: Some(40), after: 7 });
        assert_eq!(found.files.before.unwrap(), BTreeSet::from(["py3-none-any".into(), "source".into()]));
        assert_eq!(found.files.after, BTreeSet::from(["cp311-cp311-win_amd64".into()]));
        assert!(found.requires_python.is_other() && found.hosts.is_other() && !found.license.is_other());
    }

    #[test]
    fn of_a_first_release_everything_is_new() {
        let new = release("2.0", &["numpy>=2", "not a requirement"], Vec::new());
        assert!(
            release_before(&package(vec![release("2.1", &[], Vec::new())]), &new.parsed_version().unwrap())
                .is_none()
        );
        let found = difference(None, &new, &[]);
        assert_eq!(found.dependencies.added, ["not a requirement", "numpy>=2"]);
        assert_eq!((found.previous, found.size), (None, Change { before: None, after: 0 }));
        assert!(!found.files.is_other());
    }
}
