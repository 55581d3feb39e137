//! The identity that a service of continuous integration gives to its jobs.

use std::error::Error as _;

use ambient_id::{Detector, Error, GitHubError, GitLabError};

use super::error::plain;
use super::{SignError, Token, client};

/// The audience that Sigstore's certificate authorities ask for.
const AUDIENCE: &str = "sigstore";

/// A token for the job that this process belongs to, of GitHub Actions, GitLab, Buildkite or CircleCI; none outside of them.
pub async fn ambient_token() -> Result<Option<Token>, SignError> {
    let asked = std::env::var("ACTIONS_ID_TOKEN_REQUEST_URL");
    let asked = asked.as_deref().unwrap_or("https://token.actions.githubusercontent.com");
    let detector = Detector::new_with_client(client(asked)?);
    match detector.detect(AUDIENCE).await {
        Ok(token) => token.map(|token| Token::parse(token.reveal())).transpose(),
        Err(error) => Err(refusal(&error)),
    }
}

fn refusal(error: &Error) -> SignError {
    let (service, hint) = match error {
        Error::GitHubActions(GitHubError::InsufficientPermissions(_)) => {
            ("GitHub Actions", "\n  hint: give the job `permissions: id-token: write`")
        }
        Error::GitHubActions(_) => ("GitHub Actions", ""),
        Error::GitLabCI(GitLabError::Missing(_)) => {
            ("GitLab", "\n  hint: give the job `id_tokens: { SIGSTORE_ID_TOKEN: { aud: sigstore } }`")
        }
        Error::Buildkite(_) => ("Buildkite", ""),
        Error::CircleCI(_) => ("CircleCI", ""),
    };
    let mut reason = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let separator = if reason.is_empty() { "" } else { ": " };
        reason = format!("{reason}{separator}{error}");
        cause = error.source();
    }
    SignError::Ambient { service, reason: plain(&reason, None), hint }
}
