//! Pull requests on GitHub: the requests are checked by GitHub's own description of its API, which Prism serves. nginx stands in front of
//! it: it demands the token, and stands for what a description has no examples of.

use std::time::Duration;

use insta::assert_snapshot;
use rvp::publish::forge::{Actions, Forge, ForgeError, ForgeSettings, Opened, Proposal};
use rvp::registry::{GitPlace, HttpSettings, Sources, StoreOptions};

use crate::support::World;
use crate::support::nginx::{Nginx, free_port};
use crate::support::prism::Prism;

/// GitHub, as a publisher with the token `s3cret` finds it.
struct GitHub {
    world: World,
    nginx: Nginx,
    _prism: Prism,
}

/// Where the API is, and what it does there.
const USUAL: &str = "api/v3";

impl GitHub {
    fn start() -> Self {
        let world = World::new();
        let prism = Prism::start();
        let proxy = |place: &str, more: &str| {
            format!(
                r#"location /{place}/ {{
                    if ($http_authorization != "Bearer s3cret") {{ return 401 '{{"message":"Bad credentials"}}'; }}
                    {more}
                    proxy_set_header Accept-Encoding "";
                    proxy_pass {}/;
                }}"#,
                prism.url()
            )
        };
        let closed = r#"sub_filter_types application/json; sub_filter_once off; sub_filter '"state":"open"' '"state":"closed"';"#;
        let unmerged = r#"sub_filter '"merged_at":"2011-01-26T19:01:12Z"' '"merged_at":null';"#;
        let refuse = |code: u16| {
            format!(
                r#"set $prefer ""; if ($request_method != GET) {{ set $prefer "code={code}"; }} proxy_set_header Prefer $prefer;"#
            )
        };
        let locations = [
            proxy(USUAL, ""),
            proxy("merged", closed),
            proxy("closed", &format!("{closed} {unmerged}")),
            proxy("forbidden", &refuse(403)),
            proxy("invalid", &refuse(422)),
            r#"location /limited/ { add_header X-RateLimit-Remaining 0 always; add_header X-RateLimit-Reset 1800000000 always; return 403 '{"message":"API rate limit exceeded"}'; }"#.to_owned(),
            r#"location /absent/ { return 404 '{"message":"Not Found"}'; }"#.to_owned(),
            r#"location /down/ { return 503; }"#.to_owned(),
            r#"location /login/ { default_type text/html; return 200 "<html>Log in</html>"; }"#.to_owned(),
            r#"location /moved/ { if ($request_method = GET) { return 200 "[]"; } return 307 /api/v3/repositories/1/pulls; }"#.to_owned(),
            r#"location /elsewhere/ { return 302 https://evil.example/; }"#.to_owned(),
        ];
        let nginx = Nginx::start(&locations.join("\n"));
        Self { world, nginx, _prism: prism }
    }

    /// With the API at `api` and the token of a CI job.
    fn forge(&self, api: &str, token: Option<&str>) -> Forge {
        self.forge_at(&format!("{}/{api}", self.nginx.http()), token)
    }

    fn forge_at(&self, api: &str, token: Option<&str>) -> Forge {
        let server = self.nginx.http();
        let actions = Actions::of(|name| match name {
            "GITHUB_SERVER_URL" => Some(server.clone()),
            "GITHUB_API_URL" => Some(api.to_owned()),
            "GITHUB_TOKEN" => token.map(str::to_owned),
            _ => None,
        });
        Forge::of(&self.place(), ForgeSettings { actions, ..ForgeSettings::default() })
    }

    fn place(&self) -> GitPlace {
        GitPlace::parse(&format!("git+{}/octocat/Hello-World.git", self.nginx.http())).unwrap()
    }

    fn options(&self) -> StoreOptions {
        let http = HttpSettings { first_backoff: Duration::from_millis(1), ..HttpSettings::default() };
        let sources = Sources {
            given: None,
            file: self.world.path("home/credentials.toml"),
            netrc: None,
            registry: Some("acme".to_owned()),
        };
        StoreOptions { http, sources: Some(sources), clones: self.world.path("clones") }
    }

    fn open(&self, forge: &Forge, branch: &str) -> String {
        let proposal = proposal(branch);
        let done = runtime().block_on(async {
            forge.check_branch(&proposal, &self.options()).await?;
            forge.open(&proposal, "", &self.options()).await
        });
        said(done)
    }

    fn opened(&self, api: &str) -> String {
        self.open(&self.forge(api, Some("s3cret")), "rvp/acme-walls-1.2")
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn proposal(branch: &str) -> Proposal {
    Proposal {
        title: "Publish acme-walls 1.2".to_owned(),
        body: "### <code>acme-walls 1.2</code>\n".to_owned(),
        branch: branch.to_owned(),
        base: "main".to_owned(),
    }
}

fn said(done: Result<Opened, ForgeError>) -> String {
    match done {
        Ok(Opened::Request { url, is_new }) => format!("request {url}, new: {is_new:?}"),
        Ok(Opened::Link(url)) => format!("link {url}"),
        Ok(Opened::Branch) => "branch".to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn a_pull_request_is_opened_or_brought_up_to_date() {
    let github = GitHub::start();
    assert_snapshot!(github.opened(USUAL), @"request https://github.com/octocat/Hello-World/pull/1347, new: Some(true)");
    // The description's example has an open pull request of this branch.
    assert_snapshot!(github.open(&github.forge(USUAL, Some("s3cret")), "new-topic"), @"request https://github.com/octocat/Hello-World/pull/1347, new: Some(false)");
    assert_snapshot!(github.nginx.requests().join("\n"), @r#"
    HTTP/1.1 /api/v3/repos/octocat/Hello-World/pulls?head=octocat%3Arvp%2Facme-walls-1.2&base=main&state=all "-" 200 21368
    HTTP/1.1 /api/v3/repos/octocat/Hello-World/pulls?head=octocat%3Arvp%2Facme-walls-1.2&base=main&state=all "-" 200 21368
    HTTP/1.1 /api/v3/repos/octocat/Hello-World/pulls "-" 201 22104
    HTTP/1.1 /api/v3/repos/octocat/Hello-World/pulls?head=octocat%3Anew-topic&base=main&state=all "-" 200 21368
    HTTP/1.1 /api/v3/repos/octocat/Hello-World/pulls?head=octocat%3Anew-topic&base=main&state=all "-" 200 21368
    HTTP/1.1 /api/v3/repos/octocat/Hello-World/pulls/1347 "-" 200 22104
    "#);
}

#[test]
fn a_branch_of_a_fork_is_its_owner_s() {
    let github = GitHub::start();
    let fork = url::Url::parse(&format!("{}/ana/Hello-World.git", github.nginx.http())).unwrap();
    let forge = github.forge(USUAL, Some("s3cret")).with_fork(&fork);
    // The open request of `octocat:new-topic` is another one.
    assert_snapshot!(github.open(&forge, "new-topic"), @"request https://github.com/octocat/Hello-World/pull/1347, new: Some(true)");
    let asked = github.nginx.requests();
    assert!(asked[0].contains("?head=ana%3Anew-topic&"), "{asked:?}");
}

#[test]
fn a_branch_of_a_closed_request_is_not_used_again() {
    let github = GitHub::start();
    let forge = |api| github.forge(api, Some("s3cret"));
    assert_snapshot!(github.open(&forge("closed"), "new-topic"), @r"
    error: the pull request of the branch `new-topic` is closed: https://github.com/octocat/Hello-World/pull/1347
      hint: propose it again under another name of a branch, once its reviewers agree
    ");
    assert_snapshot!(github.open(&forge("merged"), "new-topic"), @r"
    error: the pull request of the branch `new-topic` is merged already: https://github.com/octocat/Hello-World/pull/1347
      hint: propose what is new under another name of a branch
    ");
    assert_snapshot!(github.open(&forge("closed"), "another"), @"request https://github.com/octocat/Hello-World/pull/1347, new: Some(true)");
}

#[test]
fn a_token_is_the_registry_s_or_that_of_the_job() {
    let github = GitHub::start();
    assert_snapshot!(github.open(&github.forge(USUAL, None), "rvp/x"), @"link http://[HOST]/octocat/Hello-World/compare/main...rvp/x?quick_pull=1&title=Publish+acme-walls+1.2&body=%23%23%23+%3Ccode%3Eacme-walls+1.2%3C%2Fcode%3E");
    assert_snapshot!(github.open(&github.forge(USUAL, Some("old")), "rvp/x"), @r"
    error: cannot ask for the pull requests of http://[HOST]/octocat/Hello-World: the server does not accept the credentials from GITHUB_TOKEN (401 Unauthorized)
      hint: `rvp login git+http://[HOST]/octocat/Hello-World.git` stores others; looked in RVP_CREDENTIALS_ACME_*, [TEMP]/home/credentials.toml
    ");
    // What is stored for the repository holds for its API, and not for another.
    let url = format!("{}/octocat", github.nginx.http());
    let file = github.world.path("home/credentials.toml");
    github.world.write(
        "home/credentials.toml",
        &format!("[[credentials]]\nurl = \"{url}\"\nusername = \"me\"\npassword = \"s3cret\"\n"),
    );
    #[cfg(unix)]
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(file.exists());
    assert_snapshot!(github.open(&github.forge(USUAL, None), "rvp/x"), @"request https://github.com/octocat/Hello-World/pull/1347, new: Some(true)");
    assert_snapshot!(github.open(&github.forge(USUAL, Some("old")), "rvp/x"), @"request https://github.com/octocat/Hello-World/pull/1347, new: Some(true)");
    // Another server's job: its token stays there.
    let actions = Actions::of(|name| (name == "GITHUB_TOKEN").then(|| "s3cret".to_owned()));
    let settings =
        ForgeSettings { kind: Some(rvp::project::ForgeKind::GitHub), actions, ..ForgeSettings::default() };
    std::fs::remove_file(&file).unwrap();
    assert_snapshot!(github.open(&Forge::of(&github.place(), settings), "rvp/x"), @"link http://[HOST]/octocat/Hello-World/compare/main...rvp/x?quick_pull=1&title=Publish+acme-walls+1.2&body=%23%23%23+%3Ccode%3Eacme-walls+1.2%3C%2Fcode%3E");
}

#[test]
fn refusals_say_what_to_do() {
    let github = GitHub::start();
    let all: Vec<String> =
        ["forbidden", "invalid", "limited", "absent", "down", "login", "moved", "elsewhere"]
            .iter()
            .map(|api| format!("{api}: {}", github.opened(api)))
            .collect();
    let dead = github.forge_at(&format!("http://127.0.0.1:{}", free_port()), Some("s3cret"));
    assert_snapshot!(github.open(&dead, "rvp/x"), @r"
    error: cannot ask for the pull requests of http://[HOST]/octocat/Hello-World: no connection: Connection refused (os error 111)
      hint: check the network, the host name and the proxy (HTTPS_PROXY, NO_PROXY)
    ");
    assert_snapshot!(all.join("\n"), @r"
    forbidden: error: cannot open a pull request of http://[HOST]/octocat/Hello-World: GitHub answers 403 Forbidden: string
      hint: the token needs the permissions `contents: write` and `pull requests: write` for this repository
    invalid: error: cannot open a pull request of http://[HOST]/octocat/Hello-World: GitHub answers 422 Unprocessable Entity: string; string
      hint: check that both branches are there, and that the repository takes pull requests
    limited: error: cannot ask for the pull requests of http://[HOST]/octocat/Hello-World: GitHub answers 403 Forbidden: API rate limit exceeded
      hint: the token has no more requests: try again after [TIME]
    absent: error: cannot ask for the pull requests of http://[HOST]/octocat/Hello-World: GitHub answers 404 Not Found: Not Found
      hint: check the URL; GitHub answers so too where the token may not see the repository
    down: error: cannot ask for the pull requests of http://[HOST]/octocat/Hello-World: the server answers 503 Service Unavailable
      hint: the server has a problem: try again later
    login: error: cannot ask for the pull requests of http://[HOST]/octocat/Hello-World: the answer is not GitHub's (expected value at line 1 column 1)
      hint: check the setting `forge-api`, and whether a proxy or a login page stands in between
    moved: error: cannot open a pull request of http://[HOST]/octocat/Hello-World: GitHub answers 307 Temporary Redirect
      hint: the repository has moved: http://[HOST]/api/v3/repositories/1/pulls; write its new URL
    elsewhere: error: cannot ask for the pull requests of http://[HOST]/octocat/Hello-World: it redirects to https://evil.example, where rvp does not follow from http
      hint: if that is its new place, use that URL; otherwise a proxy or a login page may stand in between
    ");
}

/// The description does check what is sent: a request that rvp must not send.
#[test]
fn prism_refuses_what_github_would() {
    let prism = Prism::start();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = |body: &str| {
        let request = client
            .post(format!("{}/repos/a/b/pulls", prism.url()))
            .header("accept", "application/vnd.github+json, application/json;q=0.9")
            .header("content-type", "application/json")
            .body(body.to_owned());
        runtime().block_on(request.send()).unwrap().status().as_u16()
    };
    assert_eq!(status(r#"{"title":"t","head":"h","base":"main"}"#), 201);
    assert_eq!(status(r#"{"title":"t","head":"h"}"#), 422);
    assert_eq!(status(r#"{"title":1,"head":"h","base":"main"}"#), 422);
}
