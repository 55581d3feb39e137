//! The passphrase of a private key: from a file, the environment, or whoever sits at the terminal.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

const VARIABLE: &str = "RVP_KEY_PASSPHRASE";

/// Where the passphrase comes from.
#[derive(clap::Args)]
pub struct PassphraseOptions {
    /// Read the passphrase of the private key from a file [default: RVP_KEY_PASSPHRASE, or a question]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseOptions {
    /// The passphrase of the key in `path`.
    pub fn read(&self, path: &Path) -> anyhow::Result<Zeroizing<String>> {
        match self.given()? {
            Some(passphrase) => Ok(passphrase),
            None => ask(&format!("Passphrase of {}: ", path.display())),
        }
    }

    /// A passphrase for a new key; asked for twice.
    pub fn choose(&self) -> anyhow::Result<Zeroizing<String>> {
        let passphrase = match self.given()? {
            Some(passphrase) => passphrase,
            None => {
                let passphrase = ask("Passphrase for the new key: ")?;
                if *passphrase != *ask("The same again: ")? {
                    bail!("the two passphrases differ");
                }
                passphrase
            }
        };
        if passphrase.is_empty() {
            bail!(
                "the passphrase is empty\n  hint: --no-passphrase writes a key that whoever has the file can use"
            );
        }
        Ok(passphrase)
    }

    fn given(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        if let Some(path) = &self.passphrase_file {
            let text = std::fs::read_to_string(path);
            let text = text.with_context(|| format!("cannot read the passphrase in {}", path.display()))?;
            let text = Zeroizing::new(text);
            return Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())));
        }
        match std::env::var(VARIABLE) {
            Ok(text) => Ok(Some(Zeroizing::new(text))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => bail!("the passphrase in {VARIABLE} is not UTF-8"),
        }
    }
}

fn ask(question: &str) -> anyhow::Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "a passphrase is needed, and there is no terminal to ask at\n  hint: set {VARIABLE}, or name a file with --passphrase-file"
        );
    }
    Ok(Zeroizing::new(rpassword::prompt_password(question).context("cannot read the passphrase")?))
}
