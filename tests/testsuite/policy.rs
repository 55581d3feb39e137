//! Policies where packages are chosen: every rule, and what is said where it forbids.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::support::{WINDOWS, Wheel, World};

/// A registry of packages under several licences.
pub fn licensed() -> World {
    World::with_registry(&[
        Wheel::new("acme-walls", "1.0").license("MIT").requires("acme-units>=1"),
        Wheel::new("acme-walls", "2.0").license("GPL-3.0-only").requires("acme-units>=1"),
        Wheel::new("acme-units", "1.0").license("MIT OR GPL-3.0-only"),
        Wheel::new("acme-roofs", "1.0").license("Apache-2.0").requires("acme-walls>=2"),
        Wheel::new("acme-doors", "1.0").license("MIT License"),
        Wheel::new("acme-stairs", "1.0"),
    ])
}

/// Locks `dependencies` under a policy of the project, and shows the policy and what was said.
fn locks(world: &World, dependencies: &[&str], policy: &str) -> String {
    world.project(dependencies, WINDOWS);
    world.write("app/policy.toml", policy);
    let _ = std::fs::remove_file(world.path("app/rvp.lock"));
    format!("{policy}\n{dependencies:?}\n{}\n", world.app("lock"))
}

#[test]
fn a_forbidden_release_is_no_candidate() {
    let world = licensed();
    let policy = "# Checked by the office\n[licenses]\nallow = [\"MIT\", \"Apache-2.0\"]\n";
    let mut shown = locks(&world, &["acme-walls"], policy);
    // A direct requirement, and one of a package, that only a forbidden release satisfies.
    for dependency in ["acme-walls==2.0", "acme-roofs", "acme-walls>=2,<3"] {
        shown += &locks(&world, &[dependency], policy);
    }
    assert_snapshot!(shown);
}

#[test]
fn licences() {
    let world = licensed();
    let mut shown = String::new();
    let allow = "[licenses]\nallow = [\"MIT\"]\n";
    for dependency in ["acme-units", "acme-doors", "acme-stairs", "acme-roofs"] {
        shown += &locks(&world, &[dependency], allow);
    }
    shown += &locks(&world, &["acme-doors"], "[licenses]\nallow = [\"MIT\"]\nexcept = [\"acme-doors<2\"]\n");
    shown += &locks(&world, &["acme-roofs"], "[licenses]\ndeny = [\n    \"AGPL-*\",\n    \"GPL-*\",\n]\n");
    assert_snapshot!(shown);
}

#[test]
fn denied_packages_and_versions() {
    let world = licensed();
    let mut shown = String::new();
    let policy = "[[deny]]\npackages = [\"acme-walls>=2\"]\nreason = \"crashes Revit 2025\"\n";
    shown += &locks(&world, &["acme-walls"], policy);
    shown += &locks(&world, &["acme-walls>=2"], policy);
    shown += &locks(&world, &["acme-walls"], "[[deny]]\npackages = [\"left-pad\", \"acme-*\"]\n");
    shown += &locks(&world, &["acme-units"], "[[deny]]\npackages = [\"acme-walls\"]\n");
    assert_snapshot!(shown);
}

#[test]
fn a_host_release_can_be_denied() {
    let world = licensed();
    world.project(&[], "targets = [\"revit==2026\"]");
    world.write(
        "app/policy.toml",
        "[[deny]]\npackages = [\"host:revit>=2026\"]\nreason = \"not rolled out yet\"\n",
    );
    assert_snapshot!(world.app("lock") + &world.app("env create tools --revit 2026"));
}

#[test]
fn ages() {
    let world = licensed();
    let mut shown = locks(&world, &["acme-units"], "[age]\nmin-days = 7\n");
    shown += &locks(&world, &["acme-units"], "[age]\nmin-days = 7\nexcept = [\"acme-*\"]\n");
    assert_snapshot!(shown);
}

