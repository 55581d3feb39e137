//! `credentials.toml`: what `rvp login` stored, by URL prefix, and programs to ask. Only its owner may read it.

use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};
use url::Url;

use super::{Credential, CredentialError, Found, covers, credential_prefix, helper};
use crate::registry::{RegistryError, replace_file};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    #[serde(default)]
    credentials: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    url: String,
    username: Option<String>,
    password: Option<String>,
    token: Option<String>,
    /// A program and its arguments.
    helper: Option<Vec<String>>,
}

/// The entry with the longest prefix of `url`. A helper is run.
pub(super) fn find(path: &Path, url: &Url) -> Result<Option<Found>, CredentialError> {
    let Some(text) = read(path)? else { return Ok(None) };
    let error = |reason: String| CredentialError::File { path: path.to_owned(), reason };
    // The reason of a parser would quote the line.
    let entries: Entries = toml::from_str(&text).map_err(|fault| {
        let at = fault.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        error(format!(
            "line {at} is not as expected: [[credentials]] with url, and username, password, token or helper"
        ))
    })?;
    let mut best: Option<(Url, Entry)> = None;
    for entry in entries.credentials {
        let prefix = credential_prefix(&entry.url)?;
        let longer = best.as_ref().is_none_or(|(known, _)| prefix.path().len() > known.path().len());
        if covers(&prefix, url) && longer {
            best = Some((prefix, entry));
        }
    }
    let Some((prefix, entry)) = best else { return Ok(None) };
    let (credential, source) = match &entry.helper {
        Some(command) => {
            (helper::ask(command, url)?, format!("the helper of {prefix} in {}", path.display()))
        }
        None => {
            let credential =
                Credential { username: entry.username, password: entry.password, token: entry.token };
            (credential, path.display().to_string())
        }
    };
    match credential.fault() {
        Some(fault) => Err(error(format!("the entry of {prefix}: {fault}"))),
        None => Ok(Some(Found { credential, prefix, source })),
    }
}

/// Puts `credential` in the place of what stands there for `prefix`.
pub(super) fn store(path: &Path, prefix: &Url, credential: &Credential) -> Result<(), CredentialError> {
    let (mut document, _) = without(path, prefix)?;
    let entries = document.entry("credentials").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(entries) = entries.as_array_of_tables_mut() else {
        return Err(CredentialError::File {
            path: path.to_owned(),
            reason: "`credentials` is no list of tables".into(),
        });
    };
    let mut table = Table::new();
    table["url"] = value(prefix.as_str());
    for (field, text) in
        [("username", &credential.username), ("password", &credential.password), ("token", &credential.token)]
    {
        if let Some(text) = text {
            table[field] = value(text);
        }
    }
    entries.push(table);
    write(path, &document)
}

/// Removes what stands there for `prefix`; whether there was anything.
pub(super) fn forget(path: &Path, prefix: &Url) -> Result<bool, CredentialError> {
    let (document, was_there) = without(path, prefix)?;
    if was_there {
        write(path, &document)?;
    }
    Ok(was_there)
}

fn without(path: &Path, prefix: &Url) -> Result<(DocumentMut, bool), CredentialError> {
    let text = read(path)?.unwrap_or_default();
    let mut document: DocumentMut = text
        .parse()
        .map_err(|_| CredentialError::File { path: path.to_owned(), reason: "it is not TOML".into() })?;
    let mut was_there = false;
    if let Some(entries) = document.get_mut("credentials").and_then(Item::as_array_of_tables_mut) {
        let before = entries.len();
        let url = |table: &Table| credential_prefix(table.get("url")?.as_str()?).ok();
        entries.retain(|table| url(table).as_ref() != Some(prefix));
        was_there = entries.len() < before;
    }
    Ok((document, was_there))
}

fn read(path: &Path) -> Result<Option<String>, CredentialError> {
    let error =
        |fault: std::io::Error| CredentialError::File { path: path.to_owned(), reason: fault.to_string() };
    #[cfg(unix)]
    if let Ok(metadata) = std::fs::metadata(path) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            return Err(CredentialError::Readable { path: path.to_owned(), mode });
        }
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(error(fault)),
    }
}

fn write(path: &Path, document: &DocumentMut) -> Result<(), CredentialError> {
    replace_file(path, document.to_string().as_bytes()).map_err(|error| match error {
        RegistryError::Io { path, source, .. } => CredentialError::Write { path, source },
        other => CredentialError::File { path: path.to_owned(), reason: other.to_string() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn token(text: &str) -> Credential {
        Credential { token: Some(text.into()), ..Credential::default() }
    }

    #[test]
    fn the_longest_prefix_counts_and_an_entry_is_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        let found = |text: &str| find(&path, &url(text)).unwrap().map(|found| found.credential);
        assert_eq!(found("https://host/acme/"), None);
        store(&path, &url("https://host/"), &token("wide")).unwrap();
        store(&path, &url("https://host/acme"), &token("old")).unwrap();
        store(&path, &url("https://host/acme"), &token("narrow")).unwrap();
        assert_eq!(found("https://host/acme/index/"), Some(token("narrow")));
        assert_eq!(found("https://host/other/"), Some(token("wide")));
        assert_eq!(found("https://elsewhere/acme/"), None);
        assert!(forget(&path, &url("https://host/acme")).unwrap());
        assert!(!forget(&path, &url("https://host/acme")).unwrap());
        assert_eq!(found("https://host/acme/"), Some(token("wide")));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused_and_a_written_one_is_not() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        store(&path, &url("https://host/"), &token("t")).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(find(&path, &url("https://host/")), Err(CredentialError::Readable { .. })));
    }

    #[test]
    fn a_fault_is_named_by_its_line_and_quotes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        replace_file(&path, b"[[credentials]]\nurl = 'https://host'\ntokn = 'hush'\n").unwrap();
        let error = find(&path, &url("https://host/")).unwrap_err().to_string();
        assert!(error.contains("line 3") && !error.contains("hush"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_helper_is_asked_for_its_prefix_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        let helper = |script: &str| {
            let text =
                format!("[[credentials]]\nurl = 'https://host/a'\nhelper = ['sh', '-c', '''{script}''']\n");
            replace_file(&path, text.as_bytes()).unwrap();
        };
        helper(r#"read url; echo "{\"token\": \"for $url\"}""#);
        assert_eq!(
            find(&path, &url("https://host/a/b")).unwrap().unwrap().credential,
            token("for https://host/a/b")
        );
        assert!(find(&path, &url("https://host/")).unwrap().is_none());
        for (script, reason) in [
            ("exit 3", "it ended with exit status: 3"),
            ("echo hush", "what it printed is not such JSON"),
            ("echo '{}'", "it is empty"),
        ] {
            helper(script);
            let error = find(&path, &url("https://host/a")).unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains("hush"), "{error}");
        }
    }
}
