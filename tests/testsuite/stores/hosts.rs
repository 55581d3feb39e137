//! The places that a registry can stand in, as the tests fill and read them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rvp::model::Blake3;
use rvp::registry::{
    BucketStore, DirStore, GitPlace, GitStore, HttpSettings, HttpStore, Store, StoreOptions,
};
use tokio::runtime::Runtime;

use crate::support::folder::copy;
use crate::support::git_server::{GitServer, Repository};
use crate::support::nginx::Nginx;
use crate::support::seaweed::{BUCKET, Seaweed};

/// A place that a registry stands in.
pub trait Host {
    /// Makes what stands there the files of a folder.
    fn put(&self, folder: &Path);
    fn store(&self) -> Arc<dyn Store>;
    /// As it is written in the settings of a project.
    fn location(&self) -> String;
    /// What else a client needs.
    fn environment(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

pub fn settings() -> HttpSettings {
    HttpSettings {
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(5),
        first_backoff: Duration::from_millis(5),
        ..HttpSettings::default()
    }
}

pub struct Folder(pub tempfile::TempDir);

impl Folder {
    fn path(&self) -> PathBuf {
        self.0.path().join("registry")
    }
}

impl Host for Folder {
    fn put(&self, folder: &Path) {
        copy(folder, &self.path());
    }
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(DirStore::open(&self.path()).unwrap())
    }
    fn location(&self) -> String {
        url::Url::from_file_path(self.path()).unwrap().to_string()
    }
}

impl Host for Nginx {
    fn put(&self, folder: &Path) {
        copy(folder, &self.root().join("registry"));
    }
    fn store(&self) -> Arc<dyn Store> {
        let roots = vec![self.root_certificate()];
        let url = format!("{}/registry", self.https());
        Arc::new(HttpStore::open(&url, &HttpSettings { roots, ..settings() }).unwrap())
    }
    fn location(&self) -> String {
        format!("{}/registry", self.https())
    }
    fn environment(&self) -> Vec<(String, String)> {
        vec![("SSL_CERT_FILE".into(), self.root_certificate().to_str().unwrap().into())]
    }
}

impl Host for Seaweed {
    fn put(&self, folder: &Path) {
        Seaweed::put(self, folder, "team/registry");
    }
    fn store(&self) -> Arc<dyn Store> {
        let location = Host::location(self);
        Arc::new(BucketStore::open_with(&location, &settings(), None, Seaweed::environment(self)).unwrap())
    }
    fn location(&self) -> String {
        format!("s3://{BUCKET}/team/registry")
    }
    fn environment(&self) -> Vec<(String, String)> {
        Seaweed::environment(self)
    }
}

/// A repository, and the server in front of it if there is one.
pub struct Git {
    pub repository: Repository,
    pub server: Option<GitServer>,
    clones: tempfile::TempDir,
}

impl Git {
    pub fn url(&self, with_password: bool) -> String {
        match &self.server {
            Some(server) if with_password => server.url_with_password(),
            Some(server) => server.url(),
            None => format!("git+{}", url::Url::from_file_path(self.repository.path()).unwrap()),
        }
    }

    pub fn open(&self, location: &str) -> GitStore {
        let roots = self.server.iter().map(|server| server.nginx.root_certificate()).collect();
        let http = HttpSettings { roots, ..settings() };
        let clones = self.clones.path().to_owned();
        GitStore::open(location, &StoreOptions { http, sources: None, clones }).unwrap()
    }

    /// The folder of the first clone of a place with a reference.
    pub fn clone_folder(&self, location: &str) -> PathBuf {
        let mut place = GitPlace::parse(location).unwrap();
        place.repository.set_username("").unwrap();
        place.repository.set_password(None).unwrap();
        let place = format!("{} {}", place.repository, place.reference.unwrap());
        self.clones.path().join(&Blake3::of(place.as_bytes()).to_string()[..32]).join("0")
    }

    pub fn failure(&self, location: &str) -> String {
        let read = runtime().block_on(self.open(location).read_fresh("config.json", None, 99));
        read.unwrap_err().to_string()
    }
}

impl Host for Git {
    fn put(&self, folder: &Path) {
        let registry = self.repository.work().join("tools/registry");
        let _ = fs::remove_dir_all(&registry);
        fs::create_dir_all(registry.parent().unwrap()).unwrap();
        copy(folder, &registry);
        self.repository.push("main");
    }
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.open(&format!("{}#subdirectory=tools/registry", self.url(true))))
    }
    fn location(&self) -> String {
        format!("{}@main#subdirectory=tools/registry", self.url(false))
    }
    fn environment(&self) -> Vec<(String, String)> {
        let Some(server) = &self.server else { return Vec::new() };
        let certificate = server.nginx.root_certificate().to_str().unwrap().to_owned();
        [
            ("SSL_CERT_FILE", certificate.as_str()),
            ("RVP_CREDENTIALS_ACME_USERNAME", "me"),
            ("RVP_CREDENTIALS_ACME_PASSWORD", "secret"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

pub fn git(server: impl FnOnce(&Repository) -> Option<GitServer>) -> Git {
    let repository = Repository::new();
    let server = server(&repository);
    Git { repository, server, clones: tempfile::tempdir().unwrap() }
}
