//! The simple index that a registry keeps, with those who read it: pip and uv, from nginx and from a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::support::folder::copy;
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World, text, walls};

/// What README.md tells to write into nginx's configuration for clients that ask for JSON.
pub const NEGOTIATION: &str = r#"
    location /acme/simple/ {
        set $page index.html;
        if ($http_accept ~ "application/vnd\.pypi\.simple\.v1\+json") { set $page index.json; }
        index $page;
        types { text/html html; application/vnd.pypi.simple.v1+json json; }
        add_header Vary Accept;
    }
"#;

/// A registry with views, and wheels in it.
fn world(wheels: &[Wheel]) -> World {
    let world = World::new();
    world.done("registry init acme --simple");
    world.publish("acme", wheels);
    world
}

fn serve(world: &World, locations: &str) -> Nginx {
    let nginx = Nginx::start(locations);
    copy(&world.path("acme"), &nginx.root().join("acme"));
    nginx
}

/// A program with nothing of the settings of whoever runs the tests.
pub fn clean(mut command: Command) -> Command {
    for (variable, _) in std::env::vars() {
        if variable.starts_with("PIP_") || variable.starts_with("UV_") || variable == "VIRTUAL_ENV" {
            command.env_remove(variable);
        }
    }
    command
        .env("PIP_CONFIG_FILE", "/dev/null")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .env("UV_NO_CONFIG", "1");
    command
}

/// A new environment, and its Python.
fn environment(world: &World, name: &str) -> PathBuf {
    environment_of(world, name, "python3")
}

