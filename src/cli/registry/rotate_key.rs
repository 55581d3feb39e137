//! `rvp registry rotate-key`: hand a log over to another key.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use rvp::project::Location;
use rvp::registry::{LogKey, RegistryError, key_fingerprint};

use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::secret_file::write_secret;
use crate::cli::writable::Access;

/// Give a registry a new key, which the old one signs for
///
/// Clients that trust the old key follow by themselves. What the old key signs from then on they refuse.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the registry, or the URL of its bucket or git repository
    #[arg(value_name = "DIR-or-URL", value_parser = Location::parse)]
    registry: Location,
    #[command(flatten)]
    access: Access,
    /// The new private key; made where there is no such file [default: in the keys folder of ~/.rvp]
    #[arg(long, value_name = "FILE")]
    new_key: Option<PathBuf>,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut writer = arguments.access.open_at(context, &arguments.registry, |_| Ok(()))?;
    let old = writer.config().key.clone();
    let (new, path) = match &arguments.new_key {
        Some(path) if path.exists() => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the new private key from {}", path.display()))?;
            let key = LogKey::parse(&text)
                .map_err(|error| RegistryError::KeyFile { path: path.clone(), reason: error.to_string() })?;
            (key, path.clone())
        }
        path => {
            let (key, verifier_key) = LogKey::generate(&writer.config().name)?;
            let path = path.clone().unwrap_or_else(|| context.log_key_path(&verifier_key));
            // On disk before it is in force. It stays there if anything fails: it may be in force all the same.
            write_secret(&path, key.to_text())?;
            (key, path)
        }
    };
    let sealed = writer.rotate_key(new.kept_at(&path), jiff::Timestamp::now())?;
    let key = &writer.config().key;
    context.say(&format!(
        "{} has a new key; the log has {} entries",
        arguments.registry, sealed.checkpoint.size
    ));
    context.say(&format!("its private key is {}", path.display()));
    context.say(&format!("its fingerprint is\n  {}", key_fingerprint(key)?));
    context.say(&format!(
        "clients that trust {old} follow by themselves, and refuse what that signs from now on\nwitnesses have not cosigned the new state yet"
    ));
    output::line(key)?;
    Ok(ExitCode::SUCCESS)
}
