//! Which file of a release fits a target.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use uv_distribution_filename::WheelFilename;
use uv_platform_tags::{IncompatibleTag, TagCompatibility};

use super::hosts::describe_python;
use crate::model::{Artifact, Family, PackageName, Target, Version};

/// Why no file of a release fits a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Misfit {
    NoFiles,
    SourceOnly,
    /// The Python tags of the wheels.
    Python(BTreeSet<String>),
    /// The platform tags of the wheels that fit the Python version.
    Platform(BTreeSet<String>),
}

/// The position of the best file: the wheel with the best tags, then the highest build tag, then the first name.
pub(super) fn best_artifact(
    name: &PackageName,
    version: &Version,
    artifacts: &[Artifact],
    target: &Target,
) -> Result<usize, Misfit> {
    if artifacts.is_empty() {
        return Err(Misfit::NoFiles);
    }
    if name.family() != Family::Python {
        return (0..artifacts.len()).min_by_key(|&at| &artifacts[at].file).ok_or(Misfit::NoFiles);
    }
    let wheels: Vec<(usize, WheelFilename)> = artifacts
        .iter()
        .enumerate()
        .filter_map(|(at, artifact)| Some((at, artifact.wheel_of(name, version)?)))
        .collect();
    wheels
        .iter()
        .filter_map(|(at, wheel)| match wheel.compatibility(&target.tags) {
            TagCompatibility::Compatible(priority) => Some((*at, priority, wheel.build_tag())),
            TagCompatibility::Incompatible(_) => None,
        })
        .max_by_key(|&(at, priority, build)| (priority, build, Reverse(&artifacts[at].file)))
        .map(|(at, ..)| at)
        .ok_or_else(|| misfit(&wheels, target))
}

fn misfit(wheels: &[(usize, WheelFilename)], target: &Target) -> Misfit {
    if wheels.is_empty() {
        return Misfit::SourceOnly;
    }
    let for_this_python: BTreeSet<String> = wheels
        .iter()
        .filter(|(_, wheel)| {
            wheel.compatibility(&target.tags) == TagCompatibility::Incompatible(IncompatibleTag::Platform)
        })
        .flat_map(|(_, wheel)| wheel.platform_tags().iter().map(ToString::to_string))
        .collect();
    if !for_this_python.is_empty() {
        return Misfit::Platform(for_this_python);
    }
    Misfit::Python(wheels.iter().flat_map(|(_, wheel)| python_tags(wheel)).collect())
}

/// The Python tags of a wheel, with the ABI where that is a variant of the same Python: `cp312`, `cp313-cp313t`.
fn python_tags(wheel: &WheelFilename) -> Vec<String> {
    let tag = |python: String| {
        let abis = wheel.abi_tags().iter().map(ToString::to_string);
        let mut variants = abis.filter(|abi| *abi != python && abi.starts_with(&python));
        match variants.next() {
            Some(abi) => format!("{python}-{abi}"),
            None => python,
        }
    };
    wheel.python_tags().iter().map(ToString::to_string).map(tag).collect()
}

impl Misfit {
    /// What the release has instead, as the end of a sentence that begins with the release.
    pub(super) fn describe(&self, target: &Target) -> String {
        let against = format!("the target is {}", describe_python(target));
        match self {
            Misfit::NoFiles => "has no files".to_owned(),
            Misfit::SourceOnly => {
                "has only a source distribution, which this version of rvp does not build".to_owned()
            }
            Misfit::Python(tags) => format!("has wheels for {} only; {against}", Few(tags)),
            Misfit::Platform(tags) => format!("has wheels for {} only; {against}", Few(tags)),
        }
    }
}

/// The first few of a set, for a message.
struct Few<'a>(&'a BTreeSet<String>);

impl fmt::Display for Few<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        let shown: Vec<&str> = self.0.iter().take(SHOWN).map(String::as_str).collect();
        f.write_str(&shown.join(", "))?;
        match self.0.len().checked_sub(SHOWN) {
            Some(more) if more > 0 => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}
