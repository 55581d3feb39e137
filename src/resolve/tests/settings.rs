//! Settings and preferences: pre-releases, lowest versions, constraints, overrides, times, yanks, locks.

use std::collections::BTreeSet;

use serde_json::json;

use super::universe::{Project, Universe};
use crate::model::PackageName;
use crate::resolve::{
    Lock, LockInputs, Preferences, PrereleaseMode, ResolutionMode, ResolveOptions, Upgrade,
};

#[test]
fn each_prerelease_mode_admits_what_uv_admits() {
    use PrereleaseMode::{Allow, Disallow, Explicit, IfNecessary, IfNecessaryOrExplicit};
    let mut universe = Universe::default();
    universe
        .release("mixed", "1.0", &[])
        .release("mixed", "2.0rc1", &[])
        .release("only-pre", "1.0a1", &[])
        .release("asks", "1.0", &["mixed>=2.0rc1"]);
    for (mode, mixed, named, only_pre, transitive) in [
        (Disallow, "1.0", None, None, false),
        (Allow, "2.0rc1", Some("2.0rc1"), Some("1.0a1"), true),
        (IfNecessary, "1.0", None, Some("1.0a1"), false),
        (Explicit, "1.0", Some("2.0rc1"), None, false),
        (IfNecessaryOrExplicit, "1.0", Some("2.0rc1"), Some("1.0a1"), false),
    ] {
        let solve = |requirement: &str| {
            let mut project = Project::new(&[requirement]);
            project.options.prerelease = mode;
            project.solve(&universe).ok().map(|resolution| resolution.packages[0].version.to_string())
        };
        assert_eq!(solve("mixed").as_deref(), Some(mixed), "{mode:?}");
        assert_eq!(solve("mixed>=2.0rc1").as_deref(), named, "{mode:?}");
        assert_eq!(solve("only-pre").as_deref(), only_pre, "{mode:?}");
        assert_eq!(solve("asks").is_some(), transitive, "{mode:?}");
    }
}

#[test]
fn the_lowest_versions_are_those_that_still_satisfy() {
    let mut universe = Universe::default();
    for version in ["1", "2", "3"] {
        universe.release("a", version, &["b>=2"]).release("b", version, &[]);
    }
    for (mode, expected) in [
        (ResolutionMode::Highest, ["b 3", "a 3"]),
        (ResolutionMode::Lowest, ["b 2", "a 2"]),
        (ResolutionMode::LowestDirect, ["b 3", "a 2"]),
    ] {
        let mut project = Project::new(&["a>=2"]);
        project.options.resolution = mode;
        assert_eq!(project.versions(&universe), expected);
    }
}

#[test]
fn a_constraint_narrows_and_does_not_ask() {
    let mut universe = Universe::default();
    universe.release("a", "1", &["b"]).release("b", "1", &[]).release("b", "2", &[]).release("c", "1", &[]);
    let mut project = Project::new(&["a"]);
    project.options.constraint_dependencies = vec!["b<2".into(), "c<1".into()];
    assert_eq!(project.versions(&universe), ["b 1", "a 1"]);
    project.options.constraint_dependencies = vec!["b<2; sys_platform == 'linux'".into()];
    assert_eq!(project.versions(&universe), ["b 2", "a 1"]);
}

#[test]
fn an_override_replaces_what_anyone_asks() {
    let mut universe = Universe::default();
    universe.release("a", "1", &["b<2"]).release("b", "1", &[]).release("b", "2", &[]);
    let mut project = Project::new(&["a"]);
    project.options.override_dependencies = vec!["b>=2".into()];
    assert_eq!(project.versions(&universe), ["b 2", "a 1"]);
    project.options.override_dependencies = vec!["b; python_version < '3'".into()];
    assert_eq!(project.versions(&universe), ["a 1"]);
}

#[test]
fn a_setting_that_is_no_requirement_is_named() {
    let mut project = Project::new(&[]);
    project.options.constraint_dependencies = vec!["b <<2".into()];
    let error = project.conflict(&Universe::default());
    assert!(error.starts_with("the setting `constraint-dependencies` has an entry"), "{error}");
}

