//! Small and read-only file systems, where the tests run as root on Linux.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file system that is there until this is dropped.
pub struct Mount {
    path: PathBuf,
}

impl Mount {
    /// A file system of this size in memory; none, said on stderr, where it cannot be had.
    pub fn small(path: &Path, kilobytes: usize) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        mount(path, &["-t", "tmpfs", "-o", &format!("size={kilobytes}k,mode=755"), "tmpfs"])?;
        Some(Self { path: path.to_owned() })
    }

    /// The folder as it is, but nothing in it can be changed.
    pub fn read_only(path: &Path) -> Option<Self> {
        mount(path, &["--bind", path.to_str().unwrap()])?;
        let mounted = Self { path: path.to_owned() };
        mount(path, &["-o", "remount,bind,ro"])?;
        Some(mounted)
    }

    /// Fills the file system but for this many pages of 4 KiB.
    pub fn fill_but(&self, pages: u64) {
        self.free();
        let mut filler = File::create(self.path.join("filler")).unwrap();
        while filler.write_all(&[1; 4096]).is_ok() {}
        let length = filler.metadata().unwrap().len() / 4096 * 4096;
        filler.set_len(length - pages * 4096).unwrap();
    }

    pub fn free(&self) {
        let _ = fs::remove_file(self.path.join("filler"));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

/// Whether a process of its own can have the folder `etc`, which is made, in place of `/etc`; says so on stderr where not.
pub fn can_bind_etc(etc: &Path) -> bool {
    fs::create_dir_all(etc).unwrap();
    let tried = Command::new("unshare").args(["--mount", "mount", "--bind"]).arg(etc).arg("/etc").output();
    worked("a folder cannot be mounted over /etc", tried).is_some()
}

fn mount(path: &Path, options: &[&str]) -> Option<()> {
    let tried = Command::new("mount").args(options).arg(path).output();
    worked(&format!("no file system can be mounted at {}", path.display()), tried)
}

/// None, said on stderr, where a mount was refused.
fn worked(what: &str, tried: std::io::Result<Output>) -> Option<()> {
    let said = match tried {
        Ok(output) if output.status.success() => return Some(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    // Not by `eprintln!`, which the test runner keeps to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what} (root is needed): {said}");
    None
}
