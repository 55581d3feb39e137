//! Writing the tree of a generation, as links into the store or as files of its own.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::InstallError;
use super::arrange::join;
use super::manifest::Area;
use super::system;
use super::tree::{Folder, Node};
use crate::project::LinkMode;

/// The way for a platform where nothing else is asked for: links for this machine's. A tree for another machine is made
/// to be carried there, and links into the store would not travel.
pub fn default_link_mode(this_machine: bool) -> LinkMode {
    if this_machine { LinkMode::Symlink } else { LinkMode::Hardlink }
}

/// So many files are placed by several threads.
const WORTH_THREADS: usize = 500;

/// Writes `folder` to `at`, which must not be there.
pub fn write_tree(folder: &Folder<'_>, at: &Path, mode: LinkMode) -> Result<(), InstallError> {
    let mut files = Vec::new();
    write_folder(folder, at, mode, &mut files)?;
    let place = |(from, to, mode): &(PathBuf, PathBuf, LinkMode)| {
        place_file(from, to, *mode).map_err(InstallError::io("link or copy a file to", to))
    };
    // Starting threads costs more than a few links.
    if files.len() < WORTH_THREADS {
        files.iter().try_for_each(place)
    } else {
        files.par_iter().try_for_each(place)
    }
}

/// Makes folders, links and texts, and collects the files that cost a system call each.
fn write_folder(
    folder: &Folder<'_>,
    at: &Path,
    mode: LinkMode,
    files: &mut Vec<(PathBuf, PathBuf, LinkMode)>,
) -> Result<(), InstallError> {
    fs::create_dir(at).map_err(InstallError::io("create the folder", at))?;
    for entry in folder.values() {
        let path = at.join(&entry.name);
        match &entry.node {
            Node::Folder(children) => write_folder(children, &path, mode, files)?,
            Node::StoreFolder(unpacked, folder) if mode == LinkMode::Symlink => {
                system::link_folder(&join(&unpacked.folder, folder), &path)
                    .map_err(InstallError::io("link a folder to", &path))?;
            }
            Node::StoreFolder(unpacked, folder) => {
                make_folders(unpacked, folder, &path)?;
                let rows = unpacked.manifest.below(folder).iter();
                files.extend(rows.map(|row| {
                    let to = join(&path, &row.path[folder.len() + 1..]);
                    (join(&unpacked.folder, &row.path), to, mode)
                }));
            }
            Node::StoreFile(unpacked, file) => {
                // A program looks for its other files from where it stands, which for a symbolic link would be the store.
                let program = mode == LinkMode::Symlink && file.starts_with(Area::Scripts.folder());
                let mode = if program { LinkMode::Hardlink } else { mode };
                files.push((join(&unpacked.folder, file), path, mode));
            }
            Node::Text { bytes, executable } => system::new_file(*executable)
                .open(&path)
                .and_then(|mut file| file.write_all(bytes))
                .map_err(InstallError::io("write", &path))?,
            Node::Pointer(target) => {
                system::link_file(target, &path).map_err(InstallError::io("link a file to", &path))?;
            }
        }
    }
    Ok(())
}

/// Makes the folder `at`, and those below it that the files of `folder` need.
fn make_folders(unpacked: &super::Unpacked, folder: &str, at: &Path) -> Result<(), InstallError> {
    let mut made = std::collections::BTreeSet::from([String::new()]);
    for row in unpacked.manifest.below(folder) {
        let rest = &row.path[folder.len() + 1..];
        made.extend(rest.match_indices('/').map(|(end, _)| rest[..end].to_owned()));
    }
    for path in made {
        let path = if path.is_empty() { at.to_owned() } else { join(at, &path) };
        fs::create_dir(&path).map_err(InstallError::io("create the folder", &path))?;
    }
    Ok(())
}

fn place_file(from: &Path, to: &Path, mode: LinkMode) -> io::Result<()> {
    match mode {
        LinkMode::Symlink => system::link_file(from, to),
        LinkMode::Hardlink => fs::hard_link(from, to).or_else(|error| match error.kind() {
            io::ErrorKind::CrossesDevices
            | io::ErrorKind::TooManyLinks
            | io::ErrorKind::Unsupported
            | io::ErrorKind::PermissionDenied => copy(from, to),
            _ => Err(error),
        }),
        LinkMode::Clone => reflink_copy::reflink(from, to)
            .and_then(|()| system::make_writable(to))
            .or_else(|_| copy(from, to)),
        LinkMode::Copy => copy(from, to),
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    system::make_writable(to)
}
