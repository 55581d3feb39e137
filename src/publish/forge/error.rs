//! Why a proposal is not where reviewers see it.

use std::borrow::Cow;

use url::Url;

use crate::registry::Failure;

#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    #[error(
        "the pull request of the branch `{branch}` is closed: {url}\n  hint: propose it again under another name of a branch, once its reviewers agree"
    )]
    Closed { branch: String, url: Url },
    #[error(
        "the pull request of the branch `{branch}` is merged already: {url}\n  hint: propose what is new under another name of a branch"
    )]
    Merged { branch: String, url: Url },
    #[error("cannot {action} of {repository}: {reason}\n  hint: {hint}")]
    Failed { action: &'static str, repository: String, reason: String, hint: Cow<'static, str> },
}

impl ForgeError {
    pub(super) fn failed(action: &'static str, repository: &str, failure: Failure) -> Self {
        let Failure { reason, hint, .. } = failure;
        Self::Failed { action, repository: repository.to_owned(), reason, hint }
    }
}
