//! How a registry in a git repository is written: `git+https://host/repository.git@main#subdirectory=registry`, as in pip.

use url::Url;

/// A folder of a branch or tag of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitPlace {
    /// `https:`, `http:`, `ssh:` or `file:`, perhaps with a user name and password.
    pub repository: Url,
    /// A branch or tag, or the whole name of a reference. None: what `HEAD` is there.
    pub reference: Option<String>,
    /// The folder of the registry, with `/` between parts; empty for the top.
    pub folder: String,
}

impl GitPlace {
    /// Reads `git+URL`, with `@REFERENCE` at its end or `#REFERENCE` behind it, and `#subdirectory=FOLDER`; two of those are
    /// separated by `&`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = text.strip_prefix("git+").ok_or("it does not begin with git+")?;
        let mut repository = Url::parse(url).map_err(|fault| fault.to_string())?;
        if !matches!(repository.scheme(), "https" | "http" | "ssh" | "file") {
            return Err(format!("git+{}: is no way to read a repository", repository.scheme()));
        }
        let (mut reference, mut folder) = (None, String::new());
        for part in repository.fragment().unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
            let part = percent_encoding::percent_decode_str(part).decode_utf8_lossy();
            match part.strip_prefix("subdirectory=") {
                Some(path) => folder = path.trim_matches('/').to_owned(),
                None => reference = Some(part.into_owned()),
            }
        }
        repository.set_fragment(None);
        if let Some((path, name)) = repository.path().to_owned().rsplit_once('@') {
            reference = Some(percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned());
            repository.set_path(path);
        }
        if repository.query().is_some() {
            return Err("it has a query".to_owned());
        }
        if repository.path().trim_matches('/').is_empty() {
            return Err("it names no repository".to_owned());
        }
        if let Some(name) = &reference
            && gix::validate::reference::name_partial(name.as_str().into()).is_err()
        {
            return Err(format!("`{}` cannot be the name of a branch or tag", name.escape_debug()));
        }
        let outside = |part: &str| matches!(part, "" | "." | "..") || part.contains('\\');
        if !folder.is_empty() && folder.split('/').any(outside) {
            return Err("its subdirectory is not a folder of the repository".to_owned());
        }
        Ok(Self { repository, reference, folder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_place() {
        let parse = |text: &str| {
            let place = GitPlace::parse(text).unwrap();
            (place.repository.to_string(), place.reference.unwrap_or_default(), place.folder)
        };
        let expected =
            |url: &str, name: &str, folder: &str| (url.to_owned(), name.to_owned(), folder.to_owned());
        assert_eq!(parse("git+https://host/a/b.git"), expected("https://host/a/b.git", "", ""));
        assert_eq!(
            parse("git+https://host/b.git@release/1"),
            expected("https://host/b.git", "release/1", "")
        );
        assert_eq!(parse("git+ssh://git@host/b#main"), expected("ssh://git@host/b", "main", ""));
        assert_eq!(
            parse("git+file:///srv/b.git@v1#subdirectory=/tools/registry/"),
            expected("file:///srv/b.git", "v1", "tools/registry")
        );
        assert_eq!(parse("git+https://host/b#main&subdirectory=x"), expected("https://host/b", "main", "x"));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "https://host/b",
            "git+ext://host/b",
            "git+https://host/",
            "git+https://host/b@a..b",
            "git+https://host/b#subdirectory=../x",
            "git+https://host/b?x=y",
            "git+ssh://git@host:acme/b",
        ] {
            assert!(GitPlace::parse(text).is_err(), "{text}");
        }
    }
}
