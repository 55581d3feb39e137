//! Adding and removing dependencies in place.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use uv_normalize::{ExtraName, GroupName};

use super::error::Source;
use super::list::{Item, List, newline_of, quote};
use super::text::FromText;
use super::write::write_atomically;
use super::{ProjectError, PyProject};
use crate::model::{PackageName, Requirement};

/// Which list of a `pyproject.toml` is edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DependencyTable {
    /// `[project] dependencies`.
    Project,
    /// `[project.optional-dependencies]`.
    Optional(ExtraName),
    /// `[dependency-groups]`; `--dev` is the group `dev`.
    Group(GroupName),
}

impl fmt::Display for DependencyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project => f.write_str("the dependencies"),
            Self::Optional(extra) => write!(f, "the optional dependencies `{extra}`"),
            Self::Group(group) => write!(f, "the dependency group `{group}`"),
        }
    }
}

/// Adds `requirement` to a list of the file at `path`, in the place of one with the same name, extras and marker.
/// A sorted list stays sorted, and every other line of the file stays as it is.
pub fn add_dependency(
    path: &Path,
    table: &DependencyTable,
    requirement: &Requirement,
) -> Result<(), ProjectError> {
    edit(path, |source| Ok(add(&source.text, table, requirement)))?;
    Ok(())
}

/// Removes every requirement on `name` from a list of the file at `path`; an error if there is none.
pub fn remove_dependency(
    path: &Path,
    table: &DependencyTable,
    name: &PackageName,
) -> Result<(), ProjectError> {
    edit(path, |source| {
        remove(&source.text, table, name).ok_or_else(|| ProjectError::NoDependency {
            name: name.to_string(),
            table: table.to_string(),
            path: path.into(),
            known: names(&source.text, table),
        })
    })
}

fn edit(path: &Path, change: impl Fn(&Source) -> Result<String, ProjectError>) -> Result<(), ProjectError> {
    let source = Source::read(path)?;
    PyProject::parse(&source)?;
    let changed = Source { path: path.into(), text: change(&source)? };
    // The list may stand in a form that cannot be extended by a line of text, such as dotted keys.
    PyProject::parse(&changed).map_err(|error| ProjectError::Edit {
        path: path.into(),
        reason: format!("the change would not leave a valid file ({error})"),
    })?;
    write_atomically(path, &changed.text)
}

fn add(text: &str, table: &DependencyTable, requirement: &Requirement) -> String {
    let new = requirement.text.trim();
    with_list(text, table, |list| {
        let Some(list) = list else { return create(text, table, new) };
        let same: Vec<usize> = positions(&list, |item| {
            item.name == requirement.name
                && item.marker == requirement.marker
                && sorted(&item.extras) == sorted(&requirement.extras)
        });
        match same.split_first() {
            None => list.insert(insertion(&list, requirement), new),
            Some((first, [])) => list.replace(*first, new),
            Some((_, [.., last])) => add(&list.remove(*last), table, requirement),
        }
    })
}

fn remove(text: &str, table: &DependencyTable, name: &PackageName) -> Option<String> {
    with_list(text, table, |list| {
        let list = list?;
        let last = *positions(&list, |item| item.name == *name).last()?;
        let removed = list.remove(last);
        Some(remove(&removed, table, name).unwrap_or(removed))
    })
}

fn names(text: &str, table: &DependencyTable) -> Vec<String> {
    with_list(text, table, |list| {
        let requirements = list.iter().flat_map(List::items).filter_map(requirement_of);
        requirements.map(|requirement| requirement.name.to_string()).collect()
    })
}

