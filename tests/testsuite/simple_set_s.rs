//! The simple index with real packages: the 44 wheels of `tools/support/set_s.py`, with binaries, markers, extras and names in every
//! spelling, resolved and installed by pip and uv from nginx.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rvp::model::Sha256;

use crate::simple::{NEGOTIATION, environment_of, installed, pip, uv};
use crate::support::nginx::Nginx;
use crate::support::{World, text};

const INTERPRETER: &str = "python3.11";

/// What is asked for: these, and what they need.
const NAMES: &[&str] = &[
    "numpy",
    "pandas",
    "shapely",
    "openpyxl",
    "requests",
    "pydantic",
    "matplotlib",
    "networkx",
    "scipy",
    "ifcopenshell",
    "trimesh",
    "rich",
    "typer",
    "jinja2",
    "pythonnet",
];

/// A wheel with an attestation of its publisher.
const ATTESTED: &str = "rfc8785-0.1.2-py3-none-any.whl";

/// The folder with the wheels; none, said on stderr, where they or their interpreter are not here.
fn wheels() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_BIN_EXE_rvp")).ancestors().nth(2)?;
    let downloaded = target.join("bench/set-s");
    let folder = match std::env::var_os("RVP_SET_S") {
        Some(given) => Some(PathBuf::from(given)),
        None => Some(downloaded).filter(|folder| folder.join("complete").exists()),
    };
    // One of pyenv's may be there to say that no such interpreter is selected.
    let tried = Command::new(INTERPRETER).arg("--version").output();
    let lacks = match (folder, tried.is_ok_and(|output| output.status.success())) {
        (None, _) => "no wheels of set S: tools/test downloads them, or RVP_SET_S names their folder",
        (_, false) => "no python3.11, for which the wheels of set S are",
        (folder, true) => return folder,
    };
    // Not by `eprintln!`, which the test runner keeps to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {lacks}");
    None
}

/// Each wheel as a line of a requirements file, with the digest that it has on the disk.
fn pins(wheels: &Path) -> Vec<String> {
    let files = fs::read_dir(wheels).unwrap().map(|file| file.unwrap().path());
    let mut pins: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .map(|path| {
            let mut parts = path.file_name().unwrap().to_str().unwrap().split('-');
            let (name, version) = (parts.next().unwrap(), parts.next().unwrap());
            let digest = Sha256::of(&fs::read(&path).unwrap());
            format!("{}=={version} --hash=sha256:{digest}", name.replace('_', "-").to_lowercase())
        })
        .collect();
    pins.sort();
    pins
}

/// `name==version`, with the name as PEP 503 has it.
fn normalised(lines: &[String]) -> Vec<String> {
    let mut names: Vec<String> = lines
        .iter()
        .map(|line| line.split(' ').next().unwrap().replace(['_', '.'], "-").to_lowercase())
        .collect();
    names.sort();
    names
}

