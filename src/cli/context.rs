//! What every command needs: the user's folders, the settings, and a runtime for the network.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rvp::project::{Home, Layers, PyProject, Settings, find_project};
use rvp::registry::{
    ClientFolders, Config, HttpSettings, LogKey, OpenOptions, Reader, RegistryError, key_stem, open_store,
};

use super::{Global, output};

pub struct Context {
    pub global: Global,
    pub home: Home,
    pub runtime: tokio::runtime::Runtime,
}

impl Context {
    pub fn new(global: Global) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("cannot start the threads that talk to the network")?;
        Ok(Self { global, home: Home::find()?, runtime })
    }

    /// The settings that hold here: those of the command line, the environment, the project and the user, merged.
    pub fn settings(&self, command_line: Settings, project: Option<&PyProject>) -> anyhow::Result<Settings> {
        let project = project.map(|project| project.layer.clone());
        Ok(Layers::load(command_line, project, &self.home)?.settings())
    }

    /// Says something, unless asked to be quiet.
    pub fn say(&self, text: &str) {
        if !self.global.quiet {
            output::note(text);
        }
    }

    pub fn folders(&self, settings: &Settings) -> ClientFolders {
        let cache = settings.cache_dir.clone().unwrap_or_else(|| self.home.cache());
        ClientFolders { state: self.home.state(), cache }
    }

    /// Where the answers of interpreters are kept.
    pub fn interpreter_cache(&self, settings: &Settings) -> PathBuf {
        self.folders(settings).cache.join("interpreters")
    }

    /// The store of unpacked packages.
    pub fn package_store(&self, settings: &Settings) -> anyhow::Result<rvp::install::Store> {
        let root = settings.store_dir.clone().unwrap_or_else(|| self.home.store());
        Ok(rvp::install::Store::open(&root)?)
    }

    /// How to talk to web servers.
    pub fn http(settings: &Settings) -> HttpSettings {
        let mut http = HttpSettings::default();
        if let Some(seconds) = settings.http_timeout {
            http.read_timeout = Duration::from_secs(seconds.get() as u64);
        }
        if let Some(requests) = settings.concurrent_downloads {
            http.requests = requests.get();
        }
        http
    }

    /// Opens the registry at a path or URL. With `refresh` it is asked for its state in any case.
    pub fn open_registry(
        &self,
        location: &str,
        key: Option<String>,
        settings: &Settings,
        refresh: bool,
    ) -> anyhow::Result<Reader> {
        let store = open_store(location, &Self::http(settings))?;
        let options =
            OpenOptions { key, offline: self.global.offline, refresh: refresh || self.global.refresh };
        Ok(Reader::open(store, self.folders(settings), &options)?)
    }

    /// Opens the registry in a folder; `key` is its log's, where another than the one trusted before is known to be right.
    pub fn open_directory(&self, dir: &Path, key: Option<&str>) -> anyhow::Result<Reader> {
        let settings = self.settings(Settings::default(), None)?;
        let location = dir.to_str().with_context(|| format!("{} is not a path in UTF-8", dir.display()))?;
        self.open_registry(location, key.map(str::to_owned), &settings, true)
    }

    /// Where the private half of a log key is kept: `~/.rvp/keys/<name>+<hash>`.
    pub fn log_key_path(&self, verifier_key: &str) -> PathBuf {
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '.');
        let file: String = key_stem(verifier_key).chars().map(|c| if safe(c) { c } else { '_' }).collect();
        self.home.keys().join(file)
    }

    /// Finds the private key of the registry that `config` describes.
    pub fn log_key(&self, explicit: Option<&Path>, config: &Config) -> Result<LogKey, RegistryError> {
        let path = explicit.map_or_else(|| self.log_key_path(&config.key), Path::to_owned);
        let no_key = || RegistryError::NoKey { key: config.key.clone(), path: path.clone() };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(no_key()),
            Err(source) => return Err(RegistryError::Io { action: "read the key", path, source }),
        };
        let key = LogKey::parse(&text)
            .map_err(|error| RegistryError::KeyFile { path: path.clone(), reason: error.to_string() })?;
        if !key.matches(&config.key) {
            return Err(no_key());
        }
        Ok(key)
    }
}

/// The project that the current folder belongs to, or none.
pub fn current_project() -> anyhow::Result<Option<PyProject>> {
    match find_project(Path::new(".")) {
        Ok(path) => Ok(Some(PyProject::read(&path)?)),
        Err(_) => Ok(None),
    }
}
