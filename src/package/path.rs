//! Names of archive entries that are safe to create below a folder, on every system.

use std::collections::HashMap;

use crate::model::is_windows_device;

/// Why the name of an entry is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    #[error("is empty")]
    Empty,
    #[error("is longer than {MAX_PATH} bytes")]
    TooLong,
    #[error("is an absolute path")]
    Absolute,
    #[error("contains `..`")]
    Parent,
    #[error("contains an empty part or `.`")]
    EmptyPart,
    #[error("contains a backslash")]
    Backslash,
    #[error("contains `:`, which names a drive or a stream on Windows")]
    Colon,
    #[error("contains a control character")]
    Control,
    #[error("contains one of `<>\"|?*`, which Windows does not allow")]
    Forbidden,
    #[error("has a part that ends with a dot or a space, which Windows drops")]
    TrailingDotOrSpace,
    #[error("has a part that Windows reserves for a device")]
    Device,
}

/// Longer paths cannot be created on most systems.
const MAX_PATH: usize = 4096;

/// Checks a relative path with `/` between its parts and none at its end.
pub(super) fn check_path(path: &str) -> Result<(), PathProblem> {
    if path.is_empty() {
        return Err(PathProblem::Empty);
    }
    if path.len() > MAX_PATH {
        return Err(PathProblem::TooLong);
    }
    if path.starts_with('/') {
        return Err(PathProblem::Absolute);
    }
    for c in path.chars() {
        match c {
            '\\' => return Err(PathProblem::Backslash),
            ':' => return Err(PathProblem::Colon),
            '<' | '>' | '"' | '|' | '?' | '*' => return Err(PathProblem::Forbidden),
            c if c.is_control() => return Err(PathProblem::Control),
            _ => {}
        }
    }
    path.split('/').try_for_each(check_part)
}

fn check_part(part: &str) -> Result<(), PathProblem> {
    if part == ".." {
        return Err(PathProblem::Parent);
    }
    if part.is_empty() || part == "." {
        return Err(PathProblem::EmptyPart);
    }
    if part.ends_with(['.', ' ']) {
        return Err(PathProblem::TrailingDotOrSpace);
    }
    // Windows reads `nul .txt` as the device too.
    let stem = part.split('.').next().unwrap_or(part).trim_end_matches(' ');
    if is_windows_device(stem) { Err(PathProblem::Device) } else { Ok(()) }
}

/// How two entries of one archive exclude each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    Same,
    /// Equal but for letter case: one file on Windows and macOS.
    Case(String),
    /// A file stands where the entry needs a folder, or the other way round.
    FileAndFolder(String),
}

/// The paths of an archive so far, by how a file system that ignores case sees them.
#[derive(Default)]
pub(super) struct Tree {
    nodes: HashMap<String, Node>,
}

struct Node {
    path: String,
    folder: bool,
    /// The archive has an entry for it, as against a folder that only others lie in.
    entry: bool,
}

impl Tree {
    /// Adds a path that `check_path` let through.
    pub(super) fn insert(&mut self, path: &str, folder: bool) -> Result<(), Clash> {
        for (end, _) in path.match_indices('/') {
            let above = &path[..end];
            let node = self.nodes.entry(fold(above)).or_insert_with(|| Node {
                path: above.to_owned(),
                folder: true,
                entry: false,
            });
            if !node.folder {
                return Err(Clash::FileAndFolder(node.path.clone()));
            }
        }
        let node = Node { path: path.to_owned(), folder, entry: true };
        let Some(other) = self.nodes.insert(fold(path), node) else { return Ok(()) };
        if other.folder != folder {
            Err(Clash::FileAndFolder(other.path))
        } else if !other.entry {
            Ok(())
        } else if other.path == path {
            Err(Clash::Same)
        } else {
            Err(Clash::Case(other.path))
        }
    }
}

fn fold(path: &str) -> String {
    // Upper case first: `ß` and `ẞ`, or `ſ` and `s`, meet only there.
    path.to_uppercase().to_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_plain_relative_paths_pass() {
        for good in ["a", "a/b.py", "pkg-1.0.dist-info/METADATA", "a b/c", "é/ü", "console/com.py", "..a/b"]
        {
            assert_eq!(check_path(good), Ok(()), "{good}");
        }
        for (bad, problem) in [
            ("", PathProblem::Empty),
            ("/etc/passwd", PathProblem::Absolute),
            ("a/../b", PathProblem::Parent),
            ("..", PathProblem::Parent),
            ("a//b", PathProblem::EmptyPart),
            ("./a", PathProblem::EmptyPart),
            ("a\\b", PathProblem::Backslash),
            ("C:/a", PathProblem::Colon),
            ("a.txt:stream", PathProblem::Colon),
            ("a\0b", PathProblem::Control),
            ("a\u{85}b", PathProblem::Control),
            ("a?", PathProblem::Forbidden),
            ("a./b", PathProblem::TrailingDotOrSpace),
            ("a /b", PathProblem::TrailingDotOrSpace),
            ("a/NUL", PathProblem::Device),
            ("a/con.tar.gz", PathProblem::Device),
            ("com1 .txt/a", PathProblem::Device),
        ] {
            assert_eq!(check_path(bad), Err(problem), "{bad:?}");
        }
        assert_eq!(check_path(&"a".repeat(5000)), Err(PathProblem::TooLong));
    }

    #[test]
    fn paths_that_a_file_system_confuses_clash() {
        let mut tree = Tree::default();
        assert_eq!(tree.insert("pkg/Mod.py", false), Ok(()));
        assert_eq!(tree.insert("pkg", true), Ok(()));
        assert_eq!(tree.insert("pkg", true), Err(Clash::Same));
        assert_eq!(tree.insert("pkg/mod.py", false), Err(Clash::Case("pkg/Mod.py".into())));
        assert_eq!(tree.insert("PKG", false), Err(Clash::FileAndFolder("pkg".into())));
        assert_eq!(tree.insert("file", false), Ok(()));
        assert_eq!(tree.insert("File/x", false), Err(Clash::FileAndFolder("file".into())));
    }

    proptest! {
        #[test]
        fn a_path_that_passes_stays_below_the_folder(path in "[a./\\\\: C]{0,12}") {
            if check_path(&path).is_ok() {
                let parts: Vec<_> = std::path::Path::new(&path).components().collect();
                prop_assert!(parts.iter().all(|part| matches!(part, std::path::Component::Normal(_))));
                prop_assert!(!path.contains(['\\', ':']));
            }
        }
    }
}
