//! A thief has the registry's own key, and no owner's: what the thief seals is signed by the log, and every client refuses it.

use std::fs;

use rvp::model::{Blake3, Record, SealedLine, sealed_lines};
use rvp::publish::sign_records;
use rvp::registry::snapshot::Entry;
use rvp::registry::{LogKey, layout};

use crate::support::folder::{copy, tree};
use crate::support::forge::Forge;
use crate::support::signer::Person;
use crate::support::{Wheel, World};

const WALLS: &str = "index/python/ac/me/acme-walls";
const BOLTS: &str = "index/python/co/rp/corp-bolts";

/// A registry where ana owned `acme-walls` and handed it over to ben, and owns all of `corp-*`; and a project that uses both.
struct Stage {
    world: World,
    ana: Person,
    ben: Person,
    eve: Person,
    key: String,
    /// Releases 2.0 that nobody has signed. Their files are in the registry.
    walls: String,
    bolts: String,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        world.done("registry init acme");
        let key = world.key().to_text().to_owned();
        let [ana, ben, eve] = ["ana", "ben", "eve"].map(|name| Person::new(&world, name));
        ana.published(&world, &Wheel::new("acme-walls", "1.0"));
        world.done("owner set acme-walls --owner-key ben.pub --registry acme --sign-key ana.key");
        ben.published(&world, &Wheel::new("acme-walls", "1.1"));
        world.done("yank acme-walls==1.0 --registry acme --reason no --sign-key ben.key");
        world.done("yank acme-walls==1.0 --registry acme --reason yes --undo --sign-key ben.key");
        world.done("owner claim 'corp-*' --registry acme --sign-key ana.key");
        ana.published(&world, &Wheel::new("corp-bolts", "1.0"));
        world.project(&["acme-walls", "corp-bolts"], "");
        world.done_in("app", "sync");

