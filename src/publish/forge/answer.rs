//! What GitHub's answers say: what has become of a branch, and why a request was refused.

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use serde::Deserialize;
use url::Url;

use crate::registry::{ApiAnswer, Failure, plain};

/// The parts of a pull request that matter here.
#[derive(Debug, Deserialize)]
pub(super) struct PullRequest {
    pub number: u64,
    pub html_url: Url,
    state: String,
    #[serde(default)]
    merged_at: Option<String>,
    head: Head,
}

#[derive(Debug, Deserialize)]
struct Head {
    /// `owner:branch`
    label: String,
}

/// What has become of a branch.
#[derive(Debug)]
pub(super) enum Standing {
    None,
    Open(PullRequest),
    Closed(Url),
    Merged(Url),
}

/// Of the requests `found`, newest first, those of the branch count: a filter that GitHub does not understand, it passes over.
pub(super) fn standing(found: Vec<PullRequest>, owner: &str, branch: &str) -> Standing {
    let is_ours = |request: &PullRequest| {
        let head = request.head.label.split_once(':');
        head.is_some_and(|(whose, name)| whose.eq_ignore_ascii_case(owner) && name == branch)
    };
    let (open, closed): (Vec<_>, Vec<_>) =
        found.into_iter().filter(is_ours).partition(|request| request.state == "open");
    match (open.into_iter().next(), closed.into_iter().next()) {
        (Some(request), _) => Standing::Open(request),
        (None, Some(request)) if request.merged_at.is_some() => Standing::Merged(request.html_url),
        (None, Some(request)) => Standing::Closed(request.html_url),
        (None, None) => Standing::None,
    }
}

/// What comes with an answer that is a refusal.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Detail>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Detail {
    Text(String),
    Fields {
        #[serde(default)]
        message: Option<String>,
        #[serde(default)]
        field: Option<String>,
        #[serde(default)]
        code: Option<String>,
    },
}

impl Detail {
    fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Fields { message: Some(message), .. } => Some(message.clone()),
            Self::Fields { message: None, field: Some(field), code } => {
                Some(format!("{field}: {}", code.as_deref().unwrap_or("wrong")))
            }
            Self::Fields { .. } => None,
        }
    }
}

const PERMISSIONS: &str =
    "the token needs the permissions `contents: write` and `pull requests: write` for this repository";

/// Why a request was refused, in GitHub's words and in ours.
pub(super) fn failure(answer: &ApiAnswer) -> Failure {
    let ApiAnswer { status, headers, body } = answer;
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let details = refusal.errors.iter().filter_map(Detail::text);
    let said: Vec<String> = std::iter::once(refusal.message.clone()).chain(details).collect();
    let said =
        said.iter().filter(|text| !text.is_empty()).map(|text| plain(text)).collect::<Vec<_>>().join("; ");
    let reason = match said.as_str() {
        "" => format!("GitHub answers {status}"),
        said => format!("GitHub answers {status}: {said}"),
    };
    if let Some(hint) = rate_limit(*status, headers) {
        return Failure::lasting(reason, hint);
    }
    let hint = match status.as_u16() {
        403 if said.contains("not permitted to create") => {
            "allow it in the repository's settings: Actions, General, \"Allow GitHub Actions to create and approve pull requests\""
        }
        403 => PERMISSIONS,
        404 | 410 => "check the URL; GitHub answers so too where the token may not see the repository",
        422 if said.contains("No commits between") => {
            "the branch has nothing that its base has not: what is proposed is there already"
        }
        422 if said.contains("already exists") => {
            "run the command again: it brings that pull request up to date"
        }
        422 => "check that both branches are there, and that the repository takes pull requests",
        300..=399 => {
            let place = headers.get(LOCATION).and_then(|place| place.to_str().ok()).map(plain);
            let place = place.map_or(String::new(), |place| format!(": {place}"));
            return Failure::lasting(reason, format!("the repository has moved{place}; write its new URL"));
        }
        _ => "check the setting `forge-api`",
    };
    Failure::lasting(reason, hint)
}

