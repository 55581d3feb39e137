//! Which file of a release is chosen, and that a release without one is not a candidate.

use super::universe::{Project, Universe, plain};

fn chosen(files: &[&str], python: &str, platform: &str) -> Option<String> {
    let mut universe = Universe::default();
    universe.describe("p", "1").files(files).add();
    let resolution = Project::new(&["p"]).on(plain(python, platform)).solve(&universe).ok()?;
    Some(resolution.packages[0].artifact.file.clone())
}

#[test]
fn the_most_specific_wheel_is_chosen() {
    let files = [
        "p-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "p-1-cp311-cp311-manylinux_2_28_x86_64.whl",
        "p-1-cp311-cp311-manylinux_2_39_x86_64.whl",
        "p-1-cp311-cp311-win_amd64.whl",
        "p-1-cp38-abi3-win_amd64.whl",
        "p-1-cp38-abi3-win_arm64.whl",
        "p-1-py3-none-any.whl",
        "p-1.tar.gz",
    ];
    for (python, platform, expected) in [
        ("3.11", "win_amd64", "p-1-cp311-cp311-win_amd64.whl"),
        ("3.12", "win_amd64", "p-1-cp38-abi3-win_amd64.whl"),
        ("3.12", "win32", "p-1-py3-none-any.whl"),
        ("3.9", "win_arm64", "p-1-cp38-abi3-win_arm64.whl"),
        ("3.11", "manylinux_2_28_x86_64", "p-1-cp311-cp311-manylinux_2_28_x86_64.whl"),
        ("3.11", "manylinux2014_x86_64", "p-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        ("3.11", "macosx_11_0_arm64", "p-1-py3-none-any.whl"),
    ] {
        assert_eq!(chosen(&files, python, platform).as_deref(), Some(expected), "{python} {platform}");
    }
}

#[test]
fn the_order_of_files_does_not_matter_and_a_higher_build_wins() {
    let mut files = ["p-1-py3-none-any.whl", "p-1-2-py3-none-any.whl", "p-1-10-py3-none-any.whl"];
    assert_eq!(chosen(&files, "3.11", "win_amd64").as_deref(), Some("p-1-10-py3-none-any.whl"));
    files.reverse();
    assert_eq!(chosen(&files, "3.11", "win_amd64").as_deref(), Some("p-1-10-py3-none-any.whl"));
}

#[test]
fn a_release_without_a_usable_file_is_passed_over() {
    let mut universe = Universe::default();
    universe
        .describe("p", "1")
        .files(&["p-1-cp311-cp311-win_amd64.whl"])
        .add()
        .describe("p", "2")
        .files(&["p-2-cp312-cp312-win_amd64.whl"])
        .add()
        .describe("p", "3")
        .files(&["p-3.tar.gz"])
        .add()
        .describe("p", "4")
        .files(&[])
        .add()
        .describe("p", "5")
        .files(&["not a wheel.whl"])
        .add();
    assert_eq!(universe.versions(&["p"]), ["p 1"]);
}

#[test]
fn a_vitte_release_is_used_with_any_file_but_not_with_none() {
    let mut universe = Universe::default();
    universe.describe("a/b", "1.0.0").files(&["b.vitmod"]).add().describe("a/b", "2.0.0").files(&[]).add();
    assert_eq!(universe.versions(&["a/b"]), ["vitte:a/b 1.0.0"]);
}
