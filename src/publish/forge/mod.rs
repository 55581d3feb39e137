//! Forges: which one a git registry stands on, and how a pushed branch becomes a request that its reviewers see.
//!
//! GitHub is asked over its REST API, where there is a token; GitLab, Gitea and Forgejo make the request themselves when they are told
//! so by the push. Where neither can be, a link opens the request in a browser. No server is asked what it is.

mod answer;
mod description;
mod error;
mod github;
mod link;
mod place;
mod push;
mod releases;
mod shorten;

use url::Url;

use crate::project::ForgeKind;
use crate::registry::{GitPlace, StoreOptions};

pub use description::{PolicyResult, ProposedRelease};
pub use error::ForgeError;
pub use place::{Actions, ForgeSettings};
pub use push::Push;
pub use releases::proposed_releases;

use github::GitHub;
use place::Repository;

/// A branch that reviewers are to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// The branch that has what is proposed, without `refs/heads/`.
    pub branch: String,
    /// The branch that it is to be merged into.
    pub base: String,
}

/// Where reviewers find a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A pull request, or merge request, with its page. `is_new` is not known where the push made it.
    Request { url: Url, is_new: Option<bool> },
    /// Nothing yet: a person opens it there.
    Link(Url),
    /// Nothing yet, and nothing is known of where: there is the branch.
    Branch,
}

/// The forge of one repository.
#[derive(Clone, Debug)]
pub struct Forge {
    place: GitPlace,
    settings: ForgeSettings,
    repository: Option<Repository>,
    /// Where branches are pushed to, if that is another repository.
    fork: Option<Repository>,
}

impl Proposal {
    /// A request to merge `branch`, which has these releases, into `base`.
    pub fn of(releases: &[ProposedRelease], branch: String, base: String) -> Self {
        Self { title: description::title(releases), body: description::body(releases), branch, base }
    }
}

impl Forge {
    /// By the repository's URL, and what is known besides. Nothing is asked.
    pub fn of(place: &GitPlace, settings: ForgeSettings) -> Self {
        let repository = Repository::of(place, &settings);
        Self { place: place.clone(), settings, repository, fork: None }
    }

    /// For branches that are pushed to `remote` instead, a fork of the repository. Of one that stands elsewhere no request can be made.
    pub fn with_fork(self, remote: &Url) -> Self {
        let place = GitPlace { repository: remote.clone(), reference: None, folder: String::new() };
        let fork = Repository::of(&place, &self.settings);
        let origin = |repository: &Option<Repository>| repository.as_ref().map(|one| one.web.origin());
        let repository =
            self.repository.filter(|one| origin(&fork).is_some_and(|origin| origin == one.web.origin()));
        Self { repository, fork, ..self }
    }

    /// What it is, if that is known.
    pub fn kind(&self) -> Option<ForgeKind> {
        self.repository.as_ref()?.kind
    }

    /// What to push, and how.
    pub fn push(&self, proposal: &Proposal) -> Push {
        Push::of(self.repository.as_ref(), self.fork.is_some(), proposal)
    }

    /// The page on which a person opens the request. For Gitea it is the list of them, unless the branch is in a
    /// fork: what is pushed there otherwise is none.
    pub fn link(&self, proposal: &Proposal) -> Option<Url> {
        link::link(self.repository.as_ref()?, self.fork.as_ref(), proposal)
    }

    /// The page of the request that `git push` says, on stderr, to have made or updated.
    pub fn request_in(&self, said: &str) -> Option<Url> {
        push::request_in(self.repository.as_ref()?, said)
    }

    /// To be asked before the push: whether a proposal may use the branch. It may not where an earlier request of it has been closed or
    /// merged; no branch of a closed request is written to again. Where nothing can be asked, it may.
    pub async fn check_branch(&self, proposal: &Proposal, options: &StoreOptions) -> Result<(), ForgeError> {
        match self.github(options)? {
            Some(github) => github.standing(proposal).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Opens the request for a branch that has been pushed, or brings the one that is open up to date. `said` is what the push wrote
    /// to stderr. After an error the branch is still there, and so is `link`.
    pub async fn open(
        &self,
        proposal: &Proposal,
        said: &str,
        options: &StoreOptions,
    ) -> Result<Opened, ForgeError> {
        if let Some(github) = self.github(options)? {
            return github.propose(proposal).await;
        }
        Ok(match (self.request_in(said), self.link(proposal)) {
            (Some(url), _) => Opened::Request { url, is_new: None },
            (None, Some(url)) => Opened::Link(url),
            (None, None) => Opened::Branch,
        })
    }

    /// GitHub's API, where this is GitHub and there is a token.
    fn github(&self, options: &StoreOptions) -> Result<Option<GitHub>, ForgeError> {
        match &self.repository {
            Some(repository) if repository.kind == Some(ForgeKind::GitHub) => {
                GitHub::of(repository, self.fork.as_ref(), &self.place, &self.settings, options)
            }
            _ => Ok(None),
        }
    }
}
