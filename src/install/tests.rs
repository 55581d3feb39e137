//! Behaviour of store and environments together, on the interpreters of this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::testing::{all_pythons, any_python, digest_of, make_wheel, plan_of};
use super::*;

/// A place for a test: wheels, a store, environments.
struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        Self { folder, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn wheel(&self, name: &str, version: &str, files: &[(&str, &str)]) -> PathBuf {
        make_wheel(self.folder.path(), name, version, files)
    }

    /// Wheels with commands, scripts, data, headers, and a folder that two of them share.
    fn wheels(&self) -> Vec<PathBuf> {
        let commands = "[console_scripts]\nalpha-tool = alpha.cli:main\n";
        vec![
            self.wheel(
                "alpha",
                "1.0",
                &[
                    ("alpha/__init__.py", "VALUE = 'alpha'\n"),
                    (
                        "alpha/cli.py",
                        "import sys\ndef main():\n    print('alpha', *sys.argv[1:])\n    return 3\n",
                    ),
                    ("alpha-1.0.dist-info/entry_points.txt", commands),
                ],
            ),
            self.wheel(
                "beta",
                "1.0",
                &[
                    ("beta.py", "VALUE = 'beta'\n"),
                    ("beta-1.0.data/purelib/beta_extra/__init__.py", "VALUE = 'extra'\n"),
                    ("beta-1.0.data/scripts/beta-script", "#!python\nimport beta\nprint(beta.VALUE)\n"),
                    ("beta-1.0.data/data/share/beta/text, with comma.txt", "data\n"),
                    ("beta-1.0.data/headers/beta.h", "#define BETA\n"),
                ],
            ),
            self.wheel("acme_one", "1.0", &[("acme/one/__init__.py", "VALUE = 'one'\n")]),
            self.wheel("acme_two", "1.0", &[("acme/two/__init__.py", "VALUE = 'two'\n")]),
        ]
    }

    fn environment(&self, name: &str, link_mode: Option<LinkMode>) -> Environment {
        let interpreter = any_python(&self.path("interpreters"));
        Environment::create(&self.path(name), &spec(interpreter, link_mode)).unwrap()
    }

    fn apply(&self, environment: &Environment, wheels: &[PathBuf]) -> Result<Applied, InstallError> {
        let (plan, unpacked) = plan_of(&self.store, wheels, &["alpha"]);
        environment.lock(|_| {})?.apply(&plan, &self.store, &unpacked)
    }
}

fn spec(interpreter: python::Interpreter, link_mode: Option<LinkMode>) -> EnvironmentSpec {
    let platform = interpreter.parsed_platform().unwrap();
    EnvironmentSpec {
        python: interpreter.version.clone(),
        platform,
        host: None,
        interpreter: Some(interpreter),
        link_mode,
        keep: None,
    }
}

fn run(program: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program).args(arguments).env_remove("PYTHONPATH").output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text.replace("\r\n", "\n"))
}

/// Imports everything, and compares every installed distribution with its RECORD.
const CHECK: &str = r#"
import base64, hashlib, sys
from importlib import metadata
import alpha, beta, beta_extra, acme.one, acme.two
assert alpha.__file__.startswith(sys.prefix), (alpha.__file__, sys.prefix)
for dist in metadata.distributions():
    name = dist.metadata["Name"]
    assert dist.read_text("INSTALLER") == "rvp\n", name
    assert (dist.read_text("REQUESTED") is not None) == (name == "alpha"), name
    for file in dist.files:
        data = file.read_binary()
        if file.hash is None:
            assert file.name == "RECORD", file
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        assert (file.hash.value, file.size) == (digest, len(data)), file
print(sorted(dist.metadata["Name"] for dist in metadata.distributions()))
"#;

#[test]
fn packages_work_on_every_python_of_this_machine_from_one_store() {
    let bench = Bench::new();
    let wheels = bench.wheels();
    let cache = bench.path("interpreters");
    for interpreter in all_pythons(&cache) {
        // A blank in the path: the launchers have to go through the shell.
        let path = bench.path(&format!("environment {}", interpreter.version));
        let environment = Environment::create(&path, &spec(interpreter, None)).unwrap();
        bench.apply(&environment, &wheels).unwrap();
        let (status, said) = run(&environment.python().unwrap(), &["-c", CHECK]);
        assert_eq!(
            (status, said.as_str()),
            (Some(0), "['acme-one', 'acme-two', 'alpha', 'beta']\n".replace("acme-", "acme_").as_str())
        );
        let scripts = environment.scripts();
        assert_eq!(run(&scripts.join("alpha-tool"), &["x y"]), (Some(3), "alpha x y\n".into()));
        assert_eq!(run(&scripts.join("beta-script"), &[]), (Some(0), "beta\n".into()));
    }
}

