//! Targets: what a lock is made for. A Python version, a platform, and the host release around them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uv_pep508::{MarkerEnvironment, MarkerEnvironmentBuilder};
use uv_platform_tags::{Arch, Os, Tags, TagsOptions};

use super::{Family, NameError, PackageName, Version, VersionError};

/// A target as it is asked for: `"revit==2025.4"`, or `{ host = "revit==2025.4", python = "3.12", platform = "win_amd64" }`.
/// What is left out comes from the host release, and then from the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TargetSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

impl<'de> Deserialize<'de> for TargetSpec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            host: Option<String>,
            python: Option<String>,
            platform: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "a target is a text such as \"revit==2025.4\", or a table of `host`, `python` and `platform`"
        )]
        enum Form {
            Host(String),
            Table(Table),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Host(host) => Self { host: Some(host), ..Self::default() },
            Form::Table(Table { host, python, platform }) => Self { host, python, platform },
        })
    }
}

impl TargetSpec {
    /// The host's name and version in `revit==2025.4`. A bare version part such as `revit==2025` means the newest 2025.x.
    pub fn host_parts(&self) -> Result<Option<(PackageName, Version)>, TargetError> {
        let Some(text) = &self.host else { return Ok(None) };
        let (name, version) =
            text.split_once("==").ok_or_else(|| TargetError::Host { text: text.clone() })?;
        Ok(Some((
            PackageName::new(Family::Host, name.trim())?,
            Version::parse(Family::Host, version.trim())?,
        )))
    }
}

/// A platform as wheel tags name it: `win_amd64`, `manylinux_2_28_x86_64`, `macosx_11_0_arm64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    name: String,
    platform: uv_platform_tags::Platform,
}

/// A target with everything decided.
#[derive(Clone, Debug)]
pub struct Target {
    /// How it was asked for, in a form that is equal for equal targets; shown to people and written to the lock.
    pub name: String,
    pub host: Option<(PackageName, Version)>,
    /// What the host release offers (`dotnet`, …).
    pub provides: BTreeMap<String, String>,
    /// At least major and minor.
    pub python: uv_pep440::Version,
    pub platform: Platform,
    pub tags: Tags,
    pub markers: MarkerEnvironment,
}

/// A target that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("`{text}` does not name a host release; write it as `revit==2025.4`")]
    Host { text: String },
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Version(#[from] VersionError),
    #[error("`{text}` is not a Python version; write it as `3.12` or `3.12.4`")]
    Python { text: String },
    #[error(
        "`{text}` is not a platform that rvp knows; examples: win_amd64, win_arm64, manylinux_2_28_x86_64, musllinux_1_2_x86_64, macosx_11_0_arm64"
    )]
    Platform { text: String },
    #[error("no wheel tags are known for Python {python} on {platform}: {reason}")]
    Tags { python: String, platform: String, reason: String },
}

