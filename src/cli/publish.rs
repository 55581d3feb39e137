//! `rvp publish`: add built packages to a registry.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use rvp::model::{Family, PackageName, ranges_of_specifiers_text};
use rvp::project::{PyProject, find_project};
use rvp::publish::{Claim, Hosts, Signing, attest_beside, read_artifacts};

use super::context::{Context, current_project};
use super::published::report;
use super::record_signing::RecordSigning;
use super::registry::views;
use super::writable::Writable;

/// Add built packages to a registry, and seal it
#[derive(clap::Args)]
pub struct Arguments {
    /// Wheels (`.whl`) and source distributions (`.tar.gz`)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    registry: Writable,
    /// A host that they run in, as `revit>=2022,<2028` [default: the project's `hosts`]
    #[arg(long = "host", value_name = "REQUIREMENT", value_parser = host)]
    hosts: Vec<(String, String)>,
    #[command(flatten)]
    signing: RecordSigning,
    #[command(flatten)]
    claim: ClaimArguments,
}

/// Which names a signed publish claims.
#[derive(clap::Args)]
pub struct ClaimArguments {
    /// Become the owner of every name that nobody owns [default: of new names only]
    #[arg(long)]
    claim: bool,
    /// Become the owner of nothing
    #[arg(long, conflicts_with = "claim")]
    no_claim: bool,
}

impl ClaimArguments {
    pub fn choice(&self) -> Claim {
        match (self.claim, self.no_claim) {
            (true, _) => Claim::Unowned,
            (_, true) => Claim::Nothing,
            _ => Claim::New,
        }
    }
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let project = current_project()?;
    let projects = projects_of(&arguments.files, project.as_ref())?;
    let incoming = read_artifacts(&arguments.files, |name| hosts_of(name, &arguments.hosts, &projects));
    let settings = arguments.registry.settings(context, project.as_ref())?;
    let incoming = attest_beside(incoming, &*context.authority(&settings)?);
    let signatory = arguments.signing.signatory(context, &settings)?;
    let signing = signatory.as_ref().map(|signatory| Signing { signatory, claim: arguments.claim.choice() });
    let mut to = arguments.registry.open(context, project.as_ref())?;
    let now = jiff::Timestamp::now();
    let mut published = rvp::publish::publish(&mut to, incoming.incoming, signing, now)?;
    published.refused.extend(incoming.refused);
    views::refresh_after(context, &to.writer)?;
    report(context, &published)
}

/// The projects that files may have been built from: the current one, and those whose folders the files stand in, as
/// `dist/` does.
fn projects_of(files: &[PathBuf], current: Option<&PyProject>) -> anyhow::Result<Vec<PyProject>> {
    let mut projects: Vec<PyProject> = current.into_iter().cloned().collect();
    for folder in files.iter().filter_map(|file| file.parent()) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if let Ok(path) = find_project(folder)
            && projects.iter().all(|known| known.path != path)
        {
            projects.push(PyProject::read(&path)?);
        }
    }
    Ok(projects)
}

/// The host requirements of a package: those of the command line, or else those of the project that it is built from.
pub fn hosts_of(name: &PackageName, explicit: &[(String, String)], projects: &[PyProject]) -> Hosts {
    if !explicit.is_empty() {
        return explicit.iter().cloned().collect();
    }
    let project = projects.iter().find(|project| project.project.name == *name);
    project
        .map(|project| project.hosts.iter().map(|(host, range)| (host.clone(), range.to_string())).collect())
        .unwrap_or_default()
}

/// Reads `revit>=2022,<2028`.
pub fn host(text: &str) -> anyhow::Result<(String, String)> {
    let end = text.find(|c: char| "<>=!~ ".contains(c)).context("write it as `revit>=2022,<2028`")?;
    let (name, range) = text.split_at(end);
    ranges_of_specifiers_text(range)?;
    Ok((PackageName::new(Family::Host, name)?.as_str().to_owned(), range.trim().to_owned()))
}
