//! A release that is published with an identity, from the token to the environment: signed by Sigstore's services on loopback, verified by
//! sigstore-python and by rvp, and installed.

use std::fs;
use std::path::PathBuf;

use crate::support::folder::tree;
use crate::support::sigstore::{Rekor, Sigstore};
use crate::support::{WINDOWS, Wheel, World, text};

const ANA: &str = "ana@acme.example";

fn publish(world: &World, services: &Sigstore, rekor: Rekor, token: &str, wheel: &Wheel) -> String {
    let mut command = world.command(".", "publish --registry acme --sign --identity-token");
    command.arg(token).arg("--trust-config").arg(services.trust_config(rekor));
    command.arg(wheel.write(&world.path("wheels")));
    text(&command.output().unwrap())
}

/// The only bundle in the registry that signs a file of that name.
fn bundle_of(world: &World, file: &str) -> PathBuf {
    let index = world.read("acme/index/python/ac/me/acme-walls");
    let line = index.lines().find(|line| line.contains(file)).unwrap();
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    let digest = record["signatures"][0]["blake3"].as_str().unwrap();
    world.path(&format!("acme/blobs/{}/{digest}/bundle.sigstore.json", &digest[..2]))
}

#[test]
fn an_identity_publishes_and_everybody_can_verify_it() {
    let services = Sigstore::start();
    let world = World::new();
    let root = serde_json::to_string(&services.trusted_root()).unwrap();
    world.write("root.json", &root);
    world.done("config set trusted-root root.json");
    world.done("registry init acme");
    for (version, rekor) in [("1.0", Rekor::V1), ("1.1", Rekor::V2)] {
        let said =
            publish(&world, &services, rekor, &services.token_of_ana(), &Wheel::new("acme-walls", version));
        assert!(said.starts_with("exit code: 0"), "{said}");
    }
    let listed = world.rvp("owner list acme-walls --registry acme");
    assert!(listed.contains(ANA) && listed.contains(&services.url()), "{listed}");

    let file = "acme_walls-1.0-py3-none-any.whl";
    let (wheel, bundle) = (world.path("wheels").join(file), bundle_of(&world, file));
    services.python_verifies(&wheel, &bundle, ANA, &services.url()).unwrap();
    let eve = services.python_verifies(&wheel, &bundle, "eve@acme.example", &services.url());
    assert!(eve.is_err());
    for version in ["1.0", "1.1"] {
        let file = format!("acme_walls-{version}-py3-none-any.whl");
        let mut command =
            world.command(".", &format!("verify wheels/{file} --identity {ANA} --issuer {}", services.url()));
        command.arg("--bundle").arg(bundle_of(&world, &file));
        let said = text(&command.output().unwrap());
        assert!(said.starts_with("exit code: 0"), "{said}");
    }
    world.done("registry verify acme");

    world.project(&["acme-walls"], WINDOWS);
    world.done_in("app", "sync");
    assert!(world.read("app/rvp.lock").contains("version = \"1.1\""));

    // The name is Ana's: nobody else's identity will do, and a machine that trusts other services believes none of it.
    let before = tree(&world.path("acme"));
    let eve = services.token(r#"{"sub":"eve","email":"eve@acme.example","email_verified":true}"#);
    let said = publish(&world, &services, Rekor::V1, &eve, &Wheel::new("acme-walls", "1.2"));
    assert!(
        said.starts_with("exit code: 1") && said.contains("its name is owned by ana@acme.example"),
        "{said}"
    );
    assert!(tree(&world.path("acme")) == before);
    fs::remove_file(world.path("home/config.toml")).unwrap();
    for part in ["home/cache", "home/state", "home/store"] {
        let _ = fs::remove_dir_all(world.path(part));
    }
    fs::remove_dir_all(world.path("app/.venv")).unwrap();
    let said = world.fails_in("app", "sync");
    assert!(
        said.contains("acme-walls in the registry") && said.contains("its signature does not hold"),
        "{said}"
    );
    assert!(!world.path("app/.venv/current").exists());
}
