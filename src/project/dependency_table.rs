//! The lists of dependencies in a `pyproject.toml`: where each stands, and how a new one is made.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use uv_normalize::{ExtraName, GroupName};

use super::list::{List, newline_of, quoted};

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

impl DependencyTable {
    /// How `rvp add` and `rvp remove` are told of this list.
    pub(super) fn option(&self) -> String {
        match self {
            Self::Project => "without --dev, --group and --optional".to_owned(),
            Self::Optional(extra) => format!("with --optional {extra}"),
            Self::Group(group) if group.as_ref() == "dev" => "with --dev".to_owned(),
            Self::Group(group) => format!("with --group {group}"),
        }
    }

    /// The list as it stands in the TOML file `text`, if it does.
    pub(super) fn list<'t>(&self, text: &'t str) -> Option<List<'t>> {
        let document = DeTable::parse(text).ok()?;
        let entries = self.parent(document.get_ref())?.get_ref().as_table()?.iter();
        let (_, value) = entries.into_iter().find(|(key, _)| self.is_key(key.get_ref()))?;
        List::new(text, value)
    }

    /// The file with a new list that holds `requirement` alone: at the end of its table, or in a new table at the end of the file.
    pub(super) fn create(&self, text: &str, requirement: &str) -> String {
        let newline = newline_of(text);
        let list =
            format!("{} = [{newline}    {},{newline}]{newline}", self.key(), quoted(requirement, false));
        let end = DeTable::parse(text).ok().and_then(|document| {
            let parent = self.parent(document.get_ref())?;
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
            None => format!("{before}{break_line}{newline}[{}]{newline}{list}", self.header()),
        }
    }

    /// The table that holds the list.
    fn parent<'a, 'i>(&self, document: &'a DeTable<'i>) -> Option<&'a Spanned<DeValue<'i>>> {
        match self {
            Self::Project => document.get("project"),
            Self::Optional(_) => document.get("project")?.get_ref().get("optional-dependencies"),
            Self::Group(_) => document.get("dependency-groups"),
        }
    }

    pub(super) fn header(&self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Optional(_) => "project.optional-dependencies",
            Self::Group(_) => "dependency-groups",
        }
    }

    pub(super) fn key(&self) -> &str {
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
