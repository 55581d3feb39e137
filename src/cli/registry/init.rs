//! `rvp registry init`: a key, and an empty, sealed registry.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use rvp::model::Record;
use rvp::project::Location;
use rvp::registry::{Config, LogKey, REVIT_RELEASES, RegistryError, key_fingerprint};

use super::add::link_part;
use super::views;
use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::secret_file::write_secret;
use crate::cli::writable::{Access, BucketArguments};

/// Make a key and an empty, sealed registry
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder to make, absent or empty; or the URL of a bucket, or of a git repository and its branch
    #[arg(value_name = "DIR-or-URL", value_parser = Location::parse)]
    registry: Location,
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
    #[command(flatten)]
    bucket: BucketArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Host {
    /// Revit 2021 to 2027: what each release offers to packages
    Revit,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => last_part(&arguments.registry)?,
    };
    let (key, verifier_key) = LogKey::generate(&name)?;
    let records = match arguments.with.contains(&Host::Revit) {
        true => REVIT_RELEASES.lines().map(Record::parse).collect::<Result<_, _>>()?,
        false => Vec::new(),
    };
    let config = Config {
        format: 1,
        name,
        key: verifier_key.clone(),
        max_age_days: arguments.max_age_days,
        blobs: Vec::new(),
    };
    let path = arguments.key.clone().unwrap_or_else(|| context.log_key_path(&verifier_key));
    // The key is on disk before anything is signed with it; without it, nothing could ever be added.
    write_secret(&path, key.to_text())?;
    let key = key.kept_at(&path);
    let made = arguments.bucket.create(context, &arguments.registry, &config, key.clone(), records);
    if let Err(error) = made {
        // Where no answer came, the registry may be there all the same, and nobody else has its key.
        if let Some(
            RegistryError::Push { .. } | RegistryError::Write { .. } | RegistryError::Unfinished { .. },
        ) = error.downcast_ref()
        {
            context.say(&format!("its private key stays in {}", path.display()));
            return Err(error);
        }
        let _ = std::fs::remove_file(&path);
        let _ = key.forget_sealed();
        return Err(error);
    }
    if arguments.simple {
        let access = Access { key: Some(path.clone()), bucket: arguments.bucket.clone() };
        views::make(context, &arguments.registry, &access)?;
    }
    context.say(&format!("made the registry `{}` in {}", config.name, arguments.registry));
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

/// The last part of a place's path, by which a registry is called if it gets no other name.
fn last_part(location: &Location) -> anyhow::Result<String> {
    let name = match location {
        Location::Path(dir) => {
            let absolute = std::path::absolute(dir)?;
            absolute.file_name().and_then(|name| name.to_str()).map(str::to_owned)
        }
        Location::Http(url) | Location::Bucket(url) | Location::Git(url) => {
            let parts = url.path().rsplit('/').find(|part| !part.is_empty());
            parts.or(url.host_str()).map(str::to_owned)
        }
    };
    name.with_context(|| format!("{location} has no name of its own; give one with --name"))
}
