//! What a witness does: it checks that a state continues the last one that it has cosigned of that log, and cosigns it.

use std::fs::File;
use std::path::Path;

use super::client::replace_file;
use super::cosignature::with_lines;
use super::directory::{lock, replace_checkpoint};
use super::memory::Signed;
use super::{Config, Reader, RegistryError, WitnessKey, layout};
use crate::model::Blake3;

/// Cosigns the state that `reader` has opened, and returns the signature line. `state` is the folder of the witness's memory.
///
/// What it cosigns is remembered on the disk first: a witness that forgets could cosign two histories.
pub fn cosign(
    reader: &Reader,
    key: &WitnessKey,
    state: &Path,
    now: jiff::Timestamp,
) -> Result<String, RegistryError> {
    reader.config()?;
    let folder = state.join("witness");
    std::fs::create_dir_all(&folder).map_err(RegistryError::io("make the folder", &folder))?;
    let held = folder.join(".lock");
    let file = File::options().write(true).create(true).truncate(false).open(&held);
    let _held = file
        .and_then(|file| file.lock().map(|()| file))
        .map_err(RegistryError::io("take the lock", &held))?;

    let subject = format!("{}\n{}", key.verifier_key(), reader.checkpoint().origin);
    let path = folder.join(format!("{}.json", Blake3::of(subject.as_bytes())));
    match std::fs::read(&path) {
        Ok(bytes) => {
            let last: Signed = serde_json::from_slice(&bytes)
                .map_err(|error| RegistryError::State { path: path.clone(), reason: error.to_string() })?;
            reader.check_follows(&last)?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(RegistryError::io("read", path)(error)),
    }
    replace_file(&path, &serde_json::to_vec_pretty(reader.signed()).unwrap_or_default())?;
    key.cosign(reader.signed_checkpoint(), u64::try_from(now.as_second()).unwrap_or(0))
}

/// Adds signature lines of witnesses to the checkpoint of the registry in `dir`, in turn with its writers. `cosigned` is the
/// checkpoint that was cosigned, where it is known: the lines are not added to another one.
pub fn add_cosignatures(dir: &Path, lines: &str, cosigned: Option<&[u8]>) -> Result<(), RegistryError> {
    let location = dir.display().to_string();
    let read = |path: &'static str| match std::fs::read(dir.join(path)) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(RegistryError::NotARegistry { location: location.clone(), missing: path })
        }
        Err(error) => Err(RegistryError::io("read", dir.join(path))(error)),
    };
    read(layout::CHECKPOINT)?;
    let _lock = lock(dir)?;
    let checkpoint = read(layout::CHECKPOINT)?;
    let text =
        |note: &[u8]| String::from_utf8_lossy(note).rsplit_once("\n\n").map(|(text, _)| text.to_owned());
    if cosigned.is_some_and(|cosigned| text(cosigned) != text(&checkpoint)) {
        let reason = "the registry was sealed again in the meantime".into();
        return Err(RegistryError::Cosignature { location, reason });
    }
    let key = Config::parse(&location, &read(layout::CONFIG)?)?.key;
    let more = with_lines(&location, &checkpoint, lines, &key)?;
    if more.len() as u64 > layout::MAX_CHECKPOINT {
        let reason = format!("it would be larger than {} bytes", layout::MAX_CHECKPOINT);
        return Err(RegistryError::Cosignature { location, reason });
    }
    replace_checkpoint(&dir.join(layout::CHECKPOINT), &more)
}
