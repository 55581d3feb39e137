//! pip as a means: its settings say which index this machine uses, and where it has none of its own, it downloads.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::PublishError;
use crate::model::Target;

/// How pip is started, in the order of trying.
const WAYS: [&[&str]; 4] =
    [&["pip"], &["python3", "-m", "pip"], &["python", "-m", "pip"], &["py", "-m", "pip"]];

/// The pip of this machine.
#[derive(Debug)]
pub struct Pip {
    way: &'static [&'static str],
}

/// What pip's configuration files and environment variables say of indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipSettings {
    /// Absent where pip uses the index that is built into it.
    pub index_url: Option<String>,
    pub extra_index_urls: Vec<String>,
    /// Authorities to trust besides those of the system, as PEM.
    pub certificates: Option<PathBuf>,
}

impl Pip {
    /// Finds pip on the path.
    pub fn find() -> Result<Self, PublishError> {
        WAYS.into_iter()
            .map(|way| Self { way })
            .find(|pip| pip.run(["--version"]).is_ok_and(|output| output.status.success()))
            .ok_or(PublishError::NoPip)
    }

    /// What pip is configured to use, from `pip config list`: pip itself knows where its settings stand.
    pub fn settings(&self) -> Result<PipSettings, PublishError> {
        let output = self.checked(["config", "list"])?;
        Ok(PipSettings::parse(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Downloads one wheel for each package of `requirements` (PEP 508, without markers) that runs on `target`, and nothing
    /// that they need.
    pub fn download(
        &self,
        requirements: &[String],
        target: &Target,
        folder: &Path,
    ) -> Result<(), PublishError> {
        let mut arguments: Vec<&OsStr> =
            ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--implementation=cp"]
                .map(OsStr::new)
                .to_vec();
        let python = format!("--python-version={}", target.python);
        arguments.push(python.as_ref());
        let platforms: Vec<String> =
            platform_tags(target).into_iter().map(|tag| format!("--platform={tag}")).collect();
        arguments.extend(platforms.iter().map(OsStr::new));
        arguments.extend([OsStr::new("--dest"), folder.as_os_str(), OsStr::new("--")]);
        arguments.extend(requirements.iter().map(OsStr::new));
        self.checked(arguments).map(drop).map_err(|error| match error {
            PublishError::Pip { said, .. } if says_there_is_none(&said) => PublishError::PipHasNone { said },
            error => error,
        })
    }

    fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> std::io::Result<Output> {
        let mut words = self.way.iter();
        Command::new(words.next().unwrap_or(&"pip"))
            .args(words)
            .args(arguments)
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .env("PIP_NO_INPUT", "1")
            .env("PYTHONIOENCODING", "utf-8")
            .output()
    }

    fn checked(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Output, PublishError> {
        let way = self.way.join(" ");
        let output =
            self.run(arguments).map_err(|source| PublishError::StartPip { way: way.clone(), source })?;
        if output.status.success() {
            return Ok(output);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<String> =
            said.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(shortened).collect();
        let last = lines[lines.len().saturating_sub(8)..].join("\n  ");
        Err(PublishError::Pip { way, said: last })
    }
}

/// Whether pip looked everywhere and found nothing that is asked for. After a failed connection it uses the same words.
fn says_there_is_none(said: &str) -> bool {
    let none = ["No matching distribution found", "ResolutionImpossible"];
    none.iter().any(|words| said.contains(words)) && !said.contains("connection broken")
}

/// A line that lists the versions of a package, with the newest of them only.
fn shortened(line: &str) -> String {
    const SHOWN: usize = 5;
    const LIST: &str = "(from versions: ";
    let Some((before, list)) = line.split_once(LIST) else { return line.to_owned() };
    let versions: Vec<&str> = list.split(", ").collect();
    match versions.len().checked_sub(SHOWN) {
        None | Some(0) => line.to_owned(),
        Some(older) => format!("{before}{LIST}…, {}", versions[older..].join(", ")),
    }
}

/// The platforms of a target as wheel tags write them, without `any`, best first.
/// pip takes a platform by its letter and adds no older ones, so it is told each.
fn platform_tags(target: &Target) -> Vec<String> {
    let mut platforms = Vec::new();
    for tag in target.tags.to_string().lines() {
        let platform = tag.rsplit('-').next().unwrap_or_default().to_owned();
        if platform != "any" && !platforms.contains(&platform) {
            platforms.push(platform);
        }
    }
    platforms
}

impl PipSettings {
    /// Reads the lines of `pip config list`: `section.key='value'`, where the value is a Python literal.
    /// An environment variable (`:env:`) outweighs the section of a command, and that one `global`.
    fn parse(text: &str) -> Self {
        let value = |key: &str| {
            [":env:", "download", "global"].iter().find_map(|section| {
                let name = format!("{section}.{key}=");
                text.lines().find_map(|line| unquote(line.strip_prefix(&name)?.trim()))
            })
        };
        Self {
            index_url: value("index-url"),
            extra_index_urls: value("extra-index-url")
                .map(|urls| urls.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
            certificates: value("cert").map(PathBuf::from),
        }
    }

    /// The URLs of the indexes, best first; empty where pip uses the one that is built into it.
    pub fn index_urls(&self) -> Vec<String> {
        let Some(first) = &self.index_url else { return Vec::new() };
        std::iter::once(first).chain(&self.extra_index_urls).cloned().collect()
    }
}

/// The text of a Python string literal, as `repr` writes it. None if it is empty, or not one.
fn unquote(literal: &str) -> Option<String> {
    let quote = literal.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = literal.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut text = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            },
            other => other,
        });
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_pip_lists_them() {
        let settings = PipSettings::parse(concat!(
            ":env:.index-url='https://env.example/simple'\n",
            "global.cert='C:\\\\certs\\\\authority.pem'\n",
            "global.extra-index-url='\\nhttps://a.example/simple\\nhttps://b.example/simple'\n",
            "global.index-url='https://file.example/simple'\n",
            "install.index-url='https://install.example/simple'\n",
        ));
        assert_eq!(settings.certificates, Some(PathBuf::from("C:\\certs\\authority.pem")));
        assert_eq!(
            settings.index_urls(),
            ["https://env.example/simple", "https://a.example/simple", "https://b.example/simple"]
        );
    }

    #[test]
    fn without_an_index_there_is_none() {
        assert_eq!(PipSettings::parse("global.index-url=''\nglobal.timeout='60'\n"), PipSettings::default());
        assert!(PipSettings::parse("global.extra-index-url='https://a.example/'").index_urls().is_empty());
    }

    #[test]
    fn of_many_versions_the_newest_are_shown() {
        let few = "ERROR: Could not find a version of a>=9 (from versions: 1.0, 1.1, 2.0, 2.1, 3.0)";
        assert_eq!(shortened(few), few);
        assert_eq!(shortened("a (from versions: 1, 2, 3, 4, 5, 6)"), "a (from versions: …, 2, 3, 4, 5, 6)");
        assert_eq!(shortened("a (from versions: none)"), "a (from versions: none)");
    }

    #[test]
    fn pip_is_told_every_platform_of_a_target() {
        let target = |platform: &str| {
            let platform = platform.parse().unwrap();
            Target::new("t".into(), None, Default::default(), "3.11", platform).unwrap()
        };
        assert_eq!(platform_tags(&target("win_amd64")), ["win_amd64"]);
        let linux = platform_tags(&target("manylinux_2_28_x86_64"));
        assert_eq!(linux[0], "manylinux_2_28_x86_64");
        assert!(linux.contains(&"manylinux2014_x86_64".to_owned()), "{linux:?}");
    }
}
