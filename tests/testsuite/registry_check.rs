//! Checking proposals before they are merged: lines and blobs that a publisher has put into a registry without its key.

use std::fs;
use std::path::Path;

use crate::support::folder::{copy, tree};
use crate::support::signer::Person;
use crate::support::{Wheel, World, walls};
use insta::assert_snapshot;

/// Runs `rvp` with these arguments and wheels on `draft`, a copy of the registry, and proposes in `acme` what it has
/// sealed there.
fn propose(world: &World, arguments: &str, wheels: &[Wheel]) {
    copy(&world.path("acme"), &world.path("base"));
    propose_after(world, arguments, wheels);
}

/// The same, with a draft that is a copy of what `base` holds already: an older state of the registry.
fn propose_after(world: &World, arguments: &str, wheels: &[Wheel]) {
    world.forget_sealed();
    copy(&world.path("base"), &world.path("draft"));
    let mut command = world.command(".", arguments);
    command.args(wheels.iter().map(|wheel| wheel.write(&world.path("wheels"))));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", crate::support::text(&output));
    world.forget_sealed();

    for path in files(&world.path("draft/index")) {
        let old = fs::read_to_string(world.path("base/index").join(&path)).unwrap_or_default();
        let new = fs::read_to_string(world.path("draft/index").join(&path)).unwrap();
        let is_new = |line: &&str| !line.contains(r#""kind":"seal""#) && !old.lines().any(|old| old == *line);
        let lines = new.lines().filter(is_new);
        let proposed: String = lines.map(|line| format!("{line}\n")).collect();
        append(&world.path("acme/index").join(&path), &proposed);
    }
    for path in files(&world.path("draft/blobs")) {
        let to = world.path("acme/blobs").join(&path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(world.path("draft/blobs").join(&path), &to).unwrap();
    }
}

fn publish(world: &World, wheels: &[Wheel]) {
    propose(world, "publish --registry draft", wheels);
}

fn append(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let old = fs::read_to_string(path).unwrap_or_default();
    if !text.is_empty() {
        fs::write(path, old + text).unwrap();
    }
}

/// The files below a folder, relative to it.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let items = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = items.filter(|item| item.file_type().is_file());
    files.map(|item| item.path().strip_prefix(folder).unwrap().to_owned()).collect()
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

/// The path of the only blob whose name begins so.
fn blob(world: &World, file: &str) -> std::path::PathBuf {
    let is_it = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(file);
    let found: Vec<_> = files(&world.path("acme/blobs")).into_iter().filter(is_it).collect();
    assert_eq!(found.len(), 1);
    world.path("acme/blobs").join(&found[0])
}

const WALLS: &str = "acme/index/python/ac/me/acme-walls";
const WINDOWS: &str = "--python 3.11 --platform win_amd64";

#[test]
fn a_good_proposal_is_told_in_every_form_and_sealed_as_it_was_checked() {
    let world = World::with_registry(&walls());
    fs::remove_file(world.path("acme/.lock")).unwrap();
    let new = [
        Wheel::new("acme-walls", "3.0")
            .requires("acme-units>=1")
            .requires("acme-paint")
            .license("MIT")
            .requires_python(">=3.9,<3.13"),
        Wheel::new("acme-paint", "1.0"),
    ];
    publish(&world, &new);
    propose(&world, "yank acme-walls==1.0 --registry draft --reason 'leaks | paint'", &[]);
    let _ = fs::remove_file(world.path("acme/.lock"));
    let before = tree(&world.path("acme"));
    assert_snapshot!(world.rvp("registry check acme"));
    assert_snapshot!(world.rvp("registry check acme --markdown"));
    assert_snapshot!(world.rvp("registry check acme --json --python 3.11 --platform win_amd64"));
    assert_eq!(tree(&world.path("acme")), before, "a check writes nothing, and needs no lock");
    fs::remove_dir_all(world.path("home/keys")).unwrap();
    assert!(world.rvp("registry check acme").starts_with("exit code: 0"), "it needs no key");
}

#[test]
fn without_a_proposal_there_is_nothing_to_say() {
    let world = World::with_registry(&walls());
    assert_snapshot!(world.rvp("registry check acme"));
    assert_snapshot!(world.rvp("registry check acme --markdown"));
}

#[test]
fn what_a_seal_would_refuse_a_check_refuses() {
    let world = World::with_registry(&walls());
    let walls = world.path(WALLS);
    let first = fs::read_to_string(&walls).unwrap().lines().next().unwrap().to_owned();
    append(&walls, &format!("{first}\n{{\"kind\":\"release\"}}\nnonsense\n"));
    publish(&world, &[Wheel::new("acme-roofs", "1.0"), Wheel::new("acme-doors", "1.0")]);
    fs::remove_file(blob(&world, "acme_roofs")).unwrap();
    let checked = world.rvp("registry check acme");
    assert_snapshot!(checked);
    let sealed = world.rvp("registry seal acme");
    let reasons = |said: &str, mark: &str| {
        let found =
            said.lines().filter_map(|line| line.split_once(mark)).map(|(_, reason)| reason.to_owned());
        let mut found: Vec<String> = found.collect();
        found.sort();
        found
    };
    let mut of_seal: Vec<String> = sealed
        .lines()
        .filter_map(|line| line.strip_prefix("refused: ")?.split_once(": "))
        .map(|(_, reason)| reason.to_owned())
        .collect();
    of_seal.sort();
    assert_eq!(reasons(&checked, "cannot be sealed: "), of_seal, "{sealed}");
}

#[test]
fn a_release_by_a_stranger_is_refused() {
    let world = World::with_registry(&[]);
    let (ana, eve) = (Person::new(&world, "ana"), Person::new(&world, "eve"));
    let shown = |text: String| {
        [&ana, &eve].iter().fold(text, |text, one| text.replace(&one.key.to_string(), one.name))
    };
    copy(&world.path("acme"), &world.path("base"));
    ana.published(&world, &Wheel::new("acme-walls", "1.0"));
    let by_eve = "publish --registry draft --sign-key eve.key --no-claim";
    propose_after(&world, by_eve, &[Wheel::new("acme-walls", "1.1")]);
    assert_snapshot!(shown(world.rvp(&format!("registry check acme {WINDOWS}"))));
    // Of the owner herself it is fine, and she is named.
    let _ = world.rvp("registry seal acme --drop-refused");
    propose(&world, "publish --registry draft --sign-key ana.key", &[Wheel::new("acme-walls", "1.2")]);
    assert_snapshot!(shown(world.rvp(&format!("registry check acme {WINDOWS}"))));
}

#[test]
fn a_signature_covers_all_of_its_record() {
    let world = World::with_registry(&[]);
    let ana = Person::new(&world, "ana");
    ana.published(&world, &Wheel::new("acme-walls", "1.0"));
    propose(&world, "publish --registry draft --sign-key ana.key", &[Wheel::new("acme-walls", "1.2")]);
    replace(&world.path(WALLS), r#""version":"1.2""#, r#""version":"1.2","license":"MIT""#);
    let said = world.rvp(&format!("registry check acme {WINDOWS}"));
    assert_snapshot!(said.replace(&ana.key.to_string(), ana.name));
}

#[test]
fn files_must_be_what_their_records_say() {
    let world = World::with_registry(&walls());
    publish(
        &world,
        &[
            Wheel::new("acme-walls", "3.0").requires("acme-units>=2").license("MIT"),
            Wheel::new("acme-roofs", "1.0"),
            Wheel::new("acme-doors", "1.0").requires_python(">=3.8"),
        ],
    );
    replace(&world.path(WALLS), "acme-units>=2\"],\"license\":\"MIT\"", "acme-units\"],\"license\":\"GPL\"");
    replace(&world.path("acme/index/python/ac/me/acme-doors"), ">=3.8", ">=3.7");
    let roofs = blob(&world, "acme_roofs");
    let mut bytes = fs::read(&roofs).unwrap();
    let last = bytes.len() / 2;
    bytes[last] ^= 1;
    fs::write(&roofs, bytes).unwrap();
    assert_snapshot!(world.rvp(&format!("registry check acme {WINDOWS}")));
}

#[test]
fn names_that_may_be_taken_for_others_are_warned_of() {
    let world = World::with_registry(&walls());
    let names = ["acme-wa11s", "acme-wall", "python-acme-units", "acme-unitz", "acme-doors"];
    publish(&world, &names.map(|name| Wheel::new(name, "1.0")));
    assert_snapshot!(world.rvp(&format!("registry check acme {WINDOWS}")));
}

#[test]
fn a_release_must_resolve_for_all_that_it_claims() {
    let world = World::with_registry(&walls());
    publish(&world, &[Wheel::new("acme-roofs", "1.0").requires("acme-absent>=1")]);
    propose(
        &world,
        "publish --registry draft --host revit>=2024",
        &[Wheel::new("acme-doors", "1.0").requires_python(">=3.12"), Wheel::new("acme-gates", "1.0")],
    );
    propose(&world, "publish --registry draft --host rhino>=8", &[Wheel::new("acme-stairs", "1.0")]);
    assert_snapshot!(world.rvp("registry check acme"));
    assert_snapshot!(world.rvp("registry check acme --target revit==2025"));
}

#[test]
fn packages_that_depend_on_it_are_resolved_again() {
    let world = World::with_registry(&walls());
    world.publish(
        "acme",
        &[
            Wheel::new("acme-roofs", "1.0").requires("acme-walls<2"),
            Wheel::new("acme-doors", "1.0").requires("acme-walls; extra == 'fit'").requires("acme-units"),
            Wheel::new("acme-gates", "1.0").requires("acme-walls"),
            Wheel::new("acme-gates", "2.0"),
        ],
    );
    publish(&world, &[Wheel::new("acme-units", "3.0").requires("acme-plot")]);
    propose(&world, "yank acme-walls==1.0 --registry draft --reason leaks", &[]);
    assert_snapshot!(world.rvp(&format!("registry check acme {WINDOWS}")));
    assert_snapshot!(world.rvp(&format!("registry check acme {WINDOWS} --markdown")));
}

#[test]
fn nothing_that_is_committed_may_be_altered() {
    let world = World::with_registry(&walls());
    world.write("policy.toml", "[[deny]]\npackages = [\"bad\"]\nreason = \"bad\"\n");
    world.done("registry policy acme policy.toml");
    publish(&world, &[Wheel::new("acme-doors", "1.0")]);
    let check = || world.rvp(&format!("registry check acme {WINDOWS} --base base"));
    assert!(check().starts_with("exit code: 0"), "{}", check());
    replace(&world.path(WALLS), "acme-units>=1", "acme-units>=0");
    fs::remove_file(world.path("acme/index/python/ac/me/acme-plot")).unwrap();
    world.write("acme/policy.toml", "");
    world.write("acme/README.md", "Read me.");
    world.write("acme/.github/workflows/check.yml", "steps: []");
    let entries = world.path("acme/log/tile/entries");
    for path in files(&entries) {
        let bytes = fs::read(entries.join(&path)).unwrap().to_ascii_uppercase();
        fs::write(entries.join(&path), bytes).unwrap();
    }
    fs::remove_dir_all(world.path("acme/blobs")).unwrap();
    assert_snapshot!(world.rvp(&format!("registry check acme {WINDOWS} --allow-missing-blobs")));
    assert_snapshot!(check());
    // A state of before is as well signed as the present one; compared with that, it is not the same.
    let world = World::with_registry(&walls());
    copy(&world.path("acme"), &world.path("old"));
    world.publish("acme", &[Wheel::new("acme-doors", "1.0")]);
    let old = world.rvp("registry check old");
    assert!(old.starts_with("exit code: 0"), "{old}");
    let old = world.rvp("registry check old --base acme");
    assert!(old.contains("FAILED: log/checkpoint was changed"), "{old}");
}

#[test]
fn the_policy_of_the_registry_is_applied() {
    let world = World::with_registry(&[]);
    let ana = Person::new(&world, "ana");
    let key = data_encoding::BASE64.encode(ana.key.as_der());
    let policy = format!(
        "[licenses]\nallow = [\"MIT\"]\n\n[age]\nmin-days = 7\n\n[[publishers]]\npackages = [\"acme-*\"]\nallow = [{{ key = \"{key}\" }}]\n\n[[approvals]]\npackages = [\"acme-doors\"]\ncount = 1\nreviewers = [{{ key = \"{key}\" }}]\n"
    );
    world.write("policy.toml", &policy);
    world.done("registry policy acme policy.toml");
    publish(&world, &[Wheel::new("acme-walls", "1.0").license("GPL-3.0-only")]);
    propose(
        &world,
        "publish --registry draft --sign-key ana.key",
        &[Wheel::new("acme-doors", "1.0").license("MIT")],
    );
    let shown = |text: String| text.replace(&ana.key.to_string(), ana.name).replace(&key, ana.name);
    assert_snapshot!(shown(world.rvp(&format!("registry check acme {WINDOWS}"))));
    let markdown = shown(world.rvp(&format!("registry check acme {WINDOWS} --markdown")));
    assert!(markdown.contains("| forbids it |") && markdown.contains("| lets it wait |"), "{markdown}");
}

#[test]
fn more_files_of_a_release_are_judged_with_those_that_it_has() {
    let world = World::with_registry(&[]);
    let ana = Person::new(&world, "ana");
    let wheel = || Wheel::new("acme-walls", "1.0").requires("acme-units");
    world.publish("acme", &[Wheel::new("acme-units", "1.0")]);
    ana.publish(&world, &wheel(), "--no-claim");
    world.write("policy.toml", "[signatures]\nrequired = [\"acme-walls\"]\n");
    world.done("registry policy acme policy.toml");
    propose(&world, "publish --registry draft", &[wheel().tag("py2-none-any").requires("acme-plot")]);
    let shown = |text: String| text.replace(&ana.key.to_string(), ana.name);
    assert_snapshot!(shown(world.rvp(&format!("registry check acme {WINDOWS}"))));
}

#[test]
fn a_real_wheel_is_what_its_record_says_and_its_attestation_holds() {
    let world = World::with_registry(&[]);
    world.write("root.json", sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT);
    world.done("config set trusted-root root.json");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pep740");
    let file = "rfc8785-0.1.2-py3-none-any.whl";
    for file in [file.to_owned(), format!("{file}.publish.attestation")] {
        fs::copy(data.join(&file), world.path(&file)).unwrap();
    }
    propose(&world, &format!("publish --registry draft {file}"), &[]);
    let said = world.rvp("registry check acme");
    assert!(said.starts_with("exit code: 0"), "{said}");
    replace(&blob(&world, "provenance.json"), r#""publisher":null"#, r#""publisher":true"#);
    assert_snapshot!(world.rvp("registry check acme"));
}

#[test]
fn hostile_texts_mean_nothing_in_a_comment() {
    let world = World::with_registry(&walls());
    let hostile =
        "</code></td>|@acme/all `x` [y](javascript:z) #1 https://example.org <img src=x>\\n## \\u202eHead";
    let line = format!(
        r#"{{"kind":"yank","family":"python","name":"acme-walls","version":"1.0","yanked":true,"reason":"{hostile}"}}"#
    );
    append(&world.path(WALLS), &format!("{line}\n"));
    let line = format!(r#"{{"kind":"release","family":"python","name":"{hostile}","version":"`1|0`"}}"#);
    append(&world.path("acme/index/python/ac/me/acme-x"), &format!("{line}\n@acme/all | `x`\n"));
    assert_snapshot!(world.rvp(&format!("registry check acme {WINDOWS} --markdown")));
}
