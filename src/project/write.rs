//! Replacing a file whole.

use std::io::Write;
use std::path::Path;

use super::ProjectError;
use crate::files;

/// Writes `text` to `path` so that a reader, also after a crash, sees the old file or the new one.
/// Keeps the file's permissions; where `path` is a link, the file that it leads to is replaced.
pub(super) fn write_atomically(path: &Path, text: &str) -> Result<(), ProjectError> {
    let write = || {
        let target = match path.canonicalize() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => path.to_owned(),
            found => found?,
        };
        let folder =
            target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut staged = files::temporary_file(folder)?;
        if let Ok(metadata) = target.metadata() {
            staged.as_file().set_permissions(metadata.permissions())?;
        }
        staged.write_all(text.as_bytes())?;
        staged.as_file().sync_all()?;
        files::persist(staged, &target)
    };
    write().map_err(|source| ProjectError::Write { path: path.into(), source })
}
