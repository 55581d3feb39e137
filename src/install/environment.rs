//! Environments: folders that look like a virtual environment, whose content changes in one step.
//!
//! ```text
//! pyvenv.cfg           a real file, so that `sys.prefix` is this folder
//! environment.json     what the environment is for
//! environment.lock     held by the process that changes it
//! generations/7/       a complete virtual environment: pyvenv.cfg, bin, lib, …; generation.json lists its packages
//! current              -> generations/7: the only thing that is switched
//! bin, lib, share, …   -> current/bin, …
//! ```
//!
//! An environment for another platform has no interpreter, and its generations hold real files in place of links into
//! the store: the content of `current` is what is to be carried to a machine of that platform. There, `home` is to be
//! added to its `pyvenv.cfg`, unless the folder of packages is given to an application that embeds Python.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::InstallError;
use super::generation::Generation;
use super::layout::Layout;
use super::link::default_link_mode;
use super::plan::Plan;
use super::python::{Interpreter, PythonRequest};
use super::store::Store;
use crate::files;
use crate::model::{Blake3, Platform};
use crate::project::LinkMode;

pub(super) const GENERATIONS: &str = "generations";
pub(super) const CURRENT: &str = "current";
const STATE: &str = "environment.json";

/// How many generations are kept when nothing else is said: the current one, and two to go back to.
const KEEP: usize = 3;

/// Raised when the tree that a plan leads to changes: environments are then built anew by the next sync.
const FORMAT: u32 = 1;

/// What an environment is to be.
#[derive(Clone, Debug)]
pub struct EnvironmentSpec {
    /// `3.12` or `3.12.4`; the interpreter's own version where there is an interpreter.
    pub python: String,
    pub platform: Platform,
    /// The host release around it: `revit==2025.4`.
    pub host: Option<String>,
    /// None for another platform than this machine's.
    pub interpreter: Option<Interpreter>,
    /// None: links for this machine's platform, hard links for another.
    pub link_mode: Option<LinkMode>,
    /// How many generations to keep; none: 3.
    pub keep: Option<usize>,
}

/// What an environment is: `environment.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EnvironmentState {
    format: u32,
    pub python: String,
    pub platform: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<PathBuf>,
    pub link_mode: LinkMode,
    pub keep: usize,
}

/// An environment on disk.
#[derive(Clone, Debug)]
pub struct Environment {
    pub(super) root: PathBuf,
    pub(super) state: EnvironmentState,
    pub(super) layout: Layout,
}

impl Environment {
    /// Makes an environment without any generation; the first plan that is applied makes one. `path` must be free, or an empty folder.
    pub fn create(path: &Path, spec: &EnvironmentSpec) -> Result<Self, InstallError> {
        let root = std::path::absolute(path).map_err(InstallError::io("find the folder", path))?;
        make_way(&root)?;
        let python = spec.interpreter.as_ref().map_or(&spec.python, |interpreter| &interpreter.version);
        let link_mode = spec.link_mode.unwrap_or_else(|| default_link_mode(spec.platform.is_this_machine()));
        let state = EnvironmentState {
            format: FORMAT,
            python: python.clone(),
            platform: spec.platform.to_string(),
            host: spec.host.clone(),
            interpreter: spec.interpreter.as_ref().map(|interpreter| interpreter.executable.clone()),
            link_mode,
            keep: spec.keep.unwrap_or(KEEP).max(1),
        };
        let layout = layout_of(&state)?;

        // Made under another name: a process that is killed leaves no half of an environment.
        let parent = root.parent().unwrap_or(&root);
        fs::create_dir_all(parent).map_err(InstallError::io("create the folder", parent))?;
        let temporary = files::temporary_folder(parent, files::Purpose::NewEnvironment)
            .map_err(InstallError::io("create a folder in", parent))?;
        let stage = temporary.path().join("environment");
        fs::create_dir_all(stage.join(GENERATIONS)).map_err(InstallError::io("create the folder", &stage))?;
        let write = |name: &str, text: &[u8]| {
            let path = stage.join(name);
            fs::write(&path, text).map_err(InstallError::io("write", &path))
        };
        write("pyvenv.cfg", state.pyvenv_cfg().as_bytes())?;
        write(".gitignore", b"*\n")?;
        let json = serde_json::to_vec_pretty(&state)
            .map_err(std::io::Error::from)
            .map_err(InstallError::io("write", &root.join(STATE)))?;
        write(STATE, &json)?;
        files::rename(&stage, &root).map_err(InstallError::io("rename a folder to", &root))?;
        Ok(Self { root, state, layout })
    }

