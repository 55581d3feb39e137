//! Publishing into a bucket: from nothing to an installed package, and what stops it.

use std::fs;

use insta::assert_snapshot;
use object_store::{Attribute, ObjectStoreExt as _};

use crate::support::nginx::Nginx;
use crate::support::s3s_fs::S3sFs;
use crate::support::seaweed::{BUCKET, OPEN_BUCKET, READER, Seaweed};
use crate::support::{WINDOWS, Wheel, World, text, walls};

/// Runs `rvp` with variables of the environment; gives its exit code and all that it printed.
fn run(world: &World, environment: &[(String, String)], arguments: &str) -> String {
    text(&world.command(".", arguments).envs(environment.iter().cloned()).output().unwrap())
}

fn file(world: &World, wheel: &Wheel) -> String {
    let path = wheel.write(&world.path("wheels"));
    path.strip_prefix(world.path("")).unwrap().to_str().unwrap().to_owned()
}

fn cache_control(seaweed: &Seaweed, path: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let path = object_store::path::Path::parse(path).unwrap();
    let found = runtime.block_on(seaweed.bucket().get(&path)).unwrap();
    found.attributes.get(&Attribute::CacheControl).unwrap().to_string()
}

#[test]
fn a_bucket_is_a_registry() {
    let Some(seaweed) = Seaweed::start() else { return };
    let world = World::new();
    let with_keys = seaweed.environment();
    let place = format!("s3://{BUCKET}/team/packages");
    let mut shown = String::new();
    let mut tell = |environment: &[(String, String)], arguments: &str| {
        shown.push_str(&format!("$ rvp {arguments}\n{}\n", run(&world, environment, arguments)));
    };
    tell(&with_keys, &format!("registry init {place} --name acme --with revit"));
    let files: Vec<String> = walls().iter().map(|wheel| file(&world, wheel)).collect();
    tell(&with_keys, &format!("publish --registry {place} {}", files.join(" ")));
    tell(&with_keys, &format!("publish --registry {place} {}", files[0]));
    let other = file(&world, &Wheel::new("acme-walls", "1.0").file("acme_walls/new.py", ""));
    tell(&with_keys, &format!("publish --registry {place} {other}"));
    tell(&with_keys, &format!("yank acme-walls==2.0 --registry {place} --reason leaks"));
    tell(&with_keys, &format!("registry seal {place}"));
    tell(&with_keys, &format!("registry verify {place}"));
    tell(&with_keys, &format!("registry init {place} --name other"));

    // Readers need no more than to read.
    let reader = seaweed.environment_of(READER);
    world.project(
        &["acme-walls"],
        &format!("registries = [{{ name = \"acme\", url = \"{place}\" }}]\n{WINDOWS}"),
    );
    let locked = world.command("app", "lock").envs(reader.iter().cloned()).output().unwrap();
    assert!(locked.status.success(), "{}", text(&locked));
    tell(&reader, &format!("publish --registry {place} {other}"));
    tell(&reader, &format!("yank acme-walls==1.0 --registry {place} --reason none"));
    insta::with_settings!({ omit_expression => true }, { assert_snapshot!(shown) });

    assert_eq!(cache_control(&seaweed, "team/packages/log/checkpoint"), "public, max-age=10");
    for immutable in ["log/tile/entries/000.p/23", "log/tile/0/000.p/23"] {
        let said = cache_control(&seaweed, &format!("team/packages/{immutable}"));
        assert_eq!(said, "public, max-age=31536000, immutable", "{immutable}");
    }
}

#[test]
fn a_folder_that_was_copied_into_a_bucket_goes_on_there() {
    let Some(seaweed) = Seaweed::start() else { return };
    let world = World::with_registry(&walls());
    seaweed.put(&world.path("acme"), "packages");
    let place = format!("s3://{BUCKET}/packages");
    let publish = |wheel: &Wheel| {
        let arguments = format!("publish --registry {place} {}", file(&world, wheel));
        let said = run(&world, &seaweed.environment(), &arguments);
        assert!(said.starts_with("exit code: 0"), "{said}");
    };
    publish(&Wheel::new("acme-roofs", "1.0"));
    publish(&Wheel::new("acme-roofs", "1.1"));
    // And back: what was published into the folder, and copied over the bucket, is later than the last head there.
    let said = run(&world, &seaweed.environment(), &format!("mirror {place} back"));
    assert!(said.starts_with("exit code: 0"), "{said}");
    world.publish("back", &[Wheel::new("acme-roofs", "1.2")]);
    seaweed.copy(&world.path("back"), "packages");
    publish(&Wheel::new("acme-roofs", "1.3"));
    let verified = run(&world, &seaweed.environment(), &format!("registry verify {place}"));
    assert!(verified.contains("sound: "), "{verified}");
    assert!(verified.contains("10 packages") || verified.contains("9 releases"), "{verified}");
}

