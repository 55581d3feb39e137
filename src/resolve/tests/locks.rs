//! The lock as a file: the same bytes for the same inputs, read back as it was written, and hostile texts refused.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::universe::{Project, Universe, plain, revit};
use crate::model::{Blake3, Sha256, Target, TargetSpec};
use crate::resolve::{Lock, LockError, LockInputs, LockedRegistry};

fn registry() -> LockedRegistry {
    LockedRegistry {
        name: "acme".into(),
        key: "acme.example/log+9a4c5b1e+AXz".into(),
        size: 7,
        root: Sha256::of(b"root"),
        snapshot: Blake3::of(b"snapshot"),
    }
}

fn inputs(project: &Project) -> LockInputs {
    let specs = [
        TargetSpec { host: Some("revit==2025".into()), ..TargetSpec::default() },
        TargetSpec {
            python: Some("3.12".into()),
            platform: Some("manylinux_2_28_x86_64".into()),
            host: None,
        },
    ];
    LockInputs::new(&project.requirements, project.requires_python, &project.hosts, &project.options, &specs)
}

/// The lock of a project for its target, where there is a solution.
pub(super) fn lock_of(project: &Project, universe: &Universe) -> Option<Lock> {
    let targets = std::slice::from_ref(&project.target);
    let resolutions = project.solve_all(universe, targets).ok()?;
    Some(Lock::new(inputs(project), targets, &[registry()], &resolutions))
}

fn universe() -> Universe {
    let mut universe = Universe::default();
    universe
        .describe("plot", "1.0")
        .requires(&["core", "roof; sys_platform == 'win32'", "simd; extra == 'fast'"])
        .set("extras", json!(["fast"]))
        .add()
        .release("core", "1.0", &[])
        .describe("simd", "2.0")
        .files(&["simd-2.0-cp311-cp311-win_amd64.whl", "simd-2.0-cp312-cp312-manylinux_2_28_x86_64.whl"])
        .add()
        .describe("roof", "1.0")
        .hosts(json!({"revit": ">=2025"}))
        .add()
        .release("roussov/math", "1.2.0", &[]);
    universe
}

fn example() -> Lock {
    let targets: Vec<Target> = vec![revit("2025.4", "8"), plain("3.12", "manylinux_2_28_x86_64")];
    let mut project = Project::new(&["plot[fast]>=1", "roussov/math ^1"]);
    project.requires_python = Some(">=3.11");
    project.options.constraint_dependencies = vec!["core<2".into()];
    let resolutions = project.solve_all(&universe(), &targets).unwrap();
    Lock::new(inputs(&project), &targets, &[registry()], &resolutions)
}

fn parse(text: &str) -> Result<Lock, LockError> {
    Lock::parse(Path::new("rvp.lock"), text)
}

