//! Project files and settings: `pyproject.toml`, `config.toml`, `RVP_*`.

mod config;
mod dependency_table;
mod edit;
mod error;
mod forge;
mod groups;
mod layers;
mod list;
mod paths;
mod pyproject;
mod registries;
mod settings;
mod text;
mod write;

pub use config::UserConfig;
pub use dependency_table::DependencyTable;
pub use edit::{add_dependency, remove_dependency};
pub use error::ProjectError;
pub(crate) use error::Source;
pub use forge::{ForgeApi, ForgeKind};
pub use layers::{Layer, Layers, Listed, Origin};
pub use paths::Home;
pub use pyproject::{Project, PyProject, find_project};
pub use registries::{Location, Prefix, Registry, registries_for};
pub use settings::{
    ExcludeNewer, LinkMode, PrereleaseMode, ResolutionMode, SETTINGS, Scope, Setting, Settings,
};
pub(crate) use text::{FromText, Text};
