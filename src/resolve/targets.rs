//! Several targets in one lock, with one set of versions where that can be had.

use std::collections::{BTreeMap, BTreeSet};

use super::{Preferences, Request, Resolution, ResolveError, resolve};
use crate::model::{PackageName, Target, Version};

/// Resolves for each target, in the order given, with the same versions where these passes find them:
///
/// 1. Forward: each target prefers what the targets before it got, and after that what the request prefers.
/// 2. If versions differ, backward: from the last target to the first, each prefers what those after it got.
///    The last one keeps what it got in the first pass.
///
/// The pass with the fewest packages in more than one version wins; the first where they are equal.
/// What differs then is forked: the lock holds a version for each target. Preferring never makes a target fail.
pub fn resolve_all(request: &Request, targets: &[Target]) -> Result<Vec<Resolution>, ResolveError> {
    let forward = pass(request, targets.iter(), request.preferences.clone())?;
    let forked = forks(&forward);
    let Some((last, earlier)) = forward.split_last() else { return Ok(forward) };
    if forked == 0 {
        return Ok(forward);
    }
    let mut preferences = request.preferences.clone();
    prefer(&mut preferences, last);
    let mut backward = pass(request, targets.iter().take(earlier.len()).rev(), preferences)?;
    backward.reverse();
    backward.push(last.clone());
    Ok(if forks(&backward) < forked { backward } else { forward })
}

fn pass<'a>(
    request: &Request,
    targets: impl Iterator<Item = &'a Target>,
    mut preferences: Preferences,
) -> Result<Vec<Resolution>, ResolveError> {
    let mut resolutions = Vec::new();
    for target in targets {
        let resolution = resolve(&Request { preferences: &preferences, ..*request }, target)?;
        prefer(&mut preferences, &resolution);
        resolutions.push(resolution);
    }
    Ok(resolutions)
}

fn prefer(preferences: &mut Preferences, resolution: &Resolution) {
    for package in &resolution.packages {
        preferences.put_first(&package.name, &package.version);
    }
}

/// How many packages have more than one version.
fn forks(resolutions: &[Resolution]) -> usize {
    let mut versions: BTreeMap<&PackageName, BTreeSet<&Version>> = BTreeMap::new();
    for package in resolutions.iter().flat_map(|resolution| &resolution.packages) {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    versions.values().filter(|versions| versions.len() > 1).count()
}
