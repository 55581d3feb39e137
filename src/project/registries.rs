//! Registries as settings name them, and which of them may serve a name.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::forge::{ForgeApi, ForgeKind};
use super::text::{self, FromText};
use crate::model::PackageName;
use crate::registry::GitPlace;

/// An entry of `registries = [{ name, url, mirrors?, prefixes?, key?, witnesses?, quorum?, forge?, forge-api? }]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    deny_unknown_fields,
    expecting = "a table such as { name = \"acme\", url = \"../registry\" }"
)]
pub struct Registry {
    /// What locks and messages call it: lower-case ASCII letters, digits and `-`.
    #[serde(deserialize_with = "registry_name")]
    pub name: String,
    #[serde(deserialize_with = "location")]
    pub url: Location,
    /// Other places of the same registry, asked where `url` does not answer or is slower.
    #[serde(default, deserialize_with = "text::list")]
    pub mirrors: Vec<Location>,
    /// Beginnings of the names that come from here and from nowhere else. Without any, it may serve every unbound name.
    #[serde(default, deserialize_with = "text::list")]
    pub prefixes: Vec<Prefix>,
    /// The public key of its log, as `rvp registry init` prints it (a C2SP `signed-note` verifier key).
    #[serde(default)]
    pub key: Option<String>,
    /// The public keys of witnesses who cosign its states (C2SP `tlog-cosignature`).
    #[serde(default)]
    pub witnesses: Vec<String>,
    /// How many of them must have cosigned a state before it is believed. Left out: all.
    #[serde(default)]
    pub quorum: Option<NonZeroUsize>,
    /// What its git repository stands on, where the host's name does not tell.
    #[serde(default, deserialize_with = "text::option")]
    pub forge: Option<ForgeKind>,
    /// The API of that, where it is not at the usual place.
    #[serde(default, deserialize_with = "text::option")]
    pub forge_api: Option<ForgeApi>,
    /// A file that all who write to this bucket lock in turn, for stores that do not compare and swap.
    #[serde(default)]
    pub write_lock: Option<PathBuf>,
}

/// Where a registry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder: local, on a mounted share, or a UNC path.
    Path(PathBuf),
    /// `http://` or `https://`.
    Http(Url),
    /// A bucket, and perhaps a prefix in it: `s3://`, `gs://` or `az://`.
    Bucket(Url),
    /// A git repository: `git+https://`, `git+http://`, `git+ssh://` or `git+file://`.
    Git(Url),
}

/// The beginning of names, in the form in which `PackageName` is displayed: `acme-`, `vitte:acme/`, `host:`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix(String);

/// The registries that may serve `name`, of `registries` in order of precedence.
///
/// Where prefixes match, the one registry of the longest: a bound name is never looked for elsewhere, or a stranger
/// could publish it there (dependency confusion). Where none matches, all registries without prefixes; a name
/// that two of those hold is for the caller to refuse.
pub fn registries_for<'a>(registries: &'a [Registry], name: &PackageName) -> Vec<&'a Registry> {
    let shown = name.to_string();
    let mut bound: Option<(&Registry, usize)> = None;
    for registry in registries {
        let matching = registry.prefixes.iter().filter(|prefix| shown.starts_with(&prefix.0));
        let longest = matching.map(|prefix| prefix.0.len()).max().unwrap_or(0);
        if longest > bound.map_or(0, |(_, length)| length) {
            bound = Some((registry, longest));
        }
    }
    match bound {
        Some((registry, _)) => vec![registry],
        None => registries.iter().filter(|registry| registry.prefixes.is_empty()).collect(),
    }
}

/// Why two registries of one file cannot stand side by side: the same name, or the same prefix.
pub(super) fn conflict(registries: &[Registry]) -> Option<String> {
    for (at, one) in registries.iter().enumerate() {
        if let Some(quorum) = one.quorum.filter(|quorum| quorum.get() > one.witnesses.len()) {
            let known = one.witnesses.len();
            return Some(format!(
                "the registry `{}` asks for {quorum} witnesses, and names {known}",
                one.name
            ));
        }
        for other in &registries[at + 1..] {
            if one.name == other.name {
                return Some(format!("two registries have the name `{}`; give each its own", one.name));
            }
            if let Some(prefix) = one.prefixes.iter().find(|prefix| other.prefixes.contains(prefix)) {
                return Some(format!(
                    "the registries `{}` and `{}` both bind the prefix `{prefix}`; a name comes from one registry only",
                    one.name, other.name
                ));
            }
        }
    }
    None
}

