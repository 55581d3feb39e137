//! The command line: each command is a short file that parses, calls the library, and prints.
//!
//! Data goes to stdout and talk to stderr, so that a pipe carries only data.

mod add;
mod approve;
mod arguments;
mod changes;
mod config;
mod context;
mod env;
mod environments;
mod fill;
mod graph;
mod history;
mod info;
mod init;
mod install;
mod judgement;
mod keygen;
mod known_hosts;
mod list;
mod lock;
mod login;
mod machine;
mod manual;
mod mirror;
mod output;
mod owner;
mod owners_list;
mod passphrase;
mod policy;
mod publish;
mod published;
mod record_signing;
mod registry;
mod run;
mod secret_file;
mod sign;
mod signing;
mod sync;
mod targets;
mod tree;
mod trust;
mod unpack;
mod verify;
mod waiting;
mod workspace;
mod writable;
mod yank;

use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

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
#[command(next_help_heading = "Global options")]
struct Global {
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Ask no server for anything
    #[arg(long, global = true, env = "RVP_OFFLINE", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    offline: bool,
    /// Ask registries for their state, however recent the known one is
    #[arg(long, global = true, conflicts_with = "offline")]
    refresh: bool,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Arguments),
    Add(add::AddArguments),
    Remove(add::RemoveArguments),
    Lock(lock::Arguments),
    Sync(sync::Arguments),
    Update(install::UpdateArguments),
    Run(run::Arguments),
    Tree(tree::TreeArguments),
    Why(tree::WhyArguments),
    /// Make, list and remove environments
    #[command(subcommand)]
    Env(env::Command),
    Install(install::InstallArguments),
    List(list::ListArguments),
    Rollback(list::RollbackArguments),
    Info(info::Arguments),
    Publish(publish::Arguments),
    Yank(yank::Arguments),
    Approve(approve::Arguments),
    /// Show and change who owns a name, or the names that begin with a prefix
    #[command(subcommand)]
    Owner(owner::Command),
    Verify(verify::Arguments),
    #[command(subcommand)]
    Trust(trust::Command),
    Keygen(keygen::Arguments),
    Sign(sign::Arguments),
    /// Make, fill, seal and verify registries
    #[command(subcommand)]
    Registry(registry::Command),
    /// Show the policies that hold here, and judge a lock or an environment by them
    #[command(subcommand)]
    Policy(policy::Command),
    Mirror(mirror::Arguments),
    Login(login::LoginArguments),
    Logout(login::LogoutArguments),
    #[command(subcommand)]
    Config(config::Command),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    Manual(manual::Arguments),
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
        Command::Init(arguments) => init::run(&context, &arguments),
        Command::Add(arguments) => add::add(&context, &arguments),
        Command::Remove(arguments) => add::remove(&context, &arguments),
        Command::Lock(arguments) => lock::run(&context, &arguments),
        Command::Sync(arguments) => sync::run(&context, &arguments),
        Command::Update(arguments) => install::update(&context, &arguments),
        Command::Run(arguments) => run::run(&context, &arguments),
        Command::Tree(arguments) => tree::tree(&context, &arguments),
        Command::Why(arguments) => tree::why(&context, &arguments),
        Command::Env(command) => env::run(&context, &command),
        Command::Install(arguments) => install::install(&context, &arguments),
        Command::List(arguments) => list::list(&context, &arguments),
        Command::Rollback(arguments) => list::rollback(&context, &arguments),
        Command::Info(arguments) => info::run(&context, &arguments),
        Command::Publish(arguments) => publish::run(&context, &arguments),
        Command::Yank(arguments) => yank::run(&context, &arguments),
        Command::Approve(arguments) => approve::run(&context, &arguments),
        Command::Owner(command) => owner::run(&context, &command),
        Command::Verify(arguments) => verify::run(&context, &arguments),
        Command::Trust(command) => trust::run(&context, &command),
        Command::Keygen(arguments) => keygen::run(&context, &arguments),
        Command::Sign(arguments) => sign::run(&context, &arguments),
        Command::Registry(command) => registry::run(&context, command),
        Command::Policy(command) => policy::run(&context, &command),
        Command::Mirror(arguments) => mirror::run(&context, arguments),
        Command::Login(arguments) => login::login(&context, arguments),
        Command::Logout(arguments) => login::logout(&context, &arguments),
        Command::Config(command) => config::run(&context, &command),
        Command::Manual(arguments) => manual::run(&arguments, Cli::command()),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "rvp", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}