#[test]
fn releases_sealed_after_the_time_do_not_exist() {
    let mut universe = Universe::default();
    universe.release("a", "1", &[]).describe("a", "2").sealed("2026-06-01T00:00:00Z").add();
    let mut project = Project::new(&["a"]);
    for (time, expected) in
        [("2026-05-31T23:59:59Z", "a 1"), ("2026-06-01T00:00:00Z", "a 2"), ("2026-07-01T00:00:00Z", "a 2")]
    {
        project.options.exclude_newer = Some(time.parse().unwrap());
        assert_eq!(project.versions(&universe), [expected]);
    }
}

#[test]
fn a_yanked_release_needs_a_pin() {
    let mut universe = Universe::default();
    universe.release("a", "1", &[]).release("a", "2", &[]).yank("a", "2", "corrupt").release(
        "b",
        "1",
        &["a==2"],
    );
    assert_eq!(universe.versions(&["a"]), ["a 1"]);
    assert_eq!(universe.versions(&["a==1.0"]), ["a 1"]);
    let pinned = universe.solve(&["a==2.0"]).unwrap();
    assert_eq!(
        pinned.warnings,
        ["a 2 is yanked (corrupt); it was chosen because the lock or an exact requirement names it"]
    );
    assert!(universe.solve(&["a>1"]).is_err());
    assert!(universe.solve(&["b"]).is_err(), "another package's pin is not the project's word");
}

#[test]
fn a_lock_keeps_versions_until_an_upgrade() {
    let mut universe = Universe::default();
    universe.release("a", "1", &["b"]).release("b", "1", &[]);
    let mut project = Project::new(&["a"]);
    let lock = lock_of(&project, &universe);
    universe.release("a", "2", &["b"]).release("b", "2", &[]).yank("b", "1", "old");
    let mut solve = |upgrade| {
        project.preferences = Preferences::of_lock(&lock, &upgrade);
        project.versions(&universe)
    };
    assert_eq!(solve(Upgrade::Nothing), ["b 1", "a 1"]);
    let only_b = BTreeSet::from([PackageName::python("b").unwrap()]);
    assert_eq!(solve(Upgrade::Packages(only_b)), ["b 2", "a 1"]);
    assert_eq!(solve(Upgrade::All), ["b 2", "a 2"]);
    project.requirements = Project::new(&["a>=2"]).requirements;
    project.preferences = Preferences::of_lock(&lock, &Upgrade::Nothing);
    assert_eq!(project.versions(&universe), ["b 1", "a 2"], "kept where it still satisfies, and only there");
}

fn lock_of(project: &Project, universe: &Universe) -> Lock {
    let resolution = project.solve(universe).unwrap();
    Lock::new(LockInputs::default(), std::slice::from_ref(&project.target), &[], &[resolution])
}

#[test]
fn a_release_with_broken_metadata_is_passed_over() {
    let mut universe = Universe::default();
    universe
        .release("a", "1", &[])
        .release("a", "2", &["b @ https://example.org/b.whl"])
        .release("a", "3", &["not a requirement"])
        .describe("a", "4")
        .set("requires-python", json!("three"))
        .add()
        .describe("a", "5")
        .hosts(json!({"revit": ">=2025"}))
        .add();
    assert_eq!(universe.versions(&["a<5"]), ["a 1"]);
}

#[test]
fn settings_are_read_under_the_names_of_uv() {
    let read = |text: &str| toml::from_str::<ResolveOptions>(text);
    let options = read(
        "prerelease = 'if-necessary'\nresolution = 'lowest-direct'\nexclude-newer = '2026-01-31'\n\
         constraint-dependencies = ['a<2']\noverride-dependencies = ['b']",
    )
    .unwrap();
    assert_eq!(options.prerelease, PrereleaseMode::IfNecessary);
    assert_eq!(options.resolution, ResolutionMode::LowestDirect);
    assert_eq!(options.exclude_newer, Some("2026-01-31T23:59:59Z".parse().unwrap()));
    let again: ResolveOptions = read(&toml::to_string(&options).unwrap()).unwrap();
    assert_eq!(again, options);
    let error = read("exclude-newer = 'yesterday'").unwrap_err().to_string();
    assert!(error.contains("expected `2026-01-31`, or a time such as"), "{error}");
}
