//! Links and permissions on Windows, without the right to make symbolic links: junctions for folders, hard links for files.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uv_trampoline_builder::{WindowMode, windows_python_launcher, windows_script_launcher};

use super::launcher::{self, Script};
use super::layout::Layout;
use super::manifest::Command;
use crate::files;

/// `ERROR_INVALID_FUNCTION` and `ERROR_NOT_SUPPORTED`: what file systems say that know no junctions (FAT, exFAT, most shares).
const INVALID_FUNCTION: i32 = 1;
const NOT_SUPPORTED: i32 = 50;

/// Makes `at` a junction to the folder `target`.
pub fn link_folder(target: &Path, at: &Path) -> io::Result<()> {
    junction(target, at)
}

/// Makes `at` another name of the file `target`, or a copy where the volume is another.
pub fn link_file(target: &Path, at: &Path) -> io::Result<()> {
    fs::hard_link(target, at).or_else(|_| fs::copy(target, at).map(drop))
}

/// Makes the junction `link` lead to the folder `target`. `scratch` is a free name next to `link`.
///
/// NTFS replaces a folder by a rename only where no program has it open. Else the old junction is removed first, and for a
/// moment there is none: a process that is killed just then leaves `scratch`, and opening the environment puts that in its place.
pub fn switch(link: &Path, target: &Path, scratch: &Path) -> io::Result<()> {
    let _ = remove_link(scratch);
    let target = link.parent().map(|parent| parent.join(target)).unwrap_or_else(|| target.to_owned());
    junction(&target, scratch)?;
    if fs::rename(scratch, link).is_ok() {
        return Ok(());
    }
    remove_link(link)?;
    files::rename(scratch, link)
}

/// Makes `name` at the root of an environment lead to what has this name in the current generation,
/// which is or is going to be the one in `generation`. A junction cannot lead to a file: those are found in `current` only.
/// It has no relative target either: one that leads to where the environment was before it was moved is replaced.
pub fn link_through_current(root: &Path, generation: &Path, name: &OsStr) -> io::Result<()> {
    if generation.join(name).is_file() {
        return Ok(());
    }
    let (link, target) = (root.join(name), root.join("current").join(name));
    match fs::read_link(&link) {
        Ok(known) if same_place(&known, &target) => return Ok(()),
        Ok(_) => remove_link(&link)?,
        Err(_) => {}
    }
    junction(&target, &link)
}

/// Whether the path at the root of an environment is a junction that `link_through_current` made, here or at the place
/// from where the environment was moved.
pub fn leads_through_current(path: &Path) -> bool {
    let (Ok(target), Some(name)) = (fs::read_link(path), path.file_name()) else { return false };
    target.ends_with(Path::new("current").join(name))
}

/// Makes `at` a junction to the folder `target`, or leaves nothing there.
fn junction(target: &Path, at: &Path) -> io::Result<()> {
    junction::create(target, at).map_err(|error| match error.raw_os_error() {
        Some(INVALID_FUNCTION | NOT_SUPPORTED) => {
            let _ = fs::remove_dir(at);
            io::Error::new(io::ErrorKind::Unsupported, "this drive cannot hold junctions")
        }
        _ => error,
    })
}

fn same_place(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Removes a junction, or a file.
pub fn remove_link(link: &Path) -> io::Result<()> {
    fs::remove_dir(link).or_else(|_| fs::remove_file(link))
}

pub fn make_read_only(path: &Path, _executable: bool) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_readonly(true);
    fs::set_permissions(path, permissions)
}

/// Lets the owner change a file that was copied out of the store.
pub fn make_writable(path: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions)
}

/// Options for a new file.
pub fn new_file(_executable: bool) -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    options
}

/// The files that start `command`. `python` is the environment's interpreter, where it has one.
pub fn launchers(command: &Command, layout: &Layout, python: Option<&Path>) -> io::Result<Vec<Script>> {
    let (true, Some(python)) = (layout.windows, python) else {
        return Ok(match layout.windows {
            true => launcher::windows_portable(command, layout.python, &layout.site_packages).into(),
            false => vec![launcher::unix(command, python)],
        });
    };
    let python = if command.gui { python.with_file_name("pythonw.exe") } else { python.to_owned() };
    let bytes =
        windows_script_launcher(&launcher::call(command), command.gui, python).map_err(io::Error::other)?;
    Ok(vec![Script { name: format!("{}.exe", command.name), bytes }])
}

/// Links that a virtual environment has: there are none here, where programs take their place.
pub fn interpreter_links(_interpreter: &Path, _layout: &Layout) -> Vec<(String, PathBuf)> {
    Vec::new()
}

/// `python.exe` and `pythonw.exe`, which start the interpreter and tell it of the environment.
pub fn interpreter_programs(interpreter: &Path) -> io::Result<Vec<Script>> {
    let program = |name: &str, mode: WindowMode| -> io::Result<Script> {
        let bytes =
            windows_python_launcher(interpreter.with_file_name(name), mode).map_err(io::Error::other)?;
        Ok(Script { name: name.to_owned(), bytes })
    };
    Ok(vec![program("python.exe", WindowMode::Console)?, program("pythonw.exe", WindowMode::Windowed)?])
}
