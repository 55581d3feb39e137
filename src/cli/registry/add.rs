//! `rvp registry add`, `list` and `remove`: the registries of this user, each with the key that is trusted for it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rvp::project::{Location, Registry, Settings, UserConfig};
use rvp::registry::key_fingerprint;

use crate::cli::context::Context;
use crate::cli::output;

/// What stands between a URL and the key that it brings along.
const LINK: &str = "#key=";
/// What of a key is written as it is in a link.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'+')
    .remove(b'/')
    .remove(b'=');

/// Add a registry to the user's settings, and trust its key from here on
///
/// A key that is given, or that the link brings along as `URL#key=KEY`, must be the registry's. Without one, the key that
/// it shows is trusted: compare the fingerprint with whoever runs it.
#[derive(clap::Args)]
pub struct AddArguments {
    /// What locks and messages are to call it
    name: String,
    /// A folder or a URL
    url: String,
    /// Its public key, as `rvp registry init` prints it
    #[arg(long)]
    key: Option<String>,
    /// A file that holds its public key
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    key_file: Option<PathBuf>,
    /// The beginning of names that come from it and from nowhere else; may be given several times
    #[arg(long, value_name = "PREFIX")]
    prefix: Vec<String>,
}

/// List the registries of the settings, with the fingerprints of their keys
#[derive(clap::Args)]
pub struct ListArguments {}

/// Remove a registry from the user's settings
#[derive(clap::Args)]
pub struct RemoveArguments {
    /// Its name
    name: String,
}

/// What makes the URL of a registry a link that brings its key along.
pub fn link_part(verifier_key: &str) -> String {
    format!("{LINK}{}", utf8_percent_encode(verifier_key, KEPT))
}

pub fn add(context: &Context, arguments: &AddArguments) -> anyhow::Result<ExitCode> {
    let name = &arguments.name;
    let (url, linked) = match arguments.url.split_once(LINK) {
        Some((url, key)) => (url, Some(percent_decode_str(key).decode_utf8()?.into_owned())),
        None => (arguments.url.as_str(), None),
    };
    let given = match &arguments.key_file {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            Some(
                text.with_context(|| format!("cannot read the key from {}", path.display()))?
                    .trim()
                    .to_owned(),
            )
        }
        None => arguments.key.clone(),
    };
    if let (Some(linked), Some(given)) = (&linked, &given)
        && linked != given
    {
        bail!(
            "the link brings the key {linked}, and {given} was given\n  hint: ask whoever runs the registry which of them is its key"
        );
    }
    let key = given.or(linked);
    if let Some(key) = &key {
        key_fingerprint(key)?;
    }
    let url = match Location::parse(url).map_err(anyhow::Error::msg)? {
        Location::Path(path) => Location::Path(std::path::absolute(&path)?),
        url => url,
    };
    let mut config = UserConfig::read(&context.home.config_file())?;
    let known = config.layer()?.settings.registries.unwrap_or_default();
    if let Some(known) = known.iter().find(|known| known.name == *name && known.url != url) {
        bail!(
            "there is a registry `{name}` already, {}\n  hint: choose another name, or remove that one with `rvp registry remove {name}`",
            known.url
        );
    }
    let settings = context.settings(Settings::default(), None)?;
    let registry = Registry::new(name.clone(), url.clone());
    let reader = context.open_registry(&registry, key.clone(), &settings, true)?;
    reader.config()?;
    let (url, pinned) = (url.to_string(), reader.key());
    let prefixes = toml_array(&arguments.prefix);
    let mut fields = vec![("url", url.as_str()), ("key", pinned)];
    if !arguments.prefix.is_empty() {
        fields.push(("prefixes", &prefixes));
    }
    config.set_registry(name, &fields)?;
    let fingerprint = key_fingerprint(pinned)?;
    if context.global.json {
        output::json(&serde_json::json!({
            "name": name, "url": url, "key": pinned, "fingerprint": fingerprint, "first-use": key.is_none(),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    context.say(&format!("added the registry `{name}`, {url}"));
    context.say(match key {
        Some(_) => "its key is the one that was given; its fingerprint:",
        None => {
            "its key was taken as the registry shows it, and nobody vouches for that (trust on first use)\ncompare its fingerprint with whoever runs the registry:"
        }
    });
    output::line(&fingerprint)?;
    Ok(ExitCode::SUCCESS)
}

fn toml_array(items: &[String]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", quoted.join(", "))
}

pub fn list(context: &Context, _: &ListArguments) -> anyhow::Result<ExitCode> {
    let project = crate::cli::context::current_project()?;
    let registries = context.settings(Settings::default(), project.as_ref())?.registries.unwrap_or_default();
    let fingerprint = |key: &Option<String>| key.as_deref().and_then(|key| key_fingerprint(key).ok());
    if context.global.json {
        let all: Vec<serde_json::Value> = registries
            .iter()
            .map(|one| {
                serde_json::json!({
                    "name": one.name, "url": one.url.to_string(), "key": one.key, "fingerprint": fingerprint(&one.key),
                })
            })
            .collect();
        output::json(&all)?;
        return Ok(ExitCode::SUCCESS);
    }
    for one in &registries {
        let key = fingerprint(&one.key).unwrap_or_else(|| "the key of the first visit".into());
        output::line(&format!("{}  {}\n  {key}", one.name, one.url))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub fn remove(context: &Context, arguments: &RemoveArguments) -> anyhow::Result<ExitCode> {
    let mut config = UserConfig::read(&context.home.config_file())?;
    if !config.remove_registry(&arguments.name)? {
        bail!(
            "{} names no registry `{}`\n  hint: `rvp registry list` shows all; those of a project stand in its pyproject.toml",
            config.path().display(),
            arguments.name
        );
    }
    context.say(&format!("removed the registry `{}`", arguments.name));
    Ok(ExitCode::SUCCESS)
}
