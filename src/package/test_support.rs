//! Files with artifacts in them, and the errors that reading them gives.

use std::path::PathBuf;

/// A file in a folder of its own, which goes when the first half is dropped.
pub fn write(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// An error's text without the folder of the test and without the hint.
pub fn message(folder: &tempfile::TempDir, error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let text = text.split("\n  hint: ").next().unwrap_or_default();
    let folder = folder.path().join("").display().to_string();
    text.replace(&folder, "")
}
