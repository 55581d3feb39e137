//! What the settings of a registry say of the forge that its git repository stands on.

use std::fmt;

use url::Url;

use super::text::FromText;

/// The programs that hold git repositories and take requests to merge a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgeKind {
    /// github.com, GitHub Enterprise Cloud and GitHub Enterprise Server.
    GitHub,
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
}

impl fmt::Display for ForgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
        })
    }
}

impl FromText for ForgeKind {
    const EXPECTED: &'static str = "one of github, gitlab, gitea";
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "github" => Ok(Self::GitHub),
            "gitlab" => Ok(Self::GitLab),
            "gitea" | "forgejo" => Ok(Self::Gitea),
            _ => Err(format!("`{text}` is not {}", Self::EXPECTED)),
        }
    }
}

/// Where the REST API of a forge is, such as `https://github.example/api/v3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgeApi(Url);

impl ForgeApi {
    /// Without a `/` at the end, a query, a fragment or credentials.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl FromText for ForgeApi {
    const EXPECTED: &'static str = "the URL of an API, such as \"https://github.example/api/v3\"";
    fn from_text(text: &str) -> Result<Self, String> {
        let url = Url::parse(text.trim_end_matches('/'));
        let url = url.map_err(|error| format!("`{text}` is not a URL: {error}"))?;
        if !matches!(url.scheme(), "https" | "http") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("`{text}` is not {}", Self::EXPECTED));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL holds a user name or password; project files are shared, keep credentials out of them".into());
        }
        Ok(Self(url))
    }
}

impl fmt::Display for ForgeApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_is_a_plain_url() {
        let api = |text: &str| ForgeApi::from_text(text).map(|api| api.to_string());
        assert_eq!(api("https://github.example/api/v3/").as_deref(), Ok("https://github.example/api/v3"));
        for text in ["github.example", "ftp://h/api", "https://h/api?x=1", "https://h/api#x", ""] {
            assert!(api(text).is_err(), "{text}");
        }
        assert!(api("https://me:secret@h/api").is_err_and(|reason| !reason.contains("secret")));
        assert_eq!(ForgeKind::from_text("forgejo"), Ok(ForgeKind::Gitea));
        assert!(ForgeKind::from_text("bitbucket").is_err());
    }
}
