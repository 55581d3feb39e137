//! Proposals in a git repository: a commit on a branch of its own, with lines that nobody has sealed.

use std::path::{Path, PathBuf};

use gix::ObjectId;
use url::Url;

use super::backend::GitBackend;
use super::message;
use super::program::Said;
use super::push::{Push, Pushed};
use super::staging::Staging;
use crate::registry::RegistryError;
use crate::registry::backend::{Branch, Lines, Proposed};
use crate::registry::http_failure::Failure;

/// What stands on a branch of that name.
enum There {
    Nothing,
    /// This very proposal.
    Same,
    /// An older form of it, as this commit.
    Older(String),
    /// Something else.
    Other,
}

impl GitBackend {
    /// Commits `lines` and the blobs that were put, and pushes that as a branch.
    pub(super) fn propose_on(&self, lines: &[Lines], branch: &Branch) -> Result<Proposed, RegistryError> {
        let parent = self.tip();
        self.branch(parent.as_ref())?;
        let mut files = Vec::new();
        for lines in lines {
            files.push((lines.path.as_str(), self.with_lines(lines)?));
        }
        let edits = self.edits(files)?;
        let staging = self.staging();
        let tree = staging.tree(parent.as_ref(), &edits).map_err(self.stopped(""))?;
        let message = message::of_proposal(lines);
        let cannot = |failure| self.cannot_push(failure);
        let commit = staging.commit(tree, parent.as_ref(), &message).map_err(cannot)?;
        let url = branch.remote.as_ref().unwrap_or(&self.inner.place.repository);
        let own = format!("refs/heads/{}", branch.name);
        // Where a server makes a request of a push, it keeps the branch itself.
        let there = match branch.reference.as_ref().is_none_or(|reference| *reference == own) {
            true => self.there(&staging, url, &own, commit).map_err(cannot)?,
            false => There::Nothing,
        };
        let expected = match &there {
            There::Same => return Ok(Proposed::Pushed { said: None }),
            There::Other => {
                let (location, branch) = (self.inner.location.clone(), branch.name.clone());
                return Err(RegistryError::BranchTaken { location, branch });
            }
            There::Older(commit) => commit.as_str(),
            There::Nothing => "",
        };
        let push = Push {
            commit: commit.to_string(),
            reference: branch.reference.as_deref().unwrap_or(&own),
            expected: branch.reference.as_ref().is_none_or(|reference| *reference == own).then_some(expected),
            options: &branch.options,
        };
        match self.inner.push(&staging.folder, url, &push) {
            Pushed::Done(said) => Ok(Proposed::Pushed { said: Some(said) }),
            // Somebody else, or this very push if its answer was lost.
            Pushed::Overtaken => match self.there(&staging, url, &own, commit).map_err(cannot)? {
                There::Same => Ok(Proposed::Pushed { said: None }),
                _ => {
                    let (location, branch) = (self.inner.location.clone(), branch.name.clone());
                    Err(RegistryError::BranchTaken { location, branch })
                }
            },
            Pushed::Failed(failure) => {
                let Failure { reason, hint, .. } = failure;
                let location = self.inner.location.clone();
                let bundle = bundle(&staging, &own, commit, parent.map(|parent| parent.commit));
                Err(match bundle {
                    Ok(bundle) => {
                        RegistryError::Bundled { location, branch: branch.name.clone(), reason, bundle }
                    }
                    Err(_) => RegistryError::Push { location, reason, hint },
                })
            }
        }
    }

    /// What a branch of the repository at `url` holds, beside what `commit` does.
    fn there(
        &self,
        staging: &Staging,
        url: &Url,
        reference: &str,
        commit: ObjectId,
    ) -> Result<There, Failure> {
        let run = |arguments: &[&str]| self.inner.git_for(&staging.folder, url)?.args(arguments).run(b"");
        let said = run(&["ls-remote", "--refs", url.as_str(), reference])?;
        if !said.status.success() {
            return Err(self.inner.failure_of(reference, &said));
        }
        let line = said.stdout.lines().find(|line| line.ends_with(&format!("\t{reference}")));
        let Some(found) = line.and_then(|line| line.split('\t').next()).map(str::to_owned) else {
            return Ok(There::Nothing);
        };
        let fetch =
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--depth=1", url.as_str(), reference];
        let said = run(&fetch)?;
        if !said.status.success() {
            return Err(self.inner.failure_of(reference, &said));
        }
        let told =
            |commit: &str| run(&["show", "--no-patch", "--format=%T%n%P%n%ce%n%B", commit]).map(text_of);
        let (there, ours) = (told(&found)?, told(&commit.to_string())?);
        // Of a commit without its parents git does not tell which they were.
        let parts = |text: &str| {
            let mut parts = text.splitn(4, '\n').map(str::to_owned);
            let mut next = || parts.next().unwrap_or_default();
            (next(), next(), next(), next())
        };
        let ((tree, _, committer, message), (our_tree, _, us, our_message)) = (parts(&there), parts(&ours));
        Ok(if tree == our_tree {
            There::Same
        } else if (committer, message) == (us, our_message) {
            There::Older(found)
        } else {
            There::Other
        })
    }
}

fn text_of(said: Said) -> String {
    said.stdout
}

/// Writes the commit into a file of the current folder, from which `git fetch` takes it where its parent is known.
fn bundle(
    staging: &Staging,
    reference: &str,
    commit: ObjectId,
    parent: Option<ObjectId>,
) -> Result<PathBuf, Failure> {
    let name = reference.strip_prefix("refs/heads/").unwrap_or(reference).replace('/', "-");
    let path = Path::new(&format!("{name}.bundle")).to_owned();
    let run = |arguments: Vec<std::ffi::OsString>| {
        let said = super::program::Git::new(&staging.folder).args(arguments).run(b"")?;
        match said.status.success() {
            true => Ok(()),
            false => Err(Failure::lasting(said.stderr, "")),
        }
    };
    run(vec!["update-ref".into(), reference.into(), commit.to_string().into()])?;
    let mut arguments =
        vec!["bundle".into(), "create".into(), "--quiet".into(), path.clone().into(), reference.into()];
    arguments.extend(parent.map(|parent| format!("^{parent}").into()));
    run(arguments)?;
    Ok(path)
}