/// All files below `root` as a program sees them, with links followed; byte code left out.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let walk = walkdir::WalkDir::new(root).follow_links(true).into_iter().map(Result::unwrap);
    walk.filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            (path, fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn the_tree_is_the_same_in_every_link_mode() {
    let bench = Bench::new();
    let wheels = bench.wheels();
    let mut trees = Vec::new();
    for mode in [LinkMode::Symlink, LinkMode::Hardlink, LinkMode::Clone, LinkMode::Copy] {
        // At the same path, since launchers name it.
        let environment = bench.environment("environment", Some(mode));
        bench.apply(&environment, &wheels).unwrap();
        let links = walkdir::WalkDir::new(environment.generation_path(1).join("lib"))
            .into_iter()
            .filter(|entry| entry.as_ref().unwrap().path_is_symlink());
        assert_eq!(links.count() > 0, mode == LinkMode::Symlink);
        let mut tree = files(&environment.generation_path(1));
        tree.remove("generation.json");
        trees.push(tree);
        fs::remove_dir_all(environment.path()).unwrap();
    }
    assert!(trees[0].contains_key("share/beta/text, with comma.txt"));
    assert!(trees.iter().all(|tree| *tree == trees[0]));
}

#[test]
fn a_shared_folder_is_real_and_what_one_package_owns_is_one_link() {
    let bench = Bench::new();
    let environment = bench.environment("environment", Some(LinkMode::Symlink));
    bench.apply(&environment, &bench.wheels()).unwrap();
    let is_link = |path: &str| environment.site_packages().join(path).is_symlink();
    assert!(is_link("alpha") && is_link("acme/one") && is_link("acme_one-1.0.dist-info"));
    assert!(!is_link("acme") && !is_link("alpha-1.0.dist-info"));
}

#[test]
fn an_equal_plan_changes_nothing_and_a_rollback_brings_the_state_before() {
    let bench = Bench::new();
    let environment = bench.environment("environment", None);
    let wheels = bench.wheels();
    assert!(matches!(bench.apply(&environment, &wheels), Ok(Applied::Changed { generation: 1, .. })));
    assert_eq!(bench.apply(&environment, &wheels).unwrap(), Applied::Unchanged);
    bench.apply(&environment, &wheels[..1]).unwrap();
    assert!(!environment.path().join("share").is_symlink());
    assert!(!environment.site_packages().join("beta.py").exists());

    let environment = Environment::open(environment.path()).unwrap();
    assert_eq!(environment.lock(|_| {}).unwrap().rollback().unwrap(), 1);
    assert!(environment.path().join("share/beta").exists());
    assert_eq!(environment.current().unwrap().plan.packages.len(), 4);
    let error = environment.lock(|_| {}).unwrap().rollback().unwrap_err().to_string();
    assert!(error.contains("no generation before") && error.contains("1, 2"), "{error}");

    for count in [2, 3, 4, 3] {
        bench.apply(&environment, &wheels[..count]).unwrap();
    }
    let numbers: Vec<u64> = environment.generations().unwrap().iter().map(|one| one.number).collect();
    assert_eq!(numbers, [4, 5, 6]);
}

#[test]
fn of_two_packages_with_one_file_the_later_wins_and_both_are_named() {
    let bench = Bench::new();
    let wheels = [
        bench.wheel("first", "1.0", &[("shared/__init__.py", ""), ("shared/a.py", "1"), ("top.py", "1")]),
        bench.wheel(
            "second",
            "1.0",
            &[("shared/__init__.py", ""), ("shared/a.py", "2"), ("top.py/x.py", "2")],
        ),
    ];
    let environment = bench.environment("environment", None);
    let Applied::Changed { conflicts, .. } = bench.apply(&environment, &wheels).unwrap() else { panic!() };
    let paths: Vec<&str> =
        conflicts.iter().map(|one| one.path.rsplit("site-packages/").next().unwrap()).collect();
    assert_eq!(paths, ["shared/a.py", "top.py"]);
    assert!(conflicts[0].to_string().contains("first and second both have"));
    assert_eq!(fs::read(environment.site_packages().join("shared/a.py")).unwrap(), b"2");
    assert_eq!(fs::read(environment.site_packages().join("top.py/x.py")).unwrap(), b"2");
}

#[test]
fn what_is_damaged_in_the_store_is_named_and_mended() {
    let bench = Bench::new();
    let wheel = bench.wheels().remove(0);
    let name = wheel.file_name().unwrap().to_str().unwrap();
    let unpack = || Ok::<_, InstallError>(wheel.clone());
    let ensure = || bench.store.ensure(digest_of(&wheel), name, unpack).unwrap();
    let unpacked = ensure();
    bench.store.verify(&unpacked).unwrap();
    let file = unpacked.folder().join("lib/alpha/cli.py");
    fs::remove_file(&file).unwrap();
    fs::write(&file, "tampered").unwrap();
    let error = bench.store.verify(&unpacked).unwrap_err().to_string();
    assert!(
        error.contains("lib/alpha/cli.py is not what was unpacked") && error.contains("remove this folder"),
        "{error}"
    );

    fs::remove_dir_all(unpacked.folder().join("lib/alpha")).unwrap();
    bench.store.verify(&ensure()).unwrap();
    fs::write(unpacked.folder().join("manifest"), "{}").unwrap();
    bench.store.verify(&ensure()).unwrap();
    assert_eq!(fs::read_dir(bench.path("store/staging")).unwrap().count(), 0);
}

#[test]
fn a_wheel_that_is_not_the_artifact_never_reaches_the_store() {
    let bench = Bench::new();
    let wheels = bench.wheels();
    let other = || Ok::<_, InstallError>(wheels[1].clone());
    let error = bench.store.ensure(digest_of(&wheels[0]), "alpha-1.0-py3-none-any.whl", other).unwrap_err();
    assert!(matches!(error, InstallError::Digest { .. }), "{error}");
    assert!(!bench.store.has(digest_of(&wheels[0])));
}

#[test]
fn many_threads_unpack_one_artifact_once() {
    let bench = Bench::new();
    let wheel = bench.wheels().remove(1);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| plan_of(&bench.store, std::slice::from_ref(&wheel), &[]));
        }
    });
    let (_, unpacked) = plan_of(&bench.store, std::slice::from_ref(&wheel), &[]);
    bench.store.verify(&unpacked[0]).unwrap();
    assert_eq!(fs::read_dir(bench.path("store/staging")).unwrap().count(), 0);
}