#[test]
fn a_lock_as_its_readers_see_it() {
    insta::assert_snapshot!(example().to_toml().unwrap(), @r#"
    # Written by `rvp lock`. To change it, change the project and lock again.
    version = 1

    [inputs]
    requirements = [
        "plot[fast]>=1",
        "roussov/math ^1",
    ]
    requires-python = ">=3.11"

    [inputs.options]
    constraint-dependencies = ["core<2"]

    [[inputs.targets]]
    host = "revit==2025"

    [[inputs.targets]]
    python = "3.12"
    platform = "manylinux_2_28_x86_64"

    [[target]]
    name = "py3.12-manylinux_2_28_x86_64"
    python = "3.12"
    platform = "manylinux_2_28_x86_64"

    [[target]]
    name = "revit-2025.4"
    host = "revit==2025.4"
    python = "3.11"
    platform = "win_amd64"

    [target.provides]
    dotnet = "8"

    [[registry]]
    name = "acme"
    key = "acme.example/log+9a4c5b1e+AXz"
    size = 7
    root = "4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2"
    snapshot = "2d168e1ff20930e41ae0c8e9b0bfc97bba39b1afb272f6bf9b52bf30716e96a5"

    [[package]]
    name = "core"
    version = "1.0"
    registry = "acme"

    [[package.artifact]]
    file = "core-1.0-py3-none-any.whl"
    size = 25
    blake3 = "39046777f7fc0be925b1782d23af699b13ac97dc4c5c3f20f7f2c998c9707117"
    sha256 = "6a1f3b198e8d8b5791afad97014585471e317cd60e2d9bee6622f4b62a4e2f54"

    [[package]]
    name = "plot"
    version = "1.0"
    registry = "acme"
    direct = true
    extras = ["fast"]
    dependencies = [
        "core",
        "roof",
        "simd",
    ]

    [[package.artifact]]
    file = "plot-1.0-py3-none-any.whl"
    size = 25
    blake3 = "1c4f9b51360136c28e49b1b89d68642e1fc5fa64019ffd933cc71d85b3dca70f"
    sha256 = "7f1e5a9427b0232a3cdbf0d1ca7fd13174b500dbc65bf52b31257166d1d2e807"

    [[package]]
    name = "roof"
    version = "1.0"
    registry = "acme"
    targets = ["revit-2025.4"]

    [[package.artifact]]
    file = "roof-1.0-py3-none-any.whl"
    size = 25
    blake3 = "9c2cb6f030a0a673abd1346aa97e1dc8e0b9974fbb50bd23c27414ac7709699d"
    sha256 = "f8b8c0364da858ebdc3e13093541cfe6e49bd894ea0fc1f732c4326d336ffb50"

    [[package]]
    name = "simd"
    version = "2.0"
    registry = "acme"

    [[package.artifact]]
    file = "simd-2.0-cp311-cp311-win_amd64.whl"
    size = 34
    blake3 = "0efc7d79e1daee09bf2a3f8e777573577c823ee62668b244ba511c099ab325f6"
    sha256 = "ff6f6a6f25a1d878dd544656f08209fc6adbdd697c6daf1217780473568bbc2f"
    targets = ["revit-2025.4"]

    [[package.artifact]]
    file = "simd-2.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    size = 46
    blake3 = "cbb2598bd8cd24ea6f116c8a5357c4d4f35bdce472cffaad3b4fe7f5d0cfbfdc"
    sha256 = "fc86cb9665ecc7cb036e34e3f9dfc17135a3585b21cac43138bd5de2d5060d8c"
    targets = ["py3.12-manylinux_2_28_x86_64"]

    [[package]]
    name = "roussov/math"
    family = "vitte"
    version = "1.2.0"
    registry = "acme"
    direct = true

    [[package.artifact]]
    file = "roussov-math-1.2.0.vitpkg"
    size = 25
    blake3 = "60132a6c66a678f9d7a7ddfd2eb49777418d7997eec079fbffde98fff525608d"
    sha256 = "c9d34d4dccdfbd5bb7ec67f516fa722643d09a22296284ce094f710be20c8a90"
    "#);
}

#[test]
fn a_lock_is_read_as_it_was_written() {
    let lock = example();
    assert_eq!(parse(&lock.to_toml().unwrap()).unwrap(), lock);
}

#[test]
fn a_locked_target_is_the_target() {
    let target = revit("2025.4", "8");
    let lock = example();
    let locked = lock.targets.iter().find(|one| one.name == target.name).unwrap().target().unwrap();
    assert_eq!(locked.host, target.host);
    assert_eq!(locked.provides, target.provides);
    assert_eq!(locked.tags.to_string(), target.tags.to_string());
}

#[test]
fn each_target_gets_its_packages_and_files_in_order() {
    let lock = example();
    let files = |target| -> Vec<String> {
        lock.install_order(target).into_iter().map(|(_, artifact)| artifact.file.clone()).collect()
    };
    assert_eq!(
        files("revit-2025.4"),
        [
            "core-1.0-py3-none-any.whl",
            "roof-1.0-py3-none-any.whl",
            "simd-2.0-cp311-cp311-win_amd64.whl",
            "plot-1.0-py3-none-any.whl",
            "roussov-math-1.2.0.vitpkg",
        ]
    );
    assert_eq!(
        files("py3.12-manylinux_2_28_x86_64"),
        [
            "core-1.0-py3-none-any.whl",
            "simd-2.0-cp312-cp312-manylinux_2_28_x86_64.whl",
            "plot-1.0-py3-none-any.whl",
            "roussov-math-1.2.0.vitpkg",
        ]
    );
}

#[test]
fn a_stale_lock_says_what_changed() {
    let now = |requirements: &[&str]| inputs(&Project::new(requirements));
    let lock = now(&["a", "b>=1"]);
    assert_eq!(lock.difference(&now(&["b>=1", "a"])), None);
    for (requirements, expected) in [
        (&["a", "b>=1", "c"][..], "the project requires `c`, and the lock does not hold it"),
        (&["a"], "the project requires `b>=1` no more"),
        (&["a", "b>=2"], "the project requires `b>=2`, the lock `b>=1`"),
    ] {
        assert_eq!(lock.difference(&now(requirements)).as_deref(), Some(expected));
    }
    let mut project = Project::new(&["a", "b>=1"]);
    project.options.prerelease = crate::resolve::PrereleaseMode::Allow;
    assert!(lock.difference(&inputs(&project)).unwrap().contains("settings"));
}

#[test]
fn what_is_not_a_lock_is_refused_with_its_line() {
    let good = example().to_toml().unwrap();
    let digest = Blake3::of(b"core-1.0-py3-none-any.whl").to_string();
    let package = &good[good.find("[[package]]").unwrap()..];
    for (from, to, expected) in [
        ("version = 1\n", "version = 2\n", "has format 2, and this version of rvp reads format 1"),
        ("[[registry]]", "[[mirror]]", "unknown field `mirror`"),
        (digest.as_str(), "00", "`00` is not a BLAKE3 digest"),
        ("\"core-1.0-py3-none-any.whl\"", "\"../core.whl\"", "core: `../core.whl` is not a plain file name"),
        ("\"core-1.0-py3-none-any.whl\"", "\"c:core.whl\"", "is not a plain file name"),
        ("\"core-1.0-py3-none-any.whl\"", "\"NUL.whl\"", "is not a plain file name"),
        ("\"core-1.0-py3-none-any.whl\"", "\"a\\u0000.whl\"", "`a\\0.whl` is not a plain file name"),
        ("name = \"simd\"\nversion = \"2.0\"", "name = \"core\"\nversion = \"1.1\"", "core is locked twice"),
        ("name = \"core\"", "name = \"co re\"", "`co re` is not a Python package name"),
        ("version = \"1.0\"", "version = \"one\"", "`one` is not a PEP 440 version"),
        ("registry = \"acme\"", "registry = \"evil\"", "core 1.0 is of the registry `evil`"),
        ("targets = [\"revit-2025.4\"]", "targets = [\"mars\"]", "is for the target `mars`"),
        ("\"roof\"", "\"roof[\"", "`roof[` is not a dependency"),
        ("size = 25", "size = -1", "line "),
        (
            "targets = [\"py3.12-manylinux_2_28_x86_64\"]",
            "",
            "simd 2.0 has 2 files for the target `revit-2025.4`",
        ),
        (
            "name = \"py3.12-manylinux_2_28_x86_64\"",
            "name = \"revit-2025.4\"",
            "`revit-2025.4` is described twice",
        ),
        ("[[package.artifact]]", "[[package]]", "unknown field `blake3`"),
    ] {
        assert!(good.contains(from), "{from}");
        let error = parse(&good.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
        assert!(error.contains("rvp.lock"), "{error}");
    }
    let twice = format!("{good}\n{package}");
    let error = parse(&twice).unwrap_err().to_string();
    let line = twice.lines().enumerate().filter(|(_, text)| *text == "name = \"core\"").nth(1).unwrap().0 + 1;
    assert!(error.starts_with(&format!("line {line} of the lock rvp.lock: core is locked twice")), "{error}");
}

#[test]
fn a_lock_is_written_whole_and_left_alone_when_it_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rvp.lock");
    assert!(Lock::read(&path).unwrap().is_none());
    let lock = example();
    lock.write(&path).unwrap();
    let written = std::fs::metadata(&path).unwrap().modified().unwrap();
    lock.write(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), written);
    assert_eq!(Lock::read(&path).unwrap(), Some(lock));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    assert!(matches!(Lock::read(folder.path()), Err(LockError::Read { .. })));
}

proptest! {
    #[test]
    fn no_altered_lock_panics_its_reader(at in 0..4000_usize, byte in any::<u8>(), cut in any::<bool>()) {
        static GOOD: LazyLock<String> = LazyLock::new(|| example().to_toml().unwrap());
        let mut bytes = GOOD.clone().into_bytes();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(text) = String::from_utf8(bytes) {
            let _ = parse(&text);
        }
    }
}