#[test]
fn a_store_that_looks_and_writes_in_two_steps() {
    let Some(store) = S3sFs::start() else { return };
    let world = World::new();
    let place = format!("s3://{BUCKET}/packages");
    // Its single conditions hold: only a race tells.
    let refused = run(&world, &store.environment(), &format!("registry init {place} --name acme"));
    assert_snapshot!(refused, @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: s3://acme-bucket/packages cannot be written to: its store does not compare and swap (of several who replace one version of an object at once, more than one is told that it did), so that of two who publish at once one would be lost
      hint: use a store with conditional writes; or, if all who publish can reach one folder, name a file in it that they lock in turn: --lock FILE
    "#);
    let made = run(&world, &store.environment(), &format!("registry init {place} --name acme --lock shared"));
    assert!(made.starts_with("exit code: 0"), "{made}");
}

#[test]
fn a_store_that_does_not_compare_and_swap() {
    let Some(seaweed) = Seaweed::start() else { return };
    // It passes everything on but for the conditions.
    let careless = Nginx::start(&format!(
        "location / {{
            proxy_pass http://{};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header If-Match \"\";
            proxy_set_header If-None-Match \"\";
            client_max_body_size 0;
        }}",
        seaweed.address()
    ));
    let world = World::new();
    let environment: Vec<(String, String)> = [
        ("AWS_ENDPOINT_URL", careless.http()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_SKIP_SIGNATURE", "true".into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let place = format!("s3://{OPEN_BUCKET}/packages");
    let refused = run(&world, &environment, &format!("registry init {place} --name acme"));
    assert_snapshot!(refused, @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: s3://open-bucket/packages cannot be written to: its store does not compare and swap (it writes over an object on the condition that there is none (If-None-Match)), so that of two who publish at once one would be lost
      hint: use a store with conditional writes; or, if all who publish can reach one folder, name a file in it that they lock in turn: --lock FILE
    "#);
    assert!(
        !fs::exists(world.path("home/keys")).unwrap()
            || fs::read_dir(world.path("home/keys")).unwrap().count() == 0
    );

    let lock = "--lock shared.lock";
    let made = run(&world, &environment, &format!("registry init {place} --name acme {lock}"));
    assert!(made.starts_with("exit code: 0"), "{made}");
    let publishers: Vec<_> = (0..10)
        .map(|number| {
            let wheel = file(&world, &Wheel::new("acme-walls", &format!("1.{number}")));
            let mut command = world.command(".", &format!("publish --registry {place} {lock} {wheel}"));
            command.envs(environment.iter().cloned()).stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut publisher in publishers {
        assert!(publisher.wait().unwrap().success());
    }
    let verified = run(&world, &environment, &format!("registry verify {place}"));
    assert_snapshot!(verified, @r#"
    exit code: 0
    ----- stdout -----
    sound: 22 log entries, 1 package, 10 releases, 10 blobs (10.20 KiB)
    ----- stderr -----
    "#);
}

#[test]
fn pip_reads_a_bucket_behind_any_web_server() {
    let Some(seaweed) = Seaweed::start() else { return };
    let web = Nginx::start(&format!(
        "location / {{
            rewrite ^(.*)/$ /{OPEN_BUCKET}$1/index.html break;
            rewrite ^(.*)$ /{OPEN_BUCKET}$1 break;
            proxy_pass http://{};
        }}",
        seaweed.address()
    ));
    let world = World::new();
    let environment = seaweed.environment();
    let place = format!("s3://{OPEN_BUCKET}/packages");
    let done = |arguments: &str| {
        let said = run(&world, &environment, arguments);
        assert!(said.starts_with("exit code: 0"), "{said}");
    };
    done(&format!("registry init {place} --name acme --simple"));
    let publish = |wheel: &Wheel| done(&format!("publish --registry {place} {}", file(&world, wheel)));
    publish(&Wheel::new("acme-units", "1.0"));
    publish(&Wheel::new("acme-walls", "1.0").requires("acme-units>=1"));
    let install = |requirement: &str, target: &str| {
        let mut pip = std::process::Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-cache-dir",
            "--target",
            target,
        ]);
        pip.args(["--index-url", &format!("{}/packages/simple/", web.http()), requirement]);
        pip.env("PIP_CONFIG_FILE", "/dev/null").current_dir(world.path(""));
        pip.output().unwrap()
    };
    let installed = install("acme-walls", "first");
    assert!(installed.status.success(), "{}", text(&installed));
    assert!(world.path("first/acme_units").exists());

    publish(&Wheel::new("acme-walls", "1.1").requires("acme-units>=1"));
    done(&format!("yank acme-walls==1.0 --registry {place} --reason leaks"));
    let installed = install("acme-walls", "second");
    assert!(installed.status.success(), "{}", text(&installed));
    assert!(world.path("second/acme_walls-1.1.dist-info").exists());
    // All of them anew, which finds them as they are.
    let again = run(&world, &environment, &format!("registry views {place}"));
    assert_snapshot!(again, @r#"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    made the pages of 2 projects in s3://open-bucket/packages/simple; 0 files changed
    "#);
}
