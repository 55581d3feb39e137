//! `rvp config`: the settings, where each comes from, and how to change the user's own.

use std::process::ExitCode;

use anyhow::Context as _;
use rvp::project::{Layers, Location, Settings, UserConfig};

use super::context::{Context, current_project};
use super::output;

/// Show and change settings
#[derive(clap::Subcommand)]
pub enum Command {
    /// Print every setting, its value, and where it comes from
    List,
    /// Print the value of one setting
    Get {
        /// The setting: `cache-dir`, or a part of one, such as `registries.acme.url`
        key: String,
    },
    /// Write a setting to the user's config.toml
    Set {
        /// The setting: `cache-dir`, or a part of one, such as `registries.acme.url`
        key: String,
        /// Its value, as text
        value: String,
    },
}

pub fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    let project = current_project()?.map(|project| project.layer);
    let layers = || Layers::load(Settings::default(), project.clone(), &context.home);
    match command {
        Command::List => {
            let listed = layers()?.list();
            if context.global.json {
                let data: serde_json::Map<String, serde_json::Value> = listed
                    .iter()
                    .map(|one| (one.setting.name.to_owned(), serde_json::json!(one.value)))
                    .collect();
                output::json(&data)?;
                return Ok(ExitCode::SUCCESS);
            }
            for one in listed {
                let value = one.value.unwrap_or_else(|| "not set".into());
                let origin = one.origin.map(|origin| format!("  # {origin}")).unwrap_or_default();
                output::line(&format!("{} = {value}{origin}", one.setting.name))?;
            }
        }
        Command::Get { key } => {
            let value = layers()?.get(key)?;
            output::line(&value.with_context(|| format!("`{key}` is not set"))?)?;
        }
        Command::Set { key, value } => {
            UserConfig::read(&context.home.config_file())?.set(key, &absolute(key, value)?)?;
            context.say(&format!("wrote `{key}` to {}", context.home.config_file().display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A path typed here is relative to the current folder, and one in config.toml to the folder of that file: so it is
/// written absolute.
fn absolute(key: &str, value: &str) -> anyhow::Result<String> {
    let is_path = key.ends_with("-dir")
        || matches!(key, "sign-key" | "trusted-root")
        || (key.starts_with("registries.") && key.ends_with(".url"));
    match Location::parse(value) {
        Ok(Location::Path(path)) if is_path && path.is_relative() => {
            Ok(std::path::absolute(path)?.to_string_lossy().into_owned())
        }
        _ => Ok(value.to_owned()),
    }
}
