//! `rvp registry …`

mod add;
mod blobs;
mod check;
mod evidence;
mod import;
mod init;
mod policy;
mod rotate_key;
mod seal;
mod verify;
pub mod views;
mod witness;

use std::process::ExitCode;

use super::context::Context;

#[derive(clap::Subcommand)]
pub enum Command {
    Init(init::Arguments),
    Import(Box<import::Arguments>),
    Check(check::Arguments),
    Seal(seal::Arguments),
    Verify(verify::Arguments),
    Views(views::Arguments),
    Policy(policy::Arguments),
    Blobs(blobs::Arguments),
    RotateKey(rotate_key::Arguments),
    Witness(witness::Arguments),
    Evidence(evidence::Arguments),
    Add(add::AddArguments),
    List(add::ListArguments),
    Remove(add::RemoveArguments),
}

pub fn run(context: &Context, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init(arguments) => init::run(context, &arguments),
        Command::Import(arguments) => import::run(context, &arguments),
        Command::Check(arguments) => check::run(context, &arguments),
        Command::Seal(arguments) => seal::run(context, &arguments),
        Command::Verify(arguments) => verify::run(context, &arguments),
        Command::Views(arguments) => views::run(context, &arguments),
        Command::Policy(arguments) => policy::run(context, &arguments),
        Command::Blobs(arguments) => blobs::run(context, &arguments),
        Command::RotateKey(arguments) => rotate_key::run(context, &arguments),
        Command::Witness(arguments) => witness::run(context, &arguments),
        Command::Evidence(arguments) => evidence::run(context, &arguments),
        Command::Add(arguments) => add::add(context, &arguments),
        Command::List(arguments) => add::list(context, &arguments),
        Command::Remove(arguments) => add::remove(context, &arguments),
    }
}
