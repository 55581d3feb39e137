//! `rvp mirror …`

mod apply;
mod bundle;
mod choice;
mod copy;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;

use rvp::fetch::{Bar, Progress, Silent};
use rvp::mirror::Transfer;
use rvp::project::{Location, Registry, Settings};
use rvp::registry::Reader;

use super::context::Context;

/// Copy a registry, or what is new in it, into a folder
///
/// A copy carries the signature of its source, and is used like it. A run that was interrupted is gone on with by the
/// next one; until all of a new state is there, readers of the copy see the old one.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    copy: copy::CopyArguments,
}

#[derive(clap::Subcommand)]
enum Command {
    Verify(verify::Arguments),
    Bundle(bundle::Arguments),
    Apply(apply::Arguments),
}

pub fn run(context: &Context, arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        None => copy::run(context, &arguments.copy),
        Some(Command::Verify(arguments)) => verify::run(context, &arguments),
        Some(Command::Bundle(arguments)) => bundle::run(context, &arguments),
        Some(Command::Apply(arguments)) => apply::run(context, &arguments),
    }
}

fn progress(context: &Context) -> Arc<dyn Progress> {
    if context.global.quiet { Arc::new(Silent) } else { Arc::new(Bar::new()) }
}

fn transfer(context: &Context) -> Transfer {
    Transfer { runtime: context.runtime.handle().clone(), progress: progress(context) }
}

/// Opens what is copied: a folder, a URL, or a registry of the settings by its name, which also pins its key. `key` is
/// the one that the copy is signed by already.
fn open_source(context: &Context, source: &str, key: Option<&str>) -> anyhow::Result<Reader> {
    let settings = context.settings(Settings::default(), None)?;
    let named = settings.registries.iter().flatten().find(|registry| registry.name == source);
    let registry = match named {
        Some(registry) => registry.clone(),
        None => {
            let url = Location::parse(source).map_err(anyhow::Error::msg)?;
            Registry::new(url.name(), url)
        }
    };
    let key = key.map(str::to_owned).or_else(|| registry.key.clone());
    context.open_registry(&registry, key, &settings, true)
}