/// Calls `then` with the list that `table` means in `text`, if there is one.
fn with_list<T>(text: &str, table: &DependencyTable, then: impl FnOnce(Option<List<'_>>) -> T) -> T {
    let document = DeTable::parse(text).ok();
    let parent = document.as_ref().and_then(|document| parent(document.get_ref(), table));
    let list = parent.and_then(|parent| {
        let entries = parent.get_ref().as_table()?.iter();
        let (_, value) = entries.into_iter().find(|(key, _)| table.is_key(key.get_ref()))?;
        List::new(text, value)
    });
    then(list)
}

/// The table that holds the list, as a key or as a header.
fn parent<'a, 'i>(document: &'a DeTable<'i>, table: &DependencyTable) -> Option<&'a Spanned<DeValue<'i>>> {
    match table {
        DependencyTable::Project => document.get("project"),
        DependencyTable::Optional(_) => document.get("project")?.get_ref().get("optional-dependencies"),
        DependencyTable::Group(_) => document.get("dependency-groups"),
    }
}

impl DependencyTable {
    fn header(&self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Optional(_) => "project.optional-dependencies",
            Self::Group(_) => "dependency-groups",
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::Project => "dependencies",
            Self::Optional(extra) => extra.as_str(),
            Self::Group(group) => group.as_str(),
        }
    }

    /// Whether a key of the file means this list, in whatever spelling.
    fn is_key(&self, key: &str) -> bool {
        match self {
            Self::Project => key == "dependencies",
            Self::Optional(extra) => ExtraName::from_str(key).is_ok_and(|key| key == *extra),
            Self::Group(group) => GroupName::from_str(key).is_ok_and(|key| key == *group),
        }
    }
}

/// The file with a new list that holds `requirement` alone: at the end of its table, or in a new table at the end of the file.
fn create(text: &str, table: &DependencyTable, requirement: &str) -> String {
    let newline = newline_of(text);
    let list = format!("{} = [{newline}    {},{newline}]{newline}", table.key(), quote(requirement));
    let end = DeTable::parse(text).ok().and_then(|document| {
        let parent = parent(document.get_ref(), table)?;
        let header = parent.span();
        let direct = parent.get_ref().as_table()?.values().filter_map(|value| end_of_value(text, value));
        text[header.clone()].starts_with('[').then(|| direct.max().unwrap_or(header.end))
    });
    let at = match end {
        Some(end) => text[end..].find('\n').map_or(text.len(), |newline| end + newline + 1),
        None => text.len(),
    };
    let (before, after) = text.split_at(at);
    let break_line = if before.is_empty() || before.ends_with('\n') { "" } else { newline };
    match end {
        Some(_) => format!("{before}{break_line}{list}{after}"),
        None => format!("{before}{break_line}{newline}[{}]{newline}{list}", table.header()),
    }
}

/// Where a value ends that stands under the header of its own table; none for a table with a header of its own.
fn end_of_value(text: &str, value: &Spanned<DeValue<'_>>) -> Option<usize> {
    let Range { start, end } = value.span();
    match value.get_ref() {
        DeValue::Table(_) if text[start..].starts_with('[') => None,
        DeValue::Table(table) if !text[start..].starts_with('{') => {
            table.values().filter_map(|value| end_of_value(text, value)).max()
        }
        DeValue::Array(items)
            if text[start..].starts_with("[[") && items.iter().all(|item| item.get_ref().is_table()) =>
        {
            None
        }
        _ => Some(end),
    }
}

fn requirement_of(item: &Item) -> Option<Requirement> {
    Requirement::from_text(item.value.as_deref()?).ok()
}

fn positions(list: &List<'_>, matches: impl Fn(&Requirement) -> bool) -> Vec<usize> {
    let items = list.items().iter().enumerate();
    items
        .filter(|(_, item)| requirement_of(item).is_some_and(|item| matches(&item)))
        .map(|(at, _)| at)
        .collect()
}

/// Before which item `requirement` belongs: in order where the list is sorted by name or by text, and at the end of any other.
fn insertion(list: &List<'_>, requirement: &Requirement) -> usize {
    let Some(known) = list.items().iter().map(requirement_of).collect::<Option<Vec<_>>>() else {
        return list.items().len();
    };
    let by_name = |requirement: &Requirement| requirement.name.to_string();
    let by_text = |requirement: &Requirement| requirement.text.to_lowercase();
    for key in [&by_name as &dyn Fn(&Requirement) -> String, &by_text] {
        if known.is_sorted_by_key(key) {
            return known.partition_point(|item| key(item) <= key(requirement));
        }
    }
    known.len()
}

fn sorted(extras: &[ExtraName]) -> Vec<&ExtraName> {
    let mut extras: Vec<&ExtraName> = extras.iter().collect();
    extras.sort();
    extras
}
