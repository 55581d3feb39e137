//! The list of all projects, in both forms. It changes only when a project is new.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::page::{API_VERSION, Meta, document};
use super::{ViewsError, replace_if_changed};
use crate::model::PackageName;

const JSON: &str = "index.json";

#[derive(Serialize, Deserialize)]
struct Project<'a> {
    name: Cow<'a, str>,
}

/// The projects that the list in `folder` has; none if it cannot be read.
pub(super) fn read(folder: &Path) -> Option<BTreeSet<PackageName>> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        projects: Vec<Project<'a>>,
    }
    let bytes = std::fs::read(folder.join(JSON)).ok()?;
    let list: List = serde_json::from_slice(&bytes).ok()?;
    list.projects.iter().map(|project| PackageName::python(&project.name).ok()).collect()
}

/// Writes the list; returns how many files changed.
pub(super) fn write(folder: &Path, projects: &BTreeSet<PackageName>) -> Result<usize, ViewsError> {
    #[derive(Serialize)]
    struct List<'a> {
        meta: Meta,
        projects: Vec<Project<'a>>,
    }
    let links: String =
        projects.iter().map(|name| format!("<a href=\"{0}/\">{0}</a><br>\n", name.as_str())).collect();
    let names = projects.iter().map(|name| Project { name: name.as_str().into() });
    let list = List { meta: Meta { api_version: API_VERSION }, projects: names.collect() };
    let json = serde_json::to_string(&list)? + "\n";
    // The next writer goes by the JSON form: it comes last.
    let html = replace_if_changed(&folder.join("index.html"), document("Simple index", &links).as_bytes())?;
    Ok(html + replace_if_changed(&folder.join(JSON), json.as_bytes())?)
}
