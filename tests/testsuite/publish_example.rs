//! The example of a package that publishes itself on a tag: its settings, and the owners that its README has the workflow sign with.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::support::folder::copy;
use crate::support::signer::Person;
use crate::support::sigstore::{Rekor, Sigstore};
use crate::support::{Wheel, World, text};

const WORKFLOW: &str = "acme/walls/.github/workflows/publish.yml";

#[test]
fn the_workflow_signs_at_every_tag_and_nowhere_else() {
    let services = Sigstore::start();
    let world = World::new();
    world.write("root.json", &serde_json::to_string(&services.trusted_root()).unwrap());
    world.done("config set trusted-root root.json");
    world.done("registry init acme");
    Person::new(&world, "keeper");
    world.done("owner claim acme-walls --registry acme --sign-key keeper.key");
    world.done(&format!(
        "owner add acme-walls --registry acme --sign-key keeper.key --identity https://github.com/{WORKFLOW}@refs/tags/* --issuer {}",
        services.url()
    ));
    let publish = |version: &str, reference: &str| {
        let claims = format!(
            r#"{{"sub":"repo:acme/walls:environment:publish","job_workflow_ref":"{WORKFLOW}@{reference}"}}"#
        );
        let mut command = world.command(".", "publish --registry acme --sign --identity-token");
        command.arg(services.token(&claims)).arg("--trust-config").arg(services.trust_config(Rekor::V1));
        command.arg(Wheel::new("acme-walls", version).write(&world.path("wheels")));
        text(&command.output().unwrap()).replace(&services.url(), "[ISSUER]")
    };
    assert_snapshot!(publish("0.1.0", "refs/tags/v0.1.0"), @r"
    exit code: 0
    ----- stdout -----
    + acme-walls 0.1.0
    ----- stderr -----
    sealed 1 release with 1 file; the log has 8 entries
    ");
    assert_snapshot!(publish("0.2.0", "refs/tags/v0.2.0"), @r"
    exit code: 0
    ----- stdout -----
    + acme-walls 0.2.0
    ----- stderr -----
    sealed 1 release with 1 file; the log has 10 entries
    ");
    let refused = publish("0.3.0", "refs/heads/main");
    assert!(
        refused.contains(
            "it is signed by https://github.com/acme/walls/.github/workflows/publish.yml@refs/heads/main"
        ),
        "{refused}"
    );
}

#[test]
fn its_settings_are_read() {
    let world = World::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/publish-on-tag");
    copy(&example, &world.path("walls"));
    assert_snapshot!(world.rvp_in("walls", "config get registries"), @r#"
    exit code: 0
    ----- stdout -----
    [{ name = "acme", url = "git+https://github.com/acme/registry.git@main#subdirectory=registry" }]
    ----- stderr -----
    "#);
    // Its workflow gives the token to the registry of that name.
    let workflow = fs::read_to_string(example.join(".github/workflows/publish.yml")).unwrap();
    assert!(workflow.contains("--registry acme ") && workflow.contains("RVP_CREDENTIALS_ACME_TOKEN:"));
}
