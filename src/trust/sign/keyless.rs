//! Signing without a key of one's own: a key is made for one signature, an authority certifies for a few minutes whose it is, and a log
//! keeps when it was used.

use jiff::Timestamp;
use sigstore_sign::SigningContext;
use sigstore_types::{Artifact, Bundle, Sha256Hash, Statement};
use tokio::runtime::Handle;

use super::error::plain;
use super::{Services, SignError, Signed, Token, client};
use crate::model::{Sha256, Signer};
use crate::trust::{Bundle as Checked, TrustError, Verifier};

/// The holder of an identity token, and the services that vouch for it.
pub struct Keyless {
    services: Services,
    token: Token,
    runtime: Handle,
}

impl Keyless {
    /// Requests are made on `runtime`; signing is then called from outside of it.
    pub fn new(services: Services, token: Token, runtime: Handle) -> Self {
        Self { services, token, runtime }
    }

    pub(super) fn signer(&self) -> &Signer {
        &self.token.signer
    }

    pub(super) fn sign_digest(&self, digest: Sha256) -> Result<Signed, SignError> {
        let digest = Sha256Hash::new(digest.0);
        let signer = self.ready()?;
        let signing = async { signer.sign(Artifact::from(digest)).await };
        let bundle = self.runtime.block_on(signing).map_err(|error| self.refusal(error))?;
        self.finish(&bundle, digest)
    }

    /// The certificate must name whom [`Keyless::signer`] names: the statement may say so too.
    pub(super) fn sign_statement(&self, payload: &[u8]) -> Result<Signed, SignError> {
        let statement: Statement =
            serde_json::from_slice(payload).map_err(|error| SignError::Statement(error.to_string()))?;
        let digest = statement.subject.iter().find_map(|subject| subject.digest.sha256);
        let digest = digest.ok_or_else(|| SignError::Statement("no subject has a SHA-256".to_owned()))?;
        let signer = self.ready()?;
        let signing = signer.sign_raw_statement(payload);
        let bundle = self.runtime.block_on(signing).map_err(|error| self.refusal(error))?;
        let signed = self.finish(&bundle, digest)?;
        if signed.signer != self.token.signer {
            let (expected, found) = (self.token.signer.to_string(), signed.signer.to_string());
            return Err(SignError::OtherSigner { expected, found });
        }
        Ok(signed)
    }

    fn ready(&self) -> Result<sigstore_sign::Signer, SignError> {
        self.token.check_time(Timestamp::now())?;
        let client = client(self.services.signing.fulcio_url())?;
        let context = SigningContext::new(self.services.signing.clone()).with_http_client(client);
        Ok(context.signer(self.token.inner.clone()))
    }

    /// Checks the result as those will who get it: what does not verify is of no use, and says that a service is not what it should be.
    fn finish(&self, bundle: &Bundle, digest: Sha256Hash) -> Result<Signed, SignError> {
        // The hints of a verifier are for others than the signer.
        let useless = |error: TrustError| SignError::Useless {
            reason: plain(error.to_string().lines().next().unwrap_or_default(), Some(&self.token)),
        };
        let bytes = bundle.to_json()?.into_bytes();
        if let Some(root) = &self.services.root {
            let verified = Verifier::new(root).and_then(|verifier| {
                verifier.verify_artifact(&Checked::parse(&bytes)?, Sha256(*digest.as_bytes()), &[])
            });
            return Ok(Signed { signer: verified.map_err(useless)?.signer, bundle: bytes });
        }
        let certificate = bundle.signing_certificate().map(sigstore_crypto::parse_certificate_info);
        let named = certificate.and_then(Result::ok).and_then(|info| info.identity.zip(info.issuer));
        let (identity, issuer) = named.ok_or_else(|| SignError::Useless {
            reason: "its certificate names no identity and issuer".to_owned(),
        })?;
        let signer = Signer::Identity { identity: identity.as_str().to_owned(), issuer };
        Ok(Signed { bundle: bytes, signer })
    }

    fn refusal(&self, error: sigstore_sign::Error) -> SignError {
        use sigstore_sign::{Error, fulcio, rekor, tsa};
        let signing = &self.services.signing;
        let (failed, url, reason) = match &error {
            Error::Fulcio(error) => ("get a certificate from", signing.fulcio_url(), error.to_string()),
            Error::Rekor(error) => {
                ("enter the signature into the log", signing.rekor_url(), error.to_string())
            }
            Error::Tsa(error) => {
                ("get a timestamp from", signing.tsa_url().unwrap_or_default(), error.to_string())
            }
            error => return SignError::Other(plain(&error.to_string(), Some(&self.token))),
        };
        let hint = match &error {
            Error::Fulcio(fulcio::Error::Http(_))
            | Error::Rekor(rekor::Error::Http(_))
            | Error::Tsa(tsa::Error::Http(_)) => {
                "\n  hint: check that the server can be reached from here, through a proxy if there is one"
            }
            Error::Fulcio(fulcio::Error::Status { status: 400..=403, .. }) => {
                "\n  hint: it takes tokens of the issuers that it knows, made for it within the last minutes"
            }
            _ => "",
        };
        SignError::Service { failed, url: url.to_owned(), reason: plain(&reason, Some(&self.token)), hint }
    }
}
