//! The page on which a person opens the request for a branch, with its fields filled in.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::Proposal;
use super::place::Repository;
use crate::project::ForgeKind;

/// The most bytes of a link: servers answer 414 for more than a few thousand, and it is to be printed.
const MOST_LINK: usize = 2_000;

/// Branches stand in a path, where only their `/` stands for itself.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// For a branch of the repository, or of a fork of it. None for a forge that is not known.
pub(super) fn link(repository: &Repository, fork: Option<&Repository>, proposal: &Proposal) -> Option<Url> {
    let Proposal { title, body, branch, base } = proposal;
    let encoded = |text| utf8_percent_encode(text, IN_PATH);
    let owner = fork.and_then(|fork| Some(format!("{}:", fork.owner_and_name()?.0))).unwrap_or_default();
    let compare = || format!("compare/{}...{owner}{}", encoded(base), encoded(branch));
    match repository.kind? {
        ForgeKind::GitHub => {
            let fields = [("quick_pull", "1"), ("title", title)];
            Some(filled(page(repository, &compare()), &fields, "body", body))
        }
        ForgeKind::GitLab => Some(filled(
            page(fork.unwrap_or(repository), "-/merge_requests/new"),
            &[
                ("merge_request[source_branch]", branch),
                ("merge_request[target_branch]", base),
                ("merge_request[title]", title),
            ],
            "merge_request[description]",
            body,
        )),
        ForgeKind::Gitea if fork.is_some() => Some(page(repository, &compare())),
        ForgeKind::Gitea => Some(page(repository, "pulls")),
    }
}

fn page(repository: &Repository, path: &str) -> Url {
    let mut page = repository.web.clone();
    page.set_path(&format!("{}/{path}", repository.web.path().trim_end_matches('/')));
    page
}

/// With `fields`, and as many lines of `body` as a link takes.
fn filled(page: Url, fields: &[(&str, &str)], body_field: &str, body: &str) -> Url {
    let with = |body: &str| {
        let mut url = page.clone();
        url.query_pairs_mut().extend_pairs(fields);
        if !body.is_empty() {
            url.query_pairs_mut().append_pair(body_field, body);
        }
        url
    };
    let mut link = with("");
    let ends = body.match_indices('\n').map(|(end, _)| end).chain([body.len()]);
    for end in ends {
        let longer = with(body[..end].trim_end());
        if longer.as_str().len() > MOST_LINK {
            break;
        }
        link = longer;
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::forge::{Forge, ForgeSettings};
    use crate::registry::GitPlace;

    fn linked(location: &str, body: &str) -> String {
        let proposal = Proposal {
            title: "acme-walls 1.2 & more".to_owned(),
            body: body.to_owned(),
            branch: "rvp/acme#walls-1.2".to_owned(),
            base: "main".to_owned(),
        };
        let forge = Forge::of(&GitPlace::parse(location).unwrap(), ForgeSettings::default());
        forge.link(&proposal).map_or("none".to_owned(), |url| url.to_string())
    }

    #[test]
    fn requests_are_filled_in() {
        insta::assert_snapshot!(linked("git+https://github.com/acme/registry.git", "# One\n\n100 % of two"), @"https://github.com/acme/registry/compare/main...rvp/acme%23walls-1.2?quick_pull=1&title=acme-walls+1.2+%26+more&body=%23+One%0A%0A100+%25+of+two");
        insta::assert_snapshot!(linked("git+ssh://git@gitlab.com/acme/group/registry", "# One"), @"https://gitlab.com/acme/group/registry/-/merge_requests/new?merge_request%5Bsource_branch%5D=rvp%2Facme%23walls-1.2&merge_request%5Btarget_branch%5D=main&merge_request%5Btitle%5D=acme-walls+1.2+%26+more&merge_request%5Bdescription%5D=%23+One");
        insta::assert_snapshot!(linked("git+https://codeberg.org/acme/registry", "# One"), @"https://codeberg.org/acme/registry/pulls");
        insta::assert_snapshot!(linked("git+https://git.acme.example/acme/registry", "# One"), @"none");
    }

    #[test]
    fn branches_of_forks_are_named_after_their_owners() {
        let linked = |location: &str, fork: &str| {
            let proposal = Proposal {
                title: "t".to_owned(),
                body: String::new(),
                branch: "rvp/x".to_owned(),
                base: "main".to_owned(),
            };
            let forge = Forge::of(&GitPlace::parse(location).unwrap(), ForgeSettings::default());
            let forge = forge.with_fork(&Url::parse(fork).unwrap());
            let push = forge.push(&proposal);
            let last = push.options.last().cloned().unwrap_or_default();
            let link = forge.link(&proposal).map_or("none".to_owned(), |url| url.to_string());
            format!("{link}\n{} {last}", push.reference)
        };
        insta::assert_snapshot!(linked("git+https://github.com/acme/registry", "ssh://git@github.com/ana/registry.git"), @r"
        https://github.com/acme/registry/compare/main...ana:rvp/x?quick_pull=1&title=t
        refs/heads/rvp/x
        ");
        insta::assert_snapshot!(linked("git+https://gitlab.com/acme/registry", "https://gitlab.com/ana/registry"), @r"
        https://gitlab.com/ana/registry/-/merge_requests/new?merge_request%5Bsource_branch%5D=rvp%2Fx&merge_request%5Btarget_branch%5D=main&merge_request%5Btitle%5D=t
        refs/heads/rvp/x merge_request.target_project=acme/registry
        ");
        insta::assert_snapshot!(linked("git+https://codeberg.org/acme/registry", "https://codeberg.org/ana/registry"), @r"
        https://codeberg.org/acme/registry/compare/main...ana:rvp/x
        refs/heads/rvp/x
        ");
        insta::assert_snapshot!(linked("git+https://github.com/acme/registry", "https://gitlab.com/ana/registry"), @r"
        none
        refs/heads/rvp/x
        ");
    }

    #[test]
    fn a_long_body_makes_no_long_link() {
        let body = "äöü ".repeat(20) + "\n";
        let link = linked("git+https://github.com/acme/registry", &body.repeat(1_000));
        assert!(link.len() <= MOST_LINK && link.contains("body="), "{link}");
        let link = linked("git+https://github.com/acme/registry", &"x".repeat(10_000));
        assert!(!link.contains("body="), "{link}");
    }
}
