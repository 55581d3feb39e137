//! Environments by name or path, and how they and the targets of locks fit together.

use std::path::{Path, PathBuf};

use rvp::install::python::{self, Interpreter, PythonRequest};
use rvp::install::{Environment, EnvironmentSpec, InstallError};
use rvp::model::Platform;
use rvp::project::Settings;
use rvp::resolve::LockedTarget;

use super::context::Context;
use super::machine::ThisMachine;

/// Where the environment `text` is: a bare name stands for a folder under the environments' base, anything with a
/// separator or a leading dot is a path.
pub fn locate(text: &str, settings: &Settings) -> PathBuf {
    let is_path = text.starts_with('.') || text.contains('/') || text.contains(std::path::MAIN_SEPARATOR);
    match &settings.environments_dir {
        Some(base) if !is_path => base.join(text),
        _ => Path::new(text).to_owned(),
    }
}

/// What an environment for `target` is to be. Its interpreter is looked for only where it could run, and on Windows
/// there may be none: the usual one is part of the application that embeds it.
pub fn spec(
    context: &Context,
    settings: &Settings,
    target: &LockedTarget,
) -> anyhow::Result<EnvironmentSpec> {
    let platform: Platform = target.platform.parse()?;
    let interpreter = if platform.is_this_machine() {
        match interpreter_for(context, settings, &target.python) {
            Ok(interpreter) => Some(interpreter),
            Err(InstallError::NoPython { request, .. }) if platform.is_windows() => {
                context.say(&format!(
                    "no Python {request} on this machine: the environment is for applications that bring their own"
                ));
                None
            }
            Err(error) => return Err(error.into()),
        }
    } else {
        None
    };
    Ok(EnvironmentSpec {
        python: target.python.clone(),
        platform,
        host: target.host.clone(),
        interpreter,
        link_mode: settings.link_mode,
        keep: None,
    })
}

fn interpreter_for(
    context: &Context,
    settings: &Settings,
    python: &str,
) -> Result<Interpreter, InstallError> {
    let request: PythonRequest = python.parse()?;
    let preferred = ThisMachine::new(context, settings, None).interpreter();
    match preferred {
        Ok(interpreter) if request.admits(&interpreter.version) => Ok(interpreter),
        _ => python::find(request, None, &context.interpreter_cache(settings)),
    }
}

/// Whether an environment was made for what `target` describes.
pub fn fits(environment: &Environment, target: &LockedTarget) -> bool {
    let state = environment.state();
    let minor = |text: &str| text.parse::<PythonRequest>().map(|python| (python.major, python.minor)).ok();
    let same_platform = state.platform == target.platform
        || [&state.platform, &target.platform]
            .iter()
            .all(|text| text.parse::<Platform>().is_ok_and(|platform| platform.is_this_machine()));
    minor(&state.python) == minor(&target.python) && same_platform && state.host == target.host
}

/// What an environment was made for, in words.
pub fn describe(environment: &Environment) -> String {
    let state = environment.state();
    let host = state.host.as_ref().map(|host| format!("{host}, ")).unwrap_or_default();
    format!("{host}Python {} on {}", state.python, state.platform)
}

/// Whether programs of this target run here.
pub fn is_this_machine(target: &LockedTarget) -> bool {
    target.platform.parse::<Platform>().is_ok_and(|platform| platform.is_this_machine())
}
