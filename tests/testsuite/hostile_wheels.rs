//! Wheels that lie: refused when they are published, and again when they are installed from a registry that holds
//! them nevertheless.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::archive::{Header, Member};
use crate::support::folder::{copy, tree};
use crate::support::{Wheel, World, text};
use rvp::model::{Blake3, Record, Sha256};
use rvp::registry::Writer;

const FILE: &str = "acme_evil-1.0-py3-none-any.whl";

/// A good wheel, for a liar to make something of.
fn evil() -> Wheel {
    Wheel::new("acme-evil", "1.0").compressed()
}

/// A wheel with its RECORD altered.
fn recorded(change: impl FnOnce(String) -> String) -> Vec<u8> {
    evil().bytes_with_record(&change(evil().record()))
}

/// Writes a wheel into a folder of its own.
fn write(folder: &Path, bytes: &[u8]) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join(FILE);
    fs::write(&path, bytes).unwrap();
    path
}

/// A good wheel with one more entry that has the name `name`.
fn named(name: &str) -> Vec<u8> {
    evil().file(name, b"evil\n").bytes()
}

/// A good wheel with one more entry, changed.
fn member(change: impl FnOnce(&mut Member)) -> Vec<u8> {
    let mut member = Member::deflated("acme_evil/more.py", b"print('evil')\n");
    change(&mut member);
    evil().member(member, b"print('evil')\n").bytes()
}

fn both(change: impl Fn(&mut Header)) -> Vec<u8> {
    member(|member| member.both(change))
}

/// Each attack, and the wheel that makes it.
fn attacks() -> Vec<(&'static str, Vec<u8>)> {
    let mut link = Member::stored("acme_evil/link", b"/etc/passwd");
    link.mode = 0o120_777;
    let mut long = Member::deflated("acme_evil/zeros", &[0; 100_000]);
    long.both(|header| header.size = 10);
    vec![
        ("duplicate entries", evil().file("acme_evil/__init__.py", b"evil\n").bytes()),
        ("another name in the local header", member(|member| member.local.name[0] = b'b')),
        ("another size in the local header", member(|member| member.local.size += 1)),
        ("another checksum than its content", both(|header| header.crc32 ^= 1)),
        ("../", named("../../../evil.py")),
        ("../ in the middle", named("acme_evil/../../evil.py")),
        ("absolute", named("/tmp/rvp-evil.py")),
        ("a drive letter", named("C:/Windows/evil.py")),
        ("a drive letter of a folder", named("acme_evil/D:evil.py")),
        ("backslashes", named("..\\..\\evil.py")),
        ("NUL", named("acme_evil/evil.py\0.txt")),
        ("a device name", named("acme_evil/NUL.txt")),
        ("a name that Windows shortens", named("acme_evil/evil.py. ")),
        ("names that differ in case", named("acme_evil/__INIT__.py")),
        ("a file where another needs a folder", named("acme_evil")),
        ("a symbolic link", evil().member(link, b"/etc/passwd").bytes()),
        ("a bomb that says so", both(|header| header.size = 4_000_000_000)),
        ("a bomb that hides it", evil().member(long, &[0; 100_000]).bytes()),
        ("encrypted", both(|header| header.flags |= 1)),
        ("a name outside UTF-8", both(|header| header.name = b"acme_evil/\xff.py".to_vec())),
        ("truncated", {
            let bytes = evil().bytes();
            bytes[..bytes.len() / 2].to_vec()
        }),
        ("not a zip", b"<html>log in</html>".to_vec()),
        ("something before the zip", [b"MZ evil".to_vec(), evil().bytes()].concat()),
        ("something behind the zip", [evil().bytes(), b"evil".to_vec()].concat()),
        ("RECORD with another digest", recorded(|record| record.replacen("sha256=", "sha256=A", 1))),
        (
            "RECORD of other content",
            evil().member(Member::deflated("acme_evil/more.py", b"evil\n"), b"good\n").bytes(),
        ),
        (
            "RECORD without a file",
            recorded(|record| record.lines().skip(1).map(|line| format!("{line}\n")).collect()),
        ),
        ("RECORD with a file that is not there", recorded(|record| record + "acme_evil/none.py,,\n")),
        ("RECORD that climbs out", recorded(|record| record + "../../evil.py,,\n")),
        (
            "the name of another package",
            evil().with_metadata(b"Metadata-Version: 2.1\nName: requests\nVersion: 1.0\n").bytes(),
        ),
        (
            "another version",
            evil().with_metadata(b"Metadata-Version: 2.1\nName: acme-evil\nVersion: 2.0\n").bytes(),
        ),
        (
            "metadata in Latin-1",
            evil()
                .with_metadata(b"Metadata-Version: 2.1\nName: acme-evil\nVersion: 1.0\nAuthor: Andr\xe9\n")
                .bytes(),
        ),
        (
            "metadata in UTF-16",
            evil()
                .with_metadata(
                    "\u{feff}Metadata-Version: 2.1\nName: acme-evil\nVersion: 1.0\n"
                        .encode_utf16()
                        .flat_map(u16::to_le_bytes)
                        .collect::<Vec<u8>>(),
                )
                .bytes(),
        ),
        (
            "a requirement that is none",
            evil()
                .with_metadata(
                    b"Metadata-Version: 2.1\nName: acme-evil\nVersion: 1.0\nRequires-Dist: a b c\n",
                )
                .bytes(),
        ),
        (
            "a command that climbs out",
            evil()
                .file(
                    "acme_evil-1.0.dist-info/entry_points.txt",
                    b"[console_scripts]\n../../evil = acme_evil:main\n",
                )
                .bytes(),
        ),
        ("a script that climbs out", named("acme_evil-1.0.data/scripts/../../../evil")),
        ("data for no place", named("acme_evil-1.0.data/elsewhere/evil")),
    ]
}

