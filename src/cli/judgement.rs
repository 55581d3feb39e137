//! What policies say of packages that are locked or installed already.

use std::sync::Arc;

use anyhow::{anyhow, bail};
use rvp::model::{Blake3, PackageName, ReleaseEntry, Version};
use rvp::project::Settings;
use rvp::resolve::{Found, Judge, LockedPackage, Packages as _, PackagesError, Registries};
use rvp::trust::policy::{Policies, Violation};
use serde::Serialize;

use super::context::Context;

/// A package that somebody has chosen.
pub struct Held {
    pub name: PackageName,
    pub version: Version,
    /// None where it is not remembered: then the one that the settings choose.
    pub registry: Option<String>,
    /// Its files, which must be those of the release: else a lock could call anything by an admitted name.
    pub artifacts: Vec<Blake3>,
}

impl Held {
    pub fn of(package: &LockedPackage) -> Self {
        Self {
            name: package.name.clone(),
            version: package.version.clone(),
            registry: Some(package.registry.clone()),
            artifacts: package.artifacts.iter().map(|artifact| artifact.blake3).collect(),
        }
    }
}

/// What is said of a package.
pub struct Judged {
    pub name: PackageName,
    pub version: Version,
    pub verdict: Verdict,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    Ok,
    Forbidden {
        violations: Vec<Violation>,
        /// The newest release that nothing forbids.
        admitted: Option<String>,
    },
    /// Its registry has no such release, or not with these files.
    Unknown,
}

impl Judged {
    /// Why the package must not be used, in a sentence; none if it may.
    pub fn fault(&self) -> Option<String> {
        let Self { name, version, verdict } = self;
        match verdict {
            Verdict::Ok => None,
            Verdict::Forbidden { violations, .. } => {
                Some(format!("{name} {version} is forbidden by {}", violations.first()?))
            }
            Verdict::Unknown => Some(format!(
                "{name} {version} cannot be judged: its registry has no such release with this file"
            )),
        }
    }
}

/// The judge for what comes from `registries`.
pub fn judge(
    context: &Context,
    settings: &Settings,
    policies: &Policies,
    registries: &Registries,
) -> anyhow::Result<Judge> {
    Judge::new(policies, registries, context.authority(settings)?).map_err(anyhow::Error::from_boxed)
}

/// Judges each of `packages`.
pub fn judge_all(
    judge: &Judge,
    registries: &Registries,
    packages: impl Iterator<Item = Held>,
) -> anyhow::Result<Vec<Judged>> {
    let packages: Vec<Held> = packages.collect();
    registries.warm(&packages.iter().map(|held| held.name.clone()).collect::<Vec<_>>(), &[]);
    packages.into_iter().map(|held| judge_one(judge, registries, held)).collect()
}

fn judge_one(judge: &Judge, registries: &Registries, held: Held) -> anyhow::Result<Judged> {
    let Held { name, version, registry, artifacts } = held;
    let unreadable = |error: PackagesError| anyhow!("cannot read the package `{name}`: {error}");
    let found: Option<Arc<Found>> = match &registry {
        Some(registry) => registries.package_of(registry, &name)?,
        None => registries.package(&name).map_err(unreadable)?,
    };
    let release = found.as_ref().and_then(|found| Some((found, found.package.releases.get(&version)?)));
    let is_of =
        |entry: &ReleaseEntry, digest: &Blake3| entry.artifacts.iter().any(|one| one.blake3 == *digest);
    let release = release.filter(|(_, entry)| artifacts.iter().all(|digest| is_of(entry, digest)));
    let verdict = match release {
        None => Verdict::Unknown,
        Some((found, entry)) => match judge.violations(found, &version, entry).map_err(unreadable)? {
            none if none.is_empty() => Verdict::Ok,
            violations => {
                Verdict::Forbidden { violations, admitted: admitted(judge, found).map_err(unreadable)? }
            }
        },
    };
    Ok(Judged { name, version, verdict })
}

/// The newest release that is neither forbidden nor withdrawn, and no pre-release.
fn admitted(judge: &Judge, found: &Found) -> Result<Option<String>, PackagesError> {
    /// There may be thousands, and each may have signatures to verify.
    const MAX_TRIES: usize = 50;
    let releases = found.package.releases.iter().rev();
    let usable = releases.filter(|(version, entry)| entry.yanked.is_none() && !version.is_prerelease());
    for (version, entry) in usable.take(MAX_TRIES) {
        if judge.violations(found, version, entry)?.is_empty() {
            return Ok(Some(version.to_string()));
        }
    }
    Ok(None)
}

/// Fails if one of `judged` must not be used.
pub fn refuse_forbidden(judged: &[Judged]) -> anyhow::Result<()> {
    /// Whoever reads more has `rvp policy check`.
    const MAX_FAULTS: usize = 10;
    let faults: Vec<String> = judged.iter().filter_map(Judged::fault).collect();
    if faults.is_empty() {
        return Ok(());
    }
    let more = match faults.len().saturating_sub(MAX_FAULTS) {
        0 => String::new(),
        more => format!("\n  … and {more} more"),
    };
    let shown: String = faults.iter().take(MAX_FAULTS).map(|fault| format!("\n  {fault}")).collect();
    bail!(
        "the lock holds what must not be used:{shown}{more}\n  hint: `rvp lock` chooses again; `rvp policy check` explains"
    );
}
