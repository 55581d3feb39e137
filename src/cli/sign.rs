//! `rvp sign`: a Sigstore bundle beside each file.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::context::Context;
use super::output;
use super::signing::SigningOptions;

/// Sign files, with an identity or a key
#[derive(clap::Args)]
pub struct Arguments {
    /// What to sign
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where to write the bundle [default: FILE.sigstore.json]
    #[arg(long, value_name = "OUT")]
    bundle: Option<PathBuf>,
    /// Replace a bundle that exists
    #[arg(long)]
    force: bool,
    /// Sign with this private key, as `rvp keygen` makes it, and not with an identity
    #[arg(long, value_name = "FILE", help_heading = "Signing")]
    key: Option<PathBuf>,
    #[command(flatten)]
    signing: SigningOptions,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let outputs = outputs(arguments)?;
    // Before anybody is asked for anything: what cannot be signed or written.
    for (file, bundle) in arguments.files.iter().zip(&outputs) {
        File::open(file).with_context(|| format!("cannot read {} to sign it", file.display()))?;
        if bundle.exists() && !arguments.force {
            bail!("{} exists\n  hint: --force replaces it", bundle.display());
        }
    }
    let signatory = arguments.signing.signatory(context, arguments.key.as_deref())?;
    let mut done = Vec::new();
    for (file, bundle) in arguments.files.iter().zip(&outputs) {
        let signed = signatory.sign_file(file)?;
        write_bundle(bundle, &signed.bundle)?;
        context.say(&format!("signed {} as {}", file.display(), signed.signer));
        if context.global.json {
            done.push(json!({ "file": file, "bundle": bundle, "signer": signed.signer }));
        } else {
            output::line(&bundle.display().to_string())?;
        }
    }
    if context.global.json {
        output::json(&done)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the bundle of each file goes.
fn outputs(arguments: &Arguments) -> anyhow::Result<Vec<PathBuf>> {
    match (&arguments.bundle, arguments.files.as_slice()) {
        (Some(bundle), [_]) => Ok(vec![bundle.clone()]),
        (Some(_), files) => bail!(
            "--bundle names one file, and {} are to be signed\n  hint: sign them one by one, or leave --bundle out",
            files.len()
        ),
        (None, files) => Ok(files.iter().map(|file| beside(file)).collect()),
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".sigstore.json");
    PathBuf::from(name)
}

/// Writes a bundle whole or not at all.
fn write_bundle(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        // Not private, as temporary files else are: a bundle is there to be read by others.
        let mut staged = tempfile::Builder::new().make_in(folder, |path| File::create_new(path))?;
        staged.write_all(bytes)?;
        staged.as_file().sync_all()?;
        rvp::files::persist(staged, path)
    };
    write().with_context(|| format!("cannot write the bundle {}", path.display()))
}
