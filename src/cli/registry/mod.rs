//! `rvp registry …`

mod import;
mod init;
mod policy;
mod seal;
mod verify;

use std::process::ExitCode;

use super::context::Context;

#[derive(clap::Subcommand)]
pub enum Command {
    Init(init::Arguments),
    Import(import::Arguments),
    Seal(seal::Arguments),
    Verify(verify::Arguments),
    Policy(policy::Arguments),
}

pub fn run(context: &Context, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init(arguments) => init::run(context, &arguments),
        Command::Import(arguments) => import::run(context, &arguments),
        Command::Seal(arguments) => seal::run(context, &arguments),
        Command::Verify(arguments) => verify::run(context, &arguments),
        Command::Policy(arguments) => policy::run(context, &arguments),
    }
}
