//! A registry in a git repository, as it is published to from several machines.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::git_server::{GitServer, Repository};
use super::{Wheel, World, text};

/// A registry in a repository, on disk and behind a web server where there is one.
pub struct Git {
    pub world: World,
    pub repository: Repository,
    pub server: Option<GitServer>,
    /// What the settings say that it stands on, such as `gitlab`.
    pub forge: Option<&'static str>,
    _filters: insta::internals::SettingsBindDropGuard,
}

impl Git {
    /// An empty repository.
    pub fn empty(serve: bool) -> Self {
        let world = World::new();
        let repository = Repository::new();
        let server = if serve { GitServer::start(repository.folder(), "") } else { None };
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(repository.folder().to_str().unwrap(), "[GIT]");
        settings.add_filter(r"\b[0-9a-f]{40}\b", "[COMMIT]");
        settings.add_filter(r"SHA256:[0-9a-f]{16}", "[SIGNER]");
        settings.add_filter(r"blobs/[0-9a-f/]+/\S+", "blobs/[DIGEST]");
        let filters = settings.bind_to_scope();
        Self { world, repository, server, forge: None, _filters: filters }
    }

    /// With a sealed registry in it.
    pub fn new(serve: bool) -> Self {
        let git = Self::empty(serve);
        let made = git.run(&format!("registry init {}@main --name acme", git.file()));
        assert!(made.starts_with("exit code: 0"), "{made}");
        git
    }

    pub fn file(&self) -> String {
        format!("git+{}", url::Url::from_file_path(self.repository.path()).unwrap())
    }

    /// Where it is published to: the web server, or else the disk.
    pub fn url(&self) -> String {
        self.server.as_ref().map_or_else(|| self.file(), GitServer::url)
    }

    pub fn command(&self, arguments: &str) -> Command {
        self.command_of("home", arguments)
    }

    /// `rvp` as on a machine of its own, which has the key of the first in a file.
    pub fn command_of(&self, home: &str, arguments: &str) -> Command {
        let mut command = self.world.command(".", arguments);
        command.env("RVP_HOME", self.world.path(home));
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env_remove("GIT_SSL_CAINFO");
        if let Some(server) = &self.server {
            command.env("SSL_CERT_FILE", server.nginx.root_certificate());
        }
        self.settings(home);
        command.env("RVP_CREDENTIALS_ACME_USERNAME", "me").env("RVP_CREDENTIALS_ACME_PASSWORD", "secret");
        command
    }

    /// Has a home know the registry as `acme`.
    fn settings(&self, home: &str) {
        let forge = self.forge.map_or_else(String::new, |forge| format!(", forge = '{forge}'"));
        let line = format!("registries = [{{ name = 'acme', url = '{}@main'{forge} }}]\n", self.url());
        let path = format!("{home}/config.toml");
        // Others of the same home may be reading it.
        if fs::read_to_string(self.world.path(&path)).ok().as_deref() != Some(&line) {
            self.world.write(&path, &line);
        }
    }

    pub fn run(&self, arguments: &str) -> String {
        text(&self.command(arguments).output().unwrap())
    }

    pub fn key(&self) -> PathBuf {
        let mut files = fs::read_dir(self.world.path("home/keys")).unwrap().map(|file| file.unwrap().path());
        files.find(|path| path.extension().is_none_or(|end| end != "sealed")).unwrap()
    }

    pub fn wheel(&self, name: &str, version: &str) -> PathBuf {
        Wheel::new(name, version).write(&self.world.path("wheels"))
    }

    pub fn publish_of(&self, home: &str, wheel: &Path, options: &str) -> Command {
        let mut command = self.command_of(home, &format!("publish {options}"));
        command.arg(wheel);
        command
    }

    pub fn publish(&self, name: &str, version: &str, options: &str) -> String {
        text(&self.publish_of("home", &self.wheel(name, version), options).output().unwrap())
    }

    /// Runs git in the repository.
    pub fn git(&self, arguments: &[&str]) -> String {
        let output =
            Command::new("git").args(arguments).current_dir(self.repository.path()).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a commit of the repository is as a folder.
    pub fn checkout(&self, commit: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive.tar");
        self.git(&["archive", "--output", archive.to_str().unwrap(), commit]);
        let done = Command::new("tar").arg("-xf").arg(&archive).current_dir(folder.path()).status().unwrap();
        assert!(done.success());
        fs::remove_file(archive).unwrap();
        folder
    }

    /// How many releases there are at a commit, where all must be sound.
    pub fn releases(&self, commit: &str) -> u64 {
        let folder = self.checkout(commit);
        let mut command = self.world.command(".", "registry verify --json");
        // Nothing is remembered, so that no older commit looks like a rollback.
        let home = tempfile::tempdir().unwrap();
        let output = command.arg(folder.path()).env("RVP_HOME", home.path()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        report["releases"].as_u64().unwrap()
    }

    pub fn hook(&self, name: &str, script: &str) {
        let path = self.repository.path().join("hooks").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        let done = Command::new("chmod").arg("+x").arg(&path).status().unwrap();
        assert!(done.success());
    }
}
