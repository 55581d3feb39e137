//! `rvp keygen`: a key pair to sign with.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rvp::trust::keys::{KeyKind, PrivateKey};
use serde_json::json;

use super::context::Context;
use super::output;
use super::passphrase::PassphraseOptions;
use super::secret_file::write_secret;

/// Make a key pair to sign with
#[derive(clap::Args)]
pub struct Arguments {
    /// The algorithm
    #[arg(long = "type", value_enum, value_name = "TYPE", default_value_t = Kind::EcdsaP256)]
    kind: Kind,
    /// Where to write the private key; the public one goes beside it, as FILE.pub [default: the keys folder of ~/.rvp]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseOptions,
    /// Do not encrypt the private key: whoever has the file can sign with it
    #[arg(long, conflicts_with = "passphrase_file")]
    no_passphrase: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// What every Sigstore client verifies
    EcdsaP256,
    /// A signature of a file is over its bytes: it is not verified by a digest, nor by every client
    Ed25519,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let key = PrivateKey::generate(match arguments.kind {
        Kind::Ed25519 => KeyKind::Ed25519,
        Kind::EcdsaP256 => KeyKind::EcdsaP256,
    })?;
    let fingerprint = key.public().fingerprint().to_string();
    let path = match &arguments.out {
        Some(path) => path.clone(),
        None => context.home.keys().join(format!("sign-{}", &fingerprint[..16])),
    };
    let public_path = public_path(&path);
    for path in [&path, &public_path] {
        if path.exists() {
            bail!(
                "{} exists\n  hint: name another file with --out; rvp never replaces a key",
                path.display()
            );
        }
    }
    let passphrase = match arguments.no_passphrase {
        true => None,
        false => Some(arguments.passphrase.choose()?),
    };
    let pem = key.to_pem(passphrase.as_ref().map(|text| text.as_str()))?;
    write_secret(&path, pem.trim_end())?;
    let public_pem = key.public().to_pem();
    if let Err(error) = write_public(&public_path, &public_pem) {
        let _ = std::fs::remove_file(&path);
        return Err(error);
    }
    if context.global.json {
        output::json(&json!({
            "private": path, "public": public_path, "key": key.public(), "fingerprint": fingerprint,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    context.say(&format!(
        "made {}\n  private: {}\n  keep it: whoever has it{} can sign as you\n  public: {}",
        key.public(),
        path.display(),
        if passphrase.is_some() { " and its passphrase" } else { "" },
        public_path.display(),
    ));
    output::line(public_pem.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// `key` and `key.pub`, as SSH has it.
fn public_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".pub");
    PathBuf::from(name)
}

fn write_public(path: &Path, pem: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let doing = || format!("cannot write the public key to {}", path.display());
    let mut file = std::fs::File::create_new(path).with_context(doing)?;
    file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).with_context(doing).inspect_err(|_| {
        let _ = std::fs::remove_file(path);
    })
}
