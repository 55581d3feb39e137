//! Which forge a git repository stands on, and how that calls it.

use url::Url;

use crate::project::{ForgeApi, ForgeKind};
use crate::registry::GitPlace;

const GITHUB: &str = "github.com";
const GITHUB_API: &str = "https://api.github.com";

/// What settings and CI say of the forge.
#[derive(Clone, Debug, Default)]
pub struct ForgeSettings {
    /// Where the host's name does not tell.
    pub kind: Option<ForgeKind>,
    pub api: Option<ForgeApi>,
    pub actions: Actions,
}

/// What the environment has for GitHub's API, named as GitHub's CI names it.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    /// `GITHUB_SERVER_URL`: the server that the next two are for. None: github.com.
    pub server: Option<Url>,
    /// `GITHUB_API_URL`
    pub api: Option<Url>,
    /// Of `GH_TOKEN` and `GITHUB_TOKEN`, with the variable's name.
    pub tokens: Vec<(&'static str, String)>,
}

impl Actions {
    /// As `variable` has them. A URL that is none is passed over, as CI systems set what they do not know to nothing.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let url = |name| variable(name).and_then(|text| Url::parse(text.trim_end_matches('/')).ok());
        let tokens = ["GH_TOKEN", "GITHUB_TOKEN"];
        Self {
            server: url("GITHUB_SERVER_URL"),
            api: url("GITHUB_API_URL"),
            tokens: tokens.into_iter().filter_map(|name| Some((name, variable(name)?))).collect(),
        }
    }

    /// Whether these are for the server of `web`.
    fn are_for(&self, web: &Url) -> bool {
        match &self.server {
            Some(server) => server.origin() == web.origin(),
            None => web.host_str() == Some(GITHUB),
        }
    }
}

/// A repository of a forge.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    /// None: whatever it is, it is not known.
    pub kind: Option<ForgeKind>,
    /// Its page: `https://github.com/acme/registry`.
    pub web: Url,
    /// `acme/registry`; GitLab has groups in groups.
    pub path: String,
}

/// Where the API is, and who may be asked for its token.
#[derive(Debug)]
pub(super) struct GitHubApi {
    /// Without a `/` at the end.
    pub base: Url,
    /// Whether credentials of the repository may go there.
    pub is_of_repository: bool,
    /// Whether tokens of the environment may.
    pub is_of_environment: bool,
}

