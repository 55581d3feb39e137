//! `rvp owner`: who owns a name, or the names that begin with a prefix.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rvp::model::{Owner, OwnerSet, Principal, PublicKey};
use rvp::publish::{Attempt, Owned, PendingOwners, Written, standing_in};
use rvp::registry::Writer;
use rvp::trust::sign::Signatory;

use super::context::{Context, current_project};
use super::owners_list::{ListArguments, list};
use super::published::report_dropped;
use super::record_signing::RecordSigning;
use super::waiting::report_waiting;
use super::writable::Writable;

#[derive(clap::Subcommand)]
pub enum Command {
    List(ListArguments),
    /// Let somebody else sign, too
    Add(ChangeArguments),
    /// Let somebody sign no longer; what was released before stays good
    Remove(ChangeArguments),
    /// Hand over to the owners that are given, and to nobody else
    Set(ChangeArguments),
    /// Become the first owner of a name, or of the names that begin with a prefix
    Claim(ChangeArguments),
    Sign(SignArguments),
}

/// A change of owners.
#[derive(clap::Args)]
pub struct ChangeArguments {
    /// A package, or a prefix of names as 'acme-*'
    #[arg(value_name = "NAME-or-PREFIX*")]
    owned: Owned,
    /// An identity: an e-mail address, or the URI of a workflow; * stands for anything but /, ** for anything
    #[arg(long, requires = "issuer")]
    identity: Vec<String>,
    /// The OIDC issuer that knows the identity
    #[arg(long, value_name = "URL", requires = "identity")]
    issuer: Option<String>,
    /// A public key, as PEM
    #[arg(long, value_name = "FILE")]
    owner_key: Vec<PathBuf>,
    /// How many owners must sign the next change [default: as before, or 1]
    #[arg(long, value_name = "NUMBER")]
    threshold: Option<u32>,
    /// The owners that are given can sign nothing that is sealed after this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<jiff::Timestamp>,
    /// Where the change waits if more owners must sign it
    #[arg(long, value_name = "FILE")]
    pending: Option<PathBuf>,
    #[command(flatten)]
    registry: Writable,
    #[command(flatten)]
    signing: RecordSigning,
}

/// Add a signature to a change that waits for more
#[derive(clap::Args)]
pub struct SignArguments {
    /// The file that `--pending` named
    file: PathBuf,
    #[command(flatten)]
    registry: Writable,
    #[command(flatten)]
    signing: RecordSigning,
}

pub fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(arguments) => list(context, arguments),
        Command::Add(arguments) => change(context, arguments, |owners, given, _| {
            let mut set = owned_by(arguments, owners)?;
            set.owners.extend(given);
            Ok(set)
        }),
        Command::Remove(arguments) => change(context, arguments, |owners, given, _| {
            let mut set = owned_by(arguments, owners)?;
            for gone in given {
                let before = set.owners.len();
                set.owners.retain(|owner| owner.principal != gone.principal);
                if set.owners.len() == before {
                    bail!(
                        "{} does not own `{}`\n  hint: its owners are {}",
                        gone.principal,
                        arguments.owned,
                        set.shown()
                    );
                }
            }
            Ok(set)
        }),
        Command::Set(arguments) => change(context, arguments, |owners, given, _| {
            Ok(OwnerSet { owners: given, ..owned_by(arguments, owners)? })
        }),
        Command::Claim(arguments) => change(context, arguments, |owners, given, signatory| {
            if let Some(owners) = owners {
                bail!(
                    "`{}` has owners: {}\n  hint: one of them can add you with `rvp owner add`",
                    arguments.owned,
                    owners.shown()
                );
            }
            let own = || Owner { principal: signatory.signer().into(), until: arguments.until };
            let owners = if given.is_empty() { vec![own()] } else { given };
            Ok(OwnerSet { revision: 0, threshold: 1, owners })
        }),
        Command::Sign(arguments) => sign(context, arguments),
    }
}

/// The owners before a change that needs some.
fn owned_by(arguments: &ChangeArguments, owners: Option<&OwnerSet>) -> anyhow::Result<OwnerSet> {
    if arguments.identity.is_empty() && arguments.owner_key.is_empty() {
        bail!("no owner is given\n  hint: name one with --identity and --issuer, or with --owner-key FILE");
    }
    owners.cloned().with_context(|| {
        format!(
            "`{}` has no owners of its own\n  hint: `rvp owner claim` makes the first ones",
            arguments.owned
        )
    })
}

