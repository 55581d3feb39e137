//! Which blobs a copy is to hold, as options.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use rvp::registry::{Choice, ChosenFile, ChosenTarget};
use rvp::resolve::Lock;

#[derive(clap::Args)]
#[command(next_help_heading = "What the copy holds; all records in any case")]
pub struct ChoiceArguments {
    /// The files that a lock names; may be given several times
    #[arg(long, value_name = "FILE", conflicts_with_all = ["include", "exclude", "python", "platform", "latest", "all"])]
    lock: Vec<PathBuf>,
    /// Packages with such names, as 'acme-*'; may be given several times
    #[arg(long, value_name = "PATTERN", conflicts_with = "all")]
    include: Vec<String>,
    /// No packages with such names
    #[arg(long, value_name = "PATTERN", conflicts_with = "all")]
    exclude: Vec<String>,
    /// Wheels for this Python version: 3.11
    #[arg(long, value_name = "VERSION", requires = "platform", conflicts_with = "all")]
    python: Vec<String>,
    /// Wheels for this platform: win_amd64
    #[arg(long, requires = "python", conflicts_with = "all")]
    platform: Vec<String>,
    /// Source distributions besides those wheels
    #[arg(long, requires = "python")]
    sdists: bool,
    /// The newest N releases of each package
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "all")]
    latest: Option<u32>,
    /// Everything [default: what the copy holds already, and in a new one what its source holds]
    #[arg(long)]
    all: bool,
}

impl ChoiceArguments {
    /// The choice for the registry that `key` signs; none where no option makes one.
    pub fn choice(&self, key: &str) -> anyhow::Result<Option<Choice>> {
        let choice = Choice {
            include: self.include.iter().map(|pattern| normalised(pattern)).collect(),
            exclude: self.exclude.iter().map(|pattern| normalised(pattern)).collect(),
            targets: self
                .python
                .iter()
                .flat_map(|python| self.platform.iter().map(move |platform| (python, platform)))
                .map(|(python, platform)| ChosenTarget { python: python.clone(), platform: platform.clone() })
                .collect(),
            sdists: self.sdists,
            latest: self.latest,
            files: if self.lock.is_empty() { None } else { Some(self.locked(key)?) },
        };
        Ok((self.all || !choice.is_everything()).then_some(choice))
    }

    /// The files that the locks take from the registry, for any of their targets.
    fn locked(&self, key: &str) -> anyhow::Result<Vec<ChosenFile>> {
        let mut files = Vec::new();
        for path in &self.lock {
            let lock = Lock::read(path)?.with_context(|| format!("there is no lock {}", path.display()))?;
            let Some(registry) = lock.registries.iter().find(|registry| registry.key == key) else {
                bail!(
                    "the lock {} takes nothing from the registry of the key {key}\n  hint: name the registry that it was made from",
                    path.display()
                );
            };
            let packages = lock.packages.iter().filter(|package| package.registry == registry.name);
            files.extend(
                packages
                    .flat_map(|package| &package.artifacts)
                    .map(|artifact| ChosenFile { file: artifact.file.clone(), blake3: artifact.blake3 }),
            );
        }
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }
}

/// A pattern of names as names are normalised (PEP 503), but for its stars.
fn normalised(pattern: &str) -> String {
    pattern.to_ascii_lowercase().replace(['_', '.'], "-")
}