impl Repository {
    /// None for a repository on this machine.
    pub fn of(place: &GitPlace, settings: &ForgeSettings) -> Option<Self> {
        let url = &place.repository;
        let host = url.host_str().filter(|_| url.scheme() != "file")?.to_ascii_lowercase();
        // The port of ssh says nothing about that of the pages.
        let authority = match url.port().filter(|_| url.scheme() != "ssh") {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        let scheme = if url.scheme() == "http" { "http" } else { "https" };
        let path = url.path().trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let web = Url::parse(&format!("{scheme}://{authority}/{path}")).ok()?;
        let in_actions = settings.actions.server.is_some() && settings.actions.are_for(&web);
        let kind =
            settings.kind.or_else(|| kind_of(&host)).or_else(|| in_actions.then_some(ForgeKind::GitHub));
        Some(Self { kind, path: web.path().trim_start_matches('/').to_owned(), web })
    }

    /// `acme` and `registry`. None where the path is no such pair, as that of a group in a group.
    pub fn owner_and_name(&self) -> Option<(&str, &str)> {
        self.path
            .split_once('/')
            .filter(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'))
    }

    pub fn github_api(&self, settings: &ForgeSettings) -> Option<GitHubApi> {
        let host = self.web.host_str()?;
        let usual = || {
            if host == GITHUB {
                Url::parse(GITHUB_API).ok()
            } else if host.ends_with(".ghe.com") {
                Url::parse(&format!("https://api.{host}")).ok()
            } else {
                self.web.join("/api/v3").ok()
            }
        };
        let actions = settings.actions.are_for(&self.web).then_some(&settings.actions);
        let named = settings.api.as_ref().map(|api| api.url().clone());
        let of_actions = actions.and_then(|actions| actions.api.clone());
        let is_of_repository = named.is_none() || named == usual() || named == of_actions;
        let base = named.or(of_actions).or_else(usual)?;
        let is_of_environment = actions.is_some() && is_of_repository;
        Some(GitHubApi { base, is_of_repository, is_of_environment })
    }
}

/// What a host's name tells: the public forges, and hosts named after what runs there.
fn kind_of(host: &str) -> Option<ForgeKind> {
    match host {
        GITHUB => return Some(ForgeKind::GitHub),
        "codeberg.org" => return Some(ForgeKind::Gitea),
        host if host.ends_with(".ghe.com") => return Some(ForgeKind::GitHub),
        _ => {}
    }
    match host.split('.').next()? {
        "github" => Some(ForgeKind::GitHub),
        "gitlab" => Some(ForgeKind::GitLab),
        "gitea" | "forgejo" => Some(ForgeKind::Gitea),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(text: &str, settings: &ForgeSettings) -> Option<Repository> {
        Repository::of(&GitPlace::parse(text).unwrap(), settings)
    }

    fn said(text: &str) -> String {
        match repository(text, &ForgeSettings::default()) {
            None => "none".to_owned(),
            Some(Repository { kind, web, .. }) => {
                format!("{} {web}", kind.map_or("unknown".to_owned(), |kind| kind.to_string()))
            }
        }
    }

    #[test]
    fn hosts_tell_what_they_are() {
        insta::assert_snapshot!(said("git+https://github.com/acme/registry.git@main#subdirectory=x"), @"github https://github.com/acme/registry");
        insta::assert_snapshot!(said("git+ssh://git@github.com:22/acme/registry.git"), @"github https://github.com/acme/registry");
        insta::assert_snapshot!(said("git+https://acme.ghe.com/a/b"), @"github https://acme.ghe.com/a/b");
        insta::assert_snapshot!(said("git+https://github.acme.example:8443/a/b/"), @"github https://github.acme.example:8443/a/b");
        insta::assert_snapshot!(said("git+https://gitlab.com/group/group/b.git"), @"gitlab https://gitlab.com/group/group/b");
        insta::assert_snapshot!(said("git+ssh://git@codeberg.org/a/b"), @"gitea https://codeberg.org/a/b");
        insta::assert_snapshot!(said("git+https://git.acme.example/a/b"), @"unknown https://git.acme.example/a/b");
        insta::assert_snapshot!(said("git+https://github.com.evil.example/a/b"), @"github https://github.com.evil.example/a/b");
        insta::assert_snapshot!(said("git+https://notgithub.com/a/b"), @"unknown https://notgithub.com/a/b");
        insta::assert_snapshot!(said("git+file:///srv/registry.git"), @"none");
    }

    fn api(text: &str, settings: &ForgeSettings) -> String {
        let GitHubApi { base, is_of_repository, is_of_environment } =
            repository(text, settings).unwrap().github_api(settings).unwrap();
        let repository = if is_of_repository { ", its credentials" } else { "" };
        let environment = if is_of_environment { ", GH_TOKEN" } else { "" };
        format!("{base}{repository}{environment}")
    }

    #[test]
    fn tokens_go_to_the_server_that_they_are_for() {
        let (public, company) = ("git+https://github.com/a/b", "git+ssh://git@github.acme.example/a/b");
        let none = ForgeSettings::default();
        insta::assert_snapshot!(api(public, &none), @"https://api.github.com/, its credentials, GH_TOKEN");
        insta::assert_snapshot!(api("git+https://acme.ghe.com/a/b", &none), @"https://api.acme.ghe.com/, its credentials");
        insta::assert_snapshot!(api(company, &none), @"https://github.acme.example/api/v3, its credentials");
        let variable = |name: &str| {
            let value = match name {
                "GITHUB_SERVER_URL" => "https://github.acme.example",
                "GITHUB_API_URL" => "https://github.acme.example/api/v3/",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let actions = ForgeSettings { actions: Actions::of(variable), ..ForgeSettings::default() };
        insta::assert_snapshot!(api(public, &actions), @"https://api.github.com/, its credentials");
        insta::assert_snapshot!(api(company, &actions), @"https://github.acme.example/api/v3, its credentials, GH_TOKEN");
        // A project's file may name any place: what belongs to the repository does not go there.
        let elsewhere = crate::project::FromText::from_text("https://evil.example/api").ok();
        let elsewhere = ForgeSettings { api: elsewhere, ..ForgeSettings::default() };
        insta::assert_snapshot!(api(public, &elsewhere), @"https://evil.example/api");
    }
}
