//! `rvp registry init`: a key, and an empty, sealed registry.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rvp::model::Record;
use rvp::project::{Location, Settings};
use rvp::registry::{Config, LogKey, REVIT_RELEASES, RegistryError, Writer, key_fingerprint};
use rvp::views::Views;

use super::add::link_part;
use super::views;
use crate::cli::context::Context;
use crate::cli::destination::{registry_at, with_place};
use crate::cli::output;
use crate::cli::secret_file::write_secret;

/// Make a key and an empty, sealed registry
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder to make, absent or empty; or the URL of a git repository, and its branch behind @
    dir: PathBuf,
    /// The registry's name, and its log's origin [default: the folder's name]
    #[arg(long)]
    name: Option<String>,
    /// Fill in the releases of a host application
    #[arg(long, value_enum, value_name = "HOST")]
    with: Vec<Host>,
    /// Keep pages in `simple/`, by which pip and uv read the registry as an index
    #[arg(long)]
    simple: bool,
    /// Clients refuse a state that was sealed longer ago than this
    #[arg(long, value_name = "DAYS")]
    max_age_days: Option<u32>,
    /// Where to keep the private key [default: the keys folder of ~/.rvp]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Host {
    /// Revit 2021 to 2027: what each release offers to packages
    Revit,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = context.settings(Settings::default(), None)?;
    let registry = registry_at(&arguments.dir, &settings)?;
    if arguments.simple && !matches!(registry.url, Location::Path(_)) {
        bail!("the pages of simple/ are made in a folder\n  hint: leave out --simple, and run `rvp registry views` in a checkout");
    }
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => match &registry.url {
            Location::Path(dir) => folder_name(dir)?,
            _ => registry.name.clone(),
        },
    };
    let (key, verifier_key) = LogKey::generate(&name)?;
    let records = match arguments.with.contains(&Host::Revit) {
        true => REVIT_RELEASES.lines().map(Record::parse).collect::<Result<_, _>>()?,
        false => Vec::new(),
    };
    let config = Config { format: 1, name, key: verifier_key.clone(), max_age_days: arguments.max_age_days };
    let path = arguments.key.clone().unwrap_or_else(|| context.log_key_path(&verifier_key));
    // The key is on disk before anything is signed with it; without it, nothing could ever be added.
    write_secret(&path, key.to_text())?;
    let key = key.kept_at(&path);
    let now = jiff::Timestamp::now();
    let made = with_place(context, &registry, &settings, |place| {
        Ok(Writer::create_at(place, &config, key.clone(), records, now)?)
    });
    // A push that got no answer may have made it all the same, and then its key must not be lost.
    let is_certain = |error: &anyhow::Error| {
        let lost = matches!(error.downcast_ref(), Some(RegistryError::Push { .. } | RegistryError::Store(_)));
        !lost || matches!(registry.url, Location::Path(_))
    };
    if let Err(error) = made {
        if !is_certain(&error) {
            return Err(error.context(format!("its private key stays in {}", path.display())));
        }
        let _ = std::fs::remove_file(&path);
        let _ = key.forget_sealed();
        return Err(error);
    }
    if arguments.simple {
        drop(Views::create(&arguments.dir)?);
        views::refresh(context, &arguments.dir, &verifier_key)?;
    }
    context.say(&format!("made the registry `{}` in {}", config.name, arguments.dir.display()));
    context.say(&format!(
        "its private key is {}\n  keep it: whoever has it can seal this registry",
        path.display()
    ));
    context.say(&format!(
        "the fingerprint of its key, to be compared by those who add it:\n  {}",
        key_fingerprint(&verifier_key)?
    ));
    context.say(&format!(
        "a link that brings the key along: the registry's URL, and behind it\n  {}",
        link_part(&verifier_key)
    ));
    context.say("its public key, for clients to trust:");
    output::line(&verifier_key)?;
    Ok(ExitCode::SUCCESS)
}

fn folder_name(dir: &Path) -> anyhow::Result<String> {
    let absolute = std::path::absolute(dir)?;
    let name = absolute.file_name().and_then(|name| name.to_str());
    let name =
        name.with_context(|| format!("{} has no name of its own; give one with --name", dir.display()))?;
    Ok(name.to_owned())
}
