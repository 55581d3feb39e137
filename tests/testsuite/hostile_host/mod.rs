//! Locking and installing from a registry whose host, or whoever stands in between, is damaged or hostile.
//!
//! In each case the lock and the environment must be as before, and the error must say what is wrong with what.

mod files;
mod servers;

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::folder::{copy, tree};
use crate::support::forge::Forge;
use crate::support::nginx::Nginx;
use crate::support::{Wheel, World};

const WALLS: &str = "index/python/ac/me/acme-walls";
const GEOMETRY: &str = "index/python/ac/me/acme-geometry";

/// A registry that grew from a state `old`, which the client saw, locked and installed, to a state `new`.
struct Site {
    world: World,
    served: PathBuf,
    lock: Vec<u8>,
}

impl Site {
    /// `served` is the folder that is there for clients under `url`.
    fn new(served: PathBuf, url: &str) -> Self {
        let world = World::new();
        world.done("registry init new --name acme");
        let walls = |version| Wheel::new("acme-walls", version).requires("acme-geometry");
        world.publish("new", &[walls("1.0"), Wheel::new("acme-geometry", "1.0")]);
        copy(&world.path("new"), &world.path("old"));
        copy(&world.path("new"), &served);
        world.project(&["acme-walls"], &format!("registries = [{{ name = \"acme\", url = \"{url}\" }}]"));
        world.done_in("app", "lock");
        world.done_in("app", "sync");
        world.publish("new", &[walls("1.1")]);
        let site = Self { lock: fs::read(world.path("app/rvp.lock")).unwrap(), world, served };
        site.remember();
        site
    }

    /// From here on, `serve` has the client know what it knows now.
    fn remember(&self) {
        for part in ["state", "cache"] {
            copy(&self.world.path("home").join(part), &self.world.path("seen").join(part));
        }
    }

    /// Serves the new state after `change`, to a client that has seen the old one.
    fn serve(&self, change: impl FnOnce(&Path)) {
        for part in ["state", "cache"] {
            copy(&self.world.path("seen").join(part), &self.world.path("home").join(part));
        }
        fs::write(self.world.path("app/rvp.lock"), &self.lock).unwrap();
        copy(&self.world.path("new"), &self.served);
        change(&self.served);
    }

    /// Runs a command that must fail and change nothing in the project; returns what it says.
    #[track_caller]
    fn fails(&self, command: &str) -> String {
        let before = tree(&self.world.path("app"));
        let said = self.world.fails_in("app", command);
        assert!(tree(&self.world.path("app")) == before, "it changed the project");
        said
    }

    /// What locking the altered registry says.
    #[track_caller]
    fn lock(&self, change: impl FnOnce(&Path)) -> String {
        self.serve(change);
        self.fails("lock --upgrade")
    }

    /// What installing from the altered registry says, after it was locked when it was well.
    #[track_caller]
    fn sync(&self, change: impl FnOnce(&Path)) -> String {
        self.serve(|_| {});
        self.world.done_in("app", "lock --upgrade");
        change(&self.served);
        self.fails("sync")
    }

    /// The client was not harmed: with the registry as it should be, it goes on.
    #[track_caller]
    fn recovers(&self) {
        copy(&self.world.path("new"), &self.served);
        self.world.done_in("app", "lock --upgrade");
        self.world.done_in("app", "sync");
        let said = self.world.app("run python -c 'import acme_walls; print(acme_walls.VERSION)'");
        assert!(said.contains("\n1.1\n"), "{said}");
    }

    fn forge(&self, registry: &Path) -> Forge {
        Forge::new(registry, self.world.key())
    }
}

/// Cases, each with what the program said to it.
#[derive(Default)]
struct Report(String);

impl Report {
    fn add(&mut self, case: &str, error: &str) {
        self.0.push_str(&format!("--- {case}\n{error}"));
    }

    fn check(&self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.add_filter(r"\b[0-9a-f]{2}/\[DIGEST\]", "[DIGEST]");
        settings.add_filter(r"[A-Za-z0-9+/]{43}=", "[ROOT]");
        settings.add_filter(r"\d+ bytes a second", "[FEW] bytes a second");
        settings.bind(|| insta::assert_snapshot!(name, self.0));
    }
}

fn alter(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn truncate(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

/// The only file whose path ends in `name`.
fn find(folder: &Path, name: &str) -> PathBuf {
    let mut found = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|item| item.unwrap().into_path())
        .filter(|path| path.to_str().unwrap().ends_with(name));
    let path = found.next().unwrap();
    assert_eq!(found.next(), None);
    path
}

fn on_nginx() -> (Site, Nginx) {
    let nginx = Nginx::start("");
    let site = Site::new(nginx.root().join("registry"), &format!("{}/registry", nginx.http()));
    (site, nginx)
}
