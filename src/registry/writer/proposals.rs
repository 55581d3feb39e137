//! Where proposals wait to be sealed.

use super::Writer;
use crate::registry::RegistryError;

impl Writer {
    /// The index files that hold lines behind their committed ones: proposals, or the remains of a dead writer.
    pub fn proposed(&self) -> Result<Vec<String>, RegistryError> {
        let mut found = Vec::new();
        let root = self.dir.join("index");
        for item in walkdir::WalkDir::new(&root).sort_by_file_name() {
            let item = item.map_err(|error| {
                let path = error.path().unwrap_or(&root).to_owned();
                RegistryError::io("read the folder", path)(error.into())
            })?;
            // A name that begins with a dot is that of a temporary file, which a writer left that died.
            if !item.file_type().is_file() || item.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let parts: Option<Vec<&str>> = item
                .path()
                .strip_prefix(&self.dir)
                .ok()
                .and_then(|path| path.iter().map(|part| part.to_str()).collect());
            let Some(path) = parts.map(|parts| parts.join("/")) else { continue };
            let length =
                item.metadata().map_err(|error| RegistryError::io("read", item.path())(error.into()))?.len();
            if self.entry(&path)?.is_none_or(|entry| entry.length < length) {
                found.push(path);
            }
        }
        Ok(found)
    }
}
