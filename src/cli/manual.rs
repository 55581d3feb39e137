//! `rvp manual`: the help of all commands as manual pages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

/// Write manual pages for `man`
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder to write them into, such as ~/.local/share/man/man1
    dir: PathBuf,
}

pub fn run(arguments: &Arguments, program: clap::Command) -> anyhow::Result<ExitCode> {
    let dir = &arguments.dir;
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(program, dir))
        .with_context(|| format!("cannot write the manual pages into {}", dir.display()))?;
    Ok(ExitCode::SUCCESS)
}
