//! `rvp login` and `rvp logout`: credentials for the URL of a registry, checked before they are kept.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use futures::executor::block_on;
use rvp::project::{Location, Settings};
use rvp::registry::{Credential, GitPlace, Sources, StoreOptions, credential_prefix, layout, open_store};

use super::context::{Context, current_project};

/// Store credentials for a registry, once it accepts them
///
/// They go into the system's keyring where rvp uses it, and else into credentials.toml in rvp's home, which only you may read. They are
/// sent to that URL and below it, and nowhere else.
#[derive(clap::Args)]
pub struct LoginArguments {
    /// The name of a registry in the settings, or a URL
    #[arg(value_name = "REGISTRY-or-URL")]
    registry: String,
    /// The user name, or the access key of a bucket; asks for the password, or reads it from stdin
    #[arg(long, value_name = "NAME", conflicts_with = "token_stdin")]
    username: Option<String>,
    /// Read a token from stdin
    #[arg(long)]
    token_stdin: bool,
}

/// Forget the credentials for a registry
#[derive(clap::Args)]
pub struct LogoutArguments {
    /// The name of a registry in the settings, or a URL
    #[arg(value_name = "REGISTRY-or-URL")]
    registry: String,
}

/// What is logged in to.
struct Place {
    location: String,
    prefix: url::Url,
    options: StoreOptions,
}

impl Place {
    fn find(context: &Context, text: &str) -> anyhow::Result<Self> {
        let settings = context.settings(Settings::default(), current_project()?.as_ref())?;
        let known = settings.registries.iter().flatten().find(|registry| registry.name == text);
        let (name, location) = match known {
            Some(registry) => (registry.name.clone(), registry.url.clone()),
            None => {
                let location = Location::parse(text).map_err(anyhow::Error::msg)?;
                (location.name(), location)
            }
        };
        let prefix = match &location {
            Location::Path(_) if !text.contains("://") && known.is_none() => bail!(
                "no registry of the settings has the name `{text}`\n  hint: name one that `rvp config get registries` shows, or write a URL"
            ),
            Location::Path(path) => {
                bail!("{} is a folder, and needs no credentials", path.display())
            }
            Location::Git(url) => {
                let place = GitPlace::parse(url.as_str()).map_err(anyhow::Error::msg)?;
                if !matches!(place.repository.scheme(), "https" | "http") {
                    bail!(
                        "{url} is not reached with credentials of rvp\n  hint: for git+ssh, ssh itself has the keys: see ssh-add"
                    );
                }
                credential_prefix(place.repository.as_str())?
            }
            Location::Http(url) | Location::Bucket(url) => credential_prefix(url.as_str())?,
        };
        let options = context.store_options(&name, &settings);
        Ok(Self { location: location.to_string(), prefix, options })
    }

    fn sources(&self) -> anyhow::Result<&Sources> {
        self.options.sources.as_ref().context("no place for credentials is set")
    }
}

pub fn login(context: &Context, arguments: LoginArguments) -> anyhow::Result<ExitCode> {
    let mut place = Place::find(context, &arguments.registry)?;
    if context.global.offline {
        bail!("cannot check credentials offline\n  hint: run it without --offline");
    }
    let credential = ask(arguments)?;
    let sources = place.sources()?.clone();
    // Only what is to be stored is tried: another source could let everybody in.
    place.options.sources = Some(Sources { given: Some(credential.clone()), ..sources.clone() });
    let store = open_store(&place.location, &place.options)?;
    let found = block_on(store.read_fresh(layout::CHECKPOINT, None, layout::MAX_CHECKPOINT))
        .context("the credentials were not stored")?;
    if found.is_none() {
        bail!(
            "{} has no {}, so nothing was stored\n  hint: check the URL; it is that of the registry itself",
            store.location(),
            layout::CHECKPOINT
        );
    }
    let where_to = sources.store(&place.prefix, &credential)?;
    context.say(&format!("Stored the credentials for {} in {where_to}", place.prefix));
    Ok(ExitCode::SUCCESS)
}

pub fn logout(context: &Context, arguments: &LogoutArguments) -> anyhow::Result<ExitCode> {
    let place = Place::find(context, &arguments.registry)?;
    let from = place.sources()?.forget(&place.prefix)?;
    if from.is_empty() {
        bail!(
            "no credentials for {} are stored\n  hint: those of the environment, of netrc or of a helper are not rvp's to forget",
            place.prefix
        );
    }
    context.say(&format!("Removed the credentials for {} from {}", place.prefix, from.join(" and ")));
    Ok(ExitCode::SUCCESS)
}

/// Asks for what the arguments leave open.
fn ask(arguments: LoginArguments) -> anyhow::Result<Credential> {
    let terminal = std::io::stdin().is_terminal() && !arguments.token_stdin;
    let secret = |what: &str| -> anyhow::Result<String> {
        let text = if terminal {
            let console = console::Term::stderr();
            console.write_str(&format!("{what}: "))?;
            console.read_secure_line()?
        } else {
            let mut text = String::new();
            let stdin = std::io::stdin().take(64 * 1024);
            { stdin }
                .read_to_string(&mut text)
                .with_context(|| format!("cannot read the {what} from stdin"))?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        };
        match text.is_empty() {
            true => bail!("the {what} is empty"),
            false => Ok(text),
        }
    };
    let username = match arguments.username {
        None if terminal => {
            let console = console::Term::stderr();
            console.write_str("user name (none for a token): ")?;
            Some(console.read_line()?).filter(|name| !name.is_empty())
        }
        username => username,
    };
    match username {
        Some(name) => {
            let password = Some(secret("password")?);
            Ok(Credential { username: Some(name), password, token: None })
        }
        None if terminal || arguments.token_stdin => {
            Ok(Credential { token: Some(secret("token")?), ..Credential::default() })
        }
        None => bail!(
            "stdin is no terminal to ask at\n  hint: add --token-stdin, or --username and the password on stdin"
        ),
    }
}
