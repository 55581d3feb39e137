//! Conflicts as their readers see them.

use serde_json::json;

use super::universe::{Project, Universe, plain, revit};

#[test]
fn two_requirements_of_the_project_on_one_dependency() {
    let mut universe = Universe::default();
    universe.release("a", "1", &["c>=2"]).release("b", "1", &["c<2"]).release("c", "1", &[]).release(
        "c",
        "2",
        &[],
    );
    insta::assert_snapshot!(universe.conflict(&["a", "b"]), @r#"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `a`
      the project asks for `b`
      a 1 needs `c>=2`
      b 1 needs `c<2`
    "#);
}

#[test]
fn an_old_exact_pin_against_what_another_tool_needs() {
    let mut universe = Universe::default();
    for minor in 20..27 {
        universe.release("numpy", &format!("1.{minor}.0"), &[]);
    }
    universe
        .release("pandas", "2.0.0", &["numpy>=1.21"])
        .release("pandas", "2.2.0", &["numpy>=1.23; python_version >= '3.11'"])
        .release("pandas", "1.5.0", &["numpy>=1.20"]);
    insta::assert_snapshot!(universe.conflict(&["numpy==1.20.0", "pandas>=2"]), @r"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `numpy==1.20.0`
      the project asks for `pandas>=2`
      pandas 2.0.0 needs `numpy>=1.21`
      pandas 2.2.0 needs `numpy>=1.23`
      hint: numpy 1.26.0 works with Python 3.11 on win_amd64: ask for `numpy>=1.26.0`
      hint: pandas 1.5.0 works with Python 3.11 on win_amd64: ask for `pandas<2.0.0`
    ");
}

#[test]
fn a_chain_from_the_project_to_the_host() {
    let mut universe = Universe::default();
    universe
        .release("site-tools", "1.0", &["revitpy-geometry>=2"])
        .release("site-tools", "1.1", &["revitpy-geometry>=2.1"])
        .describe("revitpy-geometry", "1.9")
        .hosts(json!({"revit": ">=2022"}))
        .add()
        .describe("revitpy-geometry", "2.0")
        .hosts(json!({"revit": ">=2026"}))
        .add()
        .describe("revitpy-geometry", "2.1")
        .hosts(json!({"revit": ">=2026"}))
        .add();
    insta::assert_snapshot!(Project::new(&["site-tools"]).on(revit("2025.4", "8")).conflict(&universe), @r"
    there is no set of versions for Revit 2025.4:
      the project asks for `site-tools`
      site-tools 1.0 needs `revitpy-geometry>=2`
      site-tools 1.1 needs `revitpy-geometry>=2.1`
      revitpy-geometry 2.0 and 2.1 need Revit >=2026; the target is Revit 2025.4
      hint: it resolves for a target with Revit >=2026
    ");
}

#[test]
fn a_dotnet_that_the_host_does_not_have() {
    let mut universe = Universe::default();
    universe.describe("addin", "1.0").hosts(json!({"revit": ">=2021", "dotnet": ">=8"})).add();
    insta::assert_snapshot!(Project::new(&["addin"]).on(revit("2024.3", "4.8")).conflict(&universe), @r"
    there is no set of versions for Revit 2024.3:
      the project asks for `addin`
      addin 1.0 needs .NET >=8; the target Revit 2024.3 has .NET 4.8
      hint: it resolves for a target with .NET >=8 and Revit >=2021
    ");
}

#[test]
fn a_python_that_the_host_does_not_have() {
    let mut universe = Universe::default();
    universe
        .describe("p", "1.0")
        .set("requires-python", json!(">=3.9,<3.11"))
        .add()
        .describe("p", "2.0")
        .set("requires-python", json!(">=3.12"))
        .add();
    insta::assert_snapshot!(Project::new(&["p"]).on(revit("2025.4", "8")).conflict(&universe), @r#"
    there is no set of versions for Revit 2025.4:
      the project asks for `p`
      p 1.0 needs Python >=3.9,<3.11; the target Revit 2025.4 has Python 3.11
      p 2.0 needs Python >=3.12; the target Revit 2025.4 has Python 3.11
    "#);
    insta::assert_snapshot!(Project::new(&["p>=2"]).on(plain("3.10", "win_amd64")).conflict(&universe), @r"
    there is no set of versions for Python 3.10 on win_amd64:
      the project asks for `p>=2`
      p 2.0 needs Python >=3.12; the target has Python 3.10
      hint: p 1.0 works with Python 3.10 on win_amd64: ask for `p<2.0`
    ");
}

#[test]
fn the_project_itself_does_not_run_in_the_target() {
    let mut project = Project::new(&[]).on(revit("2021.1", "4.8"));
    project.hosts.insert("revit".into(), ">=2022,<2028".into());
    insta::assert_snapshot!(project.conflict(&Universe::default()), @r"
    there is no set of versions for Revit 2021.1:
      the project runs in Revit >=2022,<2028; the target is Revit 2021.1
      hint: it resolves for a target with Revit >=2022,<2028
    ");
    let mut project = Project::new(&[]);
    project.requires_python = Some(">=3.12");
    insta::assert_snapshot!(project.conflict(&Universe::default()), @r#"
    there is no set of versions for Python 3.11 on win_amd64:
      the project runs in Python >=3.12; the target has Python 3.11
    "#);
}

#[test]
fn wheels_for_another_python_or_platform() {
    let mut universe = Universe::default();
    universe
        .describe("numpy", "2.1.0")
        .files(&["numpy-2.1.0-cp312-cp312-win_amd64.whl", "numpy-2.1.0.tar.gz"])
        .add()
        .describe("numpy", "2.0.0")
        .files(&["numpy-2.0.0-cp312-cp312-win_amd64.whl", "numpy-2.0.0.tar.gz"])
        .add()
        .describe("linux-only", "1.0")
        .files(&["linux_only-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"])
        .add()
        .describe("threads", "1.0")
        .files(&["threads-1.0-cp311-cp311d-win_amd64.whl", "threads-1.0-cp313-cp313t-win_amd64.whl"])
        .add()
        .describe("source-only", "1.0")
        .files(&["source_only-1.0.tar.gz"])
        .add();
    insta::assert_snapshot!(universe.conflict(&["numpy"]), @r#"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `numpy`
      numpy 2.1.0 has wheels for cp312 only; the target is Python 3.11 on win_amd64; 1 older release does not fit either
    "#);
    insta::assert_snapshot!(universe.conflict(&["linux-only"]), @r#"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `linux-only`
      linux-only 1.0 has wheels for manylinux_2_17_x86_64 only; the target is Python 3.11 on win_amd64
    "#);
    insta::assert_snapshot!(universe.conflict(&["threads"]), @r#"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `threads`
      threads 1.0 has wheels for cp311-cp311d, cp313-cp313t only; the target is Python 3.11 on win_amd64
    "#);
    insta::assert_snapshot!(universe.conflict(&["source-only"]), @r#"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `source-only`
      source-only 1.0 has only a source distribution, which this version of rvp does not build
    "#);
}

#[test]
fn a_package_that_is_nowhere() {
    let mut universe = Universe::default();
    universe.release("numpy", "1.0", &[]).release("app", "1.0", &["numppy>=1"]);
    insta::assert_snapshot!(universe.conflict(&["app"]), @r"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `app`
      app 1.0 needs `numppy>=1`
      there is no package `numppy` in acme
      hint: did you mean `numpy`?
    ");
}

#[test]
fn a_version_that_was_never_released() {
    let mut universe = Universe::default();
    universe.release("a", "1.0", &[]).release("a", "1.4", &[]).release("b", "1", &["a>=1.2"]);
    insta::assert_snapshot!(universe.conflict(&["a>=2"]), @r"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `a>=2`
      acme has no a >=2; it has 1.0 and 1.4
      hint: a 1.4 works with Python 3.11 on win_amd64: ask for `a>=1.4`
    ");
    insta::assert_snapshot!(universe.conflict(&["a<1.3", "b"]), @r"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `a<1.3`
      the project asks for `b`
      b 1 needs `a>=1.2`
      acme has no a >=1.2,<1.3; it has 1.0 and 1.4
      hint: a 1.4 works with Python 3.11 on win_amd64: ask for `a>=1.4`
    ");
}

#[test]
fn releases_that_the_settings_leave_out() {
    let mut universe = Universe::default();
    universe
        .release("a", "1.0", &[])
        .release("a", "2.0rc1", &[])
        .release("y", "1.0", &[])
        .yank("y", "1.0", "corrupt wheel")
        .describe("n", "1.0")
        .sealed("2026-06-01T00:00:00Z")
        .add();
    insta::assert_snapshot!(universe.conflict(&["a>1.5"]), @r#"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `a>1.5`
      a 2.0rc1 is a pre-release, which the setting `prerelease` leaves out
      hint: a 1.0 works with Python 3.11 on win_amd64: ask for `a<1.5`
      hint: it resolves with pre-releases: set `prerelease = "allow"`, or require one by name
    "#);
    insta::assert_snapshot!(universe.conflict(&["y"]), @r#"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `y`
      y 1.0 is yanked: corrupt wheel
    "#);
    let mut project = Project::new(&["n"]);
    project.options.exclude_newer = Some("2026-05-01T00:00:00Z".parse().unwrap());
    insta::assert_snapshot!(project.conflict(&universe), @r"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `n`
      n 1.0 is newer than `exclude-newer` admits (2026-05-01T00:00:00Z)
      hint: it resolves without `exclude-newer`
    ");
    let mut project = Project::new(&["a==1.0"]);
    project.options.constraint_dependencies = vec!["a<1".into()];
    insta::assert_snapshot!(project.conflict(&universe), @r"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `a==1.0`
      a 1.0 is left out by the project's constraint `a<1`
      hint: it resolves without the constraint `a<1`
    ");
}

#[test]
fn an_extra_that_cannot_be_had() {
    let mut universe = Universe::default();
    universe
        .describe("plot", "1.0")
        .requires(&["gpu>=3; extra == 'fast'"])
        .set("extras", json!(["fast"]))
        .add()
        .release("gpu", "2.0", &[]);
    insta::assert_snapshot!(universe.conflict(&["plot[fast]"]), @r#"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `plot[fast]`
      plot[fast] 1.0 needs `gpu>=3`
      acme has no gpu >=3; it has 2.0
    "#);
}

#[test]
fn vitte_packages_conflict_in_semver() {
    let mut universe = Universe::default();
    universe
        .release("roussov/app", "0.1.0", &["roussov/math ^2"])
        .release("roussov/math", "1.9.3", &[])
        .release("roussov/math", "2.0.1", &[]);
    insta::assert_snapshot!(universe.conflict(&["roussov/app", "roussov/math ~1.9"]), @r"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `roussov/app`
      the project asks for `roussov/math ~1.9`
      roussov/app 0.1.0 needs `roussov/math ^2`
      hint: roussov/math 2.0.1 works with Python 3.11 on win_amd64: ask for `roussov/math >=2.0.1`
    ");
}

#[test]
fn many_releases_that_say_the_same_share_a_sentence() {
    let mut universe = Universe::default();
    for minor in 0..40 {
        universe.release("big", &format!("1.{minor}"), &["core<2"]);
    }
    universe.release("core", "1.0", &[]).release("core", "2.0", &[]);
    insta::assert_snapshot!(universe.conflict(&["big", "core>=2"]), @r"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `big`
      the project asks for `core>=2`
      every usable release of big needs `core<2`
      hint: core 1.0 works with Python 3.11 on win_amd64: ask for `core<2.0`
    ");
    insta::assert_snapshot!(universe.conflict(&["big>=1.30", "core>=2"]), @r"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `big>=1.30`
      the project asks for `core>=2`
      big 1.30 to 1.39 (10 releases) need `core<2`
      hint: core 1.0 works with Python 3.11 on win_amd64: ask for `core<2.0`
    ");
}

#[test]
fn broken_metadata_is_named() {
    let mut universe = Universe::default();
    universe.release("a", "1.0", &["b @ https://example.org/b.whl"]);
    insta::assert_snapshot!(universe.conflict(&["a"]), @r#"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `a`
      a 1.0 cannot be used, its metadata is not valid: `b @ https://example.org/b.whl` names a URL or a path: a registry serves names and versions only; publish the package and require it by version
    "#);
}

#[test]
fn an_override_that_nothing_satisfies() {
    let mut universe = Universe::default();
    universe.release("a", "1.0", &["b<2"]).release("b", "1.0", &[]);
    let mut project = Project::new(&["a"]);
    project.options.override_dependencies = vec!["b>=2".into()];
    insta::assert_snapshot!(project.conflict(&universe), @r"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `a`
      a 1.0 needs `b>=2` (by the project's override)
      acme has no b >=2; it has 1.0
      hint: it resolves without the override of b
    ");
}

#[test]
fn many_releases_that_each_say_something_else_share_a_sentence_too() {
    let mut universe = Universe::default();
    for minor in 0..9 {
        universe.release("big", &format!("1.{minor}"), &[&format!("core>=1.{minor},<2")]);
        universe.release("core", &format!("1.{minor}"), &[]);
    }
    universe.release("core", "2.0", &[]);
    insta::assert_snapshot!(universe.conflict(&["big", "core>=2"]), @r"
    there is no set of versions for Python 3.11 on win_amd64:
      the project asks for `big`
      the project asks for `core>=2`
      every usable release of big needs core <2 or narrower
      hint: core 1.8 works with Python 3.11 on win_amd64: ask for `core<2.0`
    ");
}