/// When to come back, where there were too many requests: GitHub says so with 403 or 429.
fn rate_limit(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    if !matches!(status.as_u16(), 403 | 429) {
        return None;
    }
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<i64>().ok();
    if let Some(seconds) = number(RETRY_AFTER.as_str()) {
        return Some(format!("there were too many requests: try again in {seconds} seconds"));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let reset = number("x-ratelimit-reset").and_then(|second| Timestamp::from_second(second).ok());
        return Some(match reset {
            Some(reset) => format!("the token has no more requests: try again after {reset}"),
            None => "the token has no more requests: try again in an hour".to_owned(),
        });
    }
    (status.as_u16() == 429).then(|| "there were too many requests: try again later".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> String {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let status = StatusCode::from_u16(status).unwrap();
        let Failure { reason, hint, .. } = failure(&ApiAnswer { status, headers, body: body.into() });
        format!("{reason}\n{hint}")
    }

    #[test]
    fn refusals_are_explained() {
        let validation = |error: &str| {
            said(
                422,
                &[],
                &format!(r#"{{"message":"Validation Failed","errors":[{error}],"documentation_url":"…"}}"#),
            )
        };
        insta::assert_snapshot!(validation(r#"{"resource":"PullRequest","code":"custom","message":"No commits between main and rvp/x"}"#), @r"
        GitHub answers 422 Unprocessable Entity: Validation Failed; No commits between main and rvp/x
        the branch has nothing that its base has not: what is proposed is there already
        ");
        insta::assert_snapshot!(validation(r#"{"resource":"PullRequest","code":"custom","message":"A pull request already exists for acme:rvp/x."}"#), @r"
        GitHub answers 422 Unprocessable Entity: Validation Failed; A pull request already exists for acme:rvp/x.
        run the command again: it brings that pull request up to date
        ");
        insta::assert_snapshot!(validation(r#"{"resource":"PullRequest","field":"base","code":"invalid"}"#), @r"
        GitHub answers 422 Unprocessable Entity: Validation Failed; base: invalid
        check that both branches are there, and that the repository takes pull requests
        ");
        insta::assert_snapshot!(said(403, &[], r#"{"message":"Resource not accessible by integration"}"#), @r"
        GitHub answers 403 Forbidden: Resource not accessible by integration
        the token needs the permissions `contents: write` and `pull requests: write` for this repository
        ");
        insta::assert_snapshot!(said(403, &[], r#"{"message":"GitHub Actions is not permitted to create or approve pull requests."}"#), @r#"
        GitHub answers 403 Forbidden: GitHub Actions is not permitted to create or approve pull requests.
        allow it in the repository's settings: Actions, General, "Allow GitHub Actions to create and approve pull requests"
        "#);
        insta::assert_snapshot!(said(404, &[], r#"{"message":"Not Found"}"#), @r"
        GitHub answers 404 Not Found: Not Found
        check the URL; GitHub answers so too where the token may not see the repository
        ");
        insta::assert_snapshot!(said(307, &[("location", "https://api.github.com/repositories/1/pulls")], ""), @r"
        GitHub answers 307 Temporary Redirect
        the repository has moved: https://api.github.com/repositories/1/pulls; write its new URL
        ");
        insta::assert_snapshot!(said(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000000")], "{}"), @r"
        GitHub answers 403 Forbidden
        the token has no more requests: try again after 2027-01-15T08:00:00Z
        ");
        insta::assert_snapshot!(said(429, &[("retry-after", "60")], r#"{"message":"secondary rate limit"}"#), @r"
        GitHub answers 429 Too Many Requests: secondary rate limit
        there were too many requests: try again in 60 seconds
        ");
        insta::assert_snapshot!(said(400, &[], "<html>\u{1b}[31m"), @r"
        GitHub answers 400 Bad Request
        check the setting `forge-api`
        ");
        insta::assert_snapshot!(said(422, &[], "{\"message\":\"\\u001b[31m red\",\"errors\":[\"a text\"]}"), @r"
        GitHub answers 422 Unprocessable Entity: \u{1b}[31m red; a text
        check that both branches are there, and that the repository takes pull requests
        ");
    }
}
