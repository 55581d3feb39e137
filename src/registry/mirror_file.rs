//! `mirror.json`: what a mirror holds of its source, in words for whoever looks for the rest.
//!
//! It is not part of the format and nobody signs it. Whoever reads it says it to a person, and believes nothing by it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::model::Blake3;

/// Where it stands. No listed file can have this path.
pub const MIRROR_FILE: &str = "mirror.json";
/// Larger ones are passed over: the locks of a very large team choose some 10,000 files.
const MAX_MIRROR_FILE: u64 = 1 << 24;
/// How much of a text that a host has put there is shown.
const SHOWN: usize = 200;

/// The content of `mirror.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MirrorFile {
    /// The URL that it was copied from, without credentials. None for a folder, whose path means nothing elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub holds: Choice,
}

/// Which blobs a mirror holds. All that is left empty chooses everything. Records, log and snapshot are always whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Choice {
    /// Patterns of normalised names, in which `*` stands for any characters but `/`. None: all packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Of Python packages, the wheels that fit one of these. None: all files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<ChosenTarget>,
    /// With `targets`: source distributions too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sdists: bool,
    /// The newest so many releases of each package that are not withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<u32>,
    /// These files alone, sorted: those of some locks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<ChosenFile>>,
}

/// A Python version and a platform, as `3.11` and `win_amd64`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChosenTarget {
    pub python: String,
    pub platform: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChosenFile {
    pub file: String,
    pub blake3: Blake3,
}

impl Choice {
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl MirrorFile {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// What stands at a place: none where nothing does, or where it is of no use.
    pub async fn read(store: &dyn Store) -> Result<Option<Self>, StoreError> {
        let bytes = store.read(MIRROR_FILE, 0, MAX_MIRROR_FILE).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
}

/// As the end of a sentence that begins `it holds`.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(files) = &self.files {
            let count = if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) };
            return write!(f, "only {count}, of the locks that it was made for");
        }
        if self.is_everything() {
            return f.write_str("everything");
        }
        let mut parts = Vec::new();
        if !self.include.is_empty() {
            parts.push(format!("packages named {}", shown(&self.include)));
        }
        if !self.exclude.is_empty() {
            parts.push(format!("no packages named {}", shown(&self.exclude)));
        }
        if let Some(latest) = self.latest {
            let releases = if latest == 1 { "release" } else { &format!("{latest} releases") };
            parts.push(format!("the newest {releases} of each package"));
        }
        if !self.targets.is_empty() {
            let targets: Vec<String> = self
                .targets
                .iter()
                .map(|target| format!("Python {} on {}", target.python, target.platform))
                .collect();
            let sdists = if self.sdists { ", and source distributions" } else { "" };
            parts.push(format!("wheels for {}{sdists}", shown(&targets)));
        }
        write!(f, "only {}", parts.join("; "))
    }
}

/// A list as it may stand in a message, whoever wrote it.
fn shown(texts: &[String]) -> String {
    plain(&texts.join(", "))
}

/// The beginning of a text, without what would move the cursor of a terminal.
pub(crate) fn plain(text: &str) -> String {
    let mut plain: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_said_in_words() {
        let said = |json: &str| serde_json::from_str::<Choice>(json).unwrap().to_string();
        insta::assert_snapshot!(said("{}"), @"everything");
        insta::assert_snapshot!(said(r#"{"include":["acme-*","units"],"exclude":["acme-old-*"],"latest":3}"#), @"only packages named acme-*, units; no packages named acme-old-*; the newest 3 releases of each package");
        insta::assert_snapshot!(said(r#"{"targets":[{"python":"3.11","platform":"win_amd64"}],"sdists":true,"later":1}"#), @"only wheels for Python 3.11 on win_amd64, and source distributions");
        insta::assert_snapshot!(said(r#"{"files":[]}"#), @"only 0 files, of the locks that it was made for");
        insta::assert_snapshot!(said(r#"{"include":["\u001b[2Jx"]}"#), @r"only packages named \u{1b}[2Jx");
    }
}
