//! `rvp registry import`: fill a registry with what exists elsewhere.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use rvp::model::Requirement;
use rvp::project::{Location, Settings};
use rvp::publish::{
    Claim, Destination, ReadArtifacts, Signing, Source, Staging, Wanted, attest_beside, read_folder,
};
use rvp::trust::RecordVerifier;

use crate::cli::arguments::requirement;
use crate::cli::context::Context;
use crate::cli::publish::{host, hosts_of};
use crate::cli::published::report;
use crate::cli::record_signing::RecordSigning;
use crate::cli::targets::TargetArguments;
use crate::cli::writable::Access;

/// Fill a registry from a folder of packages, or from a simple index
///
/// Packages that are named come with all that they need on the targets, from the index that pip is configured to use.
/// An import that was interrupted goes on where it ended.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the registry, or the URL of its bucket or git repository
    #[arg(value_name = "DIR-or-URL", value_parser = Location::parse)]
    registry: Location,
    /// Packages as requirements: `pandas`, `numpy<2`, `uvicorn[standard]`
    #[arg(value_name = "NAME", value_parser = requirement, required_unless_present = "from", conflicts_with = "from")]
    names: Vec<Requirement>,
    /// Import all wheels and source distributions below this folder
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["target", "python", "platform"])]
    from: Option<PathBuf>,
    /// A simple index; of several, the first that has a name [default: that of pip]
    #[arg(long, value_name = "URL", conflicts_with = "from")]
    index_url: Vec<String>,
    /// Every version that fits, each with what it needs [default: the newest]
    #[arg(long, conflicts_with = "from")]
    all_versions: bool,
    #[command(flatten)]
    targets: TargetArguments,
    /// A host that all of these packages run in, as `revit>=2022,<2028`
    #[arg(long = "host", value_name = "REQUIREMENT", value_parser = host, requires = "from")]
    hosts: Vec<(String, String)>,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    signing: RecordSigning,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = context.settings(Settings::default(), None)?;
    let signatory = arguments.signing.signatory(context, &settings)?;
    let open = || arguments.access.open_at(context, &arguments.registry, |_| Ok(()));
    // So that nothing is downloaded for a registry that cannot be written to. Others may write during the download.
    drop(open()?);
    let verifier = context.authority(&context.settings(Settings::default(), None)?)?;
    let (read, staging) = match &arguments.from {
        Some(folder) => {
            let read = read_folder(folder, |name| hosts_of(name, &arguments.hosts, &[]))?;
            (attest_beside(read, &verifier), None)
        }
        None => {
            let staging = match &arguments.registry {
                Location::Path(dir) => Staging::beside(dir)?,
                elsewhere => Staging::open(context.imports(&settings, elsewhere))?,
            };
            (download(context, arguments, &staging, &verifier)?, Some(staging))
        }
    };
    let ReadArtifacts { incoming, refused } = read;
    let mut to = Destination::from(open()?);
    let signing = signatory.as_ref().map(|signatory| Signing { signatory, claim: Claim::Nothing });
    let mut published = rvp::publish::publish(&mut to, incoming, signing, jiff::Timestamp::now())?;
    published.refused.extend(refused);
    if let Some(staging) = staging {
        staging.remove()?;
    }
    super::views::refresh_after(context, &to.writer)?;
    report(context, &published)
}

fn download(
    context: &Context,
    arguments: &Arguments,
    staging: &Staging,
    verifier: &Arc<RecordVerifier>,
) -> anyhow::Result<ReadArtifacts> {
    if context.global.offline {
        bail!("packages cannot be imported by name without a network\n  hint: import a folder with --from");
    }
    let targets = arguments.targets.decide(context, &arguments.registry)?;
    let wanted =
        Wanted { requirements: &arguments.names, targets: &targets, all_versions: arguments.all_versions };
    let progress = if context.global.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    progress.set_style(ProgressStyle::with_template("{spinner} {msg}  {bytes} ({bytes_per_sec})")?);
    progress.enable_steady_tick(Duration::from_millis(120));
    let http = Context::http(&context.settings(Settings::default(), None)?);
    let source = Source::find(&arguments.index_url, &http, verifier)?;
    let read = source.import(context.runtime.handle(), &wanted, staging, &progress);
    progress.finish_and_clear();
    Ok(read?)
}
