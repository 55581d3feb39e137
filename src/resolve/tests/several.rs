//! Several targets: one set of versions where there is one, a fork where there is none.

use serde_json::json;

use super::universe::{Project, Universe, plain, revit, versions_of};

fn all(universe: &Universe, targets: &[crate::model::Target], requirements: &[&str]) -> Vec<Vec<String>> {
    let resolutions = Project::new(requirements).solve_all(universe, targets).unwrap();
    resolutions.iter().map(versions_of).collect()
}

#[test]
fn a_later_target_takes_what_an_earlier_one_got() {
    let mut universe = Universe::default();
    universe.describe("g", "1").hosts(json!({"revit": ">=2022"})).add();
    universe.describe("g", "2").hosts(json!({"revit": ">=2026"})).add();
    let (old, new) = (revit("2025.4", "8"), revit("2027.0", "10"));
    assert_eq!(all(&universe, &[old.clone(), new.clone()], &["g"]), [["g 1"], ["g 1"]]);
    assert_eq!(all(&universe, &[new, old], &["g"]), [["g 1"], ["g 1"]], "in either order");
}

#[test]
fn a_package_is_forked_only_where_no_version_serves_all() {
    let mut universe = Universe::default();
    universe
        .describe("g", "1")
        .hosts(json!({"revit": "<2026"}))
        .requires(&["n"])
        .add()
        .describe("g", "2")
        .hosts(json!({"revit": ">=2026"}))
        .requires(&["n"])
        .add()
        .release("n", "1", &[])
        .describe("n", "2")
        .hosts(json!({"revit": ">=2026"}))
        .add();
    let targets = [revit("2027.0", "10"), revit("2025.4", "8")];
    assert_eq!(all(&universe, &targets, &["g"]), [["n 1", "g 2"], ["n 1", "g 1"]]);
}

#[test]
fn targets_may_need_different_packages() {
    let mut universe = Universe::default();
    universe.release("a", "1", &["w; sys_platform == 'win32'"]).release("w", "1", &[]);
    let targets = [plain("3.11", "win_amd64"), plain("3.11", "manylinux_2_28_x86_64")];
    assert_eq!(all(&universe, &targets, &["a"]), [vec!["w 1", "a 1"], vec!["a 1"]]);
}
