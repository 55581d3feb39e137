//! The services that vouch for keyless signatures: a certificate authority (Fulcio), a log (Rekor), a timestamp authority, and the
//! provider of identities to log in with.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use sigstore_sign::SigningServices;
use sigstore_trust_root::{SigningConfig, SigstoreInstance};

use super::SignError;
use crate::trust::{Origin, TrustedRoot};

const CLIENT_TRUST_CONFIG: &str = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";
/// The most bytes that a configuration may have. The public one, root and all, has 9,000.
const MAX_CONFIG: u64 = 4 << 20;

/// Where to sign, and whom to believe that it was done.
pub struct Services {
    pub(super) signing: SigningServices,
    /// None where only a signing configuration is known: then nobody checks the result.
    pub(super) root: Option<TrustedRoot>,
}

impl Services {
    /// The public instance, as it was when this program was built. What it signs is checked with `root`.
    pub fn public(root: TrustedRoot) -> Result<Self, SignError> {
        let signing = SigningServices::from_embedded(SigstoreInstance::PublicGood)
            .map_err(|error| SignError::PublicInstance { reason: error.to_string() })?;
        Ok(Self { signing, root: Some(root) })
    }

    /// Reads a client trust configuration: the message `ClientTrustConfig` of Sigstore's protobuf-specs, which holds a signing
    /// configuration and a trusted root.
    pub fn read_trust_config(path: &Path) -> Result<Self, SignError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct ClientTrustConfig {
            media_type: String,
            trusted_root: serde_json::Value,
            signing_config: serde_json::Value,
        }
        let refused = |reason| SignError::Config { path: path.to_owned(), reason };
        let config: ClientTrustConfig =
            serde_json::from_str(&read(path)?).map_err(|error| refused(error.to_string()))?;
        if config.media_type != CLIENT_TRUST_CONFIG {
            return Err(refused(format!("its media type is `{}`", config.media_type)));
        }
        let signing = services(path, &config.signing_config.to_string())?;
        let root = TrustedRoot::parse(&config.trusted_root.to_string(), Origin::File(path.to_owned()))
            .map_err(|error| refused(error.to_string()))?;
        Ok(Self { signing, root: Some(root) })
    }

    /// Reads a signing configuration: the message `SigningConfig`, version 0.2.
    pub fn read_signing_config(path: &Path) -> Result<Self, SignError> {
        Ok(Self { signing: services(path, &read(path)?)?, root: None })
    }
}

fn read(path: &Path) -> Result<String, SignError> {
    let failed = |source| SignError::ReadConfig { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_CONFIG + 1).read_to_string(&mut text).map_err(failed)?;
    match text.len() as u64 > MAX_CONFIG {
        true => Err(SignError::Config { path: path.to_owned(), reason: "it has more than 4 MiB".to_owned() }),
        false => Ok(text),
    }
}

fn services(path: &Path, json: &str) -> Result<SigningServices, SignError> {
    let refused = |reason: String| SignError::Config { path: PathBuf::from(path), reason };
    let config = SigningConfig::from_json(json).map_err(|error| refused(error.to_string()))?;
    // The crate insists on a timestamp authority, which the first version of the log can do without: it states the time itself.
    let rekor = config.rekor_url(None).filter(|rekor| rekor.major_api_version == 1);
    if let (true, Some(fulcio), Some(rekor)) = (config.tsa_urls.is_empty(), config.fulcio_url(), rekor) {
        let services = SigningServices::new(&fulcio.url, &rekor.url);
        return Ok(match config.oidc_url() {
            Some(oidc) => services.with_oidc_url(&oidc.url),
            None => services,
        });
    }
    SigningServices::from_signing_config(&config).map_err(|error| refused(error.to_string()))
}
