//! `rvp registry import`: fill a directory registry with what exists elsewhere.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use indicatif::ProgressBar;
use rvp::model::{Family, Requirement, Target, TargetSpec};
use rvp::project::Settings;
use rvp::publish::{ReadArtifacts, Source, Staging, Wanted, read_folder};
use rvp::registry::Writer;
use rvp::resolve::decide_target;

use crate::cli::context::Context;
use crate::cli::known_hosts::KnownHosts;
use crate::cli::machine::ThisMachine;
use crate::cli::publish::{host, hosts_of, report};

/// Fill a registry from a folder of wheels and source distributions, or by name from a simple index
///
/// Named packages come with all that they need on the targets. An import that was interrupted goes on where it was.
#[derive(clap::Args)]
pub struct Arguments {
    dir: PathBuf,
    /// Packages to import, as PEP 508 requirements: `numpy`, `"numpy<2"`
    #[arg(value_parser = requirement)]
    requirements: Vec<Requirement>,
    /// Import every wheel and source distribution in this folder and the folders in it
    #[arg(long, value_name = "FOLDER", conflicts_with = "requirements")]
    from: Option<PathBuf>,
    /// A simple index (PEP 503, PEP 691); may be given several times, best first [default: what pip is set to use]
    #[arg(long = "index-url", value_name = "URL")]
    index_urls: Vec<String>,
    /// A host release to import for: revit==2025.4; may be given several times
    #[arg(long = "target", value_name = "HOST==VERSION")]
    targets: Vec<String>,
    /// The Python version to import for: 3.11 [default: the host's, or this machine's]
    #[arg(long, value_name = "VERSION")]
    python: Option<String>,
    /// The platform to import for, as wheel tags name it: win_amd64 [default: the host's, or this machine's]
    #[arg(long)]
    platform: Option<String>,
    /// Import every version of the named packages, not only the newest that fits
    #[arg(long)]
    all_versions: bool,
    /// A host that all of these packages run in, as `revit>=2022,<2028`
    #[arg(long = "host", value_name = "REQUIREMENT", value_parser = host)]
    hosts: Vec<(String, String)>,
    /// The registry's private key, where it is not in the keys folder of ~/.rvp
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

fn requirement(text: &str) -> Result<Requirement, rvp::model::RequirementError> {
    Requirement::parse(Family::Python, text)
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if let Some(folder) = &arguments.from {
        let read = read_folder(folder, |name| hosts_of(name, &arguments.hosts, &[]))?;
        return publish(context, arguments, read);
    }
    if arguments.requirements.is_empty() {
        bail!("nothing to import\n  hint: name packages, or a folder of wheels with --from");
    }
    let hosts = KnownHosts::of_directory(context, &arguments.dir)?;
    let machine = ThisMachine::new(context, &context.settings(Settings::default(), None)?, None);
    let targets = specs(arguments)
        .iter()
        .map(|spec| decide_target(spec, &hosts, &machine))
        .collect::<Result<Vec<Target>, _>>()?;
    let source = Source::find(&arguments.index_urls)?;
    let staging = Staging::beside(&arguments.dir)?;
    let progress = if context.global.quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
    let wanted = Wanted {
        requirements: &arguments.requirements,
        targets: &targets,
        all_versions: arguments.all_versions,
    };
    let read = source.import(context.runtime.handle(), &wanted, &staging, &progress)?;
    progress.finish_and_clear();
    let code = publish(context, arguments, read)?;
    staging.remove()?;
    Ok(code)
}

/// The targets that the options ask for; without any, this machine.
fn specs(arguments: &Arguments) -> Vec<TargetSpec> {
    let spec = |host: Option<&String>| TargetSpec {
        host: host.cloned(),
        python: arguments.python.clone(),
        platform: arguments.platform.clone(),
    };
    match &arguments.targets[..] {
        [] => vec![spec(None)],
        hosts => hosts.iter().map(|host| spec(Some(host))).collect(),
    }
}

fn publish(context: &Context, arguments: &Arguments, read: ReadArtifacts) -> anyhow::Result<ExitCode> {
    let mut writer =
        Writer::open(&arguments.dir, |config| context.log_key(arguments.key.as_deref(), config))?;
    let mut published = rvp::publish::publish(&mut writer, read.incoming, jiff::Timestamp::now())?;
    published.refused.extend(read.refused);
    report(context, &published)
}