/// A registry of set S, and of a wheel that is attested.
fn world(wheels: &Path) -> World {
    let world = World::new();
    world.write("root.json", sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT);
    world.done("config set trusted-root root.json");
    world.done("registry init acme --simple");
    let attested = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pep740");
    fs::create_dir(world.path("attested")).unwrap();
    for file in [ATTESTED.to_owned(), format!("{ATTESTED}.publish.attestation")] {
        fs::copy(attested.join(&file), world.path("attested").join(&file)).unwrap();
    }
    for folder in [wheels, &world.path("attested")] {
        let mut import = world.command(".", "registry import acme --from");
        let output = import.arg(folder).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    world
}

/// What nginx was asked for since there were so many requests.
fn count(nginx: &Nginx, since: usize, end: &str) -> usize {
    let end = format!("{end} ");
    nginx.requests()[since..].iter().filter(|request| request.contains(&end)).count()
}

#[test]
fn pip_and_uv_resolve_and_install_real_packages() {
    let Some(wheels) = wheels() else { return };
    let (world, pins) = (world(&wheels), pins(&wheels));
    assert!(pins.len() > 40, "{pins:#?}");
    world.write("pins.txt", &(pins.join("\n") + "\n"));
    let pins_file = world.path("pins.txt");
    let hashed = ["--require-hashes", "-r", pins_file.to_str().unwrap()];
    let nginx = Nginx::start(NEGOTIATION);
    std::os::unix::fs::symlink(world.path("acme"), nginx.root().join("acme")).unwrap();
    let index = format!("{}/acme/simple/", nginx.http());
    let (by_pip, by_uv) =
        (environment_of(&world, "by-pip", INTERPRETER), environment_of(&world, "by-uv", INTERPRETER));

    // From names alone both find the versions that are there, and read of each wheel its metadata and no more.
    let output = uv(&by_uv, &index, &[&["--dry-run"], NAMES].concat());
    assert!(output.status.success(), "{}", text(&output));
    let said = text(&output);
    let found: Vec<String> =
        said.lines().filter_map(|line| line.strip_prefix(" + ")).map(str::to_owned).collect();
    assert_eq!(normalised(&found), normalised(&pins));
    assert!(count(&nginx, 0, ".whl.metadata") >= pins.len());
    assert_eq!(count(&nginx, 0, ".whl"), 0);
    let before = nginx.requests().len();
    let output = pip(&by_pip, &index, &[&["install", "--dry-run"], NAMES].concat());
    assert!(output.status.success(), "{}", text(&output));
    assert!(count(&nginx, before, ".whl.metadata") >= pins.len());

    // A release that is withdrawn is chosen by nobody, and stays for those who have it in a lock.
    let rich =
        pins.iter().find_map(|pin| pin.split(' ').next().filter(|pin| pin.starts_with("rich=="))).unwrap();
    world.done(&format!("yank {rich} --registry acme --reason 'colours of another building'"));
    let output = pip(&by_pip, &index, &["install", "--dry-run", "typer"]);
    assert!(text(&output).contains("No matching distribution found for rich"), "{}", text(&output));
    let output = uv(&by_uv, &index, &["--dry-run", "typer"]);
    assert!(text(&output).contains("colours of another building"), "{}", text(&output));

    let output = pip(&by_pip, &index, &[&["install", "--no-compile"], &hashed[..]].concat());
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("colours of another building"), "{}", text(&output));
    let output = uv(&by_uv, &index, &hashed);
    assert!(output.status.success(), "{}", text(&output));
    for python in [&by_pip, &by_uv] {
        assert_eq!(normalised(&installed(python)), normalised(&pins));
    }
    let script = "import numpy, pandas, scipy.linalg, shapely; print(numpy.linalg.det(numpy.eye(3)))";
    for python in [&by_pip, &by_uv] {
        let output = Command::new(python).args(["-c", script]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1.0", "{}", text(&output));
    }

    // Other bytes than a lock has are not installed, whoever says that they are right.
    let other = pins.iter().map(|pin| format!("{}{:064x}\n", &pin[..pin.len() - 64], 7)).collect::<String>();
    world.write("pins.txt", &other);
    let output = pip(&by_pip, &index, &[&["download", "--no-deps"], &hashed[..]].concat());
    assert!(text(&output).contains("DO NOT MATCH THE HASHES"), "{}", text(&output));
    fs::remove_dir_all(world.path("by-uv")).unwrap();
    let by_uv = environment_of(&world, "by-uv", INTERPRETER);
    let output = uv(&by_uv, &index, &hashed);
    assert!(text(&output).contains("Hash mismatch"), "{}", text(&output));
    assert_eq!(installed(&by_uv), [""; 0]);
    shows_attestations(&index);
}

/// The page of the attested wheel leads to what its publisher has signed, in both forms.
fn shows_attestations(index: &str) {
    let get = |url: &str, accept: &str| {
        let output =
            Command::new("curl").args(["-sSf", "-H", &format!("Accept: {accept}"), url]).output().unwrap();
        assert!(output.status.success(), "{url}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let folder = format!("{index}rfc8785/");
    let json: serde_json::Value =
        serde_json::from_str(&get(&folder, "application/vnd.pypi.simple.v1+json")).unwrap();
    let link = json["files"][0]["provenance"].as_str().unwrap();
    assert!(get(&folder, "text/html").contains(&format!("data-provenance=\"{link}\"")));
    let provenance: serde_json::Value =
        serde_json::from_str(&get(&format!("{folder}{link}"), "application/json")).unwrap();
    let attestation = &provenance["attestation_bundles"][0]["attestations"][0];
    assert!(attestation["envelope"]["signature"].is_string(), "{provenance}");
}
