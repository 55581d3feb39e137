//! What policies demand of the states of registries.

use insta::assert_snapshot;

use crate::policy::licensed;
use crate::support::place::Place;
use crate::support::{WINDOWS, World};

#[test]
fn a_state_that_nobody_witnessed() {
    let world = licensed();
    world.project(&["acme-units"], WINDOWS);
    let key = "tower+bbc423de+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
    world.write("home/policy.toml", &format!("[witnesses]\nquorum = 1\nkeys = [\"{key}\"]\n"));
    let shown = world.app("lock");
    // Whoever keeps the registry is not bound by it.
    world.done("registry verify acme");
    assert_snapshot!(shown);
}

#[test]
fn a_state_that_is_too_old() {
    let (world, place) = (World::new(), Place::new());
    let registry = format!("registries = [{{ name = 'old', url = '{}' }}]", place.registry().display());
    world.project(&[], &format!("{registry}\ntargets = ['revit==2025.4']"));
    world.write("home/policy.toml", "[checkpoint]\nmax-age-days = 36000\n");
    world.done_in("app", "lock");
    world.write("app/policy.toml", "\n[checkpoint]\nmax-age-days = 30\n");
    let shown = world.app("lock --upgrade").replace(place.folder.path().to_str().unwrap(), "[PLACE]");
    assert_snapshot!(shown);
}

#[test]
fn the_trusted_root_of_a_machine_must_be_there() {
    // Only a machine's policy can name one, and it is not looked at before identities are.
    let world = licensed();
    world.write("home/policy.toml", "[trust]\nroot = \"root.json\"\n");
    world.project(&["acme-units"], WINDOWS);
    assert!(world.fails_in("app", "lock").contains("of the machine only"));
}
