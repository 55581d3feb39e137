//! `rvp registry witness`: cosign what was checked.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rvp::project::{Location, Settings};
use rvp::registry::{
    ClientFolders, OpenOptions, Reader, WitnessKey, add_cosignatures, cosign, key_fingerprint, open_store,
    replace_file,
};

use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::secret_file::write_secret;

/// Cosign the state of a registry, if it continues all that was cosigned before
///
/// In a folder, the signature is added to the checkpoint; of a registry elsewhere it is printed, for its host to add.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The registry: a folder, a URL, or its name in the settings
    #[arg(required = true)]
    location: Option<String>,
    /// The witness's private key
    #[arg(long, value_name = "FILE", required = true)]
    key: Option<PathBuf>,
    /// The public key of the registry's log [default: that of the settings, or of the last visit]
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// Where the witness remembers what it has cosigned [default: ~/.rvp/state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Write the signature line to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a key for a witness
    Keygen {
        /// The witness's name, such as witness.example.org/w1
        name: String,
        /// Where to keep the private key [default: the keys folder of ~/.rvp]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Add signature lines of witnesses to a registry's checkpoint
    Add {
        /// The folder of the registry
        dir: PathBuf,
        /// The signature lines, as `rvp registry witness` printed them
        file: PathBuf,
    },
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match (&arguments.command, &arguments.location, &arguments.key) {
        (Some(Command::Keygen { name, key }), ..) => keygen(context, name, key.as_deref()),
        (Some(Command::Add { dir, file }), ..) => {
            let mut lines = String::new();
            let read =
                std::fs::File::open(file).and_then(|file| file.take(1 << 16).read_to_string(&mut lines));
            read.with_context(|| format!("cannot read {}", file.display()))?;
            add_cosignatures(dir, &lines, None)?;
            context.say(&format!("added the cosignature to {}", dir.display()));
            Ok(ExitCode::SUCCESS)
        }
        (None, Some(location), Some(key)) => witness(context, arguments, location, key),
        (None, ..) => bail!("a registry and the witness's key are needed"),
    }
}

fn keygen(context: &Context, name: &str, path: Option<&Path>) -> anyhow::Result<ExitCode> {
    let key = WitnessKey::generate(name)?;
    let verifier_key = key.verifier_key();
    let path = path.map_or_else(|| context.log_key_path(&verifier_key), Path::to_owned);
    write_secret(&path, &key.to_text())?;
    context.say(&format!("made the key of the witness `{name}`\n  its private half is {}", path.display()));
    context.say(&format!("its fingerprint is\n  {}", key_fingerprint(&verifier_key)?));
    context.say("its public half, for the `witnesses` of those who are to believe it:");
    output::line(&verifier_key)?;
    Ok(ExitCode::SUCCESS)
}

fn witness(context: &Context, arguments: &Arguments, location: &str, key: &Path) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(key).with_context(|| format!("cannot read {}", key.display()))?;
    let key = WitnessKey::parse(&text).with_context(|| format!("cannot use the key in {}", key.display()))?;
    let settings = context.settings(Settings::default(), None)?;
    let named = settings
        .registries
        .iter()
        .flatten()
        .find(|registry| registry.name == location || registry.url.to_string() == location);
    let place = named.map_or_else(|| location.to_owned(), |registry| registry.url.to_string());
    let folders = context.folders(&settings);
    let state = arguments.state.clone().unwrap_or_else(|| folders.state.clone());
    let folders = ClientFolders { state: state.clone(), ..folders };
    let unnamed = || Location::parse(&place).map(|place| place.name()).map_err(anyhow::Error::msg);
    let name = named.map_or_else(unnamed, |registry| Ok(registry.name.clone()))?;
    let store = open_store(&place, &context.store_options(&name, &settings))?;
    let options = OpenOptions {
        key: arguments.log_key.clone().or_else(|| named.and_then(|registry| registry.key.clone())),
        // What a server lets be used for a while is not what it shows now.
        refresh: true,
        ..OpenOptions::default()
    };
    let reader = Reader::open(store, folders, &options)?;
    let line = cosign(&reader, &key, &state, jiff::Timestamp::now())?;
    let dir = Path::new(&place);
    match &arguments.out {
        Some(out) => {
            replace_file(out, line.as_bytes())?;
            context.say(&format!(
                "cosigned {} log entries; the signature is in {}",
                reader.checkpoint().size,
                out.display()
            ));
        }
        None if dir.is_dir() => {
            add_cosignatures(dir, &line, Some(reader.signed_checkpoint()))?;
            context.say(&format!("cosigned {} log entries in {place}", reader.checkpoint().size));
        }
        None => {
            context.say(&format!("cosigned {} log entries; for {place} to add:", reader.checkpoint().size));
            output::line(line.trim_end())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
