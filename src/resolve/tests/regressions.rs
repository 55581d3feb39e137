//! The four cases that an earlier resolver for Revit got wrong (wanted as regression tests).

use serde_json::json;

use super::universe::{Project, Universe, plain, revit};

#[test]
fn an_older_release_is_chosen_where_the_newest_conflicts() {
    let mut universe = Universe::default();
    universe
        .release("a", "1", &["c>=1"])
        .release("a", "2", &["c>=2"])
        .release("b", "1", &["c<2"])
        .release("c", "1", &[])
        .release("c", "2", &[]);
    assert_eq!(universe.versions(&["a", "b"]), ["c 1", "a 1", "b 1"]);
}

#[test]
fn dependencies_are_installed_before_dependents() {
    let mut universe = Universe::default();
    universe.release("a", "1", &["z", "m"]).release("m", "1", &["z"]).release("z", "1", &["y"]).release(
        "y",
        "1",
        &[],
    );
    assert_eq!(universe.versions(&["a"]), ["y 1", "z 1", "m 1", "a 1"]);
}

#[test]
fn a_cycle_is_a_normal_graph() {
    let mut universe = Universe::default();
    universe.release("a", "1", &["b"]).release("b", "1", &["c"]).release("c", "1", &["a", "d"]).release(
        "d",
        "1",
        &[],
    );
    assert_eq!(universe.versions(&["a"]), ["d 1", "c 1", "b 1", "a 1"]);
}

#[test]
fn a_revit_incompatibility_is_reported_as_one() {
    let mut universe = Universe::default();
    universe.describe("geometry", "1.9").hosts(json!({"revit": ">=2024"})).add();
    universe.describe("geometry", "2.1").hosts(json!({"revit": ">=2026"})).add();
    insta::assert_snapshot!(Project::new(&["geometry>=2"]).on(revit("2025.4", "8")).conflict(&universe), @r"
    there is no set of versions for Revit 2025.4:
      the project asks for `geometry>=2`
      geometry 2.1 needs Revit >=2026; the target is Revit 2025.4
      hint: geometry 1.9 works with Revit 2025.4: ask for `geometry<2`
      hint: it resolves for a target with Revit >=2026
    ");
    assert_eq!(Project::new(&["geometry"]).on(revit("2025.4", "8")).versions(&universe), ["geometry 1.9"]);
    assert_eq!(
        Project::new(&["geometry"]).on(plain("3.11", "win_amd64")).versions(&universe),
        ["geometry 2.1"]
    );
}
