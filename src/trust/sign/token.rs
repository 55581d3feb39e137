//! Identity tokens (OpenID Connect), which a certificate authority takes as proof of who signs.

use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::Deserialize;
use sigstore_oidc::IdentityToken;
use zeroize::Zeroizing;

use super::SignError;
use crate::model::Signer;

/// An identity token, and whom a certificate will name that is issued for it. Only the authority verifies it.
pub struct Token {
    pub(super) inner: IdentityToken,
    pub(super) signer: Signer,
}

/// No token that a provider issues is longer.
const MAX_TOKEN: u64 = 64 * 1024;

/// The claims that decide what a certificate names.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    email: Option<String>,
    federated_claims: Option<Federated>,
    /// GitHub
    job_workflow_ref: Option<String>,
    /// GitLab
    ci_config_ref_uri: Option<String>,
    /// Buildkite
    organization_slug: Option<String>,
    pipeline_slug: Option<String>,
    #[serde(rename = "oidc.circleci.com/project-id")]
    circleci_project: Option<String>,
    #[serde(rename = "oidc.circleci.com/pipeline-definition-id")]
    circleci_pipeline: Option<String>,
}

/// Of a provider that has the user log in elsewhere, as Sigstore's own does.
#[derive(Deserialize)]
struct Federated {
    connector_id: Option<String>,
}

impl Token {
    /// Reads a token: three parts in base64, with dots between them (RFC 7519).
    pub fn parse(text: &str) -> Result<Self, SignError> {
        // Errors of what parses it could quote the token, so they are dropped.
        let refused = || SignError::NotAToken;
        let text = text.trim();
        let payload = text.split('.').nth(1).ok_or_else(refused)?;
        let payload = Zeroizing::new(BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_| refused())?);
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| refused())?;
        let inner = IdentityToken::from_jwt(text).map_err(|_| refused())?;
        Ok(Self { inner, signer: claims.signer() })
    }

    /// Reads the token in a file.
    pub fn read(path: &Path) -> Result<Self, SignError> {
        use std::io::Read as _;
        let failed = |source| SignError::ReadToken { path: path.to_owned(), source };
        let mut text = Zeroizing::new(String::new());
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_TOKEN).read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text)
    }

    pub(super) fn check_time(&self, now: Timestamp) -> Result<(), SignError> {
        let expired = self.inner.expiration();
        if expired <= now { Err(SignError::TokenExpired { expired }) } else { Ok(()) }
    }
}

impl Claims {
    /// Whom the public instance's certificates name (sigstore/fulcio, config/identity/config.yaml). A private one may be set up in
    /// another way: who relies on this compares it with the certificate.
    fn signer(self) -> Signer {
        let identity = if let Some(workflow) = self.job_workflow_ref {
            format!("https://github.com/{workflow}")
        } else if let Some(pipeline) = self.ci_config_ref_uri {
            format!("https://{pipeline}")
        } else if let (Some(organization), Some(pipeline)) = (self.organization_slug, self.pipeline_slug) {
            format!("https://buildkite.com/{organization}/{pipeline}")
        } else if let (Some(project), Some(pipeline)) = (self.circleci_project, self.circleci_pipeline) {
            format!("https://circleci.com/api/v2/projects/{project}/pipeline-definitions/{pipeline}")
        } else {
            self.email.unwrap_or(self.sub)
        };
        let elsewhere = self.federated_claims.and_then(|federated| federated.connector_id);
        Signer::Identity { identity, issuer: elsewhere.unwrap_or(self.iss) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        let part = |json: &str| BASE64URL_NOPAD.encode(json.as_bytes());
        format!("{}.{}.{}", part(r#"{"alg":"none"}"#), part(claims), part("signature"))
    }

    #[test]
    fn a_token_says_whom_its_certificate_will_name() {
        let connector = r#""federated_claims":{"connector_id":"https://accounts.example"}"#;
        for (claims, identity, issuer) in [
            (r#""email":"ana@acme.example""#.to_owned(), "ana@acme.example", "https://issuer.example"),
            (
                format!(r#""email":"ana@acme.example",{connector}"#),
                "ana@acme.example",
                "https://accounts.example",
            ),
            (String::from(r#""x":1"#), "subject", "https://issuer.example"),
            (
                r#""job_workflow_ref":"acme/walls/.github/workflows/release.yml@refs/tags/v1""#.to_owned(),
                "https://github.com/acme/walls/.github/workflows/release.yml@refs/tags/v1",
                "https://issuer.example",
            ),
            (
                r#""ci_config_ref_uri":"gitlab.com/acme/walls//.gitlab-ci.yml@refs/tags/v1""#.to_owned(),
                "https://gitlab.com/acme/walls//.gitlab-ci.yml@refs/tags/v1",
                "https://issuer.example",
            ),
            (
                r#""organization_slug":"acme","pipeline_slug":"walls""#.to_owned(),
                "https://buildkite.com/acme/walls",
                "https://issuer.example",
            ),
            (
                r#""oidc.circleci.com/project-id":"p","oidc.circleci.com/pipeline-definition-id":"d""#
                    .to_owned(),
                "https://circleci.com/api/v2/projects/p/pipeline-definitions/d",
                "https://issuer.example",
            ),
        ] {
            let claims =
                format!(r#"{{"iss":"https://issuer.example","sub":"subject","exp":9999999999,{claims}}}"#);
            let expected = Signer::Identity { identity: identity.to_owned(), issuer: issuer.to_owned() };
            assert_eq!(Token::parse(&token(&claims)).unwrap().signer, expected);
        }
    }

    #[test]
    fn what_is_no_token_is_not_quoted() {
        let good = token(r#"{"iss":"i","sub":"s","exp":9999999999}"#);
        let no_expiry = token(r#"{"iss":"i","sub":"s","exp":"eyJzZWNyZXQi"}"#);
        for text in ["", ".", "a.b.c", "eyJh", &good[..good.len() / 2], &no_expiry, &format!("{good}.x")] {
            let error = Token::parse(text).err().unwrap().to_string();
            assert!(!error.contains("eyJ"), "{error}");
        }
        Token::parse(&format!(" {good}\n")).unwrap();
    }
}
