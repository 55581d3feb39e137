//! Credentials: where they are found, whom they are sent to, and where they never appear.

use std::fs;

use insta::assert_snapshot;
use rvp::registry::{HttpSettings, HttpStore, Store};

use crate::support::folder::{copy, tree};
use crate::support::nginx::Nginx;
use crate::support::{WINDOWS, World, text, walls, with_stdin};

/// The user `me` with the password `secret`, as `openssl passwd -apr1` writes it.
const PASSWORD: &str = "me:$apr1$salt$VEpBc9VHGUKwI9.yg13Iu0\n";

/// A registry that asks for credentials, and a project that uses it.
fn private() -> (World, Nginx) {
    let nginx = Nginx::start(
        r#"
        location /private/ { auth_basic "private"; auth_basic_user_file password; }
        location /token/ { if ($http_authorization != "Bearer s3cret-token") { return 401; } }
        "#,
    );
    nginx.write("../password", PASSWORD);
    let world = World::with_registry(&walls());
    copy(&world.path("acme"), &nginx.root().join("private/acme"));
    copy(&world.path("acme"), &nginx.root().join("token/acme"));
    project(&world, &nginx, "private");
    (world, nginx)
}

fn project(world: &World, nginx: &Nginx, folder: &str) {
    let registry =
        format!("registries = [{{ name = 'acme', url = '{}/{folder}/acme' }}]\n{WINDOWS}", nginx.http());
    world.project(&["acme-walls"], &registry);
}

fn locks(world: &World, variables: &[(&str, &str)]) -> bool {
    let _ = fs::remove_file(world.path("app/rvp.lock"));
    let mut command = world.command("app", "lock --refresh");
    command.envs(variables.iter().copied());
    command.output().unwrap().status.success()
}

/// Every text that the program left anywhere, but for the file that is for it.
fn leaks(world: &World, secret: &str) -> Vec<String> {
    tree(&world.path("."))
        .into_keys()
        .filter(|path| !path.ends_with("credentials.toml") && !path.ends_with("netrc"))
        .filter(|path| {
            fs::read(world.path(".").join(path))
                .is_ok_and(|bytes| bytes.windows(secret.len()).any(|part| part == secret.as_bytes()))
        })
        .map(|path| path.display().to_string())
        .collect()
}

#[test]
fn a_registry_that_asks_says_where_credentials_were_looked_for() {
    let (world, _nginx) = private();
    assert_snapshot!(world.app("lock"));
    let mut command = world.command("app", "lock");
    command.env("RVP_CREDENTIALS_ACME_USERNAME", "me").env("RVP_CREDENTIALS_ACME_PASSWORD", "wrong-secret");
    let refused = text(&command.output().unwrap());
    assert!(!refused.contains("wrong-secret"));
    assert_snapshot!(refused);
}

#[test]
fn credentials_come_from_each_place() {
    let (world, nginx) = private();
    assert!(!locks(&world, &[]));
    // The environment, bound to a place or not.
    let (name, password) =
        (("RVP_CREDENTIALS_ACME_USERNAME", "me"), ("RVP_CREDENTIALS_ACME_PASSWORD", "secret"));
    assert!(locks(&world, &[name, password]));
    let bound = |to: String| locks(&world, &[name, password, ("RVP_CREDENTIALS_ACME_URL", to.as_str())]);
    assert!(bound(format!("{}/private", nginx.http())));
    assert!(!bound(format!("{}/priv", nginx.http())));
    assert!(!bound("http://127.0.0.1:1/private".to_owned()));
    // netrc, by host.
    world.write("home/netrc", "machine localhost login me password secret\n");
    assert!(!locks(&world, &[]));
    world.write("home/netrc", "machine 127.0.0.1\nlogin me\npassword secret\n");
    assert!(locks(&world, &[]));
    fs::remove_file(world.path("home/netrc")).unwrap();
    assert_eq!(leaks(&world, "secret"), [""; 0]);
    assert!(!nginx.requests().iter().any(|line| line.contains("secret")));
}

