//! Import by `pip download`, for machines where only pip knows the way to an index.
//!
//! pip weighs environment markers for the machine that it runs on, whatever platform it downloads for. So it is asked for
//! one level of the graph at a time, without dependencies, and the markers are weighed here for the target.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use indicatif::ProgressBar;
use uv_normalize::ExtraName;

use super::pip::Pip;
use super::{Hosts, Incoming, PublishError, ReadArtifacts, Refused, Wanted, read_folder};
use crate::model::{PackageName, Requirement, Target};

/// What is asked of one package.
#[derive(Debug, Default)]
struct Demand {
    asked: Vec<Asked>,
    extras: BTreeSet<ExtraName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    requirement: Requirement,
    /// The package that asks; none for what is wanted itself.
    by: Option<PackageName>,
}

/// Downloads with pip what `wanted` names, and what that needs, into the folder `staging`, and reads it.
///
/// Each package is taken in its newest version that satisfies everything asked of it. Where a later package asks for an
/// older version, or a version needs what pip does not have, an older one takes its place.
/// There is no search beyond that: a set that needs one fails with what pip says.
pub(super) fn import_by_pip(
    pip: &Pip,
    wanted: &Wanted,
    staging: &Path,
    progress: &ProgressBar,
) -> Result<ReadArtifacts, PublishError> {
    let mut all = ReadArtifacts::default();
    let mut seen = BTreeSet::new();
    for target in wanted.targets {
        let mut search = Search::new(pip, wanted.requirements, target, staging);
        search.run(progress)?;
        all.refused.extend(search.refused);
        all.incoming.extend(search.chosen.into_values().filter(|incoming| seen.insert(incoming.blob.sha256)));
    }
    Ok(all)
}

/// What was found for one target so far.
struct Search<'a> {
    pip: &'a Pip,
    wanted: &'a [Requirement],
    target: &'a Target,
    staging: &'a Path,
    chosen: BTreeMap<PackageName, Incoming>,
    /// `name!=version` for each version that needs what pip does not have.
    useless: Vec<Requirement>,
    refused: Vec<Refused>,
}

impl<'a> Search<'a> {
    fn new(pip: &'a Pip, wanted: &'a [Requirement], target: &'a Target, staging: &'a Path) -> Self {
        let (chosen, useless, refused) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { pip, wanted, target, staging, chosen, useless, refused }
    }

