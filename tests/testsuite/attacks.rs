//! The table of attacks, one test for each: a registry whose package is signed, on a web server that lies.
//!
//! The client locked and installed version 1.0, and has seen the yank of 0.9. Version 1.1 is new. Whatever the server does, the client says
//! which attack it looks like, and keeps the lock, the environment and the store that it had.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use insta::assert_snapshot;
use rvp::model::{Blake3, Record};
use rvp::publish::sign_records;
use rvp::registry::{LogKey, layout};

use crate::support::folder::{copy, tree};
use crate::support::forge::Forge;
use crate::support::hostile::{Hostile, answer};
use crate::support::signer::Person;
use crate::support::{WINDOWS, Wheel, World};

const WALLS: &str = "index/python/ac/me/acme-walls";
const FILE: &str = "acme_walls-1.1-py3-none-any.whl";

/// What the server does with the file whose path ends like this, in place of serving it.
#[derive(Clone, Copy)]
enum Lie {
    Endless,
    Drip,
}

/// Where the server is to lie: the end of a path.
type Lies = Arc<Mutex<Option<(&'static str, Lie)>>>;

struct Stage {
    world: World,
    /// What is served; the honest registry is `acme`.
    served: PathBuf,
    lie: Lies,
    ana: Person,
    key: LogKey,
    _host: Hostile,
    _filters: insta::internals::SettingsBindDropGuard,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let served = world.path("served");
        let (host, lie) = serve(served.clone());
        world.done("config set http-timeout 1");
        world.done("registry init acme --max-age-days 30");
        let ana = Person::new(&world, "ana");
        for version in ["0.9", "1.0"] {
            ana.published(&world, &Wheel::new("acme-walls", version));
        }
        copy(&world.path("acme"), &world.path("first"));
        world.done("yank acme-walls==0.9 --registry acme --reason leaks --sign-key ana.key");
        copy(&world.path("acme"), &served);
        let registries = format!("registries = [{{ name = \"acme\", url = \"{}\" }}]\n{WINDOWS}", host.url);
        world.project(&["acme-walls"], &registries);
        world.done_in("app", "sync");
        copy(&world.path("acme"), &world.path("old"));
        ana.published(&world, &Wheel::new("acme-walls", "1.1"));
        copy(&world.path("acme"), &served);
        let mut settings = insta::Settings::clone_current();
        for (pattern, replacement) in [
            (r"[A-Za-z0-9+/]{43}=", "[ROOT]"),
            (r"SHA256:[0-9a-f]{16}", "SHA256:[KEY]"),
            (r"\b[0-9a-f]{2}/\[DIGEST\]", "[DIGEST]"),
            (r"\d+ bytes a second", "[FEW] bytes a second"),
            (r"\d{4} bytes", "[LENGTH] bytes"),
            (r"should have \d{4}", "should have [LENGTH]"),
        ] {
            settings.add_filter(pattern, replacement);
        }
        let key = world.key();
        Self { world, served, lie, ana, key, _host: host, _filters: settings.bind_to_scope() }
    }

    /// What the client says to what is served now. Nothing of the project or the store may change by it.
    #[track_caller]
    fn stopped(&self, command: &str) -> String {
        let state = || (tree(&self.world.path("app")), tree(&self.world.path("home/store")));
        let before = state();
        let said = self.world.fails_in("app", command);
        assert!(state() == before, "it changed the project or the store");
        said
    }

    /// The same, and once the server is honest again, the client goes on.
    #[track_caller]
    fn refused(&self, command: &str) -> String {
        let said = self.stopped(command);
        *self.lie.lock().unwrap() = None;
        copy(&self.world.path("acme"), &self.served);
        self.world.done_in("app", "lock --upgrade");
        self.world.done_in("app", "sync");
        said
    }

    /// Locks 1.1, so that only the files are still to come.
    fn lock(&self) {
        self.world.done_in("app", "lock --upgrade");
    }

    fn lies(&self, path: &'static str, lie: Lie) {
        *self.lie.lock().unwrap() = Some((path, lie));
    }

    fn file(&self, path: &str) -> PathBuf {
        self.served.join(path)
    }

    fn blob(&self) -> PathBuf {
        let blobs = walkdir::WalkDir::new(self.file("blobs"));
        blobs.into_iter().map(|item| item.unwrap().into_path()).find(|path| path.ends_with(FILE)).unwrap()
    }

    /// The thief of the log's key, at work on what is served.
    fn thief(&self) -> Forge {
        Forge::new(&self.served, self.key.clone())
    }

    /// A release 2.0, signed by `person`. Its file is in what is served.
    fn release(&self, person: &Person) -> String {
        self.world.done("registry init other");
        self.world.publish("other", &[Wheel::new("acme-walls", "2.0")]);
        let line = self.world.read(&format!("other/{WALLS}")).lines().next().unwrap().to_owned();
        let mut records = [Record::parse(&line).unwrap()];
        let blob = layout::blob(&records[0].artifacts()[0]);
        let bundle = sign_records("acme", &person.signatory(&self.world), &mut records).unwrap();
        let bundle_path = layout::blob_of(Blake3::of(&bundle), layout::BUNDLE);
        for (path, bytes) in
            [(&blob, fs::read(self.world.path("other").join(&blob)).unwrap()), (&bundle_path, bundle)]
        {
            fs::create_dir_all(self.file(path).parent().unwrap()).unwrap();
            fs::write(self.file(path), bytes).unwrap();
        }
        records[0].to_line().unwrap()
    }
}