#[test]
fn what_is_in_the_way_is_named_and_left_alone() {
    let bench = Bench::new();
    let environment = bench.environment("environment", None);
    fs::write(environment.path().join("share"), "mine").unwrap();
    let error = bench.apply(&environment, &bench.wheels()).unwrap_err().to_string();
    assert!(error.contains("share") && error.contains("in the way"), "{error}");
    assert_eq!(fs::read(environment.path().join("share")).unwrap(), b"mine");
    assert_eq!(environment.current(), None);

    let interpreter = any_python(&bench.path("interpreters"));
    let error = Environment::create(environment.path(), &spec(interpreter, None)).unwrap_err().to_string();
    assert!(error.contains("an environment already"), "{error}");
    fs::create_dir(bench.path("other")).unwrap();
    fs::write(bench.path("other/pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    let error = Environment::open(&bench.path("other")).unwrap_err().to_string();
    assert!(error.contains("another tool made it"), "{error}");
}

#[test]
fn a_wheel_cannot_replace_what_manages_the_environment() {
    let bench = Bench::new();
    let environment = bench.environment("environment", None);
    for name in ["pyvenv.cfg", "Generations/1/x", "current", "lib64/x"] {
        let wheel = bench.wheel("bad", "1.0", &[(&format!("bad-1.0.data/data/{name}"), "x")]);
        let error = bench.apply(&environment, &[wheel]).unwrap_err();
        assert!(matches!(error, InstallError::Reserved { .. }), "{error}");
    }
}

#[test]
fn a_windows_environment_laid_out_elsewhere_has_no_links() {
    let bench = Bench::new();
    let spec = EnvironmentSpec {
        python: "3.11".into(),
        platform: "win_amd64".parse().unwrap(),
        host: Some("revit==2025.4".into()),
        interpreter: None,
        link_mode: cfg!(windows).then_some(LinkMode::Copy),
        keep: None,
    };
    let environment = Environment::create(&bench.path("environment"), &spec).unwrap();
    bench.apply(&environment, &bench.wheels()).unwrap();
    let tree = environment.generation_path(1);
    assert!(walkdir::WalkDir::new(&tree).into_iter().all(|entry| !entry.unwrap().path_is_symlink()));
    for path in [
        "Lib/site-packages/acme/two/__init__.py",
        "Scripts/alpha-tool.cmd",
        "Scripts/activate.bat",
        "pyvenv.cfg",
    ] {
        assert!(tree.join(path).is_file(), "{path}");
    }
    let record = fs::read_to_string(tree.join("Lib/site-packages/alpha-1.0.dist-info/RECORD")).unwrap();
    assert!(record.contains("../../Scripts/alpha-tool-script.py,sha256="), "{record}");
    // The launcher finds its packages from where it stands, under any interpreter and at any place.
    fs::rename(&tree, bench.path("carried")).unwrap();
    let python = any_python(&bench.path("interpreters")).executable;
    let script = bench.path("carried").join("Scripts/alpha-tool-script.py");
    assert_eq!(run(&python, &[script.to_str().unwrap(), "x"]), (Some(3), "alpha x\n".into()));
}

#[test]
fn who_comes_second_waits_and_is_told_for_what() {
    let bench = Bench::new();
    let environment = bench.environment("environment", None);
    let held = environment.lock(|_| panic!("nobody else is there")).unwrap();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| environment.lock(|text| send.send(text.to_owned()).unwrap()).map(drop));
        let text = receive.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(text.contains("waiting") && text.contains("environment"), "{text}");
        drop(held);
        waiter.join().unwrap().unwrap();
    });
}

