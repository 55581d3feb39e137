//! What went wrong with a repository, in words.

use std::error::Error;

use url::Url;

use super::GitPlace;
use crate::registry::http_failure::Failure;

pub(super) fn no_reference(place: &GitPlace) -> Failure {
    match &place.reference {
        Some(name) => Failure::lasting(
            format!("the repository has no branch or tag `{name}`"),
            "name one that it has, behind @ at the end of the URL; without any, its default branch is used",
        ),
        None => Failure::lasting(
            "the repository is empty",
            "push to it first, or name a branch behind @ at the end of the URL",
        ),
    }
}

pub(super) fn too_large(limit: u64) -> Failure {
    Failure::lasting(
        format!("the repository is larger than {} GiB, the most that rvp clones", limit >> 30),
        "keep large files of a registry in a bucket or on a web server",
    )
}

pub(super) fn endless() -> Failure {
    Failure::lasting(
        "the server's answer does not end",
        "check the URL; if it is right, this is not an honest git server: use a mirror",
    )
}

/// For an error of gix, which comes as a chain of causes.
pub(super) fn of_error(error: &(dyn Error + 'static), url: &Url) -> Failure {
    let causes: Vec<String> =
        std::iter::successors(Some(error), |&cause| cause.source()).map(ToString::to_string).collect();
    let text = causes.join("\n");
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let host = url.host_str().unwrap_or_default();
    // The last that says something: markers of gix have no words.
    let cause = causes.iter().rev().find(|cause| cause.contains(' ')).unwrap_or(&causes[0]).clone();
    let cause: String = cause.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    if url.scheme() == "ssh" {
        return ssh(host, cause, &has);
    }
    if has(&["too large to fit in memory", "allocation limit"]) {
        return Failure::lasting(
            format!(
                "it has a file of more than {} MiB, the most that rvp reads from a repository",
                super::clones::MAX_OBJECT >> 20
            ),
            "keep large files of a registry in a bucket or on a web server",
        );
    }
    if has(&["to indicate 'smart' protocol", "Expected", "valid git directory", "not a git repository"]) {
        return Failure::lasting(
            "it is not a git repository, or a server that git does not talk to",
            "check the URL: for a registry of plain files on a web server, leave out `git+`",
        );
    }
    Failure::lasting(cause, "check the URL, then try again")
}

fn ssh(host: &str, cause: String, has: &dyn Fn(&[&str]) -> bool) -> Failure {
    // Where ssh is not let in, gix asks for credentials, which there are none of.
    if has(&["Permission denied", "publickey", "credentials"]) {
        return Failure::lasting(
            format!("{host} does not let this user in"),
            "give ssh a key that the server knows (ssh-add), and check the user name in the URL",
        );
    }
    if has(&["resolve hostname", "connect to host", "Connection"]) {
        return Failure::lasting(
            format!("no connection to {host}: {cause}"),
            "check the host name, the port and the network; `ssh` itself must reach it",
        );
    }
    if has(&["Failed to invoke", "InvokeProgram", "No such file or directory"]) {
        return Failure::lasting(
            format!("the program ssh cannot be run: {cause}"),
            "install OpenSSH, or name another program in GIT_SSH_COMMAND",
        );
    }
    Failure::lasting(
        format!("the connection to {host} ended: {cause}"),
        "what ssh says about it stands above; a host key that is unknown or has changed is for you to check \
         with whoever runs the server, and then for `ssh-keygen -R` and a first `ssh` by hand",
    )
}
