//! `rvp keygen`: keys that other programs read, and keys of other programs.

use std::fs;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;
use rvp::model::PublicKey;

use crate::support::{World, text};

/// Runs openssl, and gives what it prints; or none where it fails.
pub fn openssl(folder: &Path, arguments: &str) -> Option<String> {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("these tests need the package `openssl` (Debian: apt-get install openssl)");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Makes a key pair in the files `NAME` and `NAME.pub` of a world, with the passphrase `correct horse`.
pub fn keygen(world: &World, kind: &str, name: &str) {
    world.write("passphrase", "correct horse\n");
    world.done(&format!("keygen --type {kind} --out {name} --passphrase-file passphrase"));
}

#[test]
fn openssl_reads_the_keys() {
    let world = World::new();
    for (kind, shown) in [("ed25519", "ED25519"), ("ecdsa-p256", "prime256v1")] {
        keygen(&world, kind, kind);
        let pkey = |passphrase: &str, more: &str| {
            openssl(&world.path("."), &format!("pkey -in {kind} -passin pass:{passphrase} {more}"))
        };
        assert!(pkey("wrong", "-noout").is_none());
        fs::write(world.path("passphrase"), "correct horse").unwrap();
        let openssl =
            |more| openssl(&world.path("."), &format!("pkey -in {kind} -passin file:passphrase {more}"));
        assert!(openssl("-noout -text").unwrap().contains(shown));
        assert_eq!(openssl("-pubout").unwrap(), world.read(&format!("{kind}.pub")));
    }
}

#[test]
fn keys_are_encrypted_with_scrypt_and_aes_and_are_for_their_owner_alone() {
    let world = World::new();
    keygen(&world, "ed25519", "key");
    let parsed = openssl(&world.path("."), "asn1parse -in key").unwrap();
    for part in ["PBES2", "scrypt", "aes-256-cbc"] {
        assert!(parsed.contains(part), "{parsed}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(world.path("key")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_key_pair_goes_into_the_folder_of_keys_and_its_public_half_is_printed() {
    let world = World::new();
    let output = world.command(".", "keygen").env("RVP_KEY_PASSPHRASE", "horse").output().unwrap();
    let all = text(&output);
    assert!(!all.contains("horse") && !all.contains("PRIVATE"), "{all}");
    let public = String::from_utf8(output.stdout).unwrap();
    let key = PublicKey::parse(&public).unwrap();
    let name = format!("home/keys/sign-{}", &key.fingerprint().to_string()[..16]);
    assert_eq!(world.read(&format!("{name}.pub")), public);
    assert!(world.read(&name).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    let json = world.command(".", "keygen --no-passphrase --out plain --json").output().unwrap().stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(
        json["key"],
        serde_json::to_value(PublicKey::parse(&world.read("plain.pub")).unwrap()).unwrap()
    );
    assert!(world.read("plain").starts_with("-----BEGIN PRIVATE KEY-----\n"));
}

#[test]
fn a_key_is_never_replaced_and_never_without_a_passphrase_unless_that_is_said() {
    let world = World::new();
    world.write("key", "something dear");
    world.write("other.pub", "something dear");
    world.write("empty", "\n");
    let said = [
        "keygen --no-passphrase --out key",
        "keygen --no-passphrase --out other",
        "keygen --out new",
        "keygen --out new --passphrase-file empty",
        "keygen --out new --passphrase-file absent",
    ]
    .map(|arguments| format!("> {arguments}\n{}", world.fails_in(".", arguments)))
    .concat();
    assert_snapshot!(said);
    assert_eq!(world.read("key"), "something dear");
    assert!(!world.path("new").exists() && !world.path("other").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_passphrase_is_asked_for_twice_and_not_shown() {
    use crate::support::terminal::at_terminal;
    let world = World::new();
    let keygen = world.command(".", "keygen --out key");
    let twice = |one, other| [("Passphrase for the new key: ", one), ("The same again: ", other)];
    let (code, shown) = at_terminal(&keygen, &twice("correct", "horse"));
    assert_eq!((code, world.path("key").exists()), (1, false), "{shown}");
    assert!(shown.contains("the two passphrases differ"), "{shown}");
    let (code, shown) = at_terminal(&keygen, &twice("horse", "horse"));
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("horse"), "{shown}");
    world.write("file", "bytes");
    let (code, shown) =
        at_terminal(&world.command(".", "sign --key key file"), &[("Passphrase of key: ", "horse")]);
    assert_eq!((code, world.path("file.sigstore.json").exists()), (0, true), "{shown}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_no_half_of_a_key() {
    let world = World::new();
    let Some(disk) = crate::support::mount::Mount::small(&world.path("disk"), 64) else { return };
    // There is no space for the private key, then none for the public one.
    for (pages, half) in [(0, "private"), (1, "public")] {
        disk.fill_but(pages);
        let error = world.fails_in(".", "keygen --no-passphrase --out disk/key");
        assert!(error.contains(&format!("cannot write the {half} key to disk/key")), "{error}");
        assert!(error.contains("No space left on device"), "{error}");
        let entries = fs::read_dir(world.path("disk")).unwrap();
        let left: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["filler"]);
    }
    disk.fill_but(2);
    world.done("keygen --no-passphrase --out disk/key");
}