#[test]
fn login_checks_before_it_stores_and_logout_forgets() {
    let (world, nginx) = private();
    let login =
        |arguments: &str, stdin: &str| with_stdin(world.command("app", &format!("login {arguments}")), stdin);
    assert_snapshot!(login("acme --username me", "wrong-secret\n"));
    assert!(!world.path("home/credentials.toml").exists());
    assert_snapshot!(login("acme --username me", "secret\n"));
    assert!(locks(&world, &[]));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(world.path("home/credentials.toml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_snapshot!(login("nobody --token-stdin", "x"));
    assert_snapshot!(login(&format!("{}/private/none --username me", nginx.http()), "secret"));
    assert_snapshot!(world.app("logout acme"));
    assert!(!locks(&world, &[]));
    assert_snapshot!(world.app("logout acme"));

    project(&world, &nginx, "token");
    assert!(!locks(&world, &[]));
    assert!(login("acme --token-stdin", "s3cret-token\n").starts_with("exit code: 0"));
    assert!(locks(&world, &[]));
    for secret in ["wrong-secret", "s3cret-token"] {
        assert_eq!(leaks(&world, secret), [""; 0]);
    }
}

#[cfg(unix)]
#[test]
fn a_helper_is_asked_for_its_registry() {
    use std::os::unix::fs::PermissionsExt;
    let (world, nginx) = private();
    let entry = format!("[[credentials]]\nurl = '{}/private'\nhelper = ['sh', 'helper.sh']\n", nginx.http());
    world.write("home/credentials.toml", &entry);
    fs::set_permissions(world.path("home/credentials.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    let helper = r#"read url; echo "$url" >> asked; echo '{"username": "me", "password": "sec''ret"}'"#;
    world.write("app/helper.sh", helper);
    assert!(locks(&world, &[]));
    assert_eq!(world.read("app/asked"), format!("{}/private/acme\n", nginx.http()));
    world.write("app/helper.sh", "echo no session >&2; exit 1");
    assert_snapshot!(world.app("lock --upgrade"));
    fs::set_permissions(world.path("home/credentials.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_snapshot!(world.app("lock --upgrade"));
    // Others' registries are none of its business.
    project(&world, &nginx, "token");
    fs::set_permissions(world.path("home/credentials.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!locks(&world, &[]));
}

#[test]
fn a_redirect_does_not_take_credentials_along() {
    let thief = Nginx::start("location / { if ($http_authorization) { return 500; } }");
    thief.write("taken/index", "from elsewhere");
    let nginx = Nginx::start(&format!(
        r#"
        location /registry/ {{ auth_basic "private"; auth_basic_user_file password; }}
        location = /registry/near {{ return 307 /beside/index; }}
        location = /registry/far {{ return 302 {0}/taken/index; }}
        location = /registry/inside {{ return 302 ./index; }}
        location = /registry/dressed {{ return 302 https://me:secret@localhost:1/; }}
        location /beside/ {{ if ($http_authorization) {{ return 500; }} }}
        "#,
        thief.https()
    ));
    nginx.write("../password", PASSWORD);
    nginx.write("registry/index", "the registry's");
    nginx.write("beside/index", "from beside");
    let roots = vec![nginx.root_certificate(), thief.root_certificate()];
    let url = nginx.https().replace("https://", "https://me:secret@") + "/registry";
    let store = HttpStore::open(
        &url,
        &HttpSettings { roots, first_backoff: std::time::Duration::ZERO, ..HttpSettings::default() },
    )
    .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let read = |path: &str| runtime.block_on(store.read(path, 0, 99));
    assert_eq!(read("index").unwrap().unwrap(), b"the registry's");
    assert_eq!(read("inside").unwrap().unwrap(), b"the registry's");
    assert_eq!(read("near").unwrap().unwrap(), b"from beside");
    assert_eq!(read("far").unwrap().unwrap(), b"from elsewhere");
    assert!(!read("dressed").unwrap_err().to_string().contains("secret"));
}
