//! What can be wrong with a project file or a setting, and where in the file it stands.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::DependencyTable;

/// A project file or a setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "cannot write {}: {source}\n  hint: the file is unchanged; check that its folder is writable and the disk not full",
        path.display()
    )]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{} is not UTF-8 from byte {at} on\n  hint: TOML files are UTF-8; save it with that encoding", path.display())]
    Encoding { path: PathBuf, at: usize },
    #[error("{place}: {reason}")]
    Invalid { place: Place, reason: String },
    #[error("the environment variable {variable}: {reason}")]
    Environment { variable: String, reason: String },
    #[error("`{key}` is not a setting{}", nearest_hint(key, known))]
    UnknownSetting { key: String, known: Vec<String> },
    #[error("the setting `{key}`: {reason}")]
    Value { key: String, reason: String },
    #[error(
        "no pyproject.toml in {} or a folder above it\n  hint: `rvp init` makes one",
        start.display()
    )]
    NoProject { start: PathBuf },
    #[error(
        "{} is a Vitte project, which this version of rvp does not read yet\n  hint: put a pyproject.toml beside it, or run rvp in another folder",
        path.display()
    )]
    Vitte { path: PathBuf },
    #[error("`{name}` is not in {table} of {}{}", path.display(), elsewhere_hint(elsewhere, name, known))]
    NoDependency {
        name: String,
        table: DependencyTable,
        path: PathBuf,
        /// The names in `table`.
        known: Vec<String>,
        /// The other tables that have the name.
        elsewhere: Vec<DependencyTable>,
    },
    #[error(
        "{}: {list} are written in a form of TOML that rvp does not edit\n  hint: the file is unchanged; write `{key} = [\"…\"]` under `[{header}]` by hand",
        path.display()
    )]
    Edit { path: PathBuf, list: String, header: &'static str, key: String },
    #[error("this user has no home folder\n  hint: set RVP_HOME to a folder for rvp's files")]
    NoHome,
}

/// A place in a file, shown as `FILE:LINE:COLUMN`, both counted from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
    line: usize,
    column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

/// A TOML file as text, for errors that point into it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub path: PathBuf,
    pub text: String,
}

impl Source {
    pub fn read(path: &Path) -> Result<Self, ProjectError> {
        let bytes = std::fs::read(path).map_err(|source| ProjectError::Read { path: path.into(), source })?;
        Self::of_bytes(path, bytes)
    }

    /// The text of a file that was read elsewhere.
    pub fn of_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, ProjectError> {
        let text = String::from_utf8(bytes).map_err(|error| ProjectError::Encoding {
            path: path.into(),
            at: error.utf8_error().valid_up_to(),
        })?;
        Ok(Self { path: path.into(), text })
    }

    /// The line of the byte `at`, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        self.text.get(..at).unwrap_or_default().matches('\n').count() + 1
    }

    /// An error at the bytes `span` of the text; at the first line where the span is not known.
    pub fn error(&self, span: Option<Range<usize>>, reason: impl fmt::Display) -> ProjectError {
        let start = span.map_or(0, |span| span.start);
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        ProjectError::Invalid {
            place: Place {
                path: self.path.clone(),
                line: self.line(start),
                column: before[line_start..].chars().count() + 1,
            },
            reason: reason.to_string(),
        }
    }

    pub fn toml_error(&self, error: &toml::de::Error) -> ProjectError {
        self.error(error.span(), error.message())
    }
}

/// Where a name stands, and how to reach it there; or what may have been meant, when it stands nowhere.
fn elsewhere_hint(elsewhere: &[DependencyTable], name: &str, known: &[String]) -> String {
    match elsewhere {
        [] => nearest_hint(name, known),
        tables => tables
            .iter()
            .map(|table| format!("\n  hint: it is in {table}: run this {}", table.option()))
            .collect(),
    }
}

/// `\n  hint: did you mean …?` with the known name that is nearest to `text`, or the list of them when none is near.
pub(super) fn nearest_hint(text: &str, known: &[String]) -> String {
    let likeness = |name: &String| strsim::normalized_damerau_levenshtein(text, name);
    match known.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other))) {
        Some(name) if likeness(name) > 0.65 => format!("\n  hint: did you mean `{name}`?"),
        Some(_) => format!("\n  hint: known: {}", known.join(", ")),
        None => String::new(),
    }
}
