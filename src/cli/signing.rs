//! Whom a command signs as: the holder of a key, or of an identity.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::bail;
use rvp::trust::keys::KeyFile;
use rvp::trust::sign::{Keyless, Services, Signatory, Token, ambient_token, log_in};
use sigstore_oidc::{AuthCallback, AuthMode, HtmlTemplates, MinimalTemplates, SecretString};

use super::context::Context;
use super::output;
use super::passphrase::PassphraseOptions;

/// Options of every command that signs.
#[derive(clap::Args)]
#[command(next_help_heading = "Signing")]
pub struct SigningOptions {
    #[command(flatten)]
    passphrase: PassphraseOptions,
    /// Sign as the holder of this OpenID Connect token [default: that of the CI job, or else a login]
    #[arg(
        long,
        value_name = "TOKEN|FILE",
        env = "SIGSTORE_IDENTITY_TOKEN",
        hide_env_values = true,
        value_parser = token_source
    )]
    identity_token: Option<TokenSource>,
    /// Log in with a browser on another machine, and type in the code that it shows
    #[arg(long, hide_short_help = true)]
    oob: bool,
    /// Services and trusted root to sign with [default: public Sigstore]
    ///
    /// A `ClientTrustConfig`, as other Sigstore clients read it.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    trust_config: Option<PathBuf>,
    /// Services to sign with; the result is not verified
    ///
    /// A `SigningConfig`, as other Sigstore clients read it.
    #[arg(long, value_name = "FILE", conflicts_with = "trust_config", hide_short_help = true)]
    signing_config: Option<PathBuf>,
}

/// An identity token as given on the command line. It has no `Debug`: it is a secret.
#[derive(Clone)]
pub enum TokenSource {
    Token(SecretString),
    File(PathBuf),
}

/// Every token begins with the base64 of `{"`; what holds that is never taken for a path, which an error would show.
fn token_source(text: &str) -> Result<TokenSource, std::convert::Infallible> {
    Ok(match text.contains("eyJ") {
        true => TokenSource::Token(SecretString::new(text)),
        false => TokenSource::File(PathBuf::from(text)),
    })
}

impl SigningOptions {
    /// Whom the command signs as: the holder of `key` where there is one, or else of an identity.
    pub fn signatory(&self, context: &Context, key: Option<&Path>) -> anyhow::Result<Signatory> {
        if let Some(path) = key {
            let file = KeyFile::read(path)?;
            let passphrase = file.is_encrypted().then(|| self.passphrase.read(path)).transpose()?;
            return Ok(Signatory::Key(file.open(passphrase.as_ref().map(|text| text.as_str()))?));
        }
        if context.global.offline {
            bail!(
                "an identity is vouched for by servers, and --offline allows none\n  hint: sign with a key: --key FILE"
            );
        }
        let services = match (&self.trust_config, &self.signing_config) {
            (Some(path), _) => Services::read_trust_config(path)?,
            (None, Some(path)) => Services::read_signing_config(path)?,
            (None, None) => Services::public(context.trusted_root()?)?,
        };
        let token = self.token(context, &services)?;
        let runtime = context.runtime.handle().clone();
        Ok(Signatory::Keyless(Box::new(Keyless::new(services, token, runtime))))
    }

    fn token(&self, context: &Context, services: &Services) -> anyhow::Result<Token> {
        match &self.identity_token {
            Some(TokenSource::Token(token)) => return Ok(Token::parse(token.expose_secret())?),
            Some(TokenSource::File(path)) => return Ok(Token::read(path)?),
            None => {}
        }
        if let Some(token) = context.runtime.block_on(ambient_token())? {
            return Ok(token);
        }
        if !self.oob && !std::io::stdin().is_terminal() {
            bail!(
                "there is nobody to sign as: this is no job of a CI service that rvp knows, and there is no terminal to log in from\n  hint: sign with a key (--key FILE), give a token (--identity-token), or log in elsewhere (--oob)"
            );
        }
        Ok(context.runtime.block_on(log_in(services, Login, self.oob))?)
    }
}

/// What a login says on stderr, and asks on stdin.
struct Login;

impl HtmlTemplates for Login {
    fn success_html(&self) -> &str {
        MinimalTemplates.success_html()
    }

    fn error_html(&self, error: &str) -> String {
        MinimalTemplates.error_html(error)
    }
}

impl AuthCallback for Login {
    fn auth_url_ready(&self, url: &str, mode: AuthMode) {
        match mode {
            AuthMode::BrowserRedirect => {
                output::note(&format!("log in with the browser; if none has opened, visit\n  {url}"))
            }
            _ => output::note(&format!("log in with a browser, at\n  {url}")),
        }
    }

    fn prompt_for_code(&self) -> std::io::Result<SecretString> {
        output::note("and type in the code that it shows:");
        let mut code = zeroize::Zeroizing::new(String::new());
        std::io::stdin().read_line(&mut code)?;
        Ok(SecretString::new(code.trim()))
    }
}
