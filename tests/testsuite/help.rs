//! What the program says of itself.

use crate::support::World;
use insta::assert_snapshot;

/// The commands of a help text, each with those before it.
fn commands(help: &str, path: &str) -> Vec<String> {
    let listed = help.split("Commands:\n").nth(1).unwrap_or_default();
    let names = listed.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(|name| format!("{path} {name}").trim().to_owned()).collect()
}

#[test]
fn the_help_of_every_command_is_short_and_complete() {
    let world = World::new();
    let help = |path: &str| {
        let output = world.command(".", &format!("{path} -h")).output().unwrap();
        assert!(output.status.success(), "{path}");
        String::from_utf8(output.stdout).unwrap()
    };
    let mut open = commands(&help(""), "");
    assert!(open.len() > 15);
    while let Some(path) = open.pop() {
        let text = help(&path);
        open.extend(commands(&text, &path));
        assert!(text.lines().count() <= 40, "{path} is long:\n{text}");
        let first = text.lines().next().unwrap();
        assert!(first.len() <= 80 && !first.ends_with('.'), "{path}: {first}");
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{path} is wide: {line}");
            let is_argument = line.starts_with("  ") && line.trim_start().starts_with(['-', '<', '[']);
            assert!(!is_argument || line.trim().contains("  "), "{path} does not explain {line}");
        }
    }
}

#[test]
fn the_first_page_lists_the_commands() {
    let world = World::new();
    assert_snapshot!(world.rvp("-h"), @r"
    exit code: 0
    ----- stdout -----
    A package registry that is a directory of plain files, and the one program that uses it

    Usage: rvp [OPTIONS] <COMMAND>

    Commands:
      init         Make a pyproject.toml in this folder, or in a new one
      add          Add dependencies to the project, lock it and sync its environment
      remove       Remove dependencies from the project, lock it and sync its environment
      lock         Resolve the project for its targets, and write rvp.lock
      sync         Make an environment hold exactly what the project's lock says
      update       Choose newer versions, and install them
      run          Run a command in an environment
      tree         Show what the locked packages need, as a tree
      why          Show why a package is in the lock
      env          Make, list and remove environments
      install      Install packages into an environment that belongs to no project
      list         List the packages of an environment
      rollback     Go back to what an environment held before
      info         Show what the registries know of a package
      publish      Add built packages to a registry, and seal it
      yank         Withdraw a release, or give it back
      approve      Say, with a signature, that a release was reviewed as it stands now
      owner        Show and change who owns a name, or the names that begin with a prefix
      verify       Verify who signed a file
      trust        Show and renew the authorities that are believed about signatures
      keygen       Make a key pair to sign with
      sign         Sign files, with an identity or a key
      registry     Make, fill, seal and verify registries
      policy       Show the policies that hold here, and judge a lock or an environment by them
      mirror       Copy a registry, or what is new in it, into a folder
      login        Store credentials for a registry, once it accepts them
      logout       Forget the credentials for a registry
      config       Show and change settings
      completions  Print a completion script for a shell
      manual       Write manual pages for `man`
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Global options:
      -q, --quiet    Say nothing on stderr but errors
          --json     Print data as JSON
          --offline  Ask no server for anything [env: RVP_OFFLINE]
          --refresh  Ask registries for their state, however recent the known one is

    Exit codes: 0 done; 1 refused or failed, as stderr says; 2 wrong use of the command line.
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("env -h"), @r"
    exit code: 0
    ----- stdout -----
    Make, list and remove environments

    Usage: rvp env [OPTIONS] <COMMAND>

    Commands:
      create   Make an empty environment for a Revit release, or for a Python version
      list     List the environments that have a name
      history  List the generations of an environment, newest first, and what each changed
      remove   Remove an environment
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help

    Global options:
      -q, --quiet    Say nothing on stderr but errors
          --json     Print data as JSON
          --offline  Ask no server for anything [env: RVP_OFFLINE]
          --refresh  Ask registries for their state, however recent the known one is
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("registry -h"), @r"
    exit code: 0
    ----- stdout -----
    Make, fill, seal and verify registries

    Usage: rvp registry [OPTIONS] <COMMAND>

    Commands:
      init        Make a key and an empty, sealed registry
      import      Fill a registry from a folder of packages, or from a simple index
      check       Check the proposed lines of a registry before they are merged
      seal        Check the proposed lines of a registry, log them, and sign the new state
      verify      Replay the log of a registry, and check every file against it
      views       Make the pages of `simple/`, for pip and uv
      policy      Put a policy into a registry, for all who use it, and seal it
      blobs       Name other places of a registry's blobs, and seal that
      rotate-key  Give a registry a new key, which the old one signs for
      witness     Cosign the state of a registry, if it continues all that was cosigned before
      evidence    Check evidence that a log was forked, by nothing but the file
      add         Add a registry to the user's settings, and trust its key from here on
      list        List the registries of the settings, with the fingerprints of their keys
      remove      Remove a registry from the user's settings
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help

    Global options:
      -q, --quiet    Say nothing on stderr but errors
          --json     Print data as JSON
          --offline  Ask no server for anything [env: RVP_OFFLINE]
          --refresh  Ask registries for their state, however recent the known one is
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("add -h"), @r#"
    exit code: 0
    ----- stdout -----
    Add dependencies to the project, lock it and sync its environment

    Usage: rvp add [OPTIONS] <REQUIREMENT>...

    Arguments:
      <REQUIREMENT>...  As PEP 508 writes them: `numpy`, `"numpy>=1.26"`, `"pkg[extra]==2.*"`

    Options:
          --dev                   In the dependency group `dev`
          --group <NAME>          In this dependency group
          --optional <EXTRA>      In the optional dependencies of this extra
          --no-sync               Lock, and leave the environment as it is
          --prerelease <MODE>     When pre-releases are chosen [default: if-necessary-or-explicit]
          --resolution <MODE>     Which version is chosen: highest, lowest or lowest-direct
          --exclude-newer <TIME>  Pass over releases sealed after this date or time
          --registry <LOCATION>   A folder or a URL, besides the registries of the settings
      -h, --help                  Print help (see more with '--help')

    Global options:
      -q, --quiet    Say nothing on stderr but errors
          --json     Print data as JSON
          --offline  Ask no server for anything [env: RVP_OFFLINE]
          --refresh  Ask registries for their state, however recent the known one is
    ----- stderr -----
    "#);
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let world = World::new();
    world.done("manual share/man1");
    let page = world.read("share/man1/rvp-env-create.1");
    assert!(page.contains("Make an empty environment") && page.contains("win_amd64"), "{page}");
    world.write("file", "");
    assert_snapshot!(world.rvp("manual file"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cannot write the manual pages into file
      cause: File exists (os error 17)
    ");
}
