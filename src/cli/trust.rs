//! `rvp trust`: the authorities whose word on signatures is believed.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rvp::project::Settings;
use rvp::trust::{Authority, Origin, TrustedRoot, TufRepository, refresh};

use super::context::{Context, current_project};
use super::output;

/// Show and renew the authorities that are believed about signatures
#[derive(clap::Subcommand)]
pub enum Command {
    /// Show which trusted root is in use, its authorities, and until when each counts
    Show {
        /// Another trusted_root.json
        #[arg(long, value_name = "FILE")]
        trusted_root: Option<PathBuf>,
    },
    Refresh(RefreshArguments),
}

/// Fetch the newest trusted root of Sigstore, verified by TUF
///
/// It is kept in the folder `trust` of rvp's home, and is used from then on.
#[derive(clap::Args)]
pub struct RefreshArguments {
    /// The TUF repository of another service than the public one
    #[arg(long, requires = "root")]
    url: Option<url::Url>,
    /// The root.json with which trust in that repository begins
    #[arg(long, requires = "url", value_name = "FILE")]
    root: Option<PathBuf>,
}

pub fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Show { trusted_root } => {
            let root = match trusted_root {
                Some(path) => TrustedRoot::read(path)?,
                None => context.trusted_root()?,
            };
            show(context, &root)?;
        }
        Command::Refresh(arguments) => {
            if context.global.offline {
                bail!(
                    "a trusted root cannot be fetched offline\n  hint: without --offline; or copy a trusted_root.json here, and give it with --trusted-root"
                );
            }
            let settings = context.settings(Settings::default(), current_project()?.as_ref())?;
            let repository = arguments.repository()?;
            let (file, http) = (context.home.trusted_root(), Context::http(&settings));
            let root = refresh(&repository, &file, &http, jiff::Timestamp::now());
            show(context, &context.runtime.block_on(root)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl RefreshArguments {
    fn repository(&self) -> anyhow::Result<TufRepository> {
        let (Some(url), Some(root)) = (&self.url, &self.root) else { return Ok(TufRepository::public()?) };
        let bytes = std::fs::read(root).with_context(|| format!("cannot read {}", root.display()))?;
        Ok(TufRepository { url: url.clone(), root: bytes })
    }
}

fn show(context: &Context, root: &TrustedRoot) -> anyhow::Result<()> {
    let authorities = root.authorities()?;
    if context.global.json {
        let list = authorities.iter().map(|authority| {
            serde_json::json!({
                "kind": authority.kind.to_string(),
                "url": authority.url,
                "from": authority.from,
                "until": authority.until,
            })
        });
        return output::json(&serde_json::json!({
            "trusted_root": match root.origin() {
                Origin::Embedded => None,
                Origin::Refreshed(path) | Origin::File(path) => Some(path),
            },
            "authorities": list.collect::<Vec<_>>(),
        }));
    }
    output::line(&match root.origin() {
        Origin::Embedded => format!("the trusted root inside rvp {}", env!("CARGO_PKG_VERSION")),
        origin => format!("the trusted root in {origin}"),
    })?;
    for authority in &authorities {
        output::line(&format!("  {}", line(authority)))?;
    }
    Ok(())
}

fn line(authority: &Authority) -> String {
    let from = authority.from.map_or("always".to_owned(), |from| format!("from {from}"));
    let until = authority.until.map(|until| format!(" until {until}")).unwrap_or_default();
    format!("{} {}: {from}{until}", authority.kind, authority.url)
}
