//! What is said of a proposal, which waits for whoever has the log key.

use std::process::ExitCode;

use rvp::publish::forge::Opened;
use rvp::publish::{Waiting, WaitingBranch};
use serde_json::{Value, json};

use super::context::Context;
use super::output;

/// Says where a proposal of records other than releases waits.
pub fn report_waiting(context: &Context, waiting: &Waiting) -> anyhow::Result<ExitCode> {
    if context.global.json {
        output::json(&json!({ "proposal": as_json(waiting) }))?;
    }
    say_waiting(context, waiting)
}

pub fn as_json(waiting: &Waiting) -> Value {
    let Waiting::Branch(branch) = waiting else {
        return json!({ "new": matches!(waiting, Waiting::Here), "branch": null });
    };
    let request = match &branch.opened {
        Ok(Opened::Request { url, .. }) => Some(url.as_str()),
        _ => None,
    };
    json!({
        "new": branch.is_new,
        "branch": branch.name,
        "base": branch.base,
        "remote": branch.remote.as_ref().map(|url| url.as_str()),
        "request": request,
        "link": branch.link.as_ref().map(|url| url.as_str()),
        "error": branch.opened.as_ref().err().map(ToString::to_string),
    })
}

/// Says where a proposal waits; the address of its request is the data. The exit code says whether its reviewers see it.
pub fn say_waiting(context: &Context, waiting: &Waiting) -> anyhow::Result<ExitCode> {
    let branch = match waiting {
        Waiting::Already => {
            context.say("it was proposed before, and waits to be sealed");
            return Ok(ExitCode::SUCCESS);
        }
        Waiting::Here => {
            context.say("proposed; it waits for whoever seals the registry");
            return Ok(ExitCode::SUCCESS);
        }
        Waiting::Branch(branch) => branch,
    };
    let WaitingBranch { name, base, is_new, remote, opened, link } = &**branch;
    let place = remote.as_ref().map_or_else(String::new, |remote| format!(" of {remote}"));
    match is_new {
        true => context.say(&format!("proposed on the branch {name}{place}, to be merged into {base}")),
        false => context.say(&format!("the branch {name}{place} holds this proposal already")),
    }
    let address = |url: &url::Url| match context.global.json {
        true => Ok(()),
        false => output::line(url.as_str()),
    };
    match (opened, link) {
        (Ok(Opened::Request { url, is_new }), _) => {
            let what = if *is_new == Some(true) { "opened" } else { "its request is" };
            context.say(&format!("{what}:"));
            address(url)?;
        }
        (Ok(Opened::Link(url)), _) => {
            context.say("open the request for its reviewers at:");
            address(url)?;
        }
        (Ok(Opened::Branch), _) => context.say("its reviewers see it once you open a request of that branch"),
        (Err(error), link) => {
            output::note(&format!("the branch is there, but no request of it: {error}"));
            if let Some(link) = link {
                context.say("open it by hand at:");
                address(link)?;
            }
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
