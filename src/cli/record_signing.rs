//! Who signs what a command publishes.

use std::path::PathBuf;

use anyhow::Context as _;
use rvp::project::Settings;
use rvp::trust::keys::KeyFile;
use rvp::trust::sign::Signatory;

/// How records are signed.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct RecordSigning {
    /// Sign with the private key in this file [default: the one in the settings]
    #[arg(long, value_name = "FILE")]
    sign_key: Option<PathBuf>,
    /// Do not sign, even though the settings name a key
    #[arg(long, conflicts_with = "sign_key")]
    no_sign: bool,
}

/// Holds the passphrase of a private key, for where nobody can be asked.
const PASSPHRASE: &str = "RVP_KEY_PASSPHRASE";

impl RecordSigning {
    /// Who signs, or none.
    pub fn signatory(&self, settings: &Settings) -> anyhow::Result<Option<Signatory>> {
        let path = self.sign_key.as_ref().or(settings.sign_key.as_ref()).filter(|_| !self.no_sign);
        let Some(path) = path else { return Ok(None) };
        let file = KeyFile::read(path)?;
        let passphrase = match (file.is_encrypted(), std::env::var(PASSPHRASE)) {
            (false, _) => None,
            (true, Ok(passphrase)) => Some(passphrase),
            (true, Err(_)) => Some(
                rpassword::prompt_password(format!("passphrase of {}: ", path.display()))
                    .with_context(|| format!("cannot ask for the passphrase of {}\n  hint: give it in the environment variable {PASSPHRASE}", path.display()))?,
            ),
        };
        Ok(Some(Signatory::Key(file.open(passphrase.as_deref())?)))
    }

    /// Who signs; an error where nobody does.
    pub fn needed(&self, settings: &Settings, what: &str) -> anyhow::Result<Signatory> {
        self.signatory(settings)?.with_context(|| {
            format!("{what} must be signed\n  hint: sign it with --sign-key FILE, or name the key in the setting `sign-key`")
        })
    }
}
