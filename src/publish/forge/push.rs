//! How a push carries a proposal to a forge, and what it says of the request that came of it.

use data_encoding::BASE64;
use url::Url;

use super::Proposal;
use super::place::Repository;
use super::shorten::shortened;
use crate::project::ForgeKind;

/// The most bytes of a description in a push option: git sends an option as one packet of at most 65,516 bytes, hooks get it as a
/// variable of their environment, and on Windows all arguments of a program have 32,767 characters.
const MOST_DESCRIPTION: usize = 12_000;

/// What is pushed where: `git push -o OPTION… REMOTE COMMIT:REFERENCE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The whole name of a reference of the forge.
    pub reference: String,
    /// Values of `-o`. None holds a line break, which git takes in none.
    pub options: Vec<String>,
}

impl Push {
    /// To the repository itself, or to a fork of it.
    pub(super) fn of(repository: Option<&Repository>, to_fork: bool, proposal: &Proposal) -> Self {
        let Proposal { title, body, branch, base } = proposal;
        let title = one_line(title);
        let body = shortened(body, MOST_DESCRIPTION);
        match repository.and_then(|repository| Some((repository.kind?, repository))) {
            // GitLab, "Push options": what is there is updated, what is not is made.
            Some((ForgeKind::GitLab, Repository { path, .. })) => Self {
                reference: format!("refs/heads/{branch}"),
                options: [
                    "merge_request.create".to_owned(),
                    format!("merge_request.target={base}"),
                    format!("merge_request.title={title}"),
                    format!("merge_request.description={}", gitlab_lines(&body)),
                    "merge_request.remove_source_branch".to_owned(),
                ]
                .into_iter()
                .chain(to_fork.then(|| format!("merge_request.target_project={path}")))
                .collect(),
            },
            // Gitea and Forgejo, "AGit": the request is of whoever pushes, who need not be able to write any branch.
            Some((ForgeKind::Gitea, _)) if !to_fork => Self {
                reference: format!("refs/for/{base}"),
                options: vec![
                    format!("topic={branch}"),
                    format!("title={title}"),
                    format!("description={{base64}}{}", BASE64.encode(body.as_bytes())),
                    // A request that was proposed anew begins at another commit of the base.
                    "force-push=true".to_owned(),
                ],
            },
            Some((ForgeKind::GitHub | ForgeKind::Gitea, _)) | None => {
                Self { reference: format!("refs/heads/{branch}"), options: Vec::new() }
            }
        }
    }
}

/// Ends no push option early.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(char::is_control, "")
}

/// GitLab makes a line break of each `\n` in a description, so that one of the text itself must become something else.
fn gitlab_lines(body: &str) -> String {
    let plain = body.replace("\\\\n", "&#92;n").replace("\\n", "&#92;n").replace(['\r', '\0'], "");
    plain.replace('\n', "\\n")
}

/// The page of the request that a forge says, on stderr of `git push`, to have made or updated. Whatever else a server writes there
/// is not believed to be one.
pub(super) fn request_in(repository: &Repository, said: &str) -> Option<Url> {
    let ours = format!("{}/", repository.path);
    said.split_whitespace().find_map(|word| {
        let url = Url::parse(word).ok()?;
        if url.host_str() != repository.web.host_str() || !matches!(url.scheme(), "https" | "http") {
            return None;
        }
        let (_, page) = url.path().split_once(&ours)?;
        let page = page.strip_prefix("-/").unwrap_or(page);
        let number = page.strip_prefix("merge_requests/").or_else(|| page.strip_prefix("pulls/"))?;
        let is_request = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        (is_request && url.query().is_none() && url.username().is_empty()).then_some(url)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::forge::{Forge, ForgeSettings};
    use crate::registry::GitPlace;

    fn pushed(location: &str, body: &str) -> String {
        let proposal = Proposal {
            title: "acme-walls\n1.2".to_owned(),
            body: body.to_owned(),
            branch: "rvp/acme-walls-1.2".to_owned(),
            base: "main".to_owned(),
        };
        let forge = Forge::of(&GitPlace::parse(location).unwrap(), ForgeSettings::default());
        let Push { reference, options } = forge.push(&proposal);
        assert!(options.iter().all(|option| !option.contains(['\n', '\r', '\0'])), "{options:?}");
        format!("{reference}\n{}", options.join("\n"))
    }

    #[test]
    fn forges_take_proposals_with_the_push() {
        insta::assert_snapshot!(pushed("git+https://gitlab.com/acme/group/registry.git", "# One\r\n\nC:\\new and C:\\\\new"), @r"
        refs/heads/rvp/acme-walls-1.2
        merge_request.create
        merge_request.target=main
        merge_request.title=acme-walls 1.2
        merge_request.description=# One\n\nC:&#92;new and C:&#92;new
        merge_request.remove_source_branch
        ");
        insta::assert_snapshot!(pushed("git+ssh://git@codeberg.org/acme/registry", "# One\n\ntwo"), @r"
        refs/for/main
        topic=rvp/acme-walls-1.2
        title=acme-walls 1.2
        description={base64}IyBPbmUKCnR3bw==
        force-push=true
        ");
        insta::assert_snapshot!(pushed("git+https://github.com/acme/registry", "# One"), @"refs/heads/rvp/acme-walls-1.2");
        insta::assert_snapshot!(pushed("git+https://git.acme.example/acme/registry", "# One"), @"refs/heads/rvp/acme-walls-1.2");
    }

    #[test]
    fn a_long_description_still_fits() {
        let body = format!("{}\n{}", "x".repeat(300), "| ä | b |\n".repeat(9_000));
        for location in ["git+https://gitlab.com/a/b", "git+https://codeberg.org/a/b"] {
            assert!(pushed(location, &body).len() < 17_000);
        }
    }

    #[test]
    fn only_a_request_of_the_repository_is_believed() {
        let place = GitPlace::parse("git+ssh://git@git.acme.example/acme/registry.git").unwrap();
        let forge = Forge::of(&place, ForgeSettings::default());
        let found = |said: &str| forge.request_in(said).map(|url| url.to_string());
        let page = "https://git.acme.example/acme/registry/-/merge_requests/7";
        let gitlab = format!("remote:\nremote: View merge request for x:\nremote:   {page}\nremote:\n");
        assert_eq!(found(&gitlab).as_deref(), Some(page));
        let page = "https://git.acme.example:3000/acme/registry/pulls/7";
        assert_eq!(
            found(&format!("remote: Visit the existing pull request:\nremote:   {page}        ")).as_deref(),
            Some(page)
        );
        for said in [
            "https://git.acme.example/acme/registry/-/merge_requests/new?merge_request%5Bsource_branch%5D=x",
            "https://evil.example/acme/registry/pulls/7",
            "https://git.acme.example/acme/other/pulls/7",
            "https://git.acme.example/acme/registry/pulls/7x",
            "https://me@git.acme.example/acme/registry/pulls/7",
            "javascript://git.acme.example/acme/registry/pulls/7",
            "",
        ] {
            assert_eq!(found(said), None, "{said}");
        }
    }
}