macro_rules! assert_shown {
    ($shown:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.add_filter(r"\[TEMP\]/attacks/\d+/|attacks/\d+/", "[ATTACK]/");
        settings.add_filter(r"\b[0-9a-f]{2}/\[DIGEST\]", "[DIGEST]");
        settings.bind(|| insta::assert_snapshot!($shown))
    }};
}

#[test]
fn none_is_imported() {
    let world = World::with_registry(&[]);
    let mut shown = String::new();
    for (number, (attack, bytes)) in attacks().into_iter().enumerate() {
        let folder = world.path(&format!("attacks/{number}"));
        write(&folder, &bytes);
        let good = Wheel::new("acme-good", &format!("{number}.0"));
        good.write(&folder);
        let before = tree(&world.path("."));
        let output =
            world.command(".", &format!("registry import acme --from attacks/{number}")).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{attack}: {}", text(&output));
        // The good wheel of the same folder came in, and nothing else was written anywhere.
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("+ acme-good {number}.0\n"), "{attack}");
        for path in written(&before, &world) {
            let text = path.to_str().unwrap();
            let is_memory = text.starts_with("home/keys/") && text.ends_with(".sealed");
            let expected = text.starts_with("acme/") || is_memory;
            assert!(expected && !text.contains("evil"), "{attack}: {text}");
        }
        let refused = String::from_utf8(output.stderr).unwrap();
        let refused: Vec<&str> = refused.lines().take_while(|line| !line.starts_with("sealed ")).collect();
        shown.push_str(&format!("--- {attack}\n{}\n", refused.join("\n")));
    }
    assert_shown!(shown);
    world.done("registry verify acme");
}

#[test]
fn none_is_published() {
    let world = World::with_registry(&[]);
    let before = tree(&world.path("acme"));
    for (number, (attack, bytes)) in attacks().into_iter().enumerate() {
        write(&world.path(&format!("attacks/{number}")), &bytes);
        let output =
            world.command(".", &format!("publish --registry acme attacks/{number}/{FILE}")).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{attack}: {}", text(&output));
        assert!(
            String::from_utf8_lossy(&output.stderr).starts_with("refused: "),
            "{attack}: {}",
            text(&output)
        );
        assert!(tree(&world.path("acme")) == before, "{attack}");
    }
}

#[test]
fn none_is_installed() {
    let world = World::with_registry(&[Wheel::new("acme-good", "1.0")]);
    world.project(&["acme-good"], "");
    world.done_in("app", "sync");
    let good = fs::read(world.path("app/rvp.lock")).unwrap();
    copy(&world.path("acme"), &world.path("clean"));
    let mut shown = String::new();
    for (attack, bytes) in attacks() {
        // Each attack has a registry to itself, which the client has never seen.
        copy(&world.path("clean"), &world.path("acme"));
        fs::remove_dir_all(world.path("home/state")).unwrap();
        smuggle(&world, &bytes);
        world.project(&["acme-good", "acme-evil"], "");
        fs::write(world.path("app/rvp.lock"), &good).unwrap();
        world.done_in("app", "lock");
        let before = tree(&world.path("."));
        let output = world.command("app", "sync").output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{attack}: {}", text(&output));
        assert_eq!(written(&before, &world), BTreeSet::new(), "{attack}");
        let refused = String::from_utf8(output.stderr).unwrap();
        shown.push_str(&format!("--- {attack}\n{refused}"));
    }
    assert_shown!(shown);
    copy(&world.path("clean"), &world.path("acme"));
    fs::remove_dir_all(world.path("home/state")).unwrap();
    world.project(&["acme-good"], "");
    world.done_in("app", "sync");
}

/// What is another than before, or is new. Empty folders in which something was staged do not count.
fn written(before: &BTreeMap<PathBuf, String>, world: &World) -> BTreeSet<PathBuf> {
    let after = tree(&world.path("."));
    let same = |path: &PathBuf| after.get(path) == before.get(path);
    let staging = |path: &PathBuf| path.ends_with("home/store/staging");
    after.keys().chain(before.keys()).filter(|path| !same(path) && !staging(path)).cloned().collect()
}

/// Puts a wheel into the registry as `acme-evil` 1.0, with digests that agree and no question asked.
fn smuggle(world: &World, bytes: &[u8]) {
    let path = write(&world.path("smuggled"), bytes);
    let mut writer = Writer::open(&world.path("acme"), |_| Ok(world.key())).unwrap();
    let (blake3, size) = (Blake3::of(bytes), bytes.len() as u64);
    writer.put_blob(&path, FILE, blake3, size).unwrap();
    let sha256 = Sha256::of(bytes);
    let record = format!(
        r#"{{"kind":"release","family":"python","name":"acme-evil","version":"1.0","artifacts":[{{"file":"{FILE}","size":{size},"blake3":"{blake3}","sha256":"{sha256}"}}]}}"#
    );
    writer.publish(vec![Record::parse(&record).unwrap()], jiff::Timestamp::now()).unwrap();
}
