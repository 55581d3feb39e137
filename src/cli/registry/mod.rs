//! `rvp registry …`

mod import;
mod init;
mod seal;
mod verify;
pub mod views;

use std::process::ExitCode;

use super::context::Context;

#[derive(clap::Subcommand)]
pub enum Command {
    Init(init::Arguments),
    Import(import::Arguments),
    Seal(seal::Arguments),
    Verify(verify::Arguments),
    Views(views::Arguments),
}

pub fn run(context: &Context, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init(arguments) => init::run(context, &arguments),
        Command::Import(arguments) => import::run(context, &arguments),
        Command::Seal(arguments) => seal::run(context, &arguments),
        Command::Verify(arguments) => verify::run(context, &arguments),
        Command::Views(arguments) => views::run(context, &arguments),
    }
}