const KILLED: &str = "RVP_TEST_KILLED";

/// Not a test of its own: what the process does that the next test kills.
#[test]
fn child_that_applies_two_plans_in_turn() {
    let Some(folder) = std::env::var_os(KILLED).map(PathBuf::from) else { return };
    let wheels: Vec<PathBuf> = ["alpha", "beta", "acme_one", "acme_two"]
        .map(|name| folder.join(format!("{name}-1.0-py3-none-any.whl")))
        .to_vec();
    let environment = Environment::open(&folder.join("environment")).unwrap();
    for turn in 0.. {
        // A new store each time, so that unpacking is interrupted as well.
        let store = Store::open(&folder.join(format!("store{}", turn % 7))).unwrap();
        let wheels = if turn % 2 == 0 { &wheels[..] } else { &wheels[..2] };
        let (plan, unpacked) = plan_of(&store, wheels, &["alpha"]);
        environment.lock(|_| {}).unwrap().apply(&plan, &store, &unpacked).unwrap();
    }
}

#[test]
fn a_process_killed_at_any_moment_leaves_the_old_or_the_new_state() {
    let bench = Bench::new();
    let wheels = bench.wheels();
    let environment = bench.environment("environment", None);
    bench.apply(&environment, &wheels).unwrap();
    for round in 0..40 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "install::tests::child_that_applies_two_plans_in_turn", "--nocapture"])
            .env(KILLED, bench.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(10_000 + 3_700 * (round * 17 % 40)));
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());

        let environment = Environment::open(environment.path()).unwrap();
        let current = environment.current().expect("the environment has a generation");
        let site_packages = environment.site_packages();
        let present = |path: &str| site_packages.join(path).exists();
        assert!(present("alpha/cli.py") && present("beta.py") && present("alpha-1.0.dist-info/RECORD"));
        assert_eq!(present("acme/two/__init__.py"), current.plan.packages.len() == 4);
        assert!(environment.scripts().join("alpha-tool").is_file());
        // So is each of those that can be gone back to.
        for generation in environment.generations().unwrap() {
            let lib = environment.generation_path(generation.number).join("lib");
            let count = files(&lib).keys().filter(|path| path.contains("acme/")).count();
            assert_eq!(count, generation.plan.packages.len() - 2);
        }
        assert_eq!(environment.numbers().unwrap().len(), environment.generations().unwrap().len());
    }
    // It was killed at work, and it goes on from there.
    let reached = environment.generations().unwrap().last().unwrap().number;
    assert!(reached > 10, "{reached}");
    bench.apply(&environment, &wheels[..3]).unwrap();
    assert!(!environment.path().join("generations/staging").exists());
}
