//! What can be wrong with the places that hold credentials. No text of them holds a credential.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error(
        "`{url}` is no place that credentials can belong to: {reason}\n  hint: name the URL of the registry, or its beginning"
    )]
    Url { url: String, reason: String },
    #[error(
        "the environment variable {variable}: {reason}\n  hint: set RVP_CREDENTIALS_<NAME>_TOKEN, or …_USERNAME and …_PASSWORD"
    )]
    Environment { variable: String, reason: String },
    #[error(
        "{path} holds credentials, and cannot be read: {reason}\n  hint: correct the file, or remove it and run `rvp login` again"
    )]
    File { path: PathBuf, reason: String },
    #[error("{path} holds credentials, and others may read it (mode {mode:o})\n  hint: chmod 600 {path}")]
    Readable { path: PathBuf, mode: u32 },
    #[error(
        "the credential helper `{program}` gave nothing to use: {reason}\n  hint: it gets the URL as a line on stdin, and prints {{\"username\", \"password\"}} or {{\"token\"}} as JSON; run it by hand to see what it says"
    )]
    Helper { program: String, reason: String },
    #[error(
        "the system's keyring cannot be used: {reason}\n  hint: set RVP_CREDENTIALS_<NAME>_TOKEN instead"
    )]
    Keyring { reason: String },
    #[error("the credentials cannot be used: {reason}")]
    Unusable { reason: &'static str },
    #[error("cannot write {path}: {source}{}", super::super::hint_of(source))]
    Write { path: PathBuf, source: std::io::Error },
}

impl CredentialError {
    /// What went wrong and what to try, apart.
    pub(crate) fn parts(&self) -> (String, String) {
        let text = self.to_string();
        let (reason, hint) = text.split_once("\n  hint: ").unwrap_or((&text, "run `rvp login` again"));
        (reason.to_owned(), hint.to_owned())
    }
}
