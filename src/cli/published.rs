//! What is said of a publish, an import or a seal, and the exit code that goes with it.

use std::path::PathBuf;
use std::process::ExitCode;

use rvp::publish::{Published, Written};
use rvp::registry::Sealed;

use super::context::Context;
use super::output;
use super::waiting::{as_json, say_waiting};

/// Says what a publish or an import did. The exit code says whether anything was refused.
pub fn report(context: &Context, published: &Published) -> anyhow::Result<ExitCode> {
    if context.global.json {
        let refused: Vec<_> = published
            .refused
            .iter()
            .map(|refused| serde_json::json!({ "files": shown(&refused.files), "reason": refused.error.to_string() }))
            .collect();
        output::json(&serde_json::json!({
            "releases": published.releases,
            "claimed": published.claimed,
            "already-there": shown(&published.already_there),
            "refused": refused,
            "proposal": published.written.as_ref().and_then(proposal),
        }))?;
    } else {
        for release in &published.releases {
            output::line(&format!("+ {release}"))?;
        }
    }
    for refused in &published.refused {
        let files: Vec<String> = refused.files.iter().map(|file| file.display().to_string()).collect();
        let (files, error) = (files.join(", "), refused.error.to_string());
        // Many an error names the file itself.
        let named = if error.contains(&files) { error } else { format!("{files}: {error}") };
        output::note(&format!("refused: {named}"));
    }
    let is_sealed = matches!(published.written, Some(Written::Sealed(_)));
    for name in published.claimed.iter().filter(|_| is_sealed) {
        context.say(&format!("`{name}` is yours from now on: later releases must be signed by its owners"));
    }
    if !published.already_there.is_empty() {
        context.say(&format!("{} already there", output::count(published.already_there.len(), "file")));
    }
    let written = match &published.written {
        Some(Written::Sealed(sealed)) => {
            context.say(&format!(
                "sealed {} with {}; the log has {} entries",
                output::count(published.releases.len(), "release"),
                output::count(published.blobs, "file"),
                sealed.checkpoint.size
            ));
            report_dropped(sealed)
        }
        Some(Written::Proposed(waiting)) => say_waiting(context, waiting)?,
        None => ExitCode::SUCCESS,
    };
    Ok(if published.refused.is_empty() { written } else { ExitCode::FAILURE })
}

fn proposal(written: &Written) -> Option<serde_json::Value> {
    match written {
        Written::Sealed(_) => None,
        Written::Proposed(waiting) => Some(as_json(waiting)),
    }
}

/// Says which lines were left out of a seal; the exit code says so too.
pub fn report_dropped(sealed: &Sealed) -> ExitCode {
    for dropped in &sealed.dropped {
        let line: String = dropped.line.chars().take(120).collect();
        output::note(&format!("refused: {}: {}\n  {line}", dropped.path, dropped.reason));
    }
    match sealed.dropped.iter().filter(|dropped| dropped.stays).count() {
        0 => {}
        stay => output::note(&format!(
            "still in the index files: {}\n  hint: have that mended, or remove it with `rvp registry seal --drop-refused`",
            output::count(stay, "refused line")
        )),
    }
    if sealed.dropped.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Paths as text: JSON has no way to write one that is not Unicode.
fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}