    fn run(&mut self, progress: &ProgressBar) -> Result<(), PublishError> {
        let mut tried = BTreeSet::new();
        let mut first_failure = None;
        loop {
            let mut lacking = demands(self.wanted, &self.chosen, self.target);
            self.chosen.retain(|name, _| lacking.contains_key(name));
            lacking.retain(|name, demand| {
                !self.chosen.get(name).is_some_and(|incoming| demand.is_met_by(incoming))
            });
            let texts: Vec<String> =
                lacking.iter().flat_map(|(name, demand)| self.texts(name, demand)).collect();
            if texts.is_empty() {
                return Ok(());
            }
            if !tried.insert(texts.clone()) {
                let error =
                    PublishError::PipUnmet { wanted: texts.join(", "), target: self.target.to_string() };
                self.refused.push(Refused { files: Vec::new(), error });
                return Ok(());
            }
            progress.set_message(format!("pip downloads {} packages for {}", lacking.len(), self.target));
            let folder = self.folder()?.keep();
            match self.pip.download(&texts, self.target, &folder) {
                Ok(()) => self.choose(&folder)?,
                Err(error @ PublishError::PipHasNone { .. }) => {
                    // What pip says last is of versions that nobody asked for by name.
                    let error = first_failure.take().unwrap_or(error);
                    if !self.give_up_who_asks_in_vain(&lacking)? {
                        return Err(error);
                    }
                    first_failure = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn choose(&mut self, folder: &Path) -> Result<(), PublishError> {
        let read = read_folder(folder, |_| Hosts::new())?;
        self.refused.extend(read.refused);
        self.chosen.extend(read.incoming.into_iter().map(|incoming| (incoming.name.clone(), incoming)));
        Ok(())
    }

    /// Gives up each chosen version that asks for what pip does not have by itself. False if there is none, or if it
    /// is wanted itself: then nothing else is to be tried.
    fn give_up_who_asks_in_vain(
        &mut self,
        lacking: &BTreeMap<PackageName, Demand>,
    ) -> Result<bool, PublishError> {
        let mut askers = BTreeSet::new();
        for (name, demand) in lacking {
            for Asked { requirement, by } in &demand.asked {
                let mut texts = vec![without_marker(requirement)];
                texts.extend(self.exclusions(name).map(without_marker));
                match self.pip.download(&texts, self.target, self.folder()?.path()) {
                    Ok(()) => {}
                    Err(PublishError::PipHasNone { .. }) => match by {
                        Some(asker) => drop(askers.insert(asker.clone())),
                        None => return Ok(false),
                    },
                    Err(error) => return Err(error),
                }
            }
        }
        for asker in &askers {
            let Some(Incoming { name, version, .. }) = self.chosen.remove(asker) else { continue };
            let other =
                Requirement::parse(name.family(), &format!("{name}!={version}")).map_err(|source| {
                    PublishError::Requirement { release: format!("{name} {version}"), source }
                })?;
            self.useless.push(other);
        }
        Ok(!askers.is_empty())
    }

    /// What to tell pip, so that it meets a demand.
    fn texts(&self, name: &PackageName, demand: &Demand) -> BTreeSet<String> {
        let asked = demand.asked.iter().map(|asked| &asked.requirement);
        asked.chain(self.exclusions(name)).map(without_marker).collect()
    }

    fn exclusions(&self, name: &PackageName) -> impl Iterator<Item = &Requirement> {
        self.useless.iter().filter(move |one| one.name == *name)
    }

    fn folder(&self) -> Result<tempfile::TempDir, PublishError> {
        let path = self.staging;
        tempfile::tempdir_in(path).map_err(|source| PublishError::Io {
            action: "make a folder in",
            path: path.into(),
            source,
        })
    }
}

impl Demand {
    fn is_met_by(&self, incoming: &Incoming) -> bool {
        self.asked.iter().all(|asked| asked.requirement.ranges.contains(&incoming.version))
    }
}

/// What `requirements` and the chosen packages that they lead to ask for on `target`, by package.
fn demands(
    requirements: &[Requirement],
    chosen: &BTreeMap<PackageName, Incoming>,
    target: &Target,
) -> BTreeMap<PackageName, Demand> {
    let mut demands: BTreeMap<PackageName, Demand> = BTreeMap::new();
    let wanted = requirements.iter().filter(|one| one.applies(&target.markers, &[]));
    let mut queue: VecDeque<Asked> = wanted.map(|one| Asked { requirement: one.clone(), by: None }).collect();
    while let Some(asked) = queue.pop_front() {
        let name = asked.requirement.name.clone();
        let demand = demands.entry(name.clone()).or_default();
        if demand.asked.contains(&asked) {
            continue;
        }
        demand.extras.extend(asked.requirement.extras.iter().cloned());
        demand.asked.push(asked);
        let extras: Vec<ExtraName> = demand.extras.iter().cloned().collect();
        let texts = chosen.get(&name).map(|incoming| &incoming.release.requires).into_iter().flatten();
        // What cannot be read is refused when the publish is planned.
        let asks = texts.filter_map(|text| Requirement::parse(name.family(), text).ok());
        let applying = asks.filter(|one| one.applies(&target.markers, &extras));
        queue.extend(applying.map(|requirement| Asked { requirement, by: Some(name.clone()) }));
    }
    demands
}

/// The text of a requirement that is known to apply, for a pip that would weigh its marker for another machine.
fn without_marker(requirement: &Requirement) -> String {
    requirement.text.split(';').next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Blake3, Family, Release, Sha256, Version};
    use crate::publish::StagedBlob;

    fn requirement(text: &str) -> Requirement {
        Requirement::parse(Family::Python, text).unwrap()
    }

    fn chosen(packages: &[(&str, &str, &[&str])]) -> BTreeMap<PackageName, Incoming> {
        let incoming = packages.iter().map(|(name, version, requires)| {
            let name = PackageName::python(name).unwrap();
            let version = Version::parse(Family::Python, version).unwrap();
            let mut release = Release::new(&name, &version);
            release.requires = requires.iter().map(ToString::to_string).collect();
            let blob = StagedBlob {
                path: "x".into(),
                file: "x".into(),
                blake3: Blake3::of(b""),
                sha256: Sha256::of(b""),
                size: 0,
            };
            (
                name.clone(),
                Incoming { name, version, is_wheel: true, release, yanked: None, blob, provenance: None },
            )
        });
        incoming.collect()
    }

    fn windows() -> Target {
        Target::new("t".into(), None, BTreeMap::new(), "3.11", "win_amd64".parse().unwrap()).unwrap()
    }

    #[test]
    fn markers_and_extras_are_those_of_the_target() {
        let chosen = chosen(&[
            (
                "tool",
                "1.0",
                &[
                    "colour; sys_platform == 'win32'",
                    "uvloop; sys_platform != 'win32'",
                    "fast; extra == 'fast'",
                ],
            ),
            ("web", "2.0", &["tool[fast]>=1"]),
        ]);
        let demands = demands(&[requirement("tool"), requirement("web")], &chosen, &windows());
        let names: Vec<&str> = demands.keys().map(PackageName::as_str).collect();
        assert_eq!(names, ["colour", "fast", "tool", "web"]);
        let tool = &demands[&PackageName::python("tool").unwrap()];
        let texts: Vec<String> = tool.asked.iter().map(|asked| without_marker(&asked.requirement)).collect();
        assert_eq!(texts, ["tool", "tool[fast]>=1"]);
    }

    #[test]
    fn a_chosen_version_that_a_later_package_forbids_is_lacking() {
        let chosen = chosen(&[("numpy", "2.0", &[]), ("old", "1.0", &["numpy<2", "old[self]"])]);
        let demands = demands(&[requirement("numpy"), requirement("old")], &chosen, &windows());
        let met = |name: &str| {
            let name = PackageName::python(name).unwrap();
            demands[&name].is_met_by(&chosen[&name])
        };
        assert!(met("old") && !met("numpy"));
    }
}
