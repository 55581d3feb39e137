//! Import of a folder of wheels and source distributions.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Hosts, PublishError, ReadArtifacts, Refused, read_artifacts};
use crate::model::PackageName;

/// Reads every wheel and source distribution in `folder` and the folders in it. Other files are passed over.
///
/// `hosts` are host requirements besides those of the metadata, by package.
/// What cannot be read is refused by itself; only a folder that cannot be opened is an error.
pub fn read_folder(
    folder: &Path,
    hosts: impl Fn(&PackageName) -> Hosts + Sync,
) -> Result<ReadArtifacts, PublishError> {
    let open = |source| PublishError::Io { action: "open the folder", path: folder.into(), source };
    std::fs::read_dir(folder).map_err(open)?;
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut unread = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_artifact(entry.path()) => {
                paths.push(entry.into_path());
            }
            Ok(_) => {}
            Err(source) => {
                let path = source.path().unwrap_or(folder).to_owned();
                unread
                    .push(Refused { files: vec![path.clone()], error: PublishError::Walk { path, source } });
            }
        }
    }
    let mut read = read_artifacts(&paths, hosts);
    read.refused.extend(unread);
    Ok(read)
}

fn is_artifact(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    [".whl", ".tar.gz", ".zip"].iter().any(|suffix| name.ends_with(suffix))
}
