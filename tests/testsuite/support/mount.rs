//! Small and read-only file systems, where the tests run as root on Linux.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

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

fn mount(path: &Path, options: &[&str]) -> Option<()> {
    let said = match Command::new("mount").args(options).arg(path).output() {
        Ok(output) if output.status.success() => return Some(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    // Not by `eprintln!`, which the test runner keeps to itself.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: no file system can be mounted at {} (root is needed): {said}",
        path.display()
    );
    None
}
