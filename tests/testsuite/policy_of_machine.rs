//! The policy of a machine, which no setting, no variable and no other policy weakens.

use std::fmt::Write as _;
use std::process::Command;

use insta::assert_snapshot;

use crate::policy::licensed;
use crate::support::mount::can_bind_etc;
use crate::support::{WINDOWS, World, text};

/// Runs `rvp` in the project `app` on a machine whose `/etc` is the folder `etc` of this world.
fn on_machine(world: &World, arguments: &str, variables: &[(&str, &str)]) -> String {
    let rvp = world.command("app", arguments);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc && exec \"$@\""]);
    command.arg(world.path("etc")).arg(rvp.get_program()).args(rvp.get_args());
    command.current_dir(world.path("app"));
    for (name, value) in rvp.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.envs(variables.iter().copied());
    text(&command.output().unwrap())
}

#[test]
fn nobody_weakens_what_a_machine_demands() {
    let world = licensed();
    if !can_bind_etc(&world.path("etc")) {
        return;
    }
    world.project(&["acme-walls>=2"], WINDOWS);
    world.write("etc/rvp/policy.toml", "[licenses]\nallow = [\"MIT\"]\n");
    world.write("home/policy.toml", "[licenses]\nallow = [\"MIT\", \"GPL-*\"]\nexcept = [\"acme-*\"]\n");
    world.write("app/policy.toml", "");
    world.write("office.toml", "[licenses]\nallow = [\"GPL-*\"]\n");
    world.done("registry policy acme office.toml");
    let forbidden = on_machine(&world, "lock", &[]);
    let mut shown = forbidden.clone();
    let other = world.path("other").to_str().unwrap().to_owned();
    std::fs::create_dir(world.path("other")).unwrap();
    for variables in [
        [("RVP_HOME", other.as_str())],
        [("RVP_POLICY", "/dev/null")],
        [("ProgramData", other.as_str())],
        [("XDG_CONFIG_DIRS", other.as_str())],
        [("HOME", other.as_str())],
    ] {
        assert_eq!(on_machine(&world, "lock", &variables), forbidden, "{variables:?}");
    }
    world.project(&["acme-walls>=2"], &format!("{WINDOWS}\npolicy = '/dev/null'"));
    assert_eq!(on_machine(&world, "lock", &[]), forbidden);
    write!(shown, "{}", on_machine(&world, "policy show", &[])).unwrap();
    // Where the machine demands nothing, the others do.
    std::fs::remove_dir_all(world.path("etc/rvp")).unwrap();
    world.project(&["acme-walls>=2"], WINDOWS);
    write!(shown, "{}", on_machine(&world, "lock", &[])).unwrap();
    assert_snapshot!(shown);
}

#[test]
fn a_machine_s_policy_that_cannot_be_read_stops_everything() {
    let world = licensed();
    if !can_bind_etc(&world.path("etc")) {
        return;
    }
    world.project(&["acme-units"], WINDOWS);
    let mut shown = String::new();
    for policy in ["[licences]\nallow = [\"MIT\"]\n", "[trust]\nroot = 7\n", "[age"] {
        world.write("etc/rvp/policy.toml", policy);
        shown += &on_machine(&world, "lock", &[]);
    }
    world.write("etc/rvp/policy.toml", "[trust]\nroot = \"root.json\"\n\n[checkpoint]\nmax-age-days = 14\n");
    shown += &on_machine(&world, "policy show", &[]);
    assert_snapshot!(shown);
}
