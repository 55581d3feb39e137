//! Pull requests by GitHub's REST API (version 2022-11-28).

use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use url::Url;

use super::answer::{self, PullRequest, Standing};
use super::place::{ForgeSettings, Repository};
use super::shorten::shortened;
use super::{ForgeError, Opened, Proposal};
use crate::registry::{Api, ApiAnswer, Failure, GitPlace, StoreOptions, TokenSources};

const VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
/// The most bytes of a body: GitHub takes 65,536 characters.
const MOST_BODY: usize = 65_000;
/// The most characters of a title.
const MOST_TITLE: usize = 256;

const FIND: &str = "ask for the pull requests";
const OPEN: &str = "open a pull request";
const UPDATE: &str = "bring the pull request up to date";

/// The pull requests of one repository.
pub(super) struct GitHub {
    api: Api,
    pulls: Url,
    repository: String,
    /// Whose branches are proposed.
    owner: String,
}

impl GitHub {
    /// None where there is no token.
    pub fn of(
        repository: &Repository,
        fork: Option<&Repository>,
        place: &GitPlace,
        settings: &ForgeSettings,
        options: &StoreOptions,
    ) -> Result<Option<Self>, ForgeError> {
        let name = repository.web.to_string();
        let failed = |failure| ForgeError::failed(FIND, &name, failure);
        let (Some(api), Some((owner, _))) =
            (repository.github_api(settings), fork.unwrap_or(repository).owner_and_name())
        else {
            let hint = "write it as git+https://github.com/owner/repository.git";
            return Err(failed(Failure::lasting("its path is not that of a GitHub repository", hint)));
        };
        let mut sources = options.sources.clone();
        if !api.is_of_repository
            && let Some(sources) = &mut sources
        {
            // What is bound to the registry's name alone is for the registry's place.
            sources.registry = None;
        }
        let mut git = match place.repository.scheme() {
            "ssh" => repository.web.clone(),
            _ => place.repository.clone(),
        };
        // Both fail only for URLs that can have none.
        let _ = git.set_username("");
        let _ = git.set_password(None);
        let tokens = TokenSources {
            sources: sources.as_ref(),
            location: &format!("git+{git}"),
            repository: api.is_of_repository.then_some(&git),
            variables: if api.is_of_environment { settings.actions.tokens.clone() } else { Vec::new() },
        };
        let mut pulls = api.base.clone();
        pulls.set_path(&format!("{}/repos/{}/pulls", api.base.path().trim_end_matches('/'), repository.path));
        let owner = owner.to_owned();
        let api = Api::open(&api.base, &options.http, tokens).map_err(failed)?;
        Ok(api.map(|api| Self { api, pulls, repository: name.clone(), owner }))
    }

    /// Whether the branch has an open request. One that has been closed or merged is an error.
    pub async fn standing(&self, proposal: &Proposal) -> Result<Option<PullRequest>, ForgeError> {
        let mut url = self.pulls.clone();
        url.query_pairs_mut()
            .append_pair("head", &format!("{}:{}", self.owner, proposal.branch))
            .append_pair("base", &proposal.base)
            .append_pair("state", "all");
        let found: Vec<PullRequest> = self.ask(FIND, Method::GET, &url, None).await?;
        match answer::standing(found, &self.owner, &proposal.branch) {
            Standing::None => Ok(None),
            Standing::Open(request) => Ok(Some(request)),
            Standing::Closed(url) => Err(ForgeError::Closed { branch: proposal.branch.clone(), url }),
            Standing::Merged(url) => Err(ForgeError::Merged { branch: proposal.branch.clone(), url }),
        }
    }

    pub async fn propose(&self, proposal: &Proposal) -> Result<Opened, ForgeError> {
        let title: String = proposal.title.chars().take(MOST_TITLE).collect();
        let body = shortened(&proposal.body, MOST_BODY);
        if let Some(PullRequest { number, .. }) = self.standing(proposal).await? {
            let mut url = self.pulls.clone();
            url.set_path(&format!("{}/{number}", self.pulls.path()));
            let changes = json!({ "title": title, "body": body });
            let updated: PullRequest = self.ask(UPDATE, Method::PATCH, &url, Some(&changes)).await?;
            return Ok(Opened::Request { url: updated.html_url, is_new: Some(false) });
        }
        let request = json!({
            "title": title, "body": body, "head": format!("{}:{}", self.owner, proposal.branch), "base": proposal.base, "maintainer_can_modify": true,
        });
        let opened: PullRequest = self.ask(OPEN, Method::POST, &self.pulls, Some(&request)).await?;
        Ok(Opened::Request { url: opened.html_url, is_new: Some(true) })
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        action: &'static str,
        method: Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<T, ForgeError> {
        let failed = |failure| ForgeError::failed(action, &self.repository, failure);
        let mut headers = HeaderMap::new();
        headers
            .insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json, application/json;q=0.9"));
        headers.insert(VERSION, HeaderValue::from_static("2022-11-28"));
        let answer = self.api.ask(method, url, &headers, body).await.map_err(failed)?;
        let ApiAnswer { status, body, .. } = &answer;
        if !status.is_success() {
            return Err(failed(answer::failure(&answer)));
        }
        serde_json::from_slice(body).map_err(|error| {
            failed(Failure::lasting(
                format!("the answer is not GitHub's ({error})"),
                "check the setting `forge-api`, and whether a proxy or a login page stands in between",
            ))
        })
    }
}
