//! The identity of a person, who logs in with a browser.

use sigstore_oidc::{AuthCallback, AuthOptions, OAuthClient, OAuthConfig};

use super::{Services, SignError, Token, client, error::plain};

/// Has the user log in at the provider of `services`, and gives a token. `callback` shows what is to be done, and out of band, that is
/// where no browser can be opened here, it asks for the code that the browser elsewhere shows.
pub async fn log_in(
    services: &Services,
    callback: impl AuthCallback,
    out_of_band: bool,
) -> Result<Token, SignError> {
    let provider = services.signing.oidc_url().ok_or(SignError::NoProvider)?;
    let login = OAuthClient::with_http_client(OAuthConfig::dex(provider), client(provider)?);
    let options = AuthOptions::new().with_force_oob(out_of_band);
    let token = login.authenticate_with_options(callback, options).await.map_err(|error| {
        SignError::LogIn { provider: provider.to_owned(), reason: plain(&error.to_string(), None) }
    })?;
    Token::parse(token.expose_secret())
}
