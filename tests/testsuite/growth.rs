//! What a lock fetches hardly grows with the registry that it is made against, and how it gets there is checked.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::World;
use crate::support::folder::copy;
use crate::support::nginx::Nginx;

/// What a server's answer has besides the file, at least.
const HEADERS: u64 = 100;

/// A world with a generated registry of so many packages, `acme`.
fn generated(packages: u32) -> World {
    let world = World::new();
    world.done("registry init acme");
    let generator = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/generate-registry");
    let made = Command::new("python3")
        .arg(generator)
        .arg(world.path("acme"))
        .args(["--packages", &packages.to_string()])
        .output()
        .expect("these tests need Python");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    world.done("registry seal acme --allow-missing-blobs");
    world
}

/// Has a client that has never seen the registry lock against it. Returns the lock, and nginx's lines for what was asked.
fn lock(world: &World, nginx: &Nginx) -> (String, Vec<String>) {
    for part in ["home/state", "home/cache", "app"] {
        let _ = fs::remove_dir_all(world.path(part));
    }
    let registries = format!("registries = [{{ name = 'acme', url = '{}/acme' }}]", nginx.http());
    // The first packages are the same, and need the same others, in a registry of any size.
    world.project(&["conduit-solver", "damper-query", "damper-cache"], &registries);
    let before = nginx.requests().len();
    world.done_in("app", "lock");
    (world.read("app/rvp.lock").replace(&nginx.http(), ""), nginx.requests().split_off(before))
}

#[test]
fn a_lock_against_a_large_registry_fetches_hardly_more() {
    let measure = |packages: u32| {
        let (world, nginx) = (generated(packages), Nginx::start(""));
        fs::rename(world.path("acme"), nginx.root().join("acme")).unwrap();
        let (_, requests) = lock(&world, &nginx);
        let size = |request: &String| request.rsplit(' ').next().unwrap().parse::<u64>().unwrap() + HEADERS;
        (requests.iter().map(size).sum::<u64>(), requests)
    };
    let ((small_bytes, small), (large_bytes, large)) = (measure(400), measure(3_000));
    let packages = large.iter().filter(|request| request.contains("/acme/index/python/")).count();
    assert!(packages > 10, "{large:#?}");
    assert!(large.len() <= small.len() + packages / 4, "{small:#?}\n{large:#?}");
    assert!(5 * large_bytes <= 6 * small_bytes, "{small_bytes} and {large_bytes} bytes");
}

#[test]
fn a_lock_depends_neither_on_audit_paths_nor_on_ranges() {
    let (world, nginx) = (generated(400), Nginx::start(""));
    let served = nginx.root().join("acme");
    copy(&world.path("acme"), &served);
    let (expected, requests) = lock(&world, &nginx);
    let asked = |requests: &[String], part: &str| requests.iter().filter(|line| line.contains(part)).count();
    assert!(asked(&requests, "/log/paths/0/") > 3 && asked(&requests, "/log/tile/0/0") == 1, "{requests:#?}");

    for file in fs::read_dir(served.join("log/paths/0")).unwrap().map(|file| file.unwrap().path()) {
        let altered = fs::read(&file).unwrap().into_iter().map(|byte| byte ^ 1).collect::<Vec<u8>>();
        fs::write(file, altered).unwrap();
    }
    let (found, requests) = lock(&world, &nginx);
    assert_eq!(found, expected);
    assert!(asked(&requests, "/log/tile/0/0") > 1, "{requests:#?}");
    let verified = world.rvp("registry verify acme --allow-missing-blobs");
    assert!(verified.starts_with("exit code: 0"), "{verified}");
    copy(&served, &world.path("altered"));
    let verified = world.rvp("registry verify altered --allow-missing-blobs");
    assert!(verified.contains("log/paths/0/000 does not follow from its tile"), "{verified}");

    fs::remove_dir_all(served.join("log/paths")).unwrap();
    let (found, requests) = lock(&world, &nginx);
    assert_eq!(found, expected);
    assert!(asked(&requests, " 404 ") > 3, "{requests:#?}");

    // A server that knows nothing of ranges sends whole files.
    let whole = Nginx::start("max_ranges 0;");
    copy(&world.path("acme"), &whole.root().join("acme"));
    let (found, requests) = lock(&world, &whole);
    assert_eq!(found, expected);
    assert_eq!(asked(&requests, " 206 "), 0, "{requests:#?}");
}
