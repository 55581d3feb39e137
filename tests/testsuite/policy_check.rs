//! Policies that change after packages were chosen: `sync`, `lock`, and `rvp policy`.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::policy::licensed;
use crate::support::{WINDOWS, World, folder::tree};

const MIT: &str = "[licenses]\nallow = [\"MIT\"]\n";

/// A project whose environment holds acme-walls 2.0.
fn synced() -> World {
    let world = licensed();
    world.project(&["acme-walls", "acme-stairs"], WINDOWS);
    world.done_in("app", "sync");
    world
}

#[test]
fn a_lock_that_a_policy_no_longer_admits_is_not_installed() {
    let world = synced();
    let before = tree(&world.path("app/.venv"));
    world.write("home/policy.toml", "[licenses]\ndeny = [\"GPL-*\"]\nexcept = [\"acme-stairs\"]\n");
    let mut shown = String::new();
    for command in ["sync", "sync --locked", "run python --version", "lock --check"] {
        writeln!(shown, "$ rvp {command}\n{}", world.app(command)).unwrap();
        assert_eq!(tree(&world.path("app/.venv")), before);
    }
    for command in ["lock", "lock", "lock --check", "sync", "sync"] {
        writeln!(shown, "$ rvp {command}\n{}", world.app(command)).unwrap();
    }
    assert_snapshot!(shown);
}

#[test]
fn an_environment_is_judged_again_only_when_policies_change() {
    let world = synced();
    world.write("home/policy.toml", "[[deny]]\npackages = [\"numpy\"]\n");
    world.done_in("app", "sync");
    // Without the registry nothing could be judged.
    std::fs::rename(world.path("acme"), world.path("elsewhere")).unwrap();
    let mut shown = world.app("sync");
    world.write("app/policy.toml", "[[deny]]\npackages = [\"pandas\"]\n");
    shown += &world.app("sync");
    std::fs::rename(world.path("elsewhere"), world.path("acme")).unwrap();
    shown += &world.app("sync");
    assert_snapshot!(shown);
}

#[test]
fn a_registry_s_policy_stops_what_is_still_to_be_fetched() {
    let world = licensed();
    world.project(&["acme-walls"], WINDOWS);
    world.done_in("app", "lock");
    world.write("office.toml", "[[deny]]\npackages = [\"acme-walls==2.0\"]\nreason = \"withdrawn\"\n");
    world.done("registry policy acme office.toml");
    assert_snapshot!(world.app("sync"));
    assert!(!world.path("app/.venv/Lib/site-packages/acme_walls").exists());
}

#[test]
fn a_lock_cannot_call_another_file_by_an_admitted_name() {
    let world = licensed();
    world.project(&["acme-walls"], WINDOWS);
    world.done_in("app", "lock");
    let lock = world.read("app/rvp.lock").replace("version = \"2.0\"", "version = \"1.0\"");
    world.write("app/rvp.lock", &lock);
    world.write("home/policy.toml", "[licenses]\nallow = [\"MIT\"]\n");
    assert_snapshot!(world.app("sync") + &world.app("policy check"));
}

#[test]
fn check_explains_a_lock() {
    let world = synced();
    let mut shown = String::new();
    let mut run = |command: &str| writeln!(shown, "$ rvp {command}\n{}", world.app(command)).unwrap();
    run("policy check");
    world.write("home/policy.toml", MIT);
    world.write("app/policy.toml", "[age]\nmin-days = 7\nexcept = [\"acme-units\"]\n");
    run("policy check");
    run("policy check --json");
    run("policy check --env ./.venv");
    run("policy check --lock rvp.lock --quiet");
    run("policy check --lock absent.lock");
    std::fs::remove_file(world.path("app/rvp.lock")).unwrap();
    run("policy check");
    shown += &world.rvp("policy check");
    assert_snapshot!(shown);
}

#[test]
fn check_explains_an_environment_of_no_project() {
    let world = licensed();
    world.done("config set registries.acme.url acme");
    world.done("env create ./tools --python 3.11 --platform win_amd64");
    world.done("install acme-walls --env ./tools");
    world.write("home/policy.toml", MIT);
    assert_snapshot!(world.rvp("policy check --env ./tools"));
}

#[test]
fn show_prints_every_rule_and_where_it_stands() {
    let world = licensed();
    world.project(&[], WINDOWS);
    let mut shown = world.app("policy show");
    world.write(
        "home/policy.toml",
        "[age]\nmin-days = 7\nexcept = [\"acme-*\"]\n\n[[deny]]\npackages = [\"left-pad\"]\n",
    );
    world.write("app/policy.toml", MIT);
    world.write("office.toml", "[signatures]\nrequired = [\"*\"]\n");
    world.done("registry policy acme office.toml");
    shown += &world.app("policy show");
    shown += &world.app("policy show --json");
    shown += &world.rvp("policy show");
    assert_snapshot!(shown);
}
