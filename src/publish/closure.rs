//! Import from simple indexes: which wheels the targets need, and their download.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use futures::{StreamExt, stream};
use indicatif::ProgressBar;
use rayon::prelude::*;
use uv_distribution_filename::WheelFilename;

use super::catalogue::{Catalogue, ListedFile, Wheel};
use super::simple_index::SimpleIndexError;
use super::{Hosts, Incoming, Indexes, PublishError, ReadArtifacts, Refused, StagedBlob, Wanted};
use crate::model::{
    Artifact, PackageName, ReleaseEntry, Requirement, Target, Version, ranges_of_specifiers_text,
};
use crate::resolve::{
    self, Asker, NoRules, Packages, Preferences, Request, Resolution, ResolveError, ResolveOptions,
};

/// The wheels that are to be downloaded, by file name.
#[derive(Default)]
struct Selection {
    wheels: BTreeMap<String, Selected>,
    refused: Vec<Refused>,
}

struct Selected {
    listed: ListedFile,
    yanked: Option<String>,
}

/// Downloads the wheels that `wanted` needs from `indexes` into the folder `staging`, and reads them. `progress` shows bytes and what is going on.
pub(super) async fn import_from_indexes(
    indexes: &Indexes,
    wanted: &Wanted<'_>,
    staging: &Path,
    progress: &ProgressBar,
) -> Result<ReadArtifacts, PublishError> {
    let mut catalogue = Catalogue::new(indexes, staging, progress);
    let mut selection = Selection::default();
    for target in wanted.targets {
        progress.set_message(format!("resolving for {target}"));
        if wanted.all_versions {
            selection.add_all_versions(&mut catalogue, wanted.requirements, target).await?;
        } else {
            let problem = vec![wanted.requirements.to_vec()];
            for solved in solve_all(&mut catalogue, &problem, target, &mut selection.refused).await? {
                selection.add(&catalogue, solved?);
            }
        }
    }
    download(indexes, selection, staging, progress).await
}

impl Selection {
    fn add(&mut self, catalogue: &Catalogue, resolution: Resolution) {
        for package in resolution.packages {
            if let Some(listed) = catalogue.file(&package.artifact.file) {
                let selected = Selected { listed: listed.clone(), yanked: package.entry.yanked };
                self.wheels.insert(package.artifact.file, selected);
            }
        }
    }

    /// Adds every version that the requirements admit and that has a wheel for `target`, each with what it needs.
    async fn add_all_versions(
        &mut self,
        catalogue: &mut Catalogue<'_>,
        requirements: &[Requirement],
        target: &Target,
    ) -> Result<(), PublishError> {
        let applying: Vec<&Requirement> =
            requirements.iter().filter(|one| one.applies(&target.markers, &[])).collect();
        let names: Vec<PackageName> = applying.iter().map(|one| one.name.clone()).collect();
        catalogue.prefetch(&names);
        catalogue.fetch_missing().await?;

        let mut problems = Vec::new();
        let mut files = Vec::new();
        for requirement in applying {
            for (version, entry) in catalogue.releases(&requirement.name) {
                let wheels = usable_wheels(entry, target);
                if requirement.ranges.contains(version) && !wheels.is_empty() {
                    problems.push(vec![pinned(requirement, version)?]);
                    files.push(wheels);
                }
            }
        }
        let solved = solve_all(catalogue, &problems, target, &mut self.refused).await?;
        for (solved, files) in solved.into_iter().zip(files) {
            match solved {
                Ok(resolution) => self.add(catalogue, resolution),
                Err(error) => self.refused.push(Refused { files, error: error.into() }),
            }
        }
        Ok(())
    }
}

/// Solves each of `problems`, fetches what the solves were short of, and solves again, until nothing is missing.
///
/// Each round fetches one level of all the graphs in parallel, and only the metadata of wheels that the solver chose.
async fn solve_all(
    catalogue: &mut Catalogue<'_>,
    problems: &[Vec<Requirement>],
    target: &Target,
    refused: &mut Vec<Refused>,
) -> Result<Vec<Result<Resolution, ResolveError>>, PublishError> {
    loop {
        let solved: Vec<_> =
            problems.iter().map(|requirements| solve(catalogue, requirements, target)).collect();
        let chosen = solved.iter().flatten().flat_map(|resolution| &resolution.packages);
        let wheels: Vec<Wheel> = chosen.map(Wheel::of).collect();
        let mut unusable = Vec::new();
        let more_pages = catalogue.fetch_missing().await?;
        let more_metadata = catalogue.fetch_metadata(wheels, &mut unusable).await?;
        refused.extend(unusable.into_iter().map(|(file, error)| refuse(file, error)));
        if !more_pages && !more_metadata {
            return Ok(solved);
        }
    }
}