/// Signs the statement that `edit` makes of the owners, of the new ones that are given, and of who signs; and seals it.
fn change(
    context: &Context,
    arguments: &ChangeArguments,
    edit: impl FnOnce(Option<&OwnerSet>, Vec<Owner>, &Signatory) -> anyhow::Result<OwnerSet>,
) -> anyhow::Result<ExitCode> {
    let given = arguments.given()?;
    let project = current_project()?;
    let settings = arguments.registry.settings(context, project.as_ref())?;
    let signatory = arguments.signing.needed(context, &settings, "a change of owners")?;
    let mut to = arguments.registry.open(context, project.as_ref())?;
    let (package, prefixes) = standing_in(&to.writer, &arguments.owned)?;
    let before = arguments.owned.standing(package.as_ref(), &prefixes).own;
    let mut set = edit(before, given, &signatory)?;
    set.revision = before.map_or(0, |before| before.revision) + 1;
    set.threshold = arguments.threshold.unwrap_or(set.threshold);
    if let Some(fault) = set.fault(before) {
        bail!("the owners of `{}` cannot be changed so: {fault}", arguments.owned);
    }
    let mut pending = PendingOwners::new(&to.writer.config().name, &arguments.owned.record(set))?;
    pending.sign(&signatory)?;
    let authority = context.authority(&settings)?;
    match pending.seal(&mut to, &*authority, jiff::Timestamp::now())? {
        Attempt::Written(Written::Sealed(sealed)) => {
            done(context, &to.writer, &arguments.owned)?;
            Ok(report_dropped(&sealed))
        }
        Attempt::Written(Written::Proposed(waiting)) => report_waiting(context, &waiting),
        Attempt::TooFew(reason) => {
            let Some(path) = &arguments.pending else {
                bail!(
                    "the change is {reason}\n  hint: keep it for the others to sign, with --pending FILE; nothing was changed"
                );
            };
            pending.write(path)?;
            context.say(&format!("the change is {reason}"));
            context
                .say(&format!("it waits in {}; another owner goes on with `rvp owner sign`", path.display()));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn sign(context: &Context, arguments: &SignArguments) -> anyhow::Result<ExitCode> {
    let mut pending = PendingOwners::read(&arguments.file)?;
    let (owned, record) = pending.record()?;
    let project = current_project()?;
    let settings = arguments.registry.settings(context, project.as_ref())?;
    let signatory = arguments.signing.needed(context, &settings, "a change of owners")?;
    if let Some(set) = record.owners() {
        context.say(&format!(
            "revision {} of the owners of `{owned}`: {}; {} must sign the next change",
            set.revision,
            set.shown(),
            set.threshold
        ));
    }
    pending.sign(&signatory)?;
    let mut to = arguments.registry.open(context, project.as_ref())?;
    match pending.seal(&mut to, &*context.authority(&settings)?, jiff::Timestamp::now())? {
        Attempt::Written(written) => {
            let _ = std::fs::remove_file(&arguments.file);
            match written {
                Written::Sealed(sealed) => {
                    done(context, &to.writer, &owned)?;
                    Ok(report_dropped(&sealed))
                }
                Written::Proposed(waiting) => report_waiting(context, &waiting),
            }
        }
        Attempt::TooFew(reason) => {
            pending.write(&arguments.file)?;
            context.say(&format!("signed; the change is {reason}"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn done(context: &Context, writer: &Writer, owned: &Owned) -> anyhow::Result<()> {
    let (package, prefixes) = standing_in(writer, owned)?;
    if let Some(owners) = owned.standing(package.as_ref(), &prefixes).own {
        context.say(&format!("`{owned}` is owned by {} from now on", owners.shown()));
    }
    Ok(())
}

impl ChangeArguments {
    /// The owners that are named.
    fn given(&self) -> anyhow::Result<Vec<Owner>> {
        let mut principals: Vec<Principal> = self
            .identity
            .iter()
            .map(|identity| Principal::Identity {
                identity: identity.clone(),
                issuer: self.issuer.clone().unwrap_or_default(),
            })
            .collect();
        for path in &self.owner_key {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the public key {}", path.display()))?;
            let key = PublicKey::parse(&text).with_context(|| format!("cannot use {}", path.display()))?;
            principals.push(Principal::Key { key });
        }
        Ok(principals.into_iter().map(|principal| Owner { principal, until: self.until }).collect())
    }
}
