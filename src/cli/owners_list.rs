//! `rvp owner list`: who owns a name or a prefix, once the signatures behind that are checked.

use std::process::ExitCode;

use anyhow::bail;
use rvp::model::{OwnerSet, Prefix};
use rvp::publish::{Owned, Standing};
use rvp::trust;

use super::context::{Context, current_project};
use super::output;
use super::workspace::{RegistryArguments, open_registries};

/// Show who owns a name, or the names that begin with a prefix
#[derive(clap::Args)]
pub struct ListArguments {
    /// A package, or a prefix of names as 'acme-*'
    #[arg(value_name = "NAME-or-PREFIX*")]
    owned: Owned,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub fn list(context: &Context, arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let settings = context.settings(arguments.registries.settings()?, current_project()?.as_ref())?;
    let registries = open_registries(context, &settings, true)?;
    let authority = context.authority(&settings)?;
    let mut found = Vec::new();
    for (registry, reader) in registries.readers() {
        let prefixes = trust::check_prefixes(&*authority, reader)?;
        let package = match &arguments.owned {
            Owned::Name(name) => {
                trust::check_owners(&*authority, reader, name)?;
                reader.package(name)?
            }
            Owned::Prefix(_) => None,
        };
        let Standing { own, prefix } = arguments.owned.standing(package.as_deref(), &prefixes);
        let around = match &arguments.owned {
            Owned::Name(name) => prefixes.in_force(name, u64::MAX),
            Owned::Prefix(prefix) => prefixes.around(prefix, u64::MAX),
        };
        if let Some(owners) = own.or(prefix) {
            let by = around.map(|(prefix, _)| prefix).filter(|_| own.is_none());
            found.push(show(registry, &arguments.owned, owners, by));
        }
    }
    if context.global.json {
        let data: Vec<_> = found.into_iter().map(|(data, _)| data).collect();
        output::json(&data)?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.is_empty() {
        bail!("nobody owns `{}`\n  hint: `rvp owner claim` makes the first owners", arguments.owned);
    }
    for line in found.into_iter().flat_map(|(_, lines)| lines) {
        output::line(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(
    registry: &str,
    owned: &Owned,
    owners: &OwnerSet,
    by: Option<&Prefix>,
) -> (serde_json::Value, Vec<String>) {
    let data = serde_json::json!({
        "name": owned.to_string(),
        "registry": registry,
        "prefix": by.map(ToString::to_string),
        "revision": owners.revision,
        "threshold": owners.threshold,
        "owners": owners.owners,
    });
    let through = by.map(|prefix| format!(", by the prefix {prefix}")).unwrap_or_default();
    let mut lines = vec![format!(
        "{owned} in {registry}{through}: {}, of whom {} must sign a change",
        output::count(owners.owners.len(), "owner"),
        owners.threshold
    )];
    lines.extend(owners.owners.iter().map(|owner| match owner.until {
        Some(until) => format!("  {} until {until}", owner.principal),
        None => format!("  {}", owner.principal),
    }));
    (data, lines)
}