impl Target {
    /// Decides a target. `python` has major and minor at least, as in `3.12` or `3.12.4`.
    pub fn new(
        name: String,
        host: Option<(PackageName, Version)>,
        provides: BTreeMap<String, String>,
        python: &str,
        platform: Platform,
    ) -> Result<Self, TargetError> {
        let bad_python = || TargetError::Python { text: python.into() };
        let version = uv_pep440::Version::from_str(python).map_err(|_| bad_python())?;
        let &[major, minor, ref patch @ ..] = &*version.release() else {
            return Err(bad_python());
        };
        let short =
            (u8::try_from(major).map_err(|_| bad_python())?, u8::try_from(minor).map_err(|_| bad_python())?);
        let full = format!("{major}.{minor}.{}", patch.first().unwrap_or(&0));
        let options = TagsOptions { manylinux_compatible: true, ..TagsOptions::default() };
        let tags =
            Tags::from_env(platform.platform.clone(), short, "cpython", short, options).map_err(|error| {
                TargetError::Tags {
                    python: python.into(),
                    platform: platform.name.clone(),
                    reason: error.to_string(),
                }
            })?;
        let (os_name, sys_platform, system) = match platform.platform.os() {
            Os::Windows => ("nt", "win32", "Windows"),
            Os::Macos { .. } => ("posix", "darwin", "Darwin"),
            _ => ("posix", "linux", "Linux"),
        };
        let machine = match (platform.platform.os(), platform.platform.arch()) {
            (Os::Windows, Arch::X86_64) => "AMD64".to_owned(),
            (Os::Windows, Arch::Aarch64) => "ARM64".to_owned(),
            (Os::Windows, Arch::X86) => "x86".to_owned(),
            (Os::Macos { .. }, Arch::Aarch64) => "arm64".to_owned(),
            (_, arch) => arch.to_string(),
        };
        let markers = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: &full,
            os_name,
            platform_machine: &machine,
            platform_python_implementation: "CPython",
            // Not knowable for another machine, and no guide for a lock that many machines share.
            platform_release: "",
            platform_system: system,
            platform_version: "",
            python_full_version: &full,
            python_version: &format!("{major}.{minor}"),
            sys_platform,
        })
        .map_err(|_| bad_python())?;
        Ok(Self { name, host, provides, python: version, platform, tags, markers })
    }

    /// Major and minor: `(3, 12)`.
    pub fn python_minor(&self) -> (u64, u64) {
        let release = self.python.release();
        (release.first().copied().unwrap_or(3), release.get(1).copied().unwrap_or(0))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Platform {
    pub fn is_windows(&self) -> bool {
        matches!(self.platform.os(), Os::Windows)
    }

    /// Whether programs for this platform run on this machine: the same system and processor.
    pub fn is_this_machine(&self) -> bool {
        let os = match self.platform.os() {
            Os::Windows => "windows",
            Os::Macos { .. } => "macos",
            Os::Manylinux { .. } | Os::Musllinux { .. } => "linux",
            _ => return false,
        };
        os == std::env::consts::OS && self.platform.arch().to_string() == std::env::consts::ARCH
    }

    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Platform {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        parse_platform(text)
            .map(|platform| Self { name: text.to_owned(), platform })
            .ok_or_else(|| TargetError::Platform { text: text.into() })
    }
}

fn parse_platform(text: &str) -> Option<uv_platform_tags::Platform> {
    let os_arch = match text {
        "win_amd64" => (Os::Windows, Arch::X86_64),
        "win_arm64" => (Os::Windows, Arch::Aarch64),
        "win32" => (Os::Windows, Arch::X86),
        "manylinux2014_x86_64" => (Os::Manylinux { major: 2, minor: 17 }, Arch::X86_64),
        "manylinux2014_aarch64" => (Os::Manylinux { major: 2, minor: 17 }, Arch::Aarch64),
        _ => {
            let (system, rest) = text.split_once('_')?;
            let (major, rest) = rest.split_once('_')?;
            let (minor, arch) = rest.split_once('_')?;
            let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
            let arch = match arch {
                "arm64" => Arch::Aarch64,
                other => Arch::from_str(other).ok()?,
            };
            match system {
                "manylinux" => (Os::Manylinux { major, minor }, arch),
                "musllinux" => (Os::Musllinux { major, minor }, arch),
                "macosx" => (Os::Macos { major, minor }, arch),
                _ => return None,
            }
        }
    };
    Some(uv_platform_tags::Platform::new(os_arch.0, os_arch.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_windows_target_has_windows_tags_and_markers_on_any_machine() {
        let platform = "win_amd64".parse().unwrap();
        let target = Target::new("t".into(), None, BTreeMap::new(), "3.11", platform).unwrap();
        assert_eq!(target.markers.platform_machine(), "AMD64");
        assert_eq!(target.markers.sys_platform(), "win32");
        assert!(target.tags.to_string().contains("cp311-cp311-win_amd64"));
    }

    #[test]
    fn platforms_are_read_as_wheel_tags_write_them() {
        for text in
            ["manylinux_2_28_x86_64", "musllinux_1_2_aarch64", "macosx_11_0_arm64", "manylinux2014_x86_64"]
        {
            assert_eq!(text.parse::<Platform>().unwrap().as_str(), text);
        }
        for text in ["", "linux", "windows", "manylinux_x_1_x86_64", "win_amd64_"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
