//! `[registries]`: where packages may come from.

use std::fmt;

use serde::Deserialize;
use toml::Spanned;

use super::facts::{RegistryFacts, ReleaseFacts};
use super::rule::{Finding, Named, Rule, VerifierKey, list};
use crate::model::matches_pattern;

/// `[registries]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [registries]")]
pub(super) struct Registries {
    /// Packages come from these registries, and from no others.
    allow: Spanned<Named<Allowed>>,
}

/// A registry by the key of its log, by where it is, or by both. The key is the stronger: whoever serves the URL does not have it.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "AllowedTable")]
struct Allowed {
    key: Option<VerifierKey>,
    /// A URL or a path; `*` stands for any characters other than `/`, `**` for any at all.
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { key = \"…\" } or { url = \"https://example.org/**\" }"
)]
struct AllowedTable {
    key: Option<VerifierKey>,
    url: Option<String>,
}

impl TryFrom<AllowedTable> for Allowed {
    type Error = &'static str;

    fn try_from(AllowedTable { key, url }: AllowedTable) -> Result<Self, Self::Error> {
        match (&key, &url) {
            (None, None) => Err("a registry is named by `key`, by `url`, or by both"),
            _ => Ok(Self { key, url }),
        }
    }
}

impl Allowed {
    fn admits(&self, registry: &RegistryFacts) -> bool {
        let key = self.key.as_ref().is_none_or(|key| key.as_str() == registry.key);
        key && self.url.as_ref().is_none_or(|url| matches_pattern(&plain(url), &plain(&registry.location)))
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.url, &self.key) {
            (Some(url), Some(key)) => write!(f, "{url} with the key {key}"),
            (Some(url), None) => f.write_str(url),
            (None, Some(key)) => write!(f, "the key {key}"),
            (None, None) => Ok(()),
        }
    }
}

/// A location in one spelling: `/` between parts and none at the end, and a path of Windows without `\\?\` before it.
fn plain(location: &str) -> String {
    let location = match location.strip_prefix(r"\\?\UNC\") {
        Some(share) => format!(r"\\{share}"),
        None => location.strip_prefix(r"\\?\").unwrap_or(location).to_owned(),
    };
    location.replace('\\', "/").trim_end_matches('/').to_owned()
}

impl Rule for Registries {
    fn describe(&self) -> (usize, String) {
        (self.allow.span().start, format!("packages come only from {}", list(self.allow.get_ref())))
    }

    fn against(&self, release: &ReleaseFacts, _: jiff::Timestamp) -> Option<Finding> {
        let RegistryFacts { name, location, .. } = release.registry;
        let admitted = self.allow.get_ref().iter().any(|allowed| allowed.admits(release.registry));
        (!admitted).then(|| Finding {
            at: self.allow.span().start,
            reason: format!("the registry `{name}` ({location}) is not among those allowed"),
            mend: format!("take it from an allowed registry: {}", list(self.allow.get_ref())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_same_in_each_of_its_spellings() {
        let admits = |pattern: &str, location: &str| {
            let allowed = Allowed { key: None, url: Some(pattern.into()) };
            let registry = RegistryFacts { name: "acme".into(), key: "k".into(), location: location.into() };
            allowed.admits(&registry)
        };
        assert!(admits("https://packages.acme.example/**", "https://packages.acme.example/registry/"));
        assert!(admits("https://packages.acme.example", "https://packages.acme.example/"));
        assert!(admits(r"\\server\registry", r"\\?\UNC\server\registry"));
        assert!(admits("C:/registry", r"\\?\C:\registry"));
        assert!(!admits("https://*.acme.example/**", "https://evil.example/a.acme.example/"));
        assert!(!admits("https://packages.acme.example/**", "http://packages.acme.example/registry"));
    }
}
