//! `~/.netrc`: user names and passwords by host, shared with curl, git and pip.

use std::io::ErrorKind;
use std::path::Path;

use url::Url;

use super::{Credential, CredentialError, Found, is_private};

/// The entry for the host of `url`, which then holds for `url` alone. An entry `default` is for no host in particular, and a
/// password is not sent to those.
pub(super) fn find(path: &Path, url: &Url) -> Result<Option<Found>, CredentialError> {
    let file_error = |reason: String| CredentialError::File { path: path.to_owned(), reason };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error(error.to_string())),
    };
    let Some(host) = url.host_str().filter(|_| is_private(url)) else { return Ok(None) };
    let Some((name, password)) = entry(&text, host).map_err(|reason| file_error(reason.into()))? else {
        return Ok(None);
    };
    let credential = Credential { username: Some(name), password: Some(password), token: None };
    Ok(Some(Found { credential, prefix: url.clone(), source: path.display().to_string() }))
}

/// The user name and password of the first entry for `host`.
fn entry(text: &str, host: &str) -> Result<Option<(String, String)>, &'static str> {
    let mut words = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(str::split_whitespace)
        .peekable();
    while let Some(word) = words.next() {
        if word != "machine" || words.next() != Some(host) {
            continue;
        }
        let (mut name, mut password) = (String::new(), None);
        while let Some(field) = words.next_if(|word| matches!(*word, "login" | "password" | "account")) {
            let value = words.next().ok_or("it ends in the middle of an entry")?.to_owned();
            match field {
                "login" => name = value,
                "password" => password = Some(value),
                _ => {}
            }
        }
        return Ok(password.map(|password| (name, password)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_its_entry_and_no_other_s() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".netrc");
        let find = |url: &str| find(&path, &Url::parse(url).unwrap());
        assert!(find("https://host/").unwrap().is_none());
        std::fs::write(&path, "machine host \n  login me\n  password s3cret\ndefault login you password p\n")
            .unwrap();
        let found = find("https://host/registry/").unwrap().unwrap();
        assert_eq!(found.credential.password.as_deref(), Some("s3cret"));
        assert_eq!(found.prefix.as_str(), "https://host/registry/");
        assert!(find("https://host.example/").unwrap().is_none());
        assert!(find("http://host/").unwrap().is_none(), "in the clear");
        std::fs::write(&path, "machine host login").unwrap();
        let error = find("https://host/").unwrap_err().to_string();
        assert!(error.contains("it ends in the middle of an entry"), "{error}");
    }
}
