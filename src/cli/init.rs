//! `rvp init`: a new project file.

use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rvp::model::PackageName;
use rvp::project::Location;

use super::context::Context;

/// Make a pyproject.toml in this folder, or in a new one
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the project
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The project's name [default: the folder's]
    #[arg(long)]
    name: Option<String>,
    /// A registry to use: a folder or a URL
    #[arg(long, value_name = "LOCATION")]
    registry: Option<String>,
    /// A target to lock for, as `revit==2025.4`; may be given several times
    #[arg(long = "target", value_name = "HOST==VERSION")]
    targets: Vec<String>,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let file = arguments.dir.join("pyproject.toml");
    if file.exists() {
        bail!("{} is there already\n  hint: `rvp add` adds dependencies to it", file.display());
    }
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => {
            let absolute = std::path::absolute(&arguments.dir)?;
            let name = absolute.file_name().and_then(|name| name.to_str());
            name.context("this folder has no name\n  hint: give one with --name")?.to_owned()
        }
    };
    PackageName::python(&name)?;
    let mut document = toml_edit::DocumentMut::new();
    document["project"] = toml_edit::table();
    document["project"]["name"] = toml_edit::value(name);
    document["project"]["version"] = toml_edit::value("0.1.0");
    document["project"]["requires-python"] = toml_edit::value(">=3.11");
    document["project"]["dependencies"] = toml_edit::value(toml_edit::Array::new());
    let mut settings = toml_edit::Table::new();
    if let Some(location) = &arguments.registry {
        let mut registry = toml_edit::InlineTable::new();
        registry.insert("name", Location::parse(location).map_err(anyhow::Error::msg)?.name().into());
        registry.insert("url", seen_from(&arguments.dir, location)?.into());
        settings["registries"] = toml_edit::value(toml_edit::Array::from_iter([registry]));
    }
    if !arguments.targets.is_empty() {
        settings["targets"] = toml_edit::value(toml_edit::Array::from_iter(&arguments.targets));
    }
    if !settings.is_empty() {
        let mut tool = toml_edit::Table::new();
        tool.set_implicit(true);
        tool["rvp"] = toml_edit::Item::Table(settings);
        document["tool"] = toml_edit::Item::Table(tool);
    }
    std::fs::create_dir_all(&arguments.dir)
        .and_then(|()| std::fs::write(&file, document.to_string()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    context.say(&format!("made {}", shown(&file).display()));
    Ok(ExitCode::SUCCESS)
}

/// A location typed in the current folder, as the project file in `dir` writes it: a relative path of a
/// pyproject.toml is relative to that file.
fn seen_from(dir: &Path, location: &str) -> anyhow::Result<String> {
    let is_relative_path =
        matches!(Location::parse(location), Ok(Location::Path(path)) if path.is_relative());
    if !is_relative_path {
        return Ok(location.to_owned());
    }
    let (dir, target) = (std::path::absolute(dir)?, std::path::absolute(location)?);
    let common = dir.components().zip(target.components()).take_while(|(one, other)| one == other).count();
    if common == 0 || dir.components().skip(common).any(|part| part == Component::ParentDir) {
        // Another drive, or a folder that cannot be left again without looking at the disk.
        return Ok(target.to_string_lossy().into_owned());
    }
    let up = dir.components().skip(common).map(|_| "..".to_owned());
    let down = target.components().skip(common).map(|part| part.as_os_str().to_string_lossy().into_owned());
    Ok(up.chain(down).collect::<Vec<_>>().join("/"))
}

/// A path without a leading `./`.
fn shown(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}
