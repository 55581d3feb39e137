//! `rvp run`: a command inside an environment.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};
use rvp::model::Platform;
use rvp::project::Settings;

use super::context::{Context, current_project};
use super::env::chosen;
use super::environments;
use super::sync;
use super::workspace::Workspace;

/// Run a command in an environment
///
/// In a project, its environment is brought up to date first.
#[derive(clap::Args)]
pub struct Arguments {
    /// A name, or a path as ./PATH [default: the project's environment, or the active one]
    #[arg(long, value_name = "NAME-or-./PATH")]
    env: Option<String>,
    /// Leave the environment as it is
    #[arg(long)]
    no_sync: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.env.is_none() && !arguments.no_sync && current_project()?.is_some() {
        sync::sync_default(context, &Workspace::find(context, Settings::default())?)?;
    }
    let settings = context.settings(Settings::default(), current_project()?.as_ref())?;
    let environment = chosen(arguments.env.as_deref(), &settings)?;
    if !environment.state().platform.parse::<Platform>()?.is_this_machine() {
        bail!(
            "{} is for {}: its programs do not run on this machine\n  hint: `rvp sync` lays it out; copy it to a machine that runs them",
            environment.path().display(),
            environments::describe(&environment)
        );
    }
    let (program, rest) = arguments.command.split_first().context("no command")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(environment.scripts()).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).context("the environment's path cannot stand in PATH")?;
    let mut command = Command::new(find_program(program, &path));
    command.args(rest).env("PATH", &path).env("VIRTUAL_ENV", environment.path()).env_remove("PYTHONHOME");
    let status = command.status().with_context(|| {
        format!(
            "cannot run {}\n  hint: is it installed in {}, or on PATH?",
            program.to_string_lossy(),
            environment.path().display()
        )
    })?;
    // A signal has no code; shells show 128 and more for it.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::from(128), ExitCode::from))
}

/// Looks a program up on the new `PATH`; systems look on the old one.
fn find_program(program: &OsString, path: &OsString) -> OsString {
    let plain = std::path::Path::new(program).components().count() == 1;
    let suffix = std::env::consts::EXE_SUFFIX;
    std::env::split_paths(path)
        .filter(|_| plain)
        .flat_map(|folder| {
            let bare = folder.join(program);
            let mut with_suffix = bare.clone().into_os_string();
            with_suffix.push(suffix);
            [with_suffix, bare.into_os_string()]
        })
        .find(|candidate| std::path::Path::new(candidate).is_file())
        .unwrap_or_else(|| program.clone())
}
