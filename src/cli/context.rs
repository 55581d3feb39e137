//! What every command needs: the user's folders, the settings, and a runtime for the network.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use rvp::model::Blake3;
use rvp::project::{Home, Layers, Location, PyProject, Registry, Settings, find_project};
use rvp::registry::{
    ClientFolders, Config, DirStore, HttpSettings, LogKey, MaxAge, OpenOptions, Reader, RegistryError,
    Sources, Store, StoreOptions, WitnessPolicy, key_stem, open_mirrored, open_store,
};
use rvp::trust::policy::{FILE_NAME, Places, Policies, ProjectPlace, WitnessQuorum};

use rvp::trust::{RecordVerifier, RootFiles, TrustedRoot};

use super::{Global, output};

pub struct Context {
    pub global: Global,
    pub home: Home,
    pub runtime: tokio::runtime::Runtime,
    policies: OnceLock<Policies>,
}

impl Context {
    pub fn new(global: Global) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("cannot start the threads that talk to the network")?;
        Ok(Self { global, home: Home::find()?, runtime, policies: OnceLock::new() })
    }

    /// The settings that hold here: those of the command line, the environment, the project and the user, merged.
    pub fn settings(&self, command_line: Settings, project: Option<&PyProject>) -> anyhow::Result<Settings> {
        let project = project.map(|project| project.layer.clone());
        Ok(Layers::load(command_line, project, &self.home)?.settings())
    }

    /// The policies that hold here: this machine's, the user's and the project's. Read once.
    pub fn policies(&self) -> anyhow::Result<&Policies> {
        if let Some(policies) = self.policies.get() {
            return Ok(policies);
        }
        let project = current_project()?.map(|project| match &project.policy {
            Some(path) => ProjectPlace::Named(path.clone()),
            None => ProjectPlace::Beside(project.root().join(FILE_NAME)),
        });
        let places = Places { user: Some(self.home.policy_file()), project };
        let policies = Policies::load(&places, jiff::Timestamp::now())?;
        Ok(self.policies.get_or_init(|| policies))
    }

    /// Says something, unless asked to be quiet.
    pub fn say(&self, text: &str) {
        if !self.global.quiet {
            output::note(text);
        }
    }

    pub fn folders(&self, settings: &Settings) -> ClientFolders {
        let cache = settings.cache_dir.clone().unwrap_or_else(|| self.home.cache());
        ClientFolders { state: self.home.state(), evidence: self.home.evidence(), cache }
    }

    /// Where it is remembered which buckets can be written to by several at once.
    pub fn probed(&self) -> PathBuf {
        self.home.state().join("buckets")
    }

    /// Where the answers of interpreters are kept.
    pub fn interpreter_cache(&self, settings: &Settings) -> PathBuf {
        self.folders(settings).cache.join("interpreters")
    }

    /// Where an import into the registry at `location` keeps what it has downloaded, until it is done.
    pub fn imports(&self, settings: &Settings, location: &Location) -> PathBuf {
        let place = Blake3::of(location.to_string().as_bytes()).to_string();
        self.folders(settings).cache.join("imports").join(place)
    }

    /// The store of unpacked packages.
    pub fn package_store(&self, settings: &Settings) -> anyhow::Result<rvp::install::Store> {
        let root = settings.store_dir.clone().unwrap_or_else(|| self.home.store());
        Ok(rvp::install::Store::open(&root)?)
    }

    /// Who knows signatures, by the authorities that this machine trusts. What its policy names goes before any setting.
    pub fn authority(&self, settings: &Settings) -> anyhow::Result<Arc<RecordVerifier>> {
        Ok(Arc::new(RecordVerifier::new(self.root_files(settings)?)))
    }

    /// The trusted root of this machine, user and project.
    pub fn trusted_root(&self) -> anyhow::Result<TrustedRoot> {
        let settings = self.settings(Settings::default(), current_project()?.as_ref())?;
        Ok(self.root_files(&settings)?.load()?)
    }

    fn root_files(&self, settings: &Settings) -> anyhow::Result<RootFiles> {
        let of_machine = self.policies()?.trusted_root().map(|(path, _)| path);
        let named = of_machine.or_else(|| settings.trusted_root.clone());
        Ok(RootFiles { named, refreshed: Some(self.home.trusted_root()) })
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

    /// How to open the store of a registry that the settings call `name`, or nothing.
    pub fn store_options(&self, name: &str, settings: &Settings) -> StoreOptions {
        StoreOptions {
            http: Self::http(settings),
            sources: Some(Sources::new(
                self.home.credentials_file(),
                Some(name.to_owned()).filter(|name| !name.is_empty()),
            )),
            clones: self.folders(settings).cache.join("git"),
        }
    }

    /// How to open places that a registry names: with none of the credentials that are kept for its name.
    pub fn blob_options(&self, settings: &Settings) -> StoreOptions {
        let sources = Sources::new(self.home.credentials_file(), None);
        StoreOptions { sources: Some(sources), ..self.store_options("", settings) }
    }

    /// Opens a registry, whose state must be what policies demand. With `refresh` it is asked for its state in any case.
    pub fn open_registry(
        &self,
        registry: &Registry,
        key: Option<String>,
        settings: &Settings,
        refresh: bool,
    ) -> anyhow::Result<Reader> {
        let mirrors: Vec<String> = registry.mirrors.iter().map(ToString::to_string).collect();
        let location = registry.url.to_string();
        let store = open_mirrored(&location, &mirrors, &self.store_options(&registry.name, settings))?;
        let policies = self.policies()?;
        let max_age = policies.max_checkpoint_age();
        let witnesses = policies.witnesses();
        let options = OpenOptions {
            key,
            offline: self.global.offline,
            refresh: refresh || self.global.refresh,
            witnesses: witnesses.iter().map(witness_policy).chain([witnesses_of(registry)]).collect(),
            max_age: max_age.map(|(days, origin)| MaxAge { days, by: origin.to_string() }),
            blobs: Some(self.blob_options(settings)),
        };
        let demands = |few: &RegistryError| match few {
            RegistryError::TooFewWitnesses { quorum, .. } => {
                witnesses.iter().find(|one| usize::try_from(one.quorum) == Ok(*quorum))
            }
            _ => None,
        };
        Reader::open(store, self.folders(settings), &options).map_err(|error| match demands(&error) {
            Some(WitnessQuorum { origin, .. }) => {
                anyhow::Error::from(error).context(format!("{location} is not witnessed as {origin} demands"))
            }
            None => error.into(),
        })
    }

    /// Opens the registry in a folder, as `open_as_keeper` does.
    pub fn open_directory(&self, dir: &Path, key: Option<&str>) -> anyhow::Result<Reader> {
        self.open_as_keeper(&Location::Path(dir.to_owned()), key)
    }

    /// Opens a registry as whoever keeps it does: policies are for those who use it. `key` is its log's, where another than the
    /// one trusted before is known to be right.
    pub fn open_as_keeper(&self, location: &Location, key: Option<&str>) -> anyhow::Result<Reader> {
        let settings = self.settings(Settings::default(), None)?;
        let key = key.map(str::to_owned);
        let options = OpenOptions {
            key,
            offline: self.global.offline,
            refresh: true,
            blobs: Some(self.blob_options(&settings)),
            ..OpenOptions::default()
        };
        let known = settings.registries.iter().flatten().find(|registry| registry.url == *location);
        let name = known.map_or("", |registry| &registry.name);
        let store: Arc<dyn Store> = match location {
            Location::Path(dir) => Arc::new(DirStore::open(dir)?),
            elsewhere => open_store(&elsewhere.to_string(), &self.store_options(name, &settings))?,
        };
        Ok(Reader::open(store, self.folders(&settings), &options)?)
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
        Ok(key.kept_at(&path))
    }
}

/// The witnesses that the settings of a registry ask for.
fn witnesses_of(registry: &Registry) -> WitnessPolicy {
    WitnessPolicy {
        keys: registry.witnesses.clone(),
        quorum: registry.quorum.map_or(registry.witnesses.len(), NonZeroUsize::get),
    }
}

/// Those that a policy demands.
fn witness_policy(demand: &WitnessQuorum) -> WitnessPolicy {
    WitnessPolicy {
        keys: demand.keys.iter().map(|key| key.as_str().to_owned()).collect(),
        quorum: usize::try_from(demand.quorum).unwrap_or(usize::MAX),
    }
}

/// The project that the current folder belongs to, or none.
pub fn current_project() -> anyhow::Result<Option<PyProject>> {
    match find_project(Path::new(".")) {
        Ok(path) => Ok(Some(PyProject::read(&path)?)),
        Err(_) => Ok(None),
    }
}
