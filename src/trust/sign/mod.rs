//! Signing: Sigstore bundles (v0.3) of files and of in-toto statements.

mod ambient;
mod error;
mod key;
mod keyless;
mod login;
mod services;
mod token;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use sha2::Digest as _;

pub use ambient::ambient_token;
pub use error::SignError;
pub use keyless::Keyless;
pub use login::log_in;
pub use services::Services;
pub use token::Token;

use super::keys::PrivateKey;
use crate::model::{Sha256, Signer};
use crate::registry::{HttpSettings, client_builder};

/// What a publisher signs with.
pub enum Signatory {
    /// A key of the publisher's own: nothing is sent anywhere.
    Key(PrivateKey),
    /// An identity that Sigstore's services vouch for.
    Keyless(Box<Keyless>),
}

/// A signature.
pub struct Signed {
    /// The bundle, as JSON.
    pub bundle: Vec<u8>,
    /// Who signed.
    pub signer: Signer,
}

impl Signatory {
    /// Who the signatures will be by, known before anything is signed. A statement is not signed by anyone else; of a file, [`Signed`]
    /// says who did.
    pub fn signer(&self) -> Signer {
        match self {
            Self::Key(key) => Signer::Key { key: key.public().clone() },
            Self::Keyless(keyless) => keyless.signer().clone(),
        }
    }

    /// Signs a file. With a key it is held in memory.
    pub fn sign_file(&self, path: &Path) -> Result<Signed, SignError> {
        let failed = |source| SignError::ReadFile { path: path.to_owned(), source };
        match self {
            Self::Key(key) => {
                let bundle = key::sign_message(key, &std::fs::read(path).map_err(failed)?)?;
                Ok(Signed { bundle, signer: self.signer() })
            }
            Self::Keyless(keyless) => keyless.sign_digest(digest(path).map_err(failed)?),
        }
    }

    /// Signs an in-toto statement in a DSSE envelope, and gives the bundle as JSON.
    pub fn sign_statement(&self, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        match self {
            Self::Key(key) => key::sign_statement(key, payload),
            Self::Keyless(keyless) => Ok(keyless.sign_statement(payload)?.bundle),
        }
    }
}

fn digest(path: &Path) -> std::io::Result<Sha256> {
    let mut file = File::open(path)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Sha256(hasher.finalize().into())),
            length => hasher.update(&buffer[..length]),
        }
    }
}

/// A client for requests that carry a token or a code, to the server of `url`: it goes where it is told, and to no other place.
fn client(url: &str) -> Result<reqwest::Client, SignError> {
    let refused = |reason: String| SignError::Url { url: url.to_owned(), reason };
    let base = reqwest::Url::parse(url).map_err(|error| refused(error.to_string()))?;
    let builder = client_builder(&base, &HttpSettings::default()).map_err(refused)?;
    let builder = builder.redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(30));
    builder.build().map_err(|error| refused(error.to_string()))
}
