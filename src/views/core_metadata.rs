//! The METADATA of a wheel as a file beside it, where PEP 658 wants it: a resolver then need not fetch the wheel.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::{ViewsError, replace_if_changed};
use crate::files::Unsynced;
use crate::model::Sha256;
use crate::package::{Metadata, RemoteWheel, Step};

/// Writes `<wheel>.metadata` beside the wheel at `path`, where it is not there or `all` are to be made, and returns its digest.
/// None: this is no wheel, or not one whose METADATA can be read, or its bytes are in another place.
pub(super) fn provide(path: &Path, file: &str, all: Option<&Unsynced>) -> Result<Option<Sha256>, ViewsError> {
    let Some(beside) =
        path.to_str().filter(|_| file.ends_with(".whl")).map(|path| format!("{path}.metadata"))
    else {
        return Ok(None);
    };
    if all.is_none()
        && let Ok(known) = std::fs::read(&beside)
    {
        return Ok(Some(Sha256::of(&known)));
    }
    let Some(bytes) = extract(path, file).filter(|bytes| Metadata::parse(bytes).is_ok()) else {
        return Ok(None);
    };
    replace_if_changed(Path::new(&beside), &bytes, all)?;
    Ok(Some(Sha256::of(&bytes)))
}

fn extract(path: &Path, file: &str) -> Option<Vec<u8>> {
    let mut blob = File::open(path).ok()?;
    let size = blob.metadata().ok()?.len();
    let (mut wheel, mut range) = RemoteWheel::start(file.parse().ok()?, size);
    loop {
        match wheel.feed(read(&mut blob, &range)?).ok()? {
            Step::Done(metadata) => return Some(metadata),
            Step::Need(next) => range = next,
        }
    }
}

fn read(blob: &mut File, range: &Range<u64>) -> Option<Vec<u8>> {
    blob.seek(SeekFrom::Start(range.start)).ok()?;
    let mut bytes = Vec::new();
    blob.take(range.end - range.start).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
