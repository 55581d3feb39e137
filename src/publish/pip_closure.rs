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

/// What the packages that are chosen so far ask of one package.
#[derive(Debug, Default)]
struct Demand {
    requirements: Vec<Requirement>,
    extras: BTreeSet<ExtraName>,
}

/// Downloads with pip what `wanted` names, and what that needs, into the folder `staging`, and reads it.
///
/// Each package is taken in its newest version that satisfies everything asked of it; where a later package asks for
/// an older one, that one is fetched too. There is no search beyond that: a set that needs one fails with what pip says.
pub(super) fn import_by_pip(
    pip: &Pip,
    wanted: &Wanted,
    staging: &Path,
    progress: &ProgressBar,
) -> Result<ReadArtifacts, PublishError> {
    let in_staging = |source| PublishError::Io { action: "make a folder in", path: staging.into(), source };
    let mut all = ReadArtifacts::default();
    let mut seen = BTreeSet::new();
    for target in wanted.targets {
        let mut chosen: BTreeMap<PackageName, Incoming> = BTreeMap::new();
        let mut asked = BTreeSet::new();
        loop {
            let demands = demands(wanted.requirements, &chosen, target);
            let lacking: Vec<String> = demands
                .iter()
                .filter(|(name, demand)| !chosen.get(name).is_some_and(|incoming| demand.is_met_by(incoming)))
                .flat_map(|(_, demand)| demand.requirements.iter().map(without_marker))
                .collect();
            if lacking.is_empty() {
                break;
            }
            if !asked.insert(lacking.clone()) {
                let error = PublishError::PipUnmet { wanted: lacking.join(", "), target: target.to_string() };
                all.refused.push(Refused { files: Vec::new(), error });
                break;
            }
            progress.set_message(format!("pip downloads {} packages for {target}", lacking.len()));
            let folder = tempfile::tempdir_in(staging).map_err(in_staging)?.keep();
            pip.download(&lacking, target, &folder)?;
            let read = read_folder(&folder, |_| Hosts::new())?;
            all.refused.extend(read.refused);
            for incoming in read.incoming {
                chosen.insert(incoming.name.clone(), incoming.clone());
                if seen.insert(incoming.blob.sha256) {
                    all.incoming.push(incoming);
                }
            }
        }
    }
    Ok(all)
}

impl Demand {
    fn is_met_by(&self, incoming: &Incoming) -> bool {
        self.requirements.iter().all(|requirement| requirement.ranges.contains(&incoming.version))
    }
}

/// What `requirements` and the chosen packages that they lead to ask for on `target`, by package.
fn demands(
    requirements: &[Requirement],
    chosen: &BTreeMap<PackageName, Incoming>,
    target: &Target,
) -> BTreeMap<PackageName, Demand> {
    let mut demands: BTreeMap<PackageName, Demand> = BTreeMap::new();
    let mut queue: VecDeque<Requirement> =
        requirements.iter().filter(|one| one.applies(&target.markers, &[])).cloned().collect();
    while let Some(requirement) = queue.pop_front() {
        let name = requirement.name.clone();
        let demand = demands.entry(name.clone()).or_default();
        if demand.requirements.contains(&requirement) {
            continue;
        }
        demand.extras.extend(requirement.extras.iter().cloned());
        demand.requirements.push(requirement);
        let extras: Vec<ExtraName> = demand.extras.iter().cloned().collect();
        let texts = chosen.get(&name).map(|incoming| &incoming.release.requires).into_iter().flatten();
        // What cannot be read is refused when the publish is planned.
        let asked = texts.filter_map(|text| Requirement::parse(name.family(), text).ok());
        queue.extend(asked.filter(|one| one.applies(&target.markers, &extras)));
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
    use crate::model::{Blake3, Family, Release, Sha256};
    use crate::publish::StagedBlob;

    fn requirement(text: &str) -> Requirement {
        Requirement::parse(Family::Python, text).unwrap()
    }

    fn chosen(packages: &[(&str, &str, &[&str])]) -> BTreeMap<PackageName, Incoming> {
        let incoming = packages.iter().map(|(name, version, requires)| {
            let name = PackageName::python(name).unwrap();
            let release = Release {
                family: Family::Python,
                name: name.to_string(),
                version: (*version).into(),
                requires: requires.iter().map(ToString::to_string).collect(),
                requires_python: None,
                extras: Vec::new(),
                hosts: BTreeMap::new(),
                provides: BTreeMap::new(),
                license: None,
                summary: None,
                artifacts: Vec::new(),
            };
            let blob = StagedBlob {
                path: "x".into(),
                file: "x".into(),
                blake3: Blake3::of(b""),
                sha256: Sha256::of(b""),
                size: 0,
            };
            let version = release.parsed_version().unwrap();
            (name.clone(), Incoming { name, version, is_wheel: true, release, yanked: None, blob })
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
        let texts: Vec<String> = tool.requirements.iter().map(without_marker).collect();
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
