//! What can go wrong while signing.

use std::path::PathBuf;

use super::Token;
use crate::trust::keys::KeyError;

/// A signature that cannot be made. No token and no key is in its text.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error("cannot read {} to sign it: {source}", path.display())]
    ReadFile { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("cannot make the bundle: {0}")]
    Bundle(#[from] sigstore_types::Error),
    #[error("cannot read the configuration {}: {source}", path.display())]
    ReadConfig { path: PathBuf, source: std::io::Error },
    #[error("{} is not a configuration to sign with: {reason}", path.display())]
    Config { path: PathBuf, reason: String },
    #[error(
        "the configuration of the public Sigstore instance cannot be used: {reason}\n  hint: name another one with --trust-config"
    )]
    PublicInstance { reason: String },
    #[error("cannot read the identity token in {}: {source}", path.display())]
    ReadToken { path: PathBuf, source: std::io::Error },
    #[error(
        "the identity token is no JSON Web Token with an issuer, a subject and a time of expiry\n  hint: it is three parts in base64, with dots between them"
    )]
    NotAToken,
    #[error(
        "the identity token expired at {expired}\n  hint: get a new one; they are made to be used at once"
    )]
    TokenExpired { expired: jiff::Timestamp },
    #[error("this job of {service} gets no identity token: {reason}{hint}")]
    Ambient { service: &'static str, reason: String, hint: &'static str },
    #[error(
        "the signing configuration names no provider to log in with\n  hint: give a token with --identity-token"
    )]
    NoProvider,
    #[error("cannot log in at {provider}: {reason}")]
    LogIn { provider: String, reason: String },
    #[error("the URL `{url}` cannot be used: {reason}")]
    Url { url: String, reason: String },
    #[error("cannot {failed} {url}: {reason}{hint}")]
    Service { failed: &'static str, url: String, reason: String, hint: &'static str },
    #[error("cannot sign: {0}")]
    Other(String),
    #[error("what is to be signed is no in-toto statement: {0}")]
    Statement(String),
    #[error(
        "the signature was made, but it does not verify: {reason}\n  hint: the trusted root does not fit the services, or one of these is not what it should be"
    )]
    Useless { reason: String },
    #[error(
        "the certificate names {found}, and the token {expected}, whom the statement may name\n  hint: this Sigstore instance names signers in a way that rvp does not know; sign with a key"
    )]
    OtherSigner { expected: String, found: String },
}

/// The longest that a server's words may be in an error.
const MAX_REASON: usize = 400;

/// What a server says, fit to be shown: without the token, should the server have sent that back, on one line, and not long.
pub(super) fn plain(text: &str, token: Option<&Token>) -> String {
    let text = match token {
        Some(token) => text.replace(token.inner.expose_secret(), "[token]"),
        None => text.to_owned(),
    };
    let text = text.trim_end_matches([' ', ':']);
    let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if let Some((end, _)) = text.char_indices().nth(MAX_REASON) {
        text.truncate(end);
        text.push('…');
    }
    text
}
