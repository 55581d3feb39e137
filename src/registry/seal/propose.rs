//! Proposing: lines that somebody else is to seal.

use super::{Batch, Rules, bad_record, prepare, refused, split_lines};
use crate::model::Record;
use crate::registry::RegistryError;
use crate::registry::backend::Lines;

/// Chooses what of `records` is to be proposed behind the lines that wait already: those that do not wait there themselves. All must be
/// what a seal would commit, as things stand now.
pub(in crate::registry) fn propose(
    path: String,
    committed: &[u8],
    behind: Vec<u8>,
    records: Vec<Record>,
    rules: Rules,
) -> Result<Batch, RegistryError> {
    let mut ours = Vec::with_capacity(records.len());
    for record in records {
        ours.push((record.to_line().map_err(|error| bad_record(&error))?, record));
    }
    let waits = |line: &str| split_lines(&behind).any(|(there, ended)| ended && there == line.as_bytes());
    let new: Vec<String> = ours.iter().map(|(line, _)| line).filter(|line| !waits(line)).cloned().collect();
    let mut all = behind.clone();
    end_line(&mut all);
    for line in &new {
        all.extend_from_slice(line.as_bytes());
        all.push(b'\n');
    }
    let batch = prepare(path, committed, all, Vec::new(), rules)?;
    for dropped in &batch.dropped {
        if let Some((_, record)) = ours.iter().find(|(line, _)| *line == dropped.line) {
            return Err(refused(record, dropped.reason.clone()));
        }
    }
    Ok(Batch { lines: new, dropped: Vec::new(), behind, ..batch })
}

/// What a writer that died has left of a line becomes one of its own.
fn end_line(text: &mut Vec<u8>) {
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
}

impl Batch {
    /// The lines behind the committed ones, with those of a proposal after them.
    pub(in crate::registry) fn into_proposal(self) -> Lines {
        let Self { path, committed_length: committed, behind, lines, .. } = self;
        let mut text = behind.clone();
        end_line(&mut text);
        for line in lines {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        Lines { path, committed, behind, text }
    }
}
