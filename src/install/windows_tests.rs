//! What Windows makes of names and paths, in trees that any system can lay out for it.

use std::fs;
use std::path::Path;

use super::compose::{Surroundings, compose};
use super::layout::Layout;
use super::link::write_tree;
use super::testing::{make_wheel, plan_of};
use super::tree::Conflict;
use super::{LinkMode, Store};

/// Lays `wheels` out for Windows at `at`, in their order.
fn lay_out(folder: &Path, at: &Path, wheels: &[(&str, &[(&str, &str)])]) -> Vec<Conflict> {
    let store = Store::open(&folder.join("store")).unwrap();
    let wheels: Vec<_> = wheels.iter().map(|(name, files)| make_wheel(folder, name, "1.0", files)).collect();
    let (plan, unpacked) = plan_of(&store, &wheels, &[]);
    let packages: Vec<_> = plan.packages.iter().zip(&unpacked).collect();
    let layout = Layout::new(&"win_amd64".parse().unwrap(), (3, 11));
    let surroundings = Surroundings { root: at, layout: &layout, interpreter: None, pyvenv_cfg: "" };
    let tree = compose(&surroundings, &packages).unwrap();
    write_tree(&tree.root, at, LinkMode::Hardlink).unwrap();
    tree.conflicts
}

#[test]
fn folders_of_two_packages_that_differ_in_case_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("tree");
    let conflicts = lay_out(
        folder.path(),
        &at,
        &[
            ("one", &[("Acme/one.py", "1"), ("Acme/Shared.py", "of one")]),
            ("two", &[("acme/two.py", "2"), ("acme/shared.py", "of two")]),
        ],
    );
    let packages = at.join("Lib").join("site-packages");
    let mut names: Vec<_> =
        fs::read_dir(packages.join("Acme")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["one.py", "shared.py", "two.py"]);
    assert_eq!(fs::read(packages.join("Acme").join("shared.py")).unwrap(), b"of two");
    let said: Vec<String> = conflicts.iter().map(Conflict::to_string).collect();
    assert_eq!(
        said,
        ["one and two both have the file Lib/site-packages/acme/shared.py; that of two is used"]
    );
}

#[test]
fn paths_longer_than_windows_usually_takes_are_unpacked_and_laid_out() {
    let folder = tempfile::tempdir().unwrap();
    let inner = format!("deep/{}/{}/module.py", "a".repeat(100), "b".repeat(100));
    let at = folder.path().join("c".repeat(100));
    lay_out(folder.path(), &at, &[("deep", &[(&inner, "x")])]);
    let path = at.join("Lib").join("site-packages").join(inner.split('/').collect::<std::path::PathBuf>());
    assert!(path.as_os_str().len() > 300);
    assert_eq!(fs::read(path).unwrap(), b"x");
}
