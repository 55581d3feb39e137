//! Settings: where they come from, which of them holds, and what is said of mistakes.

use crate::support::{World, text};
use insta::assert_snapshot;

#[test]
fn a_setting_is_written_and_read_back() {
    let world = World::new();
    assert_snapshot!(world.rvp("config get resolution"), @r"
    exit code: 0
    ----- stdout -----
    highest
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("config set resolution lowest"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    wrote `resolution` to [TEMP]/home/config.toml
    ");
    assert_snapshot!(world.rvp("config get resolution"), @r"
    exit code: 0
    ----- stdout -----
    lowest
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("config get cache-dir"), @r"
    exit code: 0
    ----- stdout -----
    [TEMP]/home/cache
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("config get targets"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `targets` is not set
    ");
    assert_snapshot!(world.rvp("config set registries.acme.url ../acme"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    wrote `registries.acme.url` to [TEMP]/home/config.toml
    ");
    assert_snapshot!(world.rvp("config set registries.acme.prefixes '[\"acme-\"]'"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    wrote `registries.acme.prefixes` to [TEMP]/home/config.toml
    ");
    assert_snapshot!(world.rvp("config get registries.acme.url"), @r"
    exit code: 0
    ----- stdout -----
    [TEMP]/../acme
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("config get registries"), @r#"
    exit code: 0
    ----- stdout -----
    [{ name = "acme", url = "[TEMP]/../acme", prefixes = ["acme-"] }]
    ----- stderr -----
    "#);
    assert_snapshot!(world.read("home/config.toml"), @r#"
    resolution = "lowest"
    registries = [{ name = "acme", url = "[TEMP]/../acme" , prefixes = ["acme-"] }]
    "#);
    assert_snapshot!(world.rvp("config list"), @r#"
    exit code: 0
    ----- stdout -----
    cache-dir = [TEMP]/home/cache  # default
    concurrent-downloads = 50  # default
    constraint-dependencies = not set
    environments-dir = [TEMP]/home/environments  # default
    exclude-newer = not set
    http-timeout = 30  # default
    link-mode = not set
    no-binary = false  # default
    no-build = false  # default
    override-dependencies = not set
    prerelease = if-necessary-or-explicit  # default
    registries = [{ name = "acme", url = "[TEMP]/../acme", prefixes = ["acme-"] }]  # [TEMP]/home/config.toml
    resolution = lowest  # [TEMP]/home/config.toml
    sign-key = not set
    store-dir = [TEMP]/home/store  # default
    targets = not set
    trusted-root = not set
    ----- stderr -----
    "#);
}

#[test]
fn a_wrong_setting_is_refused_and_nothing_is_written() {
    let world = World::new();
    assert_snapshot!(world.rvp("config get resolutoin"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `resolutoin` is not a setting
      hint: did you mean `resolution`?
    ");
    assert_snapshot!(world.rvp("config set resolutoin lowest"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `resolutoin` is not a setting
      hint: did you mean `resolution`?
    ");
    assert_snapshot!(world.rvp("config set resolution newest"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the setting `resolution`: `newest` is not one of highest, lowest, lowest-direct
    ");
    assert_snapshot!(world.rvp("config set registries acme"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the setting `registries`: invalid type: string "acme", expected a table such as { name = "acme", url = "../registry" }
    "#);
    assert!(!world.path("home/config.toml").exists());
}

#[test]
fn the_project_goes_before_the_user_and_the_environment_before_both() {
    let world = World::new();
    world.write("home/config.toml", "resolution = 'lowest'\nprerelease = 'allow'\nno-build = true\n");
    world.project(&[], "resolution = 'lowest-direct'\nprerelease = 'disallow'");
    let get = |setting: &str| {
        let mut command = world.command("app", &format!("config get {setting}"));
        text(&command.env("RVP_PRERELEASE", "explicit").output().unwrap())
    };
    assert_snapshot!(get("no-build"), @r"
    exit code: 0
    ----- stdout -----
    true
    ----- stderr -----
    ");
    assert_snapshot!(get("resolution"), @r"
    exit code: 0
    ----- stdout -----
    lowest-direct
    ----- stderr -----
    ");
    assert_snapshot!(get("prerelease"), @r"
    exit code: 0
    ----- stdout -----
    explicit
    ----- stderr -----
    ");
    let output =
        world.command("app", "config get resolution").env("RVP_RESOLUTION", "newest").output().unwrap();
    assert_snapshot!(text(&output), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the environment variable RVP_RESOLUTION: `newest` is not one of highest, lowest, lowest-direct
    ");
}

#[test]
fn a_mistake_in_the_users_settings_has_a_place() {
    let world = World::new();
    world.write("home/config.toml", "resolution = 'lowest'\nprereleases = 'allow'\n");
    assert_snapshot!(world.rvp("config list"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/home/config.toml:2:1: `prereleases` is not a setting here
      hint: did you mean `prerelease`?
    ");
    world.write("home/config.toml", "resolution = lowest\n");
    assert_snapshot!(world.rvp("config list"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/home/config.toml:1:14: string values must be quoted, expected literal string
    ");
}

#[test]
fn a_mistake_in_the_project_has_a_place_and_a_reason() {
    let world = World::with_registry(&[]);
    let lock = |text: &str| {
        world.write("app/pyproject.toml", text);
        world.app("lock")
    };
    assert_snapshot!(lock("[project]\nname = \"app\"\ndependencies = [\"numpy >= \"]\n"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:3:17: `numpy >= ` is not a PEP 508 requirement: Unexpected end of version specifier, expected version
    ");
    assert_snapshot!(lock("[project]\nname = \"app\"\ndependencies = \"numpy\"\n"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:3:16: invalid type: string "numpy", expected a sequence
    "#);
    assert_snapshot!(lock("[project]\nname = \"my app\"\n"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:2:8: `my app` is not a Python package name: use ASCII letters, digits, `.`, `_` and `-`, beginning and ending with a letter or digit
    ");
    assert_snapshot!(lock("[project]\nversion = \"1\"\n"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:1:1: missing field `name`
    ");
    assert_snapshot!(lock("[project\n"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:1:9: unclosed table, expected `]`
    ");
    assert_snapshot!(lock("[build-system]\nrequires = []\n"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:1:1: there is no [project] table
      hint: expected `[project]` with at least `name = "…"`
    "#);
    assert_snapshot!(lock("[project]\nname = \"app\"\nrequires-python = \"3.11\"\n"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:3:19: `3.11` is not a version specifier: Unexpected end of version specifier, expected operator. Did you mean `==3.11`?
    ");
    assert_snapshot!(lock("[project]\nname = \"app\"\n[tool.rvp]\nregistry = \"../acme\"\n"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:4:1: `registry` is not a setting here
      hint: did you mean `registries`?
    ");
    assert_snapshot!(lock("[project]\nname = \"app\"\n[tool.rvp]\nregistries = [\"../acme\"]\n"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:4:15: invalid type: string "../acme", expected a table such as { name = "acme", url = "../registry" }
    "#);
    assert_snapshot!(lock("[project]\nname = \"app\"\n[tool.rvp]\nhosts = { revit = \"2025\" }\n"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:4:19: `2025` is not a version specifier: Unexpected end of version specifier, expected operator. Did you mean `==2025`?
    ");
    assert_snapshot!(lock("[project]\nname = \"app\"\n[tool.rvp]\ntargets = [\"2025\"]\n"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:4:12: `2025` does not name a host release; write it as `revit==2025.4`
    ");
    assert_snapshot!(lock("[project]\nname = \"app\"\n[dependency-groups]\ndev = [{ include-group = \"test\" }]\n"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [TEMP]/app/pyproject.toml:4:8: there is no group `test` to include
      hint: known: dev
    ");
    assert_snapshot!(lock("[project]\nname = \"app\"\n"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no registry is set
      hint: name one under [tool.rvp] as `registries = [{ name = "acme", url = "../registry" }]`, or for this user with `rvp config set registries.acme.url DIR-or-URL`
    "#);
}

#[test]
fn a_command_that_needs_a_project_says_so() {
    let world = World::new();
    for command in ["lock", "sync", "add numpy", "remove numpy", "tree", "update"] {
        insta::allow_duplicates! {
            assert_snapshot!(world.rvp(command), @r"
            exit code: 1
            ----- stdout -----
            ----- stderr -----
            error: no pyproject.toml in [TEMP] or a folder above it
              hint: `rvp init` makes one
            ");
        }
    }
    assert_snapshot!(world.rvp("init '.' --name 'not a name'"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: `not a name` is not a Python package name: use ASCII letters, digits, `.`, `_` and `-`, beginning and ending with a letter or digit
    ");
}

#[test]
fn wrong_use_of_the_command_line_has_an_exit_code_of_its_own() {
    let world = World::new();
    assert_snapshot!(world.rvp("lokc"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: unrecognized subcommand 'lokc'

      tip: a similar subcommand exists: 'lock'

    Usage: rvp [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(world.rvp("sync --evn x"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: unexpected argument '--evn' found

    Usage: rvp sync [OPTIONS]

    For more information, try '--help'.
    ");
    assert_snapshot!(world.rvp("env create x --revit 2025 --target revit==2025"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the argument '--revit <VERSION>' cannot be used with '--target <HOST==VERSION>'

    Usage: rvp env create --revit <VERSION> <NAME-or-./PATH>

    For more information, try '--help'.
    ");
    assert!(world.rvp("completions bash").contains("rvp__subcmd__sync"));
}
