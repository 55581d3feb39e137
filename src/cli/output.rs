//! What people see: errors, notes and tables.

use std::io::{IsTerminal as _, Write as _};

/// Prints an error with its causes on stderr. A cause that its parent already quotes is not repeated.
pub fn error(error: &anyhow::Error) {
    let whole = error.to_string();
    // A hint is the last thing to read.
    let (text, hint) = whole.split_once("\n  hint: ").unzip();
    let mut text = text.unwrap_or(&whole).to_owned();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !whole.contains(&cause) && !text.contains(&cause) {
            text.push_str("\n  cause: ");
            text.push_str(&cause);
        }
    }
    if let Some(hint) = hint {
        text.push_str("\n  hint: ");
        text.push_str(hint);
    }
    let label = if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        "\u{1b}[1;31merror\u{1b}[0m"
    } else {
        "error"
    };
    note(&format!("{label}: {text}"));
}

/// Says something on stderr. A closed stderr is no reason to fail.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints a line of data on stdout. A reader that has gone away, as `head` does, is no error.
pub fn line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        done => Ok(done?),
    }
}

/// Prints data as JSON on stdout.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// `1 package`, `2 packages`
pub fn count<N: std::fmt::Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    if number == N::from(1) { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