/// A new environment of an interpreter, and its Python.
pub fn environment_of(world: &World, name: &str, interpreter: &str) -> PathBuf {
    let folder = world.path(name);
    let output = Command::new(interpreter).args(["-m", "venv"]).arg(&folder).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

pub fn pip(python: &Path, index: &str, arguments: &[&str]) -> Output {
    let mut command = clean(Command::new(python));
    let (action, rest) = arguments.split_first().unwrap();
    command.args(["-m", "pip", action, "--no-cache-dir", "--index-url", index]).args(rest);
    command.output().unwrap()
}

pub fn uv(python: &Path, index: &str, arguments: &[&str]) -> Output {
    let mut command = clean(Command::new("uv"));
    command
        .args(["pip", "install", "--no-cache", "--default-index", index, "--python"])
        .arg(python)
        .args(arguments);
    command.output().expect("these tests need uv (tools/install-prerequisites)")
}

/// What is installed, as `name==version`.
pub fn installed(python: &Path) -> Vec<String> {
    let mut command = clean(Command::new(python));
    let output = command.args(["-m", "pip", "freeze"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", text(output));
}

#[test]
fn pip_and_uv_install_with_dependencies_from_a_host_without_configuration() {
    let world = world(&walls());
    let nginx = serve(&world, "");
    let index = format!("{}/acme/simple/", nginx.http());
    let expected = ["acme-plot==0.5", "acme-units==2.0", "acme-walls==2.0"];

    let python = environment(&world, "by-pip");
    done(&pip(&python, &index, &["install", "acme-walls[plot]"]));
    assert_eq!(installed(&python), expected);
    let python = environment(&world, "by-uv");
    done(&uv(&python, &index, &["Acme.Walls[plot]"]));
    assert_eq!(installed(&python), expected);

    let requests = nginx.requests();
    let metadata = |request: &&String| request.contains(".whl.metadata ");
    assert!(requests.iter().any(|request| metadata(&request)), "{requests:#?}");
    // Metadata is read for what is chosen, and wheels for nothing else.
    let wheels = requests.iter().filter(|request| request.contains(".whl ")).count();
    assert_eq!(wheels, 2 * expected.len(), "{requests:#?}");
}

#[test]
fn a_host_that_is_told_so_answers_with_json() {
    let world = world(&walls());
    let nginx = serve(&world, NEGOTIATION);
    let index = format!("{}/acme/simple/", nginx.http());
    let page = |accept: &str| {
        let url = format!("{index}acme-walls/");
        let output =
            Command::new("curl").args(["-sSi", "-H", &format!("Accept: {accept}"), &url]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(
        page("application/vnd.pypi.simple.v1+json")
            .contains("Content-Type: application/vnd.pypi.simple.v1+json")
    );
    assert!(page("text/html").contains("Content-Type: text/html"));
    let python = environment(&world, "by-pip");
    done(&pip(&python, &index, &["install", "acme-walls==1.0"]));
    assert_eq!(installed(&python), ["acme-units==2.0", "acme-walls==1.0"]);
    let python = environment(&world, "by-uv");
    done(&uv(&python, &index, &["--exclude-newer", "2100-01-01", "acme-walls<2"]));
    assert_eq!(installed(&python), ["acme-units==2.0", "acme-walls==1.0"]);
}

#[test]
fn what_is_yanked_is_installed_by_its_exact_version_only() {
    let world = world(&walls());
    world.done("yank acme-units==2.0 --registry acme --reason 'wrong <units>'");
    let nginx = serve(&world, "");
    let index = format!("{}/acme/simple/", nginx.http());
    let python = environment(&world, "python");
    done(&pip(&python, &index, &["install", "acme-units"]));
    assert_eq!(installed(&python), ["acme-units==1.0"]);
    let output = pip(&python, &index, &["install", "acme-units==2.0"]);
    done(&output);
    assert!(text(&output).contains("wrong <units>"), "{}", text(&output));
    world.done("yank acme-units==2.0 --undo --registry acme --reason 'they were right'");
    assert!(!world.read("acme/simple/acme-units/index.html").contains("data-yanked"));
}

#[test]
fn files_for_another_python_and_files_with_other_bytes_are_not_installed() {
    let world = world(&[
        Wheel::new("acme-walls", "1.0"),
        Wheel::new("acme-walls", "2.0").requires_python(">=3.99"),
        Wheel::new("acme-units", "1.0"),
    ]);
    let nginx = serve(&world, "");
    let index = format!("{}/acme/simple/", nginx.http());
    let python = environment(&world, "python");
    done(&pip(&python, &index, &["download", "acme-walls", "--dest", world.path("here").to_str().unwrap()]));
    let names: Vec<_> =
        fs::read_dir(world.path("here")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["acme_walls-1.0-py3-none-any.whl"]);

    let mut wheels = walkdir::WalkDir::new(nginx.root()).into_iter().map(Result::unwrap);
    let wheel = wheels.find(|entry| entry.file_name() == "acme_units-1.0-py3-none-any.whl").unwrap();
    fs::write(wheel.path(), Wheel::new("acme-units", "1.0").file("acme_units/more.py", "").bytes()).unwrap();
    let output = pip(&python, &index, &["install", "acme-units"]);
    assert!(text(&output).contains("DO NOT MATCH THE HASHES"), "{}", text(&output));
    let output = uv(&python, &index, &["acme-units"]);
    assert!(text(&output).contains("Hash mismatch"), "{}", text(&output));
    assert_eq!(installed(&python), Vec::<String>::new());
}

/// All files below a folder, by their paths in it, with their bytes and times of modification.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    walk.filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let time = entry.metadata().unwrap().modified().unwrap();
            (entry.path().strip_prefix(folder).unwrap().to_owned(), fs::read(entry.path()).unwrap(), time)
        })
        .collect()
}

#[test]
fn a_seal_touches_the_pages_of_what_it_changed() {
    let world = world(&walls());
    let before = files(&world.path("acme/simple"));
    world.publish("acme", &[Wheel::new("acme-units", "3.0")]);
    let after = files(&world.path("acme/simple"));
    let changed: Vec<&Path> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .map(|(_, (path, ..))| path.as_path())
        .collect();
    assert_eq!(
        changed,
        [".state.json", "acme-units/index.html", "acme-units/index.json"].map(Path::new),
        "and no others are written"
    );
    world.publish("acme", &[Wheel::new("acme-doors", "1.0")]);
    assert!(world.read("acme/simple/index.html").contains(r#"<a href="acme-doors/">acme-doors</a>"#));
    world.done("registry verify acme");
}

#[test]
fn views_come_and_go_as_the_folder_does() {
    let world = World::with_registry(&walls());
    assert!(!world.path("acme/simple").exists(), "nobody asked for them");
    world.done("registry views acme");
    let content = || {
        files(&world.path("acme/simple"))
            .into_iter()
            .map(|(path, bytes, _)| (path, bytes))
            .collect::<Vec<_>>()
    };
    let made = content();
    for damage in ["acme-walls/index.html", "index.json", ".state.json"] {
        fs::write(world.path("acme/simple").join(damage), "damaged").unwrap();
        world.done("registry views acme");
        assert!(made == content(), "{damage}");
    }
    fs::remove_dir_all(world.path("acme/simple")).unwrap();
    world.publish("acme", &[Wheel::new("acme-units", "3.0")]);
    assert!(!world.path("acme/simple").exists(), "they are kept up to date only where they are");
    // A folder alone is enough.
    fs::create_dir(world.path("acme/simple")).unwrap();
    world.done("registry seal acme");
    let kept = content();
    world.done("registry views acme");
    assert!(kept == content());
    assert!(world.fails_in(".", "registry views nowhere").contains("nowhere"));
    assert!(!world.path("nowhere").exists());
}

/// The bytes of a file. Those of the list of all projects, which come in the order in which they were added, by their lines.
fn in_order(path: &Path, bytes: &[u8]) -> Vec<Vec<u8>> {
    if path.components().count() > 1 {
        return vec![bytes.to_vec()];
    }
    let lines = bytes.split(|byte| *byte == b'\n');
    let mut lines: Vec<Vec<u8>> =
        lines.map(|line| line.strip_suffix(b",").unwrap_or(line).to_vec()).collect();
    lines.sort();
    lines
}

#[test]
fn what_a_killed_writer_left_undone_is_done_by_the_next() {
    let world = world(&walls());
    let begin = std::time::Instant::now();
    world.publish("acme", &[Wheel::new("acme-units", "2.1")]);
    let whole = begin.elapsed();
    let behind = AtomicBool::new(false);
    for round in 0..25 {
        let wheel = Wheel::new("acme-units", &format!("3.{round}")).write(&world.path("wheels"));
        let mut publish = world.command(".", "publish --registry acme");
        let mut publish = publish.arg(&wheel).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(rand::random_range(0.0..1.2)));
        publish.kill().unwrap();
        publish.wait().unwrap();
        world.done("registry verify acme");
        let page = world.read("acme/simple/acme-units/index.html");
        let line = format!("acme_units-3.{round}-");
        let sealed =
            fs::read_to_string(world.path("acme/index/python/ac/me/acme-units")).unwrap().contains(&line);
        behind.fetch_or(sealed && !page.contains(&line), SeqCst);
        // Whatever is sealed next, the pages show all of it.
        world.publish("acme", &[Wheel::new("acme-roofs", &format!("1.{round}"))]);
        let kept = files(&world.path("acme/simple"));
        world.done("registry views acme");
        let made = files(&world.path("acme/simple"));
        let same = kept.iter().zip(&made).all(|((path, bytes, _), (other, new, _))| {
            path == other && in_order(path, bytes) == in_order(path, new)
        });
        assert!(same && kept.len() == made.len(), "round {round}");
    }
    assert!(behind.load(SeqCst), "no kill came between a seal and its pages");
}