    /// Opens the environment at `path`.
    pub fn open(path: &Path) -> Result<Self, InstallError> {
        let root = std::path::absolute(path).map_err(InstallError::io("find the folder", path))?;
        let file = root.join(STATE);
        let not = |reason: String, hint: &'static str| InstallError::NotAnEnvironment {
            path: root.clone(),
            reason,
            hint,
        };
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(match (root.join("pyvenv.cfg").exists(), root.exists()) {
                    (true, _) => not(
                        "another tool made it".into(),
                        "remove it, or choose another path; rvp changes only its own environments",
                    ),
                    (false, true) => not(format!("it has no {STATE}"), "make one with `rvp env create`"),
                    (false, false) => not(
                        "it does not exist".into(),
                        "`rvp env list` shows those that have a name; make one with `rvp env create`",
                    ),
                });
            }
            Err(source) => return Err(InstallError::Io { action: "read", path: file, source }),
        };
        let state: EnvironmentState = serde_json::from_slice(&text).map_err(|error| {
            not(
                format!("its {STATE} cannot be read: {error}"),
                "remove the folder and make it again with `rvp sync`",
            )
        })?;
        if state.format != FORMAT {
            let reason = format!("it has format {}, and this version of rvp reads {FORMAT}", state.format);
            return Err(not(reason, "remove the folder and make it again with `rvp sync`"));
        }
        let layout = layout_of(&state)?;
        // Only on Windows, when a process was killed in the middle of a switch.
        let (current, waiting) = (root.join(CURRENT), root.join("current.new"));
        if fs::symlink_metadata(&current).is_err() && fs::symlink_metadata(&waiting).is_ok() {
            let _ = fs::rename(&waiting, &current);
        }
        Ok(Self { root, state, layout })
    }

    /// The folder, absolute.
    pub fn path(&self) -> &Path {
        &self.root
    }

    pub fn state(&self) -> &EnvironmentState {
        &self.state
    }

    /// The folder of packages, whichever generation is current.
    pub fn site_packages(&self) -> PathBuf {
        super::arrange::join(&self.root, &self.layout.site_packages)
    }

    /// The folder of programs, whichever generation is current.
    pub fn scripts(&self) -> PathBuf {
        self.root.join(self.layout.scripts)
    }

    /// The environment's own `python`, where it has one.
    pub fn python(&self) -> Option<PathBuf> {
        let program = if self.layout.windows { "python.exe" } else { "python" };
        self.state.interpreter.as_ref().map(|_| self.scripts().join(program))
    }

    /// What the environment holds now; none before the first plan was applied.
    pub fn current(&self) -> Option<Generation> {
        Generation::read(&self.root.join(CURRENT))
    }

    /// The generations that can be gone back to, the current one among them, oldest first.
    pub fn generations(&self) -> Result<Vec<Generation>, InstallError> {
        let numbers = self.numbers()?;
        Ok(numbers.into_iter().filter_map(|number| Generation::read(&self.generation_path(number))).collect())
    }

    /// The folder of a generation: a virtual environment of its own, which stays as it is when the environment is
    /// changed. For a program that holds files open, such as an application that embeds Python.
    pub fn generation_path(&self, number: u64) -> PathBuf {
        self.root.join(GENERATIONS).join(number.to_string())
    }

    /// When a generation was made, where the file system knows.
    pub fn generation_time(&self, number: u64) -> Option<std::time::SystemTime> {
        Generation::time(&self.generation_path(number))
    }

    /// Whether the environment is already as `plan` wants it. Reads one file, and looks whether the store still has what is linked.
    pub fn is_current(&self, plan: &Plan, store: &Store) -> bool {
        let same =
            || self.current().is_some_and(|current| current.fingerprint == self.fingerprint(plan, store));
        let stored = || plan.packages.iter().all(|package| store.has(package.artifact));
        same() && (self.state.link_mode != LinkMode::Symlink || stored())
    }

    /// The digest of all that a generation depends on.
    pub(super) fn fingerprint(&self, plan: &Plan, store: &Store) -> Blake3 {
        // Not JSON, which has no way to write a path that is not Unicode.
        Blake3::of(format!("{:?}", (FORMAT, &self.root, store.root(), &self.state, plan)).as_bytes())
    }

    pub(super) fn numbers(&self) -> Result<Vec<u64>, InstallError> {
        let folder = self.root.join(GENERATIONS);
        let entries = fs::read_dir(&folder).map_err(InstallError::io("list the folder", &folder))?;
        let name = |entry: fs::DirEntry| entry.file_name().to_str().and_then(|name| name.parse().ok());
        let mut numbers: Vec<u64> = entries.flatten().filter_map(name).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

impl EnvironmentState {
    /// The text of `pyvenv.cfg` (PEP 405).
    pub(super) fn pyvenv_cfg(&self) -> String {
        let home = match self.interpreter.as_deref().and_then(Path::parent) {
            Some(folder) => format!("home = {}", folder.display()),
            None => "# To run it as a virtual environment, add here the key home with the folder of the interpreter.".into(),
        };
        format!(
            "{home}\nimplementation = CPython\nversion_info = {}\ninclude-system-site-packages = false\nrvp = {}\n",
            self.python,
            env!("CARGO_PKG_VERSION")
        )
    }
}

fn layout_of(state: &EnvironmentState) -> Result<Layout, InstallError> {
    let request: PythonRequest = state.python.parse()?;
    let platform: Platform = state.platform.parse()?;
    Ok(Layout::new(&platform, (request.major, request.minor)))
}

/// Sees to it that nothing stands at `root`.
fn make_way(root: &Path) -> Result<(), InstallError> {
    if fs::symlink_metadata(root).is_err() || fs::remove_dir(root).is_ok() {
        return Ok(());
    }
    let (reason, hint) = match root.is_dir() {
        _ if root.join(STATE).exists() => {
            ("it is an environment already", "use it as it is, or remove the folder first")
        }
        true => ("it is a folder that is not empty", "choose another path, or move its content away"),
        false => ("it is not a folder", "choose another path, or move it away"),
    };
    Err(InstallError::InTheWay { path: root.to_owned(), reason, hint })
}
