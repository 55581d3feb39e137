//! Making, filling, sealing and verifying registries.

use std::fs;
use std::io::Write as _;

use crate::support::{Wheel, World, walls};
use insta::assert_snapshot;

#[test]
fn init_makes_an_empty_sealed_registry() {
    let world = World::new();
    assert_snapshot!(world.rvp("registry init acme"), @r"
    exit code: 0
    ----- stdout -----
    acme+[KEY]
    ----- stderr -----
    made the registry `acme` in acme
    its private key is [TEMP]/home/keys/acme+[KEY]
      keep it: whoever has it can seal this registry
    the fingerprint of its key, to be compared by those who add it:
      [FINGERPRINT]
    a link that brings the key along: the registry's URL, and behind it
      #key=acme+[KEY]
    its public key, for clients to trust:
    ");
    assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 0
    ----- stdout -----
    sound: 2 log entries, 0 packages, 0 releases, 0 blobs (0 B)
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("registry init acme"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: acme already holds a registry
      hint: choose another folder, or use the registry that is there
    ");
}

#[test]
fn a_second_registry_in_the_same_folder_leaves_no_key_behind() {
    let world = World::new();
    world.done("registry init acme");
    world.rvp("registry init acme");
    let keys = fs::read_dir(world.path("home/keys")).unwrap().map(|file| file.unwrap().path());
    assert_eq!(keys.filter(|path| path.extension().is_none()).count(), 1);
}

#[test]
fn init_with_revit_knows_the_releases_of_revit() {
    let world = World::with_registry(&[]);
    assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 0
    ----- stdout -----
    sound: 13 log entries, 1 package, 10 releases, 0 blobs (0 B)
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("registry verify acme --json"), @r#"
    exit code: 0
    ----- stdout -----
    {
      "entries": 13,
      "packages": 1,
      "releases": 10,
      "blobs": 0,
      "blob_bytes": 0,
      "problems": []
    }
    ----- stderr -----
    "#);
}

#[test]
fn import_takes_what_is_good_and_refuses_the_rest() {
    let world = World::with_registry(&[]);
    Wheel::new("acme-walls", "1.0").write(&world.path("folder/a"));
    Wheel::new("acme-roofs", "2.0").requires("acme-walls>=1").write(&world.path("folder"));
    world.write("folder/acme_doors-1.0-py3-none-any.whl", "this is no zip");
    world.write("folder/notes.txt", "this is no package");
    assert_snapshot!(world.rvp("registry import acme --from folder"), @r"
    exit code: 1
    ----- stdout -----
    + acme-roofs 2.0
    + acme-walls 1.0
    ----- stderr -----
    refused: folder/acme_doors-1.0-py3-none-any.whl is not a safe archive: it is not a whole zip archive: missing end of central directory
      hint: get the file again; if that does not help, do not use it and tell its publisher
    sealed 2 releases with 2 files; the log has 17 entries
    ");
    assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 0
    ----- stdout -----
    sound: 17 log entries, 3 packages, 12 releases, 2 blobs (2.07 KiB)
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("registry import acme --from folder"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    refused: folder/acme_doors-1.0-py3-none-any.whl is not a safe archive: it is not a whole zip archive: missing end of central directory
      hint: get the file again; if that does not help, do not use it and tell its publisher
    2 files already there
    ");
}

#[test]
fn import_says_what_is_missing_from_its_command_line() {
    let world = World::with_registry(&[]);
    assert_snapshot!(world.rvp("registry import acme"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the following required arguments were not provided:
      <NAME>...

    Usage: rvp registry import <DIR-or-URL> <NAME>...

    For more information, try '--help'.
    ");
    assert_snapshot!(world.rvp("registry import acme --from nowhere"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cannot open the folder nowhere: No such file or directory (os error 2)
    ");
    assert_snapshot!(world.rvp("registry import nowhere --from ."), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: nowhere is not a registry: it has no log/checkpoint
      hint: check the path or URL; a copy of a registry may not be complete yet; `rvp registry init` makes a new one
    ");
}

#[test]
fn proposed_lines_do_not_exist_until_they_are_sealed() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    let index = "acme/index/python/ac/me/acme-walls";
    let yank = r#"{"kind":"yank","family":"python","name":"acme-walls","version":"1.0","yanked":true,"reason":"proposed"}"#;
    let mut file = fs::File::options().append(true).open(world.path(index)).unwrap();
    writeln!(file, "{yank}\nthis is no record").unwrap();
    assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 0
    ----- stdout -----
    sound: 15 log entries, 2 packages, 11 releases, 1 blob (1.02 KiB)
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("registry seal acme"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    sealed 1 record in acme; the log has 17 entries
    refused: index/python/ac/me/acme-walls: it is not a record: expected ident at line 1 column 2
      this is no record
    ");
    assert_snapshot!(world.rvp("registry seal acme"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    sealed 0 records in acme; the log has 17 entries
    ");
    assert!(world.read(index).contains(yank));
    assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 0
    ----- stdout -----
    sound: 17 log entries, 2 packages, 11 releases, 1 blob (1.02 KiB)
    ----- stderr -----
    ");
}

#[test]
fn verify_finds_every_alteration() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0"), Wheel::new("acme-roofs", "1.0")]);
    let blob = walkdir::WalkDir::new(world.path("acme/blobs"))
        .into_iter()
        .map(Result::unwrap)
        .find(|entry| entry.file_name() == "acme_walls-1.0-py3-none-any.whl")
        .unwrap()
        .into_path();
    fs::write(&blob, "other bytes").unwrap();
    assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 1
    ----- stdout -----
    blobs/58/[DIGEST]/acme_walls-1.0-py3-none-any.whl has 11 bytes, and should have 1044
    NOT SOUND: 17 log entries, 3 packages, 12 releases, 2 blobs (2.04 KiB)
    ----- stderr -----
    ");
    fs::remove_file(&blob).unwrap();
    assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 1
    ----- stdout -----
    blobs/58/[DIGEST]/acme_walls-1.0-py3-none-any.whl is missing
    NOT SOUND: 17 log entries, 3 packages, 12 releases, 2 blobs (2.04 KiB)
    ----- stderr -----
    ");
    let roofs = world.read("acme/index/python/ac/me/acme-roofs");
    world.write("acme/index/python/ac/me/acme-roofs", &roofs.replace("1.0", "1.1"));
    assert_snapshot!(world.rvp("registry verify acme"), @r"
    exit code: 1
    ----- stdout -----
    index/python/ac/me/acme-roofs of acme is not what the signed state of the registry says: its digest is [DIGEST], and should be [DIGEST]
      hint: the file was altered, or the copy is from another moment; copy it again from its source
    blobs/58/[DIGEST]/acme_walls-1.0-py3-none-any.whl is missing
    NOT SOUND: 17 log entries, 3 packages, 12 releases, 2 blobs (2.04 KiB)
    ----- stderr -----
    ");
    assert_snapshot!(world.rvp("registry verify nowhere"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cannot open the registry nowhere: there is no such folder
      hint: check the path, and that the drive or share is connected; `rvp registry init` makes a registry
    ");
}

#[test]
fn refused_lines_stay_until_they_are_dropped() {
    let world = World::with_registry(&[Wheel::new("acme-walls", "1.0")]);
    let walls = "acme/index/python/ac/me/acme-walls";
    let committed = world.read(walls);
    world.write(walls, &format!("{committed}not a record\n"));
    world.write("acme/index/python/ac/me/acme-doors", "neither is this\n");
    let refused = world.rvp("registry seal acme");
    assert_snapshot!(refused, @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    sealed 0 records in acme; the log has 15 entries
    refused: index/python/ac/me/acme-doors: it is not a record: expected ident at line 1 column 2
      neither is this
    refused: index/python/ac/me/acme-walls: it is not a record: expected ident at line 1 column 2
      not a record
    still in the index files: 2 refused lines
      hint: have that mended, or remove it with `rvp registry seal --drop-refused`
    ");
    assert_eq!(world.rvp("registry seal acme"), refused);
    assert_snapshot!(world.rvp("registry seal acme --drop-refused"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    sealed 0 records in acme; the log has 15 entries
    refused: index/python/ac/me/acme-doors: it is not a record: expected ident at line 1 column 2
      neither is this
    refused: index/python/ac/me/acme-walls: it is not a record: expected ident at line 1 column 2
      not a record
    ");
    assert_eq!(world.read(walls), committed);
    assert!(!world.path("acme/index/python/ac/me/acme-doors").exists());
    assert_snapshot!(world.rvp("registry seal acme --drop-refused"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    sealed 0 records in acme; the log has 15 entries
    ");
    world.done("registry verify acme");
}

#[test]
fn info_shows_what_a_registry_knows_of_a_package() {
    let world = World::with_registry(&walls());
    world.publish("acme", &[Wheel::new("acme-walls", "3.0rc1")]);
    world.done("yank acme-walls==1.0 --registry acme --reason 'walls fall over'");
    assert_snapshot!(world.rvp("info acme-walls --registry acme"), @r"
    exit code: 0
    ----- stdout -----
    acme-walls 2.0 in acme
      needs acme-units>=2
      needs acme-plot; extra == 'plot'
      extras: plot
      file acme_walls-2.0-py3-none-any.whl (1.11 KiB)
    versions:
      3.0rc1  [TIME]
      2.0  [TIME]
      1.0  [TIME]  yanked: walls fall over
    ----- stderr -----
    ");
    world.project(&[], "");
    assert_snapshot!(world.app("info host:revit"), @r"
    exit code: 0
    ----- stdout -----
    host:revit 2027 in acme
      provides dotnet 10.0
      provides platform win_amd64
      provides python 3.11
    versions:
      2027  [TIME]
      2026.5  [TIME]
      2026.3  [TIME]
      2026  [TIME]
      2025.4  [TIME]
      2025  [TIME]
      2024  [TIME]
      2023  [TIME]
      2022  [TIME]
      2021  [TIME]
    ----- stderr -----
    ");
    assert_snapshot!(world.app("info acme-wals"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: there is no package `acme-wals` in acme
      hint: check the spelling, and the prefixes of the registries
    ");
    let output = world.command("app", "info acme-units --json").output().unwrap();
    let mut data: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    data["releases"][0]["artifacts"][0]["size"] = 0.into();
    data["releases"].as_array_mut().unwrap().truncate(1);
    assert_snapshot!(serde_json::to_string_pretty(&data).unwrap(), @r#"
    {
      "name": "acme-units",
      "newest": "2.0",
      "owners": null,
      "registry": "acme",
      "releases": [
        {
          "approvals": [],
          "artifacts": [
            {
              "blake3": "[DIGEST]",
              "file": "acme_units-2.0-py3-none-any.whl",
              "sha256": "[DIGEST]",
              "size": 0
            }
          ],
          "extras": [],
          "hosts": {},
          "license": null,
          "provides": {},
          "requires": [],
          "requires-python": null,
          "sealed": "[TIME]",
          "signers": [],
          "summary": null,
          "version": "2.0",
          "yanked": null
        }
      ]
    }
    "#);
}
