//! Credentials that are wrong, missing, or allow reading only, as a person at the command line meets them.

use insta::assert_snapshot;

use super::hosts::{Host, git};
use crate::support::git_server::GitServer;
use crate::support::seaweed::{KEY, READER, SECRET, Seaweed};
use crate::support::{WINDOWS, World, text, walls};

/// Locks the project `app` against `location` with these variables; gives all that was said.
fn lock(world: &World, location: &str, environment: &[(String, String)]) -> String {
    world.project(
        &["acme-walls"],
        &format!("registries = [{{ name = 'acme', url = '{location}' }}]\n{WINDOWS}"),
    );
    text(&world.command("app", "lock").envs(environment.iter().cloned()).output().unwrap())
}

#[test]
fn a_bucket() {
    let Some(seaweed) = Seaweed::start() else { return };
    let world = World::with_registry(&walls());
    seaweed.put(&world.path("acme"), "team/registry");
    let location = Host::location(&seaweed);
    let mut shown = String::new();
    for (title, key, secret) in
        [("an unknown key", "stranger", SECRET), ("a wrong secret", KEY, "wrong"), ("no keys", "", "")]
    {
        let mut environment = seaweed.endpoint_only();
        if !key.is_empty() {
            environment.push(("AWS_ACCESS_KEY_ID".into(), key.into()));
            environment.push(("AWS_SECRET_ACCESS_KEY".into(), secret.into()));
        }
        shown.push_str(&format!("# {title}\n{}", lock(&world, &location, &environment)));
        assert!(!world.path("app/rvp.lock").exists());
    }
    // Where no keys are, they are looked for at the cloud's own machines.
    insta::with_settings!({ omit_expression => true, filters => [("no keys were found: .*", "no keys were found: [REASON]")] }, {
        assert_snapshot!(shown);
    });

    // Who may only read needs no more to lock, to install and to copy.
    let reader = seaweed.environment_of(READER);
    let said = lock(&world, &location, &reader);
    assert!(said.starts_with("exit code: 0"), "{said}");
    for arguments in ["sync --env ./env".to_owned(), format!("mirror {location} ../copy")] {
        let output = world.command("app", &arguments).envs(reader.iter().cloned()).output().unwrap();
        assert!(output.status.success(), "rvp {arguments}: {}", text(&output));
    }
    world.done("mirror verify copy");
}

#[test]
fn a_git_repository_over_http_and_https() {
    let host = git(|repository| GitServer::start(repository.folder(), ""));
    let Some(server) = &host.server else { return };
    let world = World::with_registry(&walls());
    host.put(&world.path("acme"));
    let certificate = server.nginx.root_certificate().to_str().unwrap().to_owned();
    let mut shown = String::new();
    for base in [server.nginx.http(), server.nginx.https()] {
        let location = format!("git+{base}/git/registry.git@main#subdirectory=tools/registry");
        for password in ["", "wrong", "secret"] {
            let mut environment = vec![("SSL_CERT_FILE".to_owned(), certificate.clone())];
            if !password.is_empty() {
                environment.push(("RVP_CREDENTIALS_ACME_USERNAME".to_owned(), "me".to_owned()));
                environment.push(("RVP_CREDENTIALS_ACME_PASSWORD".to_owned(), password.to_owned()));
            }
            let said = lock(&world, &location, &environment);
            if password == "secret" {
                assert!(said.starts_with("exit code: 0"), "{said}");
                std::fs::remove_file(world.path("app/rvp.lock")).unwrap();
            } else {
                shown.push_str(&format!("# {} with the password '{password}'\n{said}", &base[..5]));
                assert!(!world.path("app/rvp.lock").exists());
            }
        }
    }
    assert_snapshot!(shown);
}
