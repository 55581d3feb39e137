//! Signed releases on their way to a client: who vouches, and when nothing may be unpacked.

use std::fs;

use crate::support::folder::{copy, tree};
use crate::support::nginx::Nginx;
use crate::support::signer::Person;
use crate::support::sigstore::{Rekor, Sigstore};
use crate::support::{WINDOWS, Wheel, World, text};

fn walls(version: &str) -> Wheel {
    Wheel::new("acme-walls", version)
}

#[test]
fn an_identity_owns_what_it_publishes() {
    let (services, world) = (Sigstore::start(), World::with_registry(&[]));
    let config = fs::read_to_string(services.trust_config(Rekor::V1)).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    world.write("root.json", &config["trustedRoot"].to_string());
    let publish = |wheel: Wheel, token: &str| {
        let mut command = world.command(".", "publish --registry acme --sign --trust-config");
        command.arg(services.trust_config(Rekor::V1)).args(["--identity-token", token]);
        text(&command.arg(wheel.write(&world.path("wheels"))).output().unwrap())
    };
    let ana = services.token_of_ana();
    let said = publish(walls("1.0"), &ana);
    assert!(said.contains("its signature does not hold"), "the public root does not vouch for her: {said}");
    world.done("config set trusted-root root.json");
    let said = publish(walls("1.0"), &ana);
    assert!(said.starts_with("exit code: 0") && said.contains("`acme-walls` is yours"), "{said}");
    let eve = services.token(r#"{"sub":"eve","email":"eve@acme.example","email_verified":true}"#);
    let said = publish(walls("1.1"), &eve);
    assert!(
        said.contains("it is signed by eve@acme.example") && said.contains("owned by ana@acme.example"),
        "{said}"
    );
    let said = publish(walls("1.1"), &ana);
    assert!(said.starts_with("exit code: 0"), "{said}");
    world.done("registry verify acme");
    world.project(&["acme-walls"], WINDOWS);
    world.done_in("app", "lock");
    let locked = world.read("app/rvp.lock");
    fs::remove_file(world.path("app/rvp.lock")).unwrap();
    // The registry cannot say whom to believe: on a machine with the public root, nobody vouches for her.
    world.write("home/config.toml", "");
    let said = world.fails_in("app", "lock");
    assert!(said.contains("acme-walls") && said.contains("cannot be believed"), "{said}");
    assert!(!world.path("app/rvp.lock").exists());
    world.project(&["acme-walls"], &format!("{WINDOWS}\ntrusted-root = \"../root.json\""));
    world.done_in("app", "lock");
    assert_eq!(world.read("app/rvp.lock"), locked);
}

#[test]
fn nothing_is_unpacked_before_its_signature_holds() {
    let world = World::with_registry(&[Wheel::new("acme-units", "1.0")]);
    let ana = Person::new(&world, "ana");
    ana.published(&world, &walls("1.0").requires("acme-units"));
    let nginx = Nginx::start("");
    copy(&world.path("acme"), &nginx.root());
    world.project(
        &["acme-walls"],
        &format!("registries = [{{ name = \"acme\", url = \"{}\" }}]", nginx.http()),
    );
    world.done_in("app", "lock");
    let bundles = |folder: &std::path::Path| -> Vec<_> {
        let all = walkdir::WalkDir::new(folder).into_iter().map(|item| item.unwrap().into_path());
        all.filter(|path| path.ends_with("bundle.sigstore.json")).collect()
    };
    assert_eq!(bundles(&world.path("home/cache")).len(), 1, "it is fetched once");
    // Another machine has the lock, and gets the signature from a host that has altered it.
    fs::remove_dir_all(world.path("home/cache")).unwrap();
    let served = bundles(&nginx.root());
    let good = fs::read(&served[0]).unwrap();
    let before = tree(&world.path("app"));
    for bad in [good.to_ascii_uppercase(), b"{}".to_vec(), vec![b' '; 10 << 20]] {
        fs::write(&served[0], &bad).unwrap();
        let said = world.fails_in("app", "sync");
        assert!(said.contains("bundle.sigstore.json"), "{said}");
        fs::remove_dir_all(world.path("app/.venv")).unwrap_or_default();
        assert_eq!(tree(&world.path("app")), before);
        assert!(!world.path("home/store/packages").exists() || tree(&world.path("home/store")).len() < 5);
    }
    fs::write(&served[0], &good).unwrap();
    world.done_in("app", "sync");
    // What is up to date is not asked about again, and what was seen is there offline.
    fs::remove_file(&served[0]).unwrap();
    world.done_in("app", "sync");
    fs::remove_dir_all(world.path("home/store")).unwrap();
    fs::remove_dir_all(world.path("app/.venv")).unwrap();
    world.done_in("app", "sync");
}

#[test]
fn proposals_are_judged_in_the_order_of_the_log() {
    let world = World::with_registry(&[]);
    let (ana, eve) = (Person::new(&world, "ana"), Person::new(&world, "eve"));
    let key = world.key();
    ana.published(&world, &walls("1.0"));
    world.done("owner claim 'corp-*' --registry acme --sign-key ana.key");
    // What two publishes have sealed elsewhere is proposed here: the same records, in a registry that has none of them.
    world.write("key", key.to_text());
    copy(&world.path("acme"), &world.path("other"));
    fs::remove_dir_all(world.path("acme")).unwrap();
    fs::remove_dir_all(world.path("home/state")).unwrap_or_default();
    let config = fs::read_to_string(world.path("other/config.json")).unwrap();
    let config = rvp::registry::Config::parse("other", config.as_bytes()).unwrap();
    let now = jiff::Timestamp::now();
    rvp::registry::Writer::create(&world.path("acme"), &config, key, Vec::new(), now).unwrap();
    copy(&world.path("other/blobs"), &world.path("acme/blobs"));
    for path in ["index/prefixes", "index/python/ac/me/acme-walls"] {
        let lines = world.read(&format!("other/{path}"));
        world.write(&format!("acme/{path}"), &lines);
    }
    // Under the prefix that is claimed in the same seal, a stranger's release is refused.
    let bolts = Wheel::new("corp-bolts", "1.0");
    let mut publish = world.command(".", "publish --registry other --no-claim --sign-key eve.key");
    let said = text(&publish.arg(bolts.write(&world.path("wheels"))).output().unwrap());
    assert!(said.contains("and its name is owned by"), "{said}");
    world.done("registry init third --name acme --key third.key");
    let mut publish =
        world.command(".", "publish --registry third --key third.key --no-claim --sign-key eve.key");
    assert!(publish.arg(bolts.write(&world.path("wheels"))).output().unwrap().status.success());
    let line = world.read("third/index/python/co/rp/corp-bolts");
    world.write("acme/index/python/co/rp/corp-bolts", &line);
    for item in walkdir::WalkDir::new(world.path("third/blobs")).into_iter().map(Result::unwrap) {
        if item.file_type().is_file() {
            let to =
                world.path("acme/blobs").join(item.path().strip_prefix(world.path("third/blobs")).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(item.path(), to).unwrap();
        }
    }
    let said = world.rvp("registry seal acme --key key");
    assert!(said.contains("sealed 3 records"), "the prefix, the claim and its release: {said}");
    assert!(
        said.contains(&format!(
            "corp-bolts: it is signed by {}, and its name is owned by {}",
            eve.key, ana.key
        )),
        "{said}"
    );
    world.done("registry verify acme");
}
