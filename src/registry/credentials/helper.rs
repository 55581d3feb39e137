//! A program that knows a credential: it gets the URL as a line on stdin, and prints JSON.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use url::Url;

use super::{Credential, CredentialError};

/// More is no credential.
const MOST: u64 = 64 * 1024;

/// Runs `command`, a program and its arguments. What it says on stderr goes to the user, so that it may ask for something.
pub(super) fn ask(command: &[String], url: &Url) -> Result<Credential, CredentialError> {
    let (program, arguments) = command.split_first().ok_or(CredentialError::Helper {
        program: String::new(),
        reason: "`helper` is an empty list".into(),
    })?;
    let error = |reason: String| CredentialError::Helper { program: program.clone(), reason };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|fault| error(fault.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper for one registry may not care which one is asked for.
        let _ = writeln!(stdin, "{}", url.as_str().trim_end_matches('/'));
    }
    let mut answer = Vec::new();
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(MOST).read_to_end(&mut answer).map(drop),
        None => Ok(()),
    };
    let status = child.wait().map_err(|fault| error(fault.to_string()))?;
    read.map_err(|fault| error(fault.to_string()))?;
    if !status.success() {
        return Err(error(format!("it ended with {status}")));
    }
    // The reason of a failure would quote what was printed.
    let credential: Credential =
        serde_json::from_slice(&answer).map_err(|_| error("what it printed is not such JSON".into()))?;
    match credential.fault() {
        Some(fault) => Err(error(fault.into())),
        None => Ok(credential),
    }
}