/// A server of the files in `folder`, which lies where it is told to.
fn serve(folder: PathBuf) -> (Hostile, Lies) {
    let lie = Lies::default();
    let told = Arc::clone(&lie);
    let host = Hostile::start(move |_, request, stream| {
        let path = request.split(' ').nth(1).unwrap().split('?').next().unwrap().to_owned();
        let path = percent_encoding::percent_decode_str(path.trim_start_matches('/')).decode_utf8().unwrap();
        let lie = told.lock().unwrap().filter(|(end, _)| path.ends_with(end)).map(|(_, lie)| lie);
        match (lie, fs::read(folder.join(&*path))) {
            (Some(Lie::Endless), _) => {
                std::io::Write::write_all(stream, b"HTTP/1.1 200 OK\r\n\r\n")?;
                loop {
                    std::io::Write::write_all(stream, &[b'x'; 1 << 16])?;
                }
            }
            (Some(Lie::Drip), _) => {
                std::io::Write::write_all(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
                loop {
                    std::io::Write::write_all(stream, b"x")?;
                    std::thread::sleep(std::time::Duration::from_millis(200));
                }
            }
            (None, Ok(bytes)) => answer(stream, "200 OK", &bytes),
            (None, Err(_)) => answer(stream, "404 Not Found", b"none"),
        }
    });
    (host, lie)
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    fs::write(path, change(fs::read_to_string(path).unwrap())).unwrap();
}

#[test]
fn arbitrary_software() {
    let stage = Stage::new();
    stage.lock();
    let evil = Wheel::new("acme-walls", "1.1").file("acme_walls/evil.py", "import os\n").bytes();
    fs::write(stage.blob(), evil).unwrap();
    assert_snapshot!(stage.refused("sync"), @r#"
    error: blobs/[DIGEST]/acme_walls-1.1-py3-none-any.whl of http://[HOST] is not what the index says: expected [LENGTH] bytes, found more
      hint: that copy is damaged, or was altered on the way: use another mirror, or copy the file again
    "#);
}

#[test]
fn altered_record() {
    let stage = Stage::new();
    edit(&stage.file(WALLS), |text| text.replace("\"version\":\"1.1\"", "\"version\":\"1.2\""));
    assert_snapshot!(stage.refused("lock --upgrade"), @r#"
    error: cannot read the package `acme-walls`: index/python/ac/me/acme-walls of http://[HOST] is not what the signed state of the registry says: its digest is [DIGEST], and should be [DIGEST]
      hint: the file was altered, or the copy is from another moment; copy it again from its source
    "#);
}

#[test]
fn hidden_yank() {
    let stage = Stage::new();
    edit(&stage.file(WALLS), |text| {
        text.lines().filter(|line| !line.contains("yank")).map(|line| format!("{line}\n")).collect()
    });
    assert_snapshot!(stage.refused("lock --upgrade"), @r#"
    error: cannot read the package `acme-walls`: index/python/ac/me/acme-walls of http://[HOST] is not what the signed state of the registry says: it has [LENGTH] bytes, and should have [LENGTH]: its end is hidden, or not copied yet
      hint: the file was altered, or the copy is from another moment; copy it again from its source
    "#);
}

#[test]
fn hidden_version() {
    let stage = Stage::new();
    let old = fs::read(stage.world.path("old").join(WALLS)).unwrap();
    fs::write(stage.file(WALLS), old).unwrap();
    assert_snapshot!(stage.refused("lock --upgrade"), @r#"
    error: cannot read the package `acme-walls`: index/python/ac/me/acme-walls of http://[HOST] is not what the signed state of the registry says: it has [LENGTH] bytes, and should have [LENGTH]: its end is hidden, or not copied yet
      hint: the file was altered, or the copy is from another moment; copy it again from its source
    "#);
}

#[test]
fn rollback() {
    let stage = Stage::new();
    copy(&stage.world.path("first"), &stage.served);
    assert_snapshot!(stage.refused("lock --upgrade"), @r#"
    error: cannot use the registry `acme`
      cause: http://[HOST] shows an older state than it showed before: 7 log entries, and 9 were seen
      hint: an old copy is being served (rollback), perhaps by a cache on the way: try again later; a mirror that lags behind is mended by copying it again
    "#);
}

#[test]
fn freeze() {
    let stage = Stage::new();
    let mut thief = stage.thief();
    // The clock cannot be turned; so the state is one that was sealed long ago.
    thief.checkpoint.time = "2020-01-01T00:00:00Z".parse().unwrap();
    thief.sign();
    for part in ["home/state", "home/cache"] {
        fs::remove_dir_all(stage.world.path(part)).unwrap();
    }
    assert_snapshot!(stage.refused("lock --upgrade"), @r#"
    error: cannot use the registry `acme`
      cause: the state of http://[HOST] was signed at [TIME], more than 30 days ago
      hint: the registry may be frozen by whoever serves it, or this machine's clock be ahead; ask for a fresh seal, or fetch from another mirror
    "#);
}

#[test]
fn fork() {
    let stage = Stage::new();
    copy(&stage.world.path("first"), &stage.served);
    let line = r#"{"kind":"release","family":"python","name":"acme-doors","version":"1.0"}"#;
    stage.thief().seal("index/python/ac/me/acme-doors", &[line]);
    assert_snapshot!(stage.refused("lock --upgrade"), @r#"
    error: cannot use the registry `acme`
      cause: the registry shows two histories (a fork): its first 9 log entries were [ROOT], and are now [ROOT]
      hint: the log was rewritten, or each of two readers is shown another one; do not use this copy, and tell whoever runs the registry; both signed states are kept in [TEMP]/home/evidence/[FILE], as evidence that others can check
    "#);
}

#[test]
fn mix_and_match() {
    let stage = Stage::new();
    // The new checkpoint, and everything else as it was.
    let checkpoint = fs::read(stage.file(layout::CHECKPOINT)).unwrap();
    copy(&stage.world.path("old"), &stage.served);
    fs::write(stage.file(layout::CHECKPOINT), checkpoint).unwrap();
    assert_snapshot!(stage.refused("lock --upgrade"), @r#"
    error: cannot use the registry `acme`
      cause: log/tile/0/000.p/11 of http://[HOST] is missing, and the signed state of the registry says that it is there
      hint: somebody hides it, or the copy is incomplete or of two moments: copy it again from its source
    "#);
}

#[test]
fn endless_data() {
    let stage = Stage::new();
    stage.lies(layout::CHECKPOINT, Lie::Endless);
    assert_snapshot!(stage.refused("lock --upgrade"), @r#"
    error: cannot use the registry `acme`
      cause: log/checkpoint of http://[HOST] is larger than 6[LENGTH] bytes, the most that rvp reads of such a file
      hint: what is there is not of a registry, or is made to have no end; copy the registry again from its source, or use another mirror
    "#);
    stage.ana.published(&stage.world, &Wheel::new("acme-walls", "1.2"));
    copy(&stage.world.path("acme"), &stage.served);
    stage.lock();
    stage.lies("acme_walls-1.2-py3-none-any.whl", Lie::Endless);
    assert_snapshot!(stage.refused("sync"), @r#"
    error: blobs/[DIGEST]/acme_walls-1.2-py3-none-any.whl of http://[HOST] is not what the index says: expected [LENGTH] bytes, found more
      hint: that copy is damaged, or was altered on the way: use another mirror, or copy the file again
    "#);
}

#[test]
fn slow_drip() {
    let stage = Stage::new();
    stage.lies("acme-walls", Lie::Drip);
    assert_snapshot!(stage.refused("lock --upgrade"), @r#"
    error: cannot read the package `acme-walls`: cannot fetch index/python/ac/me/acme-walls of http://[HOST]: the server sends [FEW] bytes a second, and would keep us waiting (a slow drip)
      hint: try again later, or use a mirror
    "#);
}

#[test]
fn fast_forward() {
    let stage = Stage::new();
    let mut thief = stage.thief();
    thief.checkpoint.time = "2999-01-01T00:00:00Z".parse().unwrap();
    thief.sign();
    assert_snapshot!(stage.refused("lock --upgrade"), @r#"
    error: cannot use the registry `acme`
      cause: the state of http://[HOST] claims to be of [TIME], and it is [TIME] here (fast-forward)
      hint: set this machine's clock; if it is right, whoever sealed the registry lied or has a wrong clock: do not use it, and tell them
    "#);
}

#[test]
fn wrong_package_under_a_right_signature() {
    let stage = Stage::new();
    stage.ana.published(&stage.world, &Wheel::new("acme-doors", "2.0"));
    copy(&stage.world.path("acme"), &stage.served);
    let text = stage.world.read("acme/index/python/ac/me/acme-doors");
    let line = text.lines().find(|line| line.contains("\"kind\":\"release\"")).unwrap();
    stage
        .thief()
        .seal(WALLS, &[&line.replace("acme-doors", "acme-walls").replace("acme_doors", "acme_walls")]);
    assert_snapshot!(stage.stopped("lock --upgrade"), @"error: the release acme-walls 2.0 in the registry `acme` cannot be believed: its signature by key SHA256:[KEY] is over other records than this one: it was altered, or the signature belongs to another");
}

#[test]
fn signature_by_a_former_owner() {
    let stage = Stage::new();
    let ben = Person::new(&stage.world, "ben");
    stage.world.done("owner set acme-walls --owner-key ben.pub --registry acme --sign-key ana.key");
    copy(&stage.world.path("acme"), &stage.served);
    let line = stage.release(&stage.ana);
    stage.thief().seal(WALLS, &[&line]);
    assert_snapshot!(stage.stopped("lock --upgrade"), @r#"
    error: the release acme-walls 2.0 in the registry `acme` is signed by key SHA256:[KEY], and its name is owned by key SHA256:[KEY]: a former owner, who has the registry's key, added it
      hint: use nothing of acme-walls from this registry until its owners and whoever runs the registry have looked at log entry 13
    "#);
    drop(ben);
}

#[test]
fn expired_key() {
    let stage = Stage::new();
    let expired = "owner set acme-walls --owner-key ana.pub --until 2001-01-01T00:00:00Z --registry acme --sign-key ana.key";
    stage.world.done(expired);
    copy(&stage.world.path("acme"), &stage.served);
    let line = stage.release(&stage.ana);
    stage.thief().seal(WALLS, &[&line]);
    assert_snapshot!(stage.stopped("lock --upgrade"), @r#"
    error: the release acme-walls 2.0 in the registry `acme` is signed by key SHA256:[KEY], who was an owner until [TIME], and it was sealed at [TIME]: a former owner, who has the registry's key, added it
      hint: use nothing of acme-walls from this registry until its owners and whoever runs the registry have looked at log entry 13
    "#);
}

#[test]
fn stolen_log_key() {
    let stage = Stage::new();
    let line = stage.release(&Person::new(&stage.world, "eve"));
    stage.thief().seal(WALLS, &[&line]);
    assert_snapshot!(stage.stopped("lock --upgrade"), @r#"
    error: the release acme-walls 2.0 in the registry `acme` is signed by key SHA256:[KEY], and its name is owned by key SHA256:[KEY]: someone who has the registry's key, and not an owner's, added it
      hint: use nothing of acme-walls from this registry until its owners and whoever runs the registry have looked at log entry 11
    "#);
}

#[test]
fn a_mirror_of_another_registry() {
    let stage = Stage::new();
    let keys = stage.world.path("home/keys");
    fs::rename(&keys, stage.world.path("keys")).unwrap();
    stage.world.done("registry init another --name acme");
    fs::remove_dir_all(&keys).unwrap();
    fs::rename(stage.world.path("keys"), &keys).unwrap();
    copy(&stage.world.path("another"), &stage.served);
    assert_snapshot!(stage.refused("lock --upgrade"), @r#"
    error: cannot use the registry `acme`
      cause: log/checkpoint of http://[HOST] is not signed by the key that this machine trusts for that place, acme+[KEY], nor by one that it has handed over to
      hint: another registry stands there now, or somebody without that key has sealed this one; if that is meant to be so, remove [TEMP]/home/state/registries/[DIGEST].json and its key is trusted anew
    "#);
}

#[test]
fn dependency_confusion() {
    let stage = Stage::new();
    let (public, _lie) = serve(stage.world.path("public"));
    stage.world.done("registry init public");
    stage.world.publish("public", &[Wheel::new("acme-walls", "99.0")]);
    let project = stage.world.read("app/pyproject.toml");
    let second = format!("registries = [{{ name = \"public\", url = \"{}\" }}, ", public.url);
    stage.world.write("app/pyproject.toml", &project.replace("registries = [", &second));
    let before = tree(&stage.world.path("app"));
    assert_snapshot!(stage.world.fails_in("app", "lock --upgrade"), @r#"
    error: cannot read the package `acme-walls`: the registries `public` and `acme` both have `acme-walls`
      hint: bind the name to one of them, so that nobody can put a package in its place: give that registry a prefix, as in `prefixes = ["acme-walls"]`
    "#);
    assert!(tree(&stage.world.path("app")) == before);
    // A name that is bound to a registry is not looked for in another one.
    let bound = stage
        .world
        .read("app/pyproject.toml")
        .replace("name = \"acme\",", "name = \"acme\", prefixes = [\"acme-\"],");
    stage.world.write("app/pyproject.toml", &bound);
    stage.world.done_in("app", "lock --upgrade");
    assert!(stage.world.read("app/rvp.lock").contains("version = \"1.1\""));
}