fn solve(
    catalogue: &Catalogue,
    requirements: &[Requirement],
    target: &Target,
) -> Result<Resolution, ResolveError> {
    let request = Request {
        asker: Asker::Import,
        requirements,
        requires_python: None,
        hosts: &Hosts::new(),
        options: &ResolveOptions::default(),
        preferences: &Preferences::default(),
        packages: catalogue,
        rulebook: &NoRules,
    };
    resolve::resolve(&request, target)
}

/// `requirement` with its extras, for one version.
fn pinned(requirement: &Requirement, version: &Version) -> Result<Requirement, PublishError> {
    let extras: Vec<&str> = requirement.extras.iter().map(AsRef::as_ref).collect();
    let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
    let name = &requirement.name;
    Requirement::parse(name.family(), &format!("{name}{extras}=={version}"))
        .map_err(|source| PublishError::Requirement { release: format!("{name} {version}"), source })
}

/// The files of a release that run on `target`, as far as their names and the index tell.
fn usable_wheels(entry: &ReleaseEntry, target: &Target) -> Vec<PathBuf> {
    let python = Version::Pep440(target.python.clone());
    let is_usable = |artifact: &&Artifact| {
        let fits =
            WheelFilename::from_str(&artifact.file).is_ok_and(|wheel| wheel.is_compatible(&target.tags));
        fits && artifact
            .requires_python
            .as_ref()
            .is_none_or(|text| ranges_of_specifiers_text(text).is_ok_and(|ranges| ranges.contains(&python)))
    };
    entry.artifacts.iter().filter(is_usable).map(|artifact| PathBuf::from(&artifact.file)).collect()
}

/// A file, and the attestations that the index serves with it.
type Downloaded = (StagedBlob, Option<Vec<u8>>);

/// Downloads the selected wheels in parallel and reads them. A wheel that fails does not stop the others.
async fn download(
    indexes: &Indexes,
    selection: Selection,
    staging: &Path,
    progress: &ProgressBar,
) -> Result<ReadArtifacts, PublishError> {
    let Selection { wheels, refused } = selection;
    let count = wheels.len();
    progress.set_message(format!("downloading {count} files"));
    let downloads = stream::iter(wheels.into_values()).map(async |selected| {
        let ListedFile { index, file } = &selected.listed;
        let index = &indexes.all[*index];
        let blob = match index.download(file, staging, progress).await {
            Ok(blob) => index.provenance(file).await.map(|provenance| (blob, provenance)),
            Err(error) => Err(error),
        };
        (selected, blob)
    });
    let downloaded: Vec<_> = downloads.buffer_unordered(indexes.requests).collect().await;

    progress.set_message(format!("checking {count} files"));
    let read = |(selected, downloaded): (Selected, Result<Downloaded, SimpleIndexError>)| {
        let no_hosts = |_: &PackageName| Hosts::new();
        let mut incoming = downloaded.map_err(PublishError::from).and_then(|(blob, provenance)| {
            let mut incoming = Incoming::read(blob, no_hosts)?;
            if let Some(provenance) = provenance {
                incoming.attest(&indexes.verifier, provenance)?;
            }
            Ok(incoming)
        });
        if let Ok(incoming) = &mut incoming {
            incoming.yanked = selected.yanked;
        }
        (selected.listed.file.name, incoming)
    };
    let mut all = ReadArtifacts { incoming: Vec::new(), refused };
    for (file, result) in downloaded.into_par_iter().map(read).collect::<Vec<_>>() {
        match result {
            Ok(incoming) => all.incoming.push(incoming),
            Err(error) => all.refused.push(refuse(file, error)),
        }
    }
    Ok(all)
}

fn refuse(file: String, error: impl Into<PublishError>) -> Refused {
    Refused { files: vec![PathBuf::from(file)], error: error.into() }
}
