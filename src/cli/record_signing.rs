//! Who signs the records that a command writes.

use std::path::PathBuf;

use anyhow::Context as _;
use rvp::project::Settings;
use rvp::trust::sign::Signatory;

use super::context::Context;
use super::signing::SigningOptions;

/// Whether records are signed, and as whom.
#[derive(clap::Args)]
pub struct RecordSigning {
    /// Sign with an identity
    #[arg(long, conflicts_with = "sign_key", help_heading = "Signing")]
    sign: bool,
    /// Sign with this private key [default: the one in the settings]
    #[arg(long, value_name = "FILE", help_heading = "Signing")]
    sign_key: Option<PathBuf>,
    /// Do not sign, even though the settings name a key
    #[arg(long, conflicts_with_all = ["sign", "sign_key"], help_heading = "Signing")]
    no_sign: bool,
    #[command(flatten)]
    options: SigningOptions,
}

impl RecordSigning {
    /// Who signs, or none.
    pub fn signatory(&self, context: &Context, settings: &Settings) -> anyhow::Result<Option<Signatory>> {
        if self.sign {
            return self.options.signatory(context, None).map(Some);
        }
        let key = self.sign_key.as_ref().or(settings.sign_key.as_ref()).filter(|_| !self.no_sign);
        key.map(|path| self.options.signatory(context, Some(path))).transpose()
    }

    /// Who signs; an error where nobody does.
    pub fn needed(&self, context: &Context, settings: &Settings, what: &str) -> anyhow::Result<Signatory> {
        self.signatory(context, settings)?.with_context(|| {
            format!(
                "{what} must be signed\n  hint: sign it with --sign or --sign-key FILE, or name a key in the setting `sign-key`"
            )
        })
    }
}
