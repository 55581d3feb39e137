//! Package names, normalised once, and the index file that each name owns.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A family of packages: what a name, a version and a requirement mean is decided by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Names by PEP 503, versions by PEP 440, requirements by PEP 508.
    Python,
    /// Names as `owner/name`, versions by SemVer 2.0, requirements as Cargo writes them.
    Vitte,
    /// Applications that packages run in, such as `host:revit`. Versions by PEP 440.
    Host,
}

impl Family {
    pub const ALL: [Family; 3] = [Family::Python, Family::Vitte, Family::Host];

    pub fn as_str(self) -> &'static str {
        match self {
            Family::Python => "python",
            Family::Vitte => "vitte",
            Family::Host => "host",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that cannot name a package.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    #[error(
        "`{0}` is not a Python package name: use ASCII letters, digits, `.`, `_` and `-`, beginning and ending with a letter or digit"
    )]
    Python(String),
    #[error(
        "`{0}` is not a Vitte package name: expected `owner/name`, each of ASCII letters, digits and `-`"
    )]
    Vitte(String),
    #[error("`{0}` is not a host name: use ASCII letters, digits and `-`")]
    Host(String),
    #[error("`{0}…` is longer than {MAX_NAME} characters")]
    TooLong(String),
}

/// Longer names are refused: they would not fit into a Windows path with a version and tags behind them.
const MAX_NAME: usize = 100;

/// A normalised name in a family. Two spellings of one package are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName {
    family: Family,
    name: Arc<str>,
}

impl PackageName {
    /// Normalises `text` as `family` does: lower case, and runs of `-`, `_` and `.` as one `-` (PEP 503, used for all).
    pub fn new(family: Family, text: &str) -> Result<Self, NameError> {
        if text.len() > MAX_NAME {
            return Err(NameError::TooLong(text.chars().take(40).collect()));
        }
        let name = match family {
            Family::Python => normalise_part(text).ok_or_else(|| NameError::Python(text.into()))?,
            Family::Host => normalise_part(text).ok_or_else(|| NameError::Host(text.into()))?,
            Family::Vitte => text
                .split_once('/')
                .and_then(|(owner, name)| {
                    Some(format!("{}/{}", normalise_part(owner)?, normalise_part(name)?))
                })
                .ok_or_else(|| NameError::Vitte(text.into()))?,
        };
        Ok(Self { family, name: name.into() })
    }

    pub fn python(text: &str) -> Result<Self, NameError> {
        Self::new(Family::Python, text)
    }

    pub fn family(&self) -> Family {
        self.family
    }

    /// The normalised name without the family: `numpy`, `roussov/vitte-math`.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Where the records of this package stand, relative to the registry: `index/python/nu/mp/numpy`.
    ///
    /// The two shards are the first two and the next two characters of the name's first part, padded with `_`.
    /// A part that Windows reserves for a device (`con`, `nul`, `com1`, …) gets a trailing `_`, which no name contains.
    pub fn index_path(&self) -> String {
        let first = self.name.split('/').next().unwrap_or_default();
        let shard = |from: usize| -> String {
            first.chars().chain(std::iter::repeat('_')).skip(from).take(2).collect()
        };
        let file: Vec<String> = self.name.split('/').map(escape_device).collect();
        format!("index/{}/{}/{}/{}", self.family, shard(0), shard(2), file.join("/"))
    }
}

fn normalise_part(text: &str) -> Option<String> {
    let bounded = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    if !bounded(text.as_bytes().first()) || !bounded(text.as_bytes().last()) {
        return None;
    }
    let mut name = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            'A'..='Z' => name.push(c.to_ascii_lowercase()),
            '-' | '_' | '.' if name.ends_with('-') => {}
            '-' | '_' | '.' => name.push('-'),
            _ => return None,
        }
    }
    Some(name)
}

/// Names that Windows gives to devices, in any folder and with any extension. The numbers of ports may be superscripts.
pub fn is_windows_device(stem: &str) -> bool {
    let stem = stem.to_ascii_lowercase();
    let number = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || number.is_some_and(|number| {
            let mut digits = number.chars();
            digits.next().is_some_and(|c| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³'))
                && digits.next().is_none()
        })
}

fn escape_device(part: &str) -> String {
    if is_windows_device(part) { format!("{part}_") } else { part.to_owned() }
}

impl fmt::Display for PackageName {
    /// Python names stand alone, as their users write them; other families are prefixed: `host:revit`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.family {
            Family::Python => f.write_str(&self.name),
            family => write!(f, "{family}:{}", self.name),
        }
    }
}

impl fmt::Debug for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PackageName {
    type Err = NameError;

    /// Reads what `Display` writes: `numpy`, `vitte:roussov/vitte-math`, `host:revit`.
    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once(':') {
            Some(("python", name)) => Self::new(Family::Python, name),
            Some(("vitte", name)) => Self::new(Family::Vitte, name),
            Some(("host", name)) => Self::new(Family::Host, name),
            _ => Self::new(Family::Python, text),
        }
    }
}

impl Serialize for PackageName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PackageName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        let name = PackageName::python("Revit.Py__Geometry").unwrap();
        assert_eq!(name.as_str(), "revit-py-geometry");
        assert_eq!(name.index_path(), "index/python/re/vi/revit-py-geometry");
    }

    #[test]
    fn short_and_reserved_names_have_a_file() {
        let path = |text: &str| text.parse::<PackageName>().unwrap().index_path();
        assert_eq!(path("six"), "index/python/si/x_/six");
        assert_eq!(path("q"), "index/python/q_/__/q");
        assert_eq!(path("nul"), "index/python/nu/l_/nul_");
        assert_eq!(path("vitte:roussov/Vitte-Math"), "index/vitte/ro/us/roussov/vitte-math");
        assert_eq!(path("host:revit"), "index/host/re/vi/revit");
    }

    #[test]
    fn devices_of_windows_are_known_in_every_spelling() {
        for device in
            ["con", "PRN", "Aux", "nul", "CONIN$", "conout$", "com0", "COM9", "lpt1", "Lpt²", "COM³"]
        {
            assert!(is_windows_device(device), "{device}");
        }
        for name in ["", "co", "com", "com10", "lpt¹²", "comx", "console", "null", "aux1", "clock"] {
            assert!(!is_windows_device(name), "{name}");
        }
    }

    #[test]
    fn names_that_could_leave_the_index_are_refused() {
        for text in
            ["", "..", "a/b", "-a", "a-", "é", "a b", "vitte:a", "vitte:a/../b", "vitte:a/b/c", "host:../x"]
        {
            assert!(text.parse::<PackageName>().is_err(), "{text}");
        }
        assert!(PackageName::python(&"a".repeat(101)).is_err());
    }
}
