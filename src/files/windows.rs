//! Names on Windows.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;

/// `ERROR_ACCESS_DENIED`, `ERROR_SHARING_VIOLATION` and `ERROR_LOCK_VIOLATION`: what a rename says of a file that is open elsewhere.
const HELD_OPEN: [i32; 3] = [5, 32, 33];

/// The waits between the attempts at a rename: about two seconds in all.
const WAITS: [u64; 8] = [5, 10, 25, 50, 100, 250, 500, 1000];

/// A new file in `folder`, which is removed when it is dropped.
///
/// Made by `std`: the files of `tempfile` carry the attribute for temporary files, which replication skips.
pub fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .make_in(folder, |path| File::options().read(true).write(true).create_new(true).open(path))
}

/// Gives `file` the name `path`, in place of a file that has it.
///
/// By `std`, which knows long paths and replaces a file that readers have open; `tempfile` does neither.
pub fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    let (file, mut temporary) = file.into_parts();
    drop(file);
    rename(&temporary, path)?;
    temporary.disable_cleanup(true);
    Ok(())
}

/// Renames a file, also onto another one, or a folder. Waits a moment for programs that hold it open.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    for wait in WAITS {
        match fs::rename(from, to) {
            // A folder that stands in the way is reported as access denied too, and does not go away.
            Err(error) if held_open(&error) && !to.is_dir() => thread::sleep(Duration::from_millis(wait)),
            result => return result,
        }
    }
    fs::rename(from, to)
}

fn held_open(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| HELD_OPEN.contains(&code))
}
