//! Dependency groups (PEP 735): lists of requirements that may include one another.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use toml::Spanned;
use uv_normalize::GroupName;

use super::ProjectError;
use super::error::{Source, nearest_hint};
use super::text::FromText;
use crate::model::Requirement;

/// `[dependency-groups]` as it is written.
pub(super) type RawGroups = BTreeMap<Spanned<String>, Vec<Spanned<Entry>>>;

#[derive(Clone)]
pub(super) enum Entry {
    Requirement(Requirement),
    Include(String),
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntryVisitor;
        impl<'de> Visitor<'de> for EntryVisitor {
            type Value = Entry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a requirement such as \"numpy>=1.26\", or { include-group = \"NAME\" }")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Entry, E> {
                Requirement::from_text(text).map(Entry::Requirement).map_err(E::custom)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
                #[derive(Deserialize)]
                #[serde(rename_all = "kebab-case", deny_unknown_fields)]
                struct Include {
                    include_group: String,
                }
                let include = Include::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Entry::Include(include.include_group))
            }
        }
        deserializer.deserialize_any(EntryVisitor)
    }
}

type Groups = BTreeMap<GroupName, (String, Vec<Spanned<Entry>>)>;

/// Every group with what it includes put in its place.
pub(super) fn expand(
    source: &Source,
    raw: RawGroups,
) -> Result<BTreeMap<GroupName, Vec<Requirement>>, ProjectError> {
    let mut groups = Groups::new();
    for (written, entries) in raw {
        let span = written.span();
        let written = written.into_inner();
        let name = GroupName::from_str(&written).map_err(|error| source.error(Some(span.clone()), error))?;
        if let Some((other, _)) = groups.insert(name, (written.clone(), entries)) {
            let reason =
                format!("`{written}` and `{other}` are the same group; give one of them another name");
            return Err(source.error(Some(span), reason));
        }
    }
    groups
        .keys()
        .map(|name| {
            let mut requirements = Vec::new();
            collect(source, &groups, name, &mut vec![name.clone()], &mut requirements)?;
            Ok((name.clone(), requirements))
        })
        .collect()
}

/// Appends what `group` holds to `requirements`; `path` is the chain of groups that led here, itself last.
fn collect(
    source: &Source,
    groups: &Groups,
    group: &GroupName,
    path: &mut Vec<GroupName>,
    requirements: &mut Vec<Requirement>,
) -> Result<(), ProjectError> {
    for entry in groups.get(group).map(|(_, entries)| entries.as_slice()).unwrap_or_default() {
        let error = |reason: String| source.error(Some(entry.span()), reason);
        let included = match entry.get_ref() {
            Entry::Requirement(requirement) => {
                requirements.push(requirement.clone());
                continue;
            }
            Entry::Include(text) => GroupName::from_str(text).map_err(|reason| error(reason.to_string()))?,
        };
        if !groups.contains_key(&included) {
            let known: Vec<String> = groups.keys().map(ToString::to_string).collect();
            return Err(error(format!(
                "there is no group `{included}` to include{}",
                nearest_hint(included.as_str(), &known)
            )));
        }
        let circular = path.contains(&included);
        path.push(included.clone());
        if circular {
            let chain: Vec<&str> = path.iter().map(GroupName::as_str).collect();
            return Err(error(format!("the groups include each other in a circle: {}", chain.join(" → "))));
        }
        collect(source, groups, &included, path, requirements)?;
        path.pop();
    }
    Ok(())
}
