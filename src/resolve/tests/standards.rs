//! What the standards of each family say, by example: markers, extras, `requires-python`, local versions, SemVer, hosts.

use serde_json::json;

use super::universe::{Project, Universe, artifact, plain, revit};

#[test]
fn markers_are_those_of_the_target() {
    let mut universe = Universe::default();
    universe
        .release(
            "app",
            "1",
            &[
                "on-windows; sys_platform == 'win32'",
                "on-linux; platform_system == 'Linux'",
                "backport; python_version < '3.11'",
            ],
        )
        .release("on-windows", "1", &[])
        .release("on-linux", "1", &[])
        .release("backport", "1", &[]);
    assert_eq!(universe.versions(&["app"]), ["on-windows 1", "app 1"]);
    let linux = Project::new(&["app"]).on(plain("3.10", "manylinux_2_28_x86_64"));
    assert_eq!(linux.versions(&universe), ["backport 1", "on-linux 1", "app 1"]);
    let none = Project::new(&["app; python_version < '3'"]);
    assert!(none.versions(&universe).is_empty());
}

#[test]
fn extras_add_requirements_and_may_name_each_other() {
    let mut universe = Universe::default();
    universe
        .describe("plot", "1")
        .requires(&[
            "core",
            "plot[fast]; extra == 'all'",
            "plot[pdf]; extra == 'all'",
            "simd; extra == 'fast'",
        ])
        .set("extras", json!(["all", "fast", "pdf"]))
        .add()
        .release("core", "1", &[])
        .release("simd", "1", &[]);
    assert_eq!(universe.versions(&["plot"]), ["core 1", "plot 1"]);
    let resolution = universe.solve(&["plot[all]"]).unwrap();
    let plot = resolution.packages.iter().find(|package| package.name.as_str() == "plot").unwrap();
    let extras: Vec<&str> = plot.extras.iter().map(AsRef::as_ref).collect();
    assert_eq!(extras, ["all", "fast", "pdf"]);
    let edges: Vec<String> = plot.dependencies.iter().map(ToString::to_string).collect();
    assert_eq!(edges, ["core", "simd"]);
    assert!(resolution.warnings.is_empty());
}

#[test]
fn an_extra_is_at_the_version_of_its_package() {
    let mut universe = Universe::default();
    for version in ["1", "2", "3"] {
        let requires = format!("dep=={version}; extra == 'x'");
        universe.describe("p", version).requires(&[&requires]).set("extras", json!(["x"])).add();
        universe.release("dep", version, &[]);
    }
    universe.release("q", "1", &["p<3"]);
    assert_eq!(universe.versions(&["p[x]", "q"]), ["dep 2", "p 2", "q 1"]);
}

#[test]
fn an_extra_that_is_not_there_is_a_warning() {
    let mut universe = Universe::default();
    universe.release("p", "1", &[]);
    assert_eq!(universe.solve(&["p[nope]"]).unwrap().warnings, ["p 1 has no extra `nope`"]);
}

#[test]
fn requires_python_chooses_an_older_release() {
    let mut universe = Universe::default();
    universe
        .describe("p", "1")
        .set("requires-python", json!(">=3.8"))
        .add()
        .describe("p", "2")
        .set("requires-python", json!(">=3.12"))
        .add();
    assert_eq!(universe.versions(&["p"]), ["p 1"]);
    assert_eq!(Project::new(&["p"]).on(plain("3.12", "win_amd64")).versions(&universe), ["p 2"]);
}

#[test]
fn an_artifact_may_have_requirements_of_its_own() {
    let mut universe = Universe::default();
    let mut windows = artifact("p-1-py3-none-win_amd64.whl");
    windows["requires"] = json!(["only-windows"]);
    universe
        .describe("p", "1")
        .requires(&["other"])
        .set("artifacts", json!([artifact("p-1-py3-none-any.whl"), windows]))
        .add()
        .release("only-windows", "1", &[])
        .release("other", "1", &[]);
    assert_eq!(universe.versions(&["p"]), ["only-windows 1", "p 1"]);
    let linux = Project::new(&["p"]).on(plain("3.11", "manylinux_2_28_x86_64"));
    assert_eq!(linux.versions(&universe), ["other 1", "p 1"]);
}

#[test]
fn a_local_version_satisfies_its_public_version() {
    let mut universe = Universe::default();
    universe.release("torch", "1.0", &[]).release("torch", "1.0+cu118", &[]).release("torch", "1.1", &[]);
    assert_eq!(universe.versions(&["torch==1.0"]), ["torch 1.0+cu118"]);
    assert_eq!(universe.versions(&["torch==1.0+cu118"]), ["torch 1.0+cu118"]);
    assert!(universe.solve(&["torch==1.0+cu121"]).is_err());
}

#[test]
fn vitte_packages_go_by_semver_in_the_same_solve() {
    let mut universe = Universe::default();
    universe
        .release("roussov/app", "0.1.0", &["roussov/math ^1.2"])
        .release("roussov/math", "1.2.0", &[])
        .release("roussov/math", "1.9.3", &[])
        .release("roussov/math", "2.0.0-rc.1", &[])
        .release("roussov/math", "2.0.0", &[])
        .release("numpy", "2.0", &[]);
    assert_eq!(
        universe.versions(&["roussov/app ^0.1", "numpy"]),
        ["numpy 2.0", "vitte:roussov/math 1.9.3", "vitte:roussov/app 0.1.0"]
    );
}

#[test]
fn a_host_and_what_it_provides_take_part() {
    let mut universe = Universe::default();
    universe
        .describe("tool", "1")
        .hosts(json!({"revit": ">=2021"}))
        .add()
        .describe("tool", "2")
        .hosts(json!({"revit": ">=2021", "dotnet": ">=8"}))
        .add()
        .describe("tool", "3")
        .hosts(json!({"revit": ">=2026,<2028", "dotnet": ">=10"}))
        .add();
    let on = |target| Project::new(&["tool"]).on(target).versions(&universe);
    assert_eq!(on(revit("2024.3", "4.8")), ["tool 1"]);
    assert_eq!(on(revit("2025.4", "8")), ["tool 2"]);
    assert_eq!(on(revit("2026.2", "8")), ["tool 2"]);
    assert_eq!(on(revit("2026.5", "10")), ["tool 3"]);
}

#[test]
fn several_hosts_are_alternatives() {
    let mut universe = Universe::default();
    universe.describe("both", "1").hosts(json!({"revit": ">=2024", "rhino": ">=8"})).add();
    universe.describe("rhino-only", "1").hosts(json!({"rhino": ">=8"})).add();
    let on = |name| Project::new(&[name]).on(revit("2025.4", "8")).solve(&universe);
    assert!(on("both").is_ok());
    assert!(on("rhino-only").is_err());
}

#[test]
fn without_a_host_a_host_requirement_is_not_checked_and_this_is_said() {
    let mut universe = Universe::default();
    universe.describe("geometry", "1").hosts(json!({"revit": ">=2026"})).add();
    let resolution = universe.solve(&["geometry"]).unwrap();
    assert_eq!(
        resolution.warnings,
        [
            "geometry 1 asks for revit >=2026; the target py3.11-win_amd64 has no host, so this was not checked"
        ]
    );
}
