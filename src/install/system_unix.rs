//! Links and permissions on Unix.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::launcher::{self, Script};
use super::layout::Layout;
use super::manifest::Command;

/// Makes `at` a link to the folder `target`.
pub fn link_folder(target: &Path, at: &Path) -> io::Result<()> {
    symlink(target, at)
}

/// Makes `at` a link to the file `target`.
pub fn link_file(target: &Path, at: &Path) -> io::Result<()> {
    symlink(target, at)
}

/// Makes `link` lead to the folder `target`, in one step: whoever looks finds the old or the new one.
/// `scratch` is a free name next to `link`.
pub fn switch(link: &Path, target: &Path, scratch: &Path) -> io::Result<()> {
    let _ = fs::remove_file(scratch);
    symlink(target, scratch)?;
    fs::rename(scratch, link)
}

/// Makes `name` at the root of an environment lead to what has this name in the current generation,
/// which is or is going to be the one in `generation`.
pub fn link_through_current(root: &Path, _generation: &Path, name: &OsStr) -> io::Result<()> {
    let link = root.join(name);
    if leads_through_current(&link) {
        return Ok(());
    }
    symlink(Path::new("current").join(name), link)
}

/// Whether the path at the root of an environment is a link that `link_through_current` made.
pub fn leads_through_current(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target.starts_with("current"))
}

/// Removes a link to a folder or a file.
pub fn remove_link(link: &Path) -> io::Result<()> {
    fs::remove_file(link)
}

pub fn make_read_only(path: &Path, executable: bool) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(if executable { 0o555 } else { 0o444 }))
}

/// Lets the owner change a file that was copied out of the store.
pub fn make_writable(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode() | 0o200;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Options for a new file.
pub fn new_file(executable: bool) -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(if executable { 0o755 } else { 0o644 });
    options
}

/// The files that start `command`. `python` is the environment's interpreter, where it has one.
pub fn launchers(command: &Command, layout: &Layout, python: Option<&Path>) -> io::Result<Vec<Script>> {
    if layout.windows {
        return Ok(launcher::windows_portable(command, layout.python, &layout.site_packages).into());
    }
    Ok(vec![launcher::unix(command, python)])
}

/// Links that a virtual environment has, by path relative to it, and what they lead to.
pub fn interpreter_links(interpreter: &Path, layout: &Layout) -> Vec<(String, PathBuf)> {
    let (major, minor) = layout.python;
    let mut links = vec![
        ("bin/python".to_owned(), interpreter.to_owned()),
        (format!("bin/python{major}"), PathBuf::from("python")),
        (format!("bin/python{major}.{minor}"), PathBuf::from("python")),
    ];
    if cfg!(all(target_os = "linux", target_pointer_width = "64")) {
        // Some distributions build Python to look for extension modules there.
        links.push(("lib64".to_owned(), PathBuf::from("lib")));
    }
    links
}

/// The programs that start the interpreter where a link cannot: there are none here.
pub fn interpreter_programs(_interpreter: &Path) -> io::Result<Vec<Script>> {
    Ok(Vec::new())
}
