//! `rvp registry evidence`: check what somebody says a log did.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rvp::registry::{Evidence, MAX_EVIDENCE, key_fingerprint};

use crate::cli::context::Context;
use crate::cli::output;

/// Check evidence that a log was forked, by nothing but the file
///
/// Exit code 0 says that it is proven: whoever has the log's key has signed two states that contradict each other.
#[derive(clap::Args)]
pub struct Arguments {
    /// The file, as rvp wrote it when it was shown two histories
    file: PathBuf,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = arguments.file.display();
    let mut text = String::new();
    std::fs::File::open(&arguments.file)
        .and_then(|file| file.take(MAX_EVIDENCE + 1).read_to_string(&mut text))
        .with_context(|| format!("cannot read {path}"))?;
    if text.len() as u64 > MAX_EVIDENCE {
        bail!("{path} is larger than {MAX_EVIDENCE} bytes, the most that evidence can have");
    }
    let evidence = Evidence::parse(&text).with_context(|| format!("{path} is not evidence of a fork"))?;
    let found = evidence.check().with_context(|| format!("{path} is not evidence of a fork"))?;
    let [one, other] = &found.views;
    if context.global.json {
        output::json(&serde_json::json!({
            "proven": true,
            "log": one.origin,
            "key": evidence.key,
            "sizes": [one.size, other.size],
            "times": [one.time, other.time],
            "places": found.places,
            "why": found.why,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("PROVEN: the log `{}` was forked", one.origin))?;
    output::line("Whoever has its private key has signed two states of it that contradict each other:")?;
    for (state, place) in found.views.iter().zip(&found.places) {
        output::line(&format!("  {} entries, signed for {}, shown by {place}", state.size, state.time))?;
    }
    output::line(&format!("{}.", found.why))?;
    output::line(&format!("The key: {}", evidence.key))?;
    output::line(&format!("Its fingerprint: {}", key_fingerprint(&evidence.key)?))?;
    output::line("That this is the log's key is for you to know; who has shown a state is not signed.")?;
    Ok(ExitCode::SUCCESS)
}