#[test]
fn registries() {
    let world = licensed();
    world.done("registry init lab");
    world.publish("lab", &[Wheel::new("plotting", "1.0")]);
    let both = "registries = [{ name = 'acme', url = '../acme' }, { name = 'lab', url = '../lab' }]";
    let mut shown = String::new();
    let root = world.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let config: serde_json::Value = serde_json::from_str(&world.read("acme/config.json")).unwrap();
    let key = config["key"].as_str().unwrap();
    for allow in [
        format!("{{ url = \"{root}/acme\" }}"),
        format!("{{ key = \"{key}\" }}"),
        format!("{{ url = \"{root}/*\" }}"),
        format!("{{ key = \"{key}\", url = \"https://packages.acme.example/**\" }}"),
    ] {
        world.project(&["acme-units", "plotting"], &format!("{both}\n{WINDOWS}"));
        world.write("app/policy.toml", &format!("[registries]\nallow = [{allow}]\n"));
        let _ = std::fs::remove_file(world.path("app/rvp.lock"));
        writeln!(shown, "allow = [{allow}]\n{}", world.app("lock")).unwrap();
    }
    assert_snapshot!(shown);
}

#[test]
fn signatures() {
    let world = licensed();
    let ana = "{ identity = \"ana@acme.example\", issuer = \"https://login.example\" }";
    let mut shown = String::new();
    for policy in [
        "[signatures]\nrequired = [\"acme-*\"]\n".to_owned(),
        "[signatures]\nrequired = [\"*\"]\nunsigned = [\"acme-units<2\"]\n".into(),
        format!("[[publishers]]\npackages = [\"acme-*\"]\nallow = [{ana}]\n"),
        format!("[[publishers]]\npackages = [\"revitpy-*\"]\nallow = [{ana}]\n"),
        format!("[[approvals]]\npackages = [\"acme-*\"]\ncount = 1\nreviewers = [{ana}]\n"),
    ] {
        shown += &locks(&world, &["acme-units"], &policy);
    }
    assert_snapshot!(shown);
}

#[test]
fn policies_of_all_levels_must_agree() {
    let world = licensed();
    let mut shown = String::new();
    let mut lock = |what: &str| {
        world.project(&["acme-walls"], WINDOWS);
        let _ = std::fs::remove_file(world.path("app/rvp.lock"));
        writeln!(shown, "{what}\n{}", world.app("lock")).unwrap();
    };
    world.write("home/policy.toml", "[licenses]\ndeny = [\"GPL-*\"]\n");
    lock("The user's policy leaves out acme-walls 2.0.");
    world.write("app/policy.toml", "[licenses]\nallow = [\"MIT\", \"GPL-3.0-only\"]\n");
    lock("The project's, which allows it, does not bring it back.");
    world.write("office.toml", "[[deny]]\npackages = [\"acme-walls==1.0\"]\n");
    world.done("registry policy acme office.toml");
    lock("The registry's leaves out acme-walls 1.0.");
    world.write("office.toml", "");
    world.done("registry policy acme office.toml");
    lock("The registry's takes that back.");
    world.done("registry verify acme");
    assert_snapshot!(shown);
}

#[test]
fn a_registry_s_policy_is_for_its_own_packages() {
    let world = licensed();
    world.done("registry init lab");
    world.publish("lab", &[Wheel::new("plotting", "1.0").license("GPL-3.0-only")]);
    world.write("office.toml", "[licenses]\nallow = [\"MIT\"]\n");
    world.done("registry policy acme office.toml");
    let registries = "registries = [{ name = 'acme', url = '../acme' }, { name = 'lab', url = '../lab' }]";
    world.project(&["plotting", "acme-walls"], &format!("{registries}\n{WINDOWS}"));
    assert_snapshot!(world.app("lock"));
}

#[test]
fn the_project_can_name_its_policy() {
    let world = licensed();
    world.write("office/policy.toml", "[licenses]\nallow = [\"Apache-2.0\"]\n");
    let mut shown = String::new();
    for policy in ["../office/policy.toml", "../office/absent.toml", ""] {
        world.project(&["acme-walls"], &format!("{WINDOWS}\npolicy = \"{policy}\""));
        writeln!(shown, "policy = {policy:?}\n{}", world.app("lock")).unwrap();
    }
    assert_snapshot!(shown);
}

#[test]
fn an_environment_of_no_project_is_judged_too() {
    let world = licensed();
    world.done("config set registries.acme.url acme");
    world.done("env create ./tools --python 3.11 --platform win_amd64");
    world.write("home/policy.toml", "[licenses]\nallow = [\"MIT\"]\n");
    let shown =
        world.rvp("install 'acme-walls>=2' --env ./tools") + &world.rvp("install acme-walls --env ./tools");
    assert_snapshot!(shown);
}
