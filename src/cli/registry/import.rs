//! `rvp registry import`: fill a directory registry with what exists elsewhere.

use std::path::PathBuf;
use std::process::ExitCode;

use rvp::publish::read_folder;
use rvp::registry::Writer;

use crate::cli::context::Context;
use crate::cli::publish::{host, hosts_of, report};

/// Fill a registry from a folder of wheels and source distributions, or from a simple index
#[derive(clap::Args)]
pub struct Arguments {
    dir: PathBuf,
    /// Import every wheel and source distribution in this folder and the folders in it
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
    /// A host that all of these packages run in, as `revit>=2022,<2028`
    #[arg(long = "host", value_name = "REQUIREMENT", value_parser = host)]
    hosts: Vec<(String, String)>,
    /// The registry's private key, where it is not in the keys folder of ~/.rvp
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let folder = arguments.from.as_ref().expect("--from");
    let incoming = read_folder(folder, |name| hosts_of(name, &arguments.hosts, None))?;
    let mut writer =
        Writer::open(&arguments.dir, |config| context.log_key(arguments.key.as_deref(), config))?;
    let mut published = rvp::publish::publish(&mut writer, incoming.incoming, jiff::Timestamp::now())?;
    published.refused.extend(incoming.refused);
    report(context, &published)
}
