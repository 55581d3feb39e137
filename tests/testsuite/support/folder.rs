//! Whole folders: compared, and copied as the next state of what a web server serves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rvp::model::Blake3;

/// Every file and link under a folder, with what identifies its content.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut tree = BTreeMap::new();
    for item in walkdir::WalkDir::new(folder) {
        let item = item.unwrap();
        let path = item.path();
        let what = if item.path_is_symlink() {
            format!("link to {}", fs::read_link(path).unwrap().display())
        } else if item.file_type().is_dir() {
            "folder".to_owned()
        } else {
            Blake3::of(&fs::read(path).unwrap()).to_string()
        };
        tree.insert(path.strip_prefix(folder).unwrap().to_owned(), what);
    }
    tree
}

/// Copies a folder, each file with a time of its own: a web server's validator must not repeat.
pub fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    let clock = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000 + next());
    for item in walkdir::WalkDir::new(from) {
        let item = item.unwrap();
        let path = to.join(item.path().strip_prefix(from).unwrap());
        if item.file_type().is_dir() {
            fs::create_dir_all(&path).unwrap();
        } else {
            fs::copy(item.path(), &path).unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_modified(clock).unwrap();
        }
    }
}

fn next() -> u64 {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
