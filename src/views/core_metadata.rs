//! The METADATA of a wheel as a file beside it, where PEP 658 wants it: a resolver then need not fetch the wheel.

use super::ViewsError;
use super::files::{Files, replace_if_changed};
use crate::model::{Artifact, Sha256};
use crate::package::{Metadata, RemoteWheel, Step};
use crate::registry::layout;

/// Writes `<wheel>.metadata` beside a wheel, where it is not there or is to be made `anew`, and returns its digest. None: this is no
/// wheel, or not one whose METADATA can be read, or its bytes are in another place.
pub(super) fn provide(
    files: &dyn Files,
    artifact: &Artifact,
    anew: bool,
) -> Result<Option<Sha256>, ViewsError> {
    if !artifact.file.ends_with(".whl") {
        return Ok(None);
    }
    let wheel = layout::blob(artifact);
    let beside = format!("{wheel}.metadata");
    if !anew && let Some(known) = files.read(&beside)? {
        return Ok(Some(Sha256::of(&known)));
    }
    let Some(bytes) = extract(files, &wheel, artifact)?.filter(|bytes| Metadata::parse(bytes).is_ok()) else {
        return Ok(None);
    };
    replace_if_changed(files, &beside, &bytes)?;
    Ok(Some(Sha256::of(&bytes)))
}

fn extract(files: &dyn Files, path: &str, artifact: &Artifact) -> Result<Option<Vec<u8>>, ViewsError> {
    let Ok(name) = artifact.file.parse() else { return Ok(None) };
    let (mut wheel, mut range) = RemoteWheel::start(name, artifact.size);
    loop {
        let Some(bytes) = files.read_range(path, range.start, range.end - range.start)? else {
            return Ok(None);
        };
        match wheel.feed(bytes) {
            Ok(Step::Done(metadata)) => return Ok(Some(metadata)),
            Ok(Step::Need(next)) => range = next,
            Err(_) => return Ok(None),
        }
    }
}
