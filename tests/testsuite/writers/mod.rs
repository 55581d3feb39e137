//! Many who write to one registry at once, and writers that end at any moment, in each kind of place.

mod cut_short;
mod many;

use std::process::{Child, Command, Stdio};

use crate::support::git_server::{GitServer, Repository};
use crate::support::seaweed::{BUCKET, Seaweed};
use crate::support::{Wheel, World, text};

/// A registry, and a machine with its key.
struct Team {
    world: World,
    /// As it is written on the command line.
    registry: String,
    /// What else the machine needs.
    environment: Vec<(String, String)>,
}

impl Team {
    fn in_a_folder() -> Self {
        Self::new(World::new(), "acme".into(), Vec::new())
    }

    fn in_a_bucket(seaweed: &Seaweed, prefix: &str) -> Self {
        Self::new(World::new(), format!("s3://{BUCKET}/{prefix}"), seaweed.environment())
    }

    /// In a repository behind a web server, which anybody may push to.
    fn in_git(repository: &Repository, server: &GitServer) -> Self {
        repository.git("registry.git", &["config", "http.receivepack", "true"]);
        let certificate = server.nginx.root_certificate().to_str().unwrap().to_owned();
        let environment = [
            ("SSL_CERT_FILE", certificate.as_str()),
            ("GIT_SSL_CAINFO", certificate.as_str()),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let url = server.url().replace("/git/", "/open/");
        Self::new(World::new(), format!("{url}@main"), environment)
    }

    fn new(world: World, registry: String, environment: Vec<(String, String)>) -> Self {
        let team = Self { world, registry, environment };
        team.done(&format!("registry init {} --name acme", team.registry));
        team
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = self.world.command(".", arguments);
        command.envs(self.environment.iter().cloned());
        command
    }

    fn publish(&self, wheel: &Wheel) -> Command {
        let mut command = self.command(&format!("publish --registry {}", self.registry));
        command.arg(wheel.write(&self.world.path("wheels")));
        command
    }

    /// Runs `rvp`, which must not fail; gives what it prints.
    #[track_caller]
    fn done(&self, arguments: &str) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "rvp {arguments}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// How many entries the log has, of a registry that must be sound.
    #[track_caller]
    fn entries(&self) -> u64 {
        let verified = self.done(&format!("registry verify {}", self.registry));
        let (entries, _) = verified.strip_prefix("sound: ").unwrap().split_once(" log entries").unwrap();
        entries.parse().unwrap()
    }

    /// All lines of an index file.
    fn lines(&self, path: &str) -> Vec<String> {
        let _ = std::fs::remove_dir_all(self.world.path("copy"));
        self.done(&format!("mirror {} copy", self.registry));
        self.world.read(&format!("copy/{path}")).lines().map(str::to_owned).collect()
    }
}

fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}