impl Registry {
    /// A registry of which nothing is known but where it stands.
    pub fn new(name: String, url: Location) -> Self {
        Self {
            name,
            url,
            mirrors: Vec::new(),
            prefixes: Vec::new(),
            key: None,
            witnesses: Vec::new(),
            quorum: None,
            forge: None,
            forge_api: None,
            write_lock: None,
        }
    }

    /// Its fields under the keys that `rvp config` has for them: `registries.acme.url`.
    pub(super) fn fields(&self) -> [(String, Option<String>); 9] {
        let witnesses: toml_edit::Array = self.witnesses.iter().collect();
        let prefixes: toml_edit::Array = self.prefixes.iter().map(ToString::to_string).collect();
        let mirrors: toml_edit::Array = self.mirrors.iter().map(ToString::to_string).collect();
        [
            ("name", Some(self.name.clone())),
            ("url", Some(self.url.to_string())),
            ("mirrors", (!mirrors.is_empty()).then(|| mirrors.to_string())),
            ("prefixes", (!prefixes.is_empty()).then(|| prefixes.to_string())),
            ("key", self.key.clone()),
            ("witnesses", (!witnesses.is_empty()).then(|| witnesses.to_string())),
            ("quorum", self.quorum.map(|quorum| quorum.to_string())),
            ("forge", self.forge.map(|forge| forge.to_string())),
            ("forge-api", self.forge_api.as_ref().map(ToString::to_string)),
        ]
        .map(|(field, value)| (format!("registries.{}.{field}", self.name), value))
    }
}

