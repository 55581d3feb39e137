//! The command line: each command is a short file that parses, calls the library, and prints.
//!
//! Data goes to stdout and talk to stderr, so that a pipe carries only data.

mod context;
mod output;
mod publish;
mod registry;
mod yank;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use context::Context;

/// A package registry that is a directory of plain files, and the one program that uses it.
#[derive(Parser)]
#[command(
    name = "rvp",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done; 1 refused or failed, as stderr says; 2 wrong use of the command line."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
struct Global {
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Ask no server for anything: use what this machine already has
    #[arg(long, global = true, env = "RVP_OFFLINE", value_parser = clap::builder::FalseyValueParser::new())]
    offline: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Make, fill, seal and verify registries
    #[command(subcommand)]
    Registry(registry::Command),
    Publish(publish::Arguments),
    Yank(yank::Arguments),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let context = Context::new(cli.global)?;
    // Stores of the network are driven by the runtime's threads, whoever waits for them.
    let _guard = context.runtime.enter();
    match cli.command {
        Command::Registry(command) => registry::run(&context, command),
        Command::Publish(arguments) => publish::run(&context, &arguments),
        Command::Yank(arguments) => yank::run(&context, &arguments),
    }
}
