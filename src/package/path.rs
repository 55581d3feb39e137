//! Names of archive entries that are safe to create below a folder, on every system.

use crate::model::is_windows_device;

/// Why the name of an entry is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    #[error("is empty")]
    Empty,
    #[error("is longer than {MAX_PATH} bytes")]
    TooLong,
    #[error("has more than {MAX_PARTS} parts")]
    TooDeep,
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

/// In bytes. Longer paths do not fit below another folder on most systems.
const MAX_PATH: usize = 1024;
/// Bounds how many folders an entry can make.
const MAX_PARTS: usize = 64;

/// Checks a relative path with `/` between its parts and none at its end.
pub(super) fn check_path(path: &str) -> Result<(), PathProblem> {
    if path.is_empty() {
        return Err(PathProblem::Empty);
    }
    if path.len() > MAX_PATH {
        return Err(PathProblem::TooLong);
    }
    if path.split('/').count() > MAX_PARTS {
        return Err(PathProblem::TooDeep);
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

/// How two entries of one archive exclude each other. Each names the other entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    Same,
    /// Equal but for letter case: one file on Windows and macOS.
    Case(String),
    /// A file stands where the entry needs a folder, or the other way round.
    FileAndFolder(String),
}

/// The first two of these paths that a file system could confuse: the later one, and how it clashes with the other.
/// The flag says that a path is a folder's.
pub(super) fn find_clash<'a>(paths: impl Iterator<Item = (&'a str, bool)>) -> Option<(&'a str, Clash)> {
    // With the lowest of characters for `/`, what lies below a path comes right after it.
    let mut sorted: Vec<(String, &str, bool)> =
        paths.map(|(path, folder)| (fold(path).replace('/', "\0"), path, folder)).collect();
    sorted.sort_by(|(first, ..), (second, ..)| first.cmp(second));
    sorted.windows(2).find_map(|pair| {
        let [(first_key, first, first_folder), (key, path, folder)] = pair else { return None };
        let below = key.strip_prefix(first_key.as_str())?;
        let clash = if below.is_empty() && first_folder == folder {
            if first == path { Clash::Same } else { Clash::Case((*first).to_owned()) }
        } else if below.is_empty() || (below.starts_with('\0') && !first_folder) {
            Clash::FileAndFolder((*first).to_owned())
        } else {
            return None;
        };
        Some((*path, clash))
    })
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
            ("a/LPT².log", PathProblem::Device),
        ] {
            assert_eq!(check_path(bad), Err(problem), "{bad:?}");
        }
        assert_eq!(check_path(&"a".repeat(1025)), Err(PathProblem::TooLong));
        assert_eq!(check_path(&"a/".repeat(65)), Err(PathProblem::TooDeep));
    }

    #[test]
    fn paths_that_a_file_system_confuses_clash() {
        let clash = |paths: &[&'static str]| {
            find_clash(
                paths.iter().map(|path| path.strip_suffix('/').map_or((*path, false), |path| (path, true))),
            )
        };
        assert_eq!(clash(&["pkg/Mod.py", "pkg/", "pkg-1/mod.py", "Pkg/other.py", "pkgs"]), None);
        assert_eq!(clash(&["a/", "b", "a/"]), Some(("a", Clash::Same)));
        assert_eq!(clash(&["a/B.py", "c", "a/b.py"]), Some(("a/b.py", Clash::Case("a/B.py".into()))));
        assert_eq!(clash(&["a/b", "a-b", "A"]), Some(("a/b", Clash::FileAndFolder("A".into()))));
        assert_eq!(clash(&["a", "A/"]), Some(("A", Clash::FileAndFolder("a".into()))));
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