        world.done("registry init other");
        world.publish("other", &[Wheel::new("acme-walls", "2.0"), Wheel::new("corp-bolts", "2.0")]);
        let first = |path: &str| world.read(&format!("other/{path}")).lines().next().unwrap().to_owned();
        let (walls, bolts) = (first(WALLS), first(BOLTS));
        for line in [&walls, &bolts] {
            let record = Record::parse(line).unwrap();
            let blob = layout::blob(&record.artifacts()[0]);
            fs::create_dir_all(world.path("acme").join(&blob).parent().unwrap()).unwrap();
            fs::copy(world.path("other").join(&blob), world.path("acme").join(&blob)).unwrap();
        }
        for part in ["acme", "home/state", "home/cache"] {
            copy(&world.path(part), &world.path("clean").join(part));
        }
        Self { world, ana, ben, eve, key, walls, bolts }
    }

    /// The sealed lines of one kind in an index file.
    fn lines(&self, path: &str, kind: &str) -> Vec<String> {
        let bytes = fs::read(self.world.path("acme").join(path)).unwrap();
        let of_kind = |line: &SealedLine| line.line.contains(&format!("\"kind\":\"{kind}\""));
        let lines = sealed_lines(path, &bytes).unwrap();
        lines.into_iter().filter(of_kind).map(|line| line.line.to_owned()).collect()
    }

    /// The line with the signature of `person`, made for the registry of this name.
    fn signed_for(&self, registry: &str, person: &Person, line: &str) -> String {
        let mut record = Record::parse(line).unwrap();
        let signatory = person.signatory(&self.world);
        let bundle = sign_records(registry, &signatory, std::slice::from_mut(&mut record)).unwrap();
        self.put_bundle(&bundle);
        record.to_line().unwrap()
    }

    fn signed(&self, person: &Person, line: &str) -> String {
        self.signed_for("acme", person, line)
    }

    fn put_bundle(&self, bytes: &[u8]) {
        let path = layout::blob_of(Blake3::of(bytes), layout::BUNDLE);
        self.world.write(&format!("acme/{path}"), std::str::from_utf8(bytes).unwrap());
    }

    /// A line that names `bundle` as its signature, by the key of ben.
    fn with_bundle(&self, line: &str, size: usize, digest: Blake3) -> String {
        let key = data_encoding::BASE64.encode(self.ben.key.as_der());
        line.strip_suffix('}').unwrap().to_owned()
            + &format!(r#","signatures":[{{"size":{size},"blake3":"{digest}","key":"{key}"}}]}}"#)
    }

    /// Seals what `change` gives, into that file, and has the client lock: that must fail with all of `expected`, and leave
    /// the project and the store as they were.
    #[track_caller]
    fn refused(&self, case: &str, path: &str, change: impl FnOnce() -> Vec<String>, expected: &[&str]) {
        for part in ["acme", "home/state", "home/cache"] {
            copy(&self.world.path("clean").join(part), &self.world.path(part));
        }
        let lines = change();
        let mut forge = Forge::new(&self.world.path("acme"), LogKey::parse(&self.key).unwrap());
        forge.seal(path, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        self.lock_fails(case, expected);
    }

    #[track_caller]
    fn lock_fails(&self, case: &str, expected: &[&str]) {
        let before = (tree(&self.world.path("app")), tree(&self.world.path("home/store")));
        let said = self.world.fails_in("app", "lock --upgrade");
        for part in expected {
            assert!(said.contains(part), "{case}: `{part}` is not in\n{said}");
        }
        assert!((tree(&self.world.path("app")), tree(&self.world.path("home/store"))) == before, "{case}");
    }
}

const BY_FORMER_OWNER: &str = "a former owner, who has the registry's key, added it";
const BY_THIEF: &str = "someone who has the registry's key, and not an owner's, added it";

#[test]
fn releases() {
    let stage = Stage::new();
    let (walls, bolts) = (&stage.walls, &stage.bolts);
    let release = "the release acme-walls 2.0 in the registry `acme`";
    stage.refused(
        "unsigned",
        WALLS,
        || vec![walls.clone()],
        &["acme-walls", "none of them has signed", BY_THIEF],
    );
    stage.refused(
        "unsigned under a prefix",
        BOLTS,
        || vec![bolts.clone()],
        &[
            "the release corp-bolts 2.0 in the registry `acme` is not signed, and its name is owned by",
            BY_THIEF,
        ],
    );
    stage.refused(
        "by a stranger",
        WALLS,
        || vec![stage.signed(&stage.eve, walls)],
        &[release, "is signed by", "and its name is owned by", BY_THIEF],
    );
    stage.refused(
        "by a former owner",
        WALLS,
        || vec![stage.signed(&stage.ana, walls)],
        &[
            release,
            &format!("is signed by {}, and its name is owned by {}", stage.ana.key, stage.ben.key),
            BY_FORMER_OWNER,
        ],
    );
    stage.refused(
        "by a stranger to the prefix",
        BOLTS,
        || vec![stage.signed(&stage.ben, bolts)],
        &["the release corp-bolts 2.0", BY_THIEF],
    );
    stage.refused(
        "signed for another registry",
        WALLS,
        || vec![stage.signed_for("other", &stage.ben, walls)],
        &[release, "is over records of the registry `other`, and this is `acme`"],
    );
    stage.refused(
        "altered after it was signed",
        WALLS,
        || {
            let signed = stage.signed(&stage.ben, walls);
            vec![signed.replace("\"artifacts\"", "\"requires\":[\"corp-bolts\"],\"artifacts\"")]
        },
        &[release, "is over other records than this one: it was altered"],
    );
    stage.refused(
        "with the signature of another package",
        WALLS,
        || {
            let signed = Record::parse(&stage.signed(&stage.ben, bolts)).unwrap();
            let file = &signed.signatures()[0];
            vec![stage.with_bundle(walls, usize::try_from(file.size).unwrap(), file.blake3)]
        },
        &[release, "is over other records than this one"],
    );
    stage.refused(
        "more files than were signed",
        WALLS,
        || {
            let add = walls.replace("\"kind\":\"release\"", "\"kind\":\"add\"").replace("-py3-", "-py2.py3-");
            vec![stage.signed(&stage.ben, walls), stage.signed(&stage.eve, &add)]
        },
        &["the record that adds files to acme-walls 2.0", BY_THIEF],
    );
}

#[test]
fn bundles() {
    let stage = Stage::new();
    let walls = &stage.walls;
    let digest = Blake3::of(b"{}");
    stage.refused(
        "missing",
        WALLS,
        || vec![stage.with_bundle(walls, 2, digest)],
        &["bundle.sigstore.json", "is missing"],
    );
    stage.refused(
        "not a bundle",
        WALLS,
        || {
            stage.put_bundle(b"{}");
            vec![stage.with_bundle(walls, 2, digest)]
        },
        &["the release acme-walls 2.0", "its signature does not hold"],
    );
    stage.refused(
        "longer than a bundle can be",
        WALLS,
        || vec![stage.with_bundle(walls, 5 << 20, digest)],
        &["it would be 5242880 bytes long, and a bundle has at most 4194304"],
    );
    stage.refused(
        "longer than its record says",
        WALLS,
        || {
            stage
                .world
                .write(&format!("acme/{}", layout::blob_of(digest, layout::BUNDLE)), &"x".repeat(1 << 20));
            vec![stage.with_bundle(walls, 2, digest)]
        },
        &["is larger than 2 bytes"],
    );
    stage.refused(
        "too many",
        WALLS,
        || {
            let file = format!(r#"{{"size":2,"blake3":"{digest}"}},"#).repeat(65);
            let line = walls.strip_suffix('}').unwrap();
            vec![format!(r#"{line},"signatures":[{}]}}"#, file.trim_end_matches(','))]
        },
        &["it has 65 signatures, and a record has at most 64"],
    );
}

#[test]
fn yanks() {
    let stage = Stage::new();
    let yank = r#"{"kind":"yank","family":"python","name":"acme-walls","version":"1.1","yanked":true,"reason":"x","revision":1}"#;
    stage.refused(
        "of a newer release, by a stranger, so that an older one is chosen",
        WALLS,
        || vec![stage.signed(&stage.eve, yank)],
        &["the yank of acme-walls 1.1", BY_THIEF],
    );
    stage.refused(
        "said again after it was taken back",
        WALLS,
        || vec![stage.lines(WALLS, "yank")[0].clone()],
        &["it is not word 3 about whether 1.0 is yanked"],
    );
    let of_bolts =
        yank.replace("acme-walls", "corp-bolts").replace("1.1", "1.0").replace(",\"revision\":1", "");
    stage.refused(
        "without a number",
        BOLTS,
        || vec![stage.bolts_signed(), stage.signed(&stage.ana, &of_bolts)],
        &["is not numbered by a revision", BY_THIEF],
    );
}

impl Stage {
    fn bolts_signed(&self) -> String {
        self.signed(&self.ana, &self.bolts)
    }
}

#[test]
fn owners() {
    let stage = Stage::new();
    let statement = |revision: u32, person: &Person| {
        let key = data_encoding::BASE64.encode(person.key.as_der());
        format!(
            r#"{{"kind":"owners","critical":true,"family":"python","name":"acme-walls","revision":{revision},"threshold":1,"owners":[{{"key":"{key}"}}]}}"#
        )
    };
    stage.refused(
        "a stranger's statement",
        WALLS,
        || vec![stage.signed(&stage.eve, &statement(3, &stage.eve)), stage.signed(&stage.eve, &stage.walls)],
        &["statement 3 of the owners of acme-walls", BY_THIEF],
    );
    stage.refused(
        "the statement of a former owner",
        WALLS,
        || vec![stage.signed(&stage.ana, &statement(3, &stage.ana))],
        &["statement 3 of the owners of acme-walls", BY_FORMER_OWNER],
    );
    stage.refused(
        "a statement from before, said again",
        WALLS,
        || vec![stage.lines(WALLS, "owners")[0].clone()],
        &["it is revision 1 of the owners, and the next one is 3"],
    );
    stage.refused(
        "a statement about a prefix",
        layout::PREFIXES_INDEX,
        || {
            let line = statement(2, &stage.eve)
                .replace("\"kind\":\"owners\"", "\"kind\":\"prefix\"")
                .replace("\"name\":\"acme-walls\"", "\"prefix\":\"corp-\"");
            vec![stage.signed(&stage.eve, &line)]
        },
        &["statement 2 of the owners of corp-*", BY_THIEF],
    );
    stage.refused(
        "a longer prefix, so that the name is under it",
        layout::PREFIXES_INDEX,
        || {
            let line = statement(1, &stage.eve)
                .replace("\"kind\":\"owners\"", "\"kind\":\"prefix\"")
                .replace("\"name\":\"acme-walls\"", "\"prefix\":\"corp-bo-\"");
            let wide = line.replace("corp-bo-", "corp-");
            assert_ne!(line, wide);
            vec![stage.signed(&stage.eve, &wide)]
        },
        &["it is revision 1 of the owners, and the next one is 2"],
    );
}

/// The index file with other lines, under seal lines that say `first` for each part, and covered by the snapshot.
fn rewrite(stage: &Stage, path: &str, parts: &[(u64, Vec<String>)]) {
    let mut text = String::new();
    for (first, lines) in parts {
        lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        let count = lines.len();
        text.push_str(&format!(
            "{{\"kind\":\"seal\",\"path\":\"{path}\",\"first\":{first},\"count\":{count},\"time\":\"2030-01-01T00:00:00Z\"}}\n"
        ));
    }
    stage.world.write(&format!("acme/{path}"), &text);
    let entry = Entry { length: text.len() as u64, digest: Blake3::of(text.as_bytes()) };
    Forge::new(&stage.world.path("acme"), LogKey::parse(&stage.key).unwrap()).cover(path, entry);
}

#[test]
fn a_release_of_a_former_owner_is_not_put_before_the_handover() {
    let stage = Stage::new();
    let (owners, releases) = (stage.lines(WALLS, "owners"), stage.lines(WALLS, "release"));
    let stolen = stage.signed(&stage.ana, &stage.walls);
    let parts = [
        (2, vec![owners[0].clone(), releases[0].clone()]),
        (5, vec![stolen]),
        (7, vec![owners[1].clone(), releases[1].clone()]),
    ];
    rewrite(&stage, WALLS, &parts);
    // Whoever has not seen the registry before finds it out by the log.
    fs::remove_dir_all(stage.world.path("home/state")).unwrap();
    fs::remove_dir_all(stage.world.path("home/cache")).unwrap();
    stage.lock_fails("new numbers", &["the log has another entry"]);
}

#[test]
fn owners_that_were_seen_once_are_not_forgotten() {
    let stage = Stage::new();
    rewrite(&stage, WALLS, &[(100, vec![stage.walls.clone()])]);
    // The forger logs the record, so that only the memory of the client is left.
    let mut forge = Forge::new(&stage.world.path("acme"), LogKey::parse(&stage.key).unwrap());
    stage.world.write(&format!("acme/{WALLS}"), "");
    forge.seal(WALLS, &[&stage.walls]);
    stage.lock_fails(
        "left out",
        &[
            "acme does not begin with the records that it had",
            "someone who has the registry's key has rewritten it",
        ],
    );
    // Whoever replays the log sees it, too.
    let said = stage.world.rvp("registry verify acme");
    assert!(said.starts_with("exit code: 1") && said.contains("holds other lines than the log"), "{said}");
}
