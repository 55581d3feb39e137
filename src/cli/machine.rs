//! This machine's Python, for targets that leave it open.

use std::path::PathBuf;

use rvp::install::InstallError;
use rvp::install::python::{self, Interpreter, PythonRequest};
use rvp::project::Settings;
use rvp::resolve::{Machine, PackagesError};
use uv_pep440::{Version, VersionSpecifiers};

use super::context::Context;

/// Minor versions of Python 3 that are tried where none is named, the newest first.
const MINORS: std::ops::RangeInclusive<u64> = 6..=15;

pub struct ThisMachine {
    cache: PathBuf,
    requires_python: Option<String>,
}

impl ThisMachine {
    pub fn new(context: &Context, settings: &Settings, requires_python: Option<String>) -> Self {
        Self { cache: context.interpreter_cache(settings), requires_python }
    }

    /// The first Python on `PATH` that the project admits, or else the newest one to be found.
    pub fn interpreter(&self) -> Result<Interpreter, InstallError> {
        let specifiers: VersionSpecifiers =
            self.requires_python.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default();
        let admits = |interpreter: &Interpreter| {
            interpreter.version.parse::<Version>().is_ok_and(|version| specifiers.contains(&version))
        };
        if let Some(path) = std::env::var_os("RVP_PYTHON").filter(|path| !path.is_empty()) {
            return Interpreter::query(path.as_ref(), &self.cache);
        }
        let program = if cfg!(windows) { "python.exe" } else { "python3" };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path)
            .map(|folder| folder.join(program))
            // A shim answers for the current folder only.
            .filter(|path| path.is_file() && !path.iter().any(|part| part == "shims"))
            .find_map(|path| Interpreter::query(&path, &self.cache).ok().filter(admits));
        if let Some(interpreter) = on_path {
            return Ok(interpreter);
        }
        MINORS
            .rev()
            .map(|minor| PythonRequest { major: 3, minor, patch: None })
            .filter_map(|request| python::find(request, None, &self.cache).ok())
            .find(admits)
            .ok_or_else(|| InstallError::NoPython {
                request: self.requires_python.clone().unwrap_or_else(|| "3".into()),
                searched: Vec::new(),
            })
    }
}

impl Machine for ThisMachine {
    fn python(&self) -> Result<String, PackagesError> {
        let interpreter = self.interpreter()?;
        Ok(match interpreter.minor() {
            // A patch number would make a lock that the next patch release of Python does not fit.
            Some((major, minor)) => format!("{major}.{minor}"),
            None => interpreter.version,
        })
    }

    fn platform(&self) -> Result<String, PackagesError> {
        Ok(self.interpreter()?.platform)
    }
}
