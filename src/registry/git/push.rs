//! Pushing a commit: the step that makes it what others see, or leaves all as it was.

use std::path::Path;

use url::Url;

use super::Inner;
use super::program::{Git, Said};
use crate::registry::http_failure::{Again, Failure};

/// What is pushed where.
pub(super) struct Push<'a> {
    pub commit: String,
    /// The whole name of a reference there.
    pub reference: &'a str,
    /// What the reference must be at now, where that is not what the commit continues: a commit, or empty for nothing.
    pub expected: Option<&'a str>,
    /// For the server: `git push -o`.
    pub options: &'a [String],
}

/// What came of it.
pub(super) enum Pushed {
    /// What the server says to it.
    Done(String),
    /// Somebody else was first, by what git says.
    Overtaken,
    Failed(Failure),
}

impl Inner {
    /// Pushes from the repository in `folder` to the one at `url`.
    pub(super) fn push(&self, folder: &Path, url: &Url, push: &Push) -> Pushed {
        let Push { commit, reference, expected, options } = push;
        let mut git = match self.git_for(folder, url) {
            Ok(git) => git,
            Err(failure) => return Pushed::Failed(failure),
        };
        git = git.args(["push", "--porcelain", "--no-verify", "--no-signed", "--recurse-submodules=no"]);
        if let Some(expected) = expected {
            git = git.args([format!("--force-with-lease={reference}:{expected}")]);
        }
        git = options.iter().fold(git, |git, option| git.args(["-o", option.as_str()]));
        match git.args([url.as_str(), &format!("{commit}:{reference}")]).run(b"") {
            Ok(said) if said.status.success() => Pushed::Done(said.stderr),
            Ok(said) if is_overtaken(&said) => Pushed::Overtaken,
            Ok(said) => Pushed::Failed(self.failure_of(reference, &said)),
            Err(failure) => Pushed::Failed(failure),
        }
    }

    /// git with the credentials that rvp has for `url`, and else with those that git itself finds.
    pub(super) fn git_for(&self, folder: &Path, url: &Url) -> Result<Git, Failure> {
        let mut git = Git::new(folder);
        if matches!(url.scheme(), "https" | "http") {
            let seconds = self.requests.settings.read_timeout.as_secs().max(1).to_string();
            git.set("http.lowSpeedLimit", "1000");
            git.set("http.lowSpeedTime", &seconds);
            if let Some(header) = self.requests.login.authorization(url)?
                && let Ok(header) = header.to_str()
            {
                // It goes to that place and nowhere else, and git's own helpers are not asked.
                git.set(&format!("http.{url}.extraHeader"), &format!("Authorization: {header}"));
                git.set("http.followRedirects", "false");
                git.set("credential.helper", "");
            }
        }
        git.set("push.followTags", "false");
        Ok(git)
    }

    /// What a call that did not succeed says, in words of rvp.
    pub(super) fn failure_of(&self, reference: &str, said: &Said) -> Failure {
        let text = format!("{}\n{}", said.stdout, said.stderr);
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let url = &self.place.repository;
        let branch = reference.strip_prefix("refs/heads/").unwrap_or(reference);
        let reason = rejected(&said.stdout).unwrap_or_else(|| last_words(&said.stderr));
        if has(&["branch is currently checked out"]) {
            return Failure::lasting(
                format!("the branch {branch} is checked out in that repository, which takes no push into it"),
                "publish into a bare repository; or publish into the folder of that checkout, and commit there",
            );
        }
        if has(&["GH006", "GH013", "rotected branch", "rule violations"]) {
            return Failure::lasting(
                format!("the branch {branch} is protected: {reason}"),
                "propose it by a pull request: --pull-request",
            );
        }
        if has(&["GH001", "exceeds GitHub's file size limit", "too large"]) {
            return Failure::lasting(
                format!("the server takes no file of this size: {reason}"),
                "keep large files in a bucket or on a web server",
            );
        }
        if has(&["hook declined", "deny updating", "prohibited"]) {
            return Failure::lasting(
                format!("the server declines it: {reason}{}", remote_words(&said.stderr)),
                "ask whoever runs the repository what it takes; where its branch is not open to you, propose it by a pull request: --pull-request",
            );
        }
        if url.scheme() == "ssh" && has(&["Permission denied (", "Host key verification failed"]) {
            return Failure::lasting(
                format!("{} does not let this user in: {reason}", url.host_str().unwrap_or_default()),
                "give ssh a key that the server knows (ssh-add), and check the user name in the URL; an unknown host key is for you to check",
            );
        }
        if has(&[
            "terminal prompts disabled",
            "Authentication failed",
            "could not read Username",
            "could not read Password",
        ]) {
            return self.requests.login.refused(url);
        }
        if has(&[
            "error: 403",
            "ermission to ",
            "rite access",
            "not allowed",
            "Permission denied",
            "insufficient permission",
            "service not enabled",
        ]) {
            return Failure::lasting(
                format!("no permission to push: {reason}"),
                "use credentials that may write to it (`rvp login`), or propose it by a pull request: --pull-request",
            );
        }
        if has(&[
            "epository not found",
            "error: 404",
            "does not appear to be a git repository",
            "does not exist",
        ]) {
            return Failure::lasting(
                format!("there is no such repository, or not for this user: {reason}"),
                "check the URL; forges answer so for private repositories too: `rvp login` stores credentials",
            );
        }
        if has(&["error: 301", "error: 302", "error: 307", "error: 308", "redirection"]) {
            return Failure::lasting(
                format!("it has moved: {reason}"),
                "use its new URL; credentials do not follow to another place",
            );
        }
        let again =
            match has(&["cannot lock ref", "failed to update ref", ".lock'", "error: 5", "error: 429"]) {
                true => Again::AfterBackoff,
                false => Again::No,
            };
        let hint = "check the URL and the network, and that `git push` works there; then run the command again: what was published already is not published twice";
        Failure { reason, hint: hint.into(), again }
    }
}

/// Whether the reference was found at another commit than it should be.
fn is_overtaken(said: &Said) -> bool {
    let moved =
        ["(fetch first)", "(non-fast-forward)", "(stale info)", "but expected", "reference already exists"];
    let is_of_reference =
        |line: &str| line.starts_with("!\t") && moved.iter().any(|word| line.contains(word));
    said.stdout.lines().any(is_of_reference)
}

/// Why a reference was not updated, as git puts it in the last column of its report.
fn rejected(report: &str) -> Option<String> {
    let line = report.lines().find(|line| line.starts_with("!\t"))?;
    let (_, reason) = line.rsplit_once('\t')?;
    let inner = reason.rsplit_once(" (").and_then(|(_, inner)| inner.strip_suffix(')'));
    Some(inner.unwrap_or(reason).to_owned())
}

/// The last thing that git says is wrong.
fn last_words(stderr: &str) -> String {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_fault = |line: &&str| line.starts_with("fatal:") || line.starts_with("error:");
    let line = lines().find(is_fault).or_else(|| lines().next_back()).unwrap_or("git says nothing");
    let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ");
    line.chars().take(300).collect()
}

/// What the server itself says, in brackets.
fn remote_words(stderr: &str) -> String {
    let lines = stderr.lines().filter_map(|line| line.strip_prefix("remote:")).map(str::trim);
    let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    match text.is_empty() {
        true => String::new(),
        false => format!(" ({})", text.chars().take(300).collect::<String>()),
    }
}