impl Location {
    /// Reads a path, or a URL of a web server, a bucket, a git repository or a folder. A relative path stays relative.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the location of a registry is empty: expected a folder or a URL".into());
        }
        if !text.contains("://") {
            return Ok(Self::Path(text.into()));
        }
        let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
        // For ssh the user name is part of the address.
        let is_secret = url.password().is_some() || (!url.username().is_empty() && url.scheme() != "git+ssh");
        match url.scheme() {
            "http" | "https" | "s3" | "gs" | "az" | "git+https" | "git+http" | "git+ssh" if is_secret => {
                Err("the URL of a registry holds a user name or password; project files are shared, keep credentials out of them".into())
            }
            "http" | "https" => Ok(Self::Http(url)),
            "s3" | "gs" | "az" => Ok(Self::Bucket(url)),
            "git+https" | "git+http" | "git+ssh" | "git+file" => {
                GitPlace::parse(text).map_err(|reason| format!("`{text}` is not a place in a git repository: {reason}"))?;
                Ok(Self::Git(url))
            }
            "file" => url.to_file_path().map(Self::Path).map_err(|()| {
                format!("`{text}` is not the path of a file on this system; write the path itself")
            }),
            scheme => Err(format!(
                "`{scheme}://` is not a way to read a registry: expected a folder, or a URL of `https://`, `s3://`, `gs://`, `az://`, `git+https://`, `git+ssh://` or `file://`"
            )),
        }
    }

    /// A name for the registry there, for when none is given: the last part of the path, as names of registries are
    /// written.
    pub fn name(&self) -> String {
        let last = match self {
            Self::Path(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
            Self::Http(url) | Self::Bucket(url) => {
                last_part(url.path()).or(url.host_str()).map(str::to_owned)
            }
            Self::Git(url) => GitPlace::parse(url.as_str()).ok().and_then(|place| {
                let folder = last_part(&place.folder).map(str::to_owned);
                folder
                    .or_else(|| Some(last_part(place.repository.path())?.trim_end_matches(".git").to_owned()))
            }),
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let name: String = last.unwrap_or_default().chars().map(plain).collect();
        match name.trim_matches('-') {
            "" => "registry".to_owned(),
            name => name.to_owned(),
        }
    }

    /// A relative path becomes relative to `base`, the folder of the file that it stands in.
    pub fn rebase(&mut self, base: &Path) {
        if let Self::Path(path) = self {
            *path = rebased(path, base);
        }
    }
}

fn last_part(path: &str) -> Option<&str> {
    path.rsplit('/').find(|part| !part.is_empty())
}

/// `path` under `base` unless it is absolute on any system: a project that names a share is also read on Linux.
pub(super) fn rebased(path: &Path, base: &Path) -> PathBuf {
    let text = path.to_string_lossy();
    let drive = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && text[1..].starts_with(':');
    if drive || text.starts_with(r"\\") { path.to_owned() } else { base.join(path) }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Http(url) | Self::Bucket(url) | Self::Git(url) => url.fmt(f),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn location<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Location, D::Error> {
    text::Text::deserialize(deserializer).map(|text::Text(location)| location)
}

fn registry_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text::Text::deserialize(deserializer).map(|text::Text(RegistryName(name))| name)
}

struct RegistryName(String);

impl FromText for RegistryName {
    const EXPECTED: &'static str = "a name for the registry, such as \"acme\"";
    fn from_text(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || !text.chars().all(allowed) {
            return Err(format!(
                "`{text}` does not name a registry: use lower-case ASCII letters, digits and `-`"
            ));
        }
        Ok(Self(text.into()))
    }
}

impl FromText for Location {
    const EXPECTED: &'static str =
        "a folder or a URL, such as \"../registry\" or \"https://example.org/registry\"";
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl FromText for Prefix {
    const EXPECTED: &'static str = "the beginning of package names, such as \"acme-\"";
    fn from_text(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
        if text.is_empty() || !text.chars().all(allowed) {
            return Err(format!(
                "`{text}` is not the beginning of a package name: use ASCII letters, digits, `-`, `_` and `.`, as in `acme-`"
            ));
        }
        Ok(Self(text.to_ascii_lowercase().replace(['_', '.'], "-")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(name: &str, prefixes: &[&str]) -> Registry {
        let prefixes = prefixes.iter().map(|prefix| Prefix::from_text(prefix).unwrap()).collect();
        Registry { prefixes, ..Registry::new(name.into(), Location::Path(name.into())) }
    }

    fn served(registries: &[Registry], name: &str) -> Vec<String> {
        registries_for(registries, &name.parse().unwrap()).iter().map(|one| one.name.clone()).collect()
    }

    #[test]
    fn the_longest_prefix_binds_a_name_to_one_registry() {
        let registries = [
            registry("public", &[]),
            registry("acme", &["Acme_", "host:"]),
            registry("lab", &["acme-lab-", "vitte:acme/"]),
            registry("mirror", &[]),
        ];
        assert_eq!(served(&registries, "acme.tools"), ["acme"]);
        assert_eq!(served(&registries, "acme-lab-solver"), ["lab"]);
        assert_eq!(served(&registries, "host:revit"), ["acme"]);
        assert_eq!(served(&registries, "vitte:acme/math"), ["lab"]);
        assert_eq!(served(&registries, "numpy"), ["public", "mirror"]);
        assert_eq!(served(&registries, "acmetools"), ["public", "mirror"]);
    }

    #[test]
    fn a_name_that_nothing_serves_is_served_by_none() {
        assert!(served(&[registry("acme", &["acme-"])], "numpy").is_empty());
    }

    #[test]
    fn a_place_gives_its_registry_a_name() {
        for (text, name) in [
            ("../Acme Tools", "acme-tools"),
            ("https://host/a/registry/", "registry"),
            ("https://host", "host"),
            ("s3://bucket/team/acme", "acme"),
            ("s3://bucket", "bucket"),
            ("git+https://host/acme/tools.git@main", "tools"),
            ("git+ssh://git@host/acme/tools#subdirectory=the/registry", "registry"),
        ] {
            assert_eq!(Location::parse(text).unwrap().name(), name, "{text}");
        }
        for text in
            ["https://me@host/", "git+https://me:p@host/a", "git+ssh://git:p@host/a", "s3://k:s@bucket"]
        {
            assert!(Location::parse(text).unwrap_err().contains("keep credentials out"), "{text}");
        }
    }

    #[test]
    fn absolute_paths_of_either_system_are_left_alone() {
        let base = Path::new("base");
        for text in [r"\\server\share\registry", r"C:\registry", "D:/registry"] {
            assert_eq!(rebased(Path::new(text), base), Path::new(text));
        }
        assert_eq!(rebased(Path::new("../registry"), base), base.join("../registry"));
    }

    #[test]
    fn two_owners_of_a_name_or_a_prefix_are_refused() {
        assert!(
            conflict(&[registry("a", &["x-"]), registry("b", &["y-", "X_"])])
                .unwrap()
                .contains("prefix `x-`")
        );
        assert!(conflict(&[registry("a", &[]), registry("a", &[])]).unwrap().contains("name `a`"));
        assert_eq!(conflict(&[registry("a", &["x-"]), registry("b", &["x-y-"])]), None);
    }
}
