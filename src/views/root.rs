//! The list of all projects, in both forms. It changes only when a project is new.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::page::{API_VERSION, Meta, document};
use super::{HTML, JSON, ViewsError, replace_if_changed};

#[derive(Serialize, Deserialize)]
struct Project<'a> {
    name: &'a str,
}

/// Adds projects to the list in `folder`; returns how many files changed, or none if there is no list that can be read.
pub(super) fn add(folder: &Path, names: &[&str]) -> Result<Option<usize>, ViewsError> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        projects: Vec<Project<'a>>,
    }
    let Ok(bytes) = std::fs::read(folder.join(JSON)) else { return Ok(None) };
    let Ok(known) = serde_json::from_slice::<List>(&bytes) else { return Ok(None) };
    let known = known.projects.iter().map(|project| project.name);
    write(folder, known.chain(names.iter().copied()).collect()).map(Some)
}

/// Writes the list; returns how many files changed.
pub(super) fn write(folder: &Path, mut names: Vec<&str>) -> Result<usize, ViewsError> {
    #[derive(Serialize)]
    struct List<'a> {
        meta: Meta,
        projects: Vec<Project<'a>>,
    }
    names.sort_unstable();
    names.dedup();
    let links: String = names.iter().map(|name| format!("<a href=\"{name}/\">{name}</a><br>\n")).collect();
    let projects = names.into_iter().map(|name| Project { name }).collect();
    let json = serde_json::to_string(&List { meta: Meta { api_version: API_VERSION }, projects })? + "\n";
    let html = replace_if_changed(&folder.join(HTML), document("Simple index", &links).as_bytes(), None)?;
    Ok(html + replace_if_changed(&folder.join(JSON), json.as_bytes(), None)?)
}
