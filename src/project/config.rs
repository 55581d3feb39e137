//! The user's `config.toml`.

use std::path::{Path, PathBuf};

use toml::de::DeTable;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Value};

use super::error::Source;
use super::layers::{Layer, Origin, from_table};
use super::write::write_atomically;
use super::{ProjectError, SETTINGS, Setting};

/// `config.toml`, with its comments. A file that does not exist is an empty one.
#[derive(Clone, Debug)]
pub struct UserConfig {
    source: Source,
}

const REGISTRY_FIELDS: [&str; 4] = ["key", "name", "prefixes", "url"];

impl UserConfig {
    pub fn read(path: &Path) -> Result<Self, ProjectError> {
        match Source::read(path) {
            Err(ProjectError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { source: Source { path: path.into(), text: String::new() } })
            }
            read => Ok(Self { source: read? }),
        }
    }

    pub fn path(&self) -> &PathBuf {
        &self.source.path
    }

    pub fn layer(&self) -> Result<Layer, ProjectError> {
        let table = DeTable::parse(&self.source.text).map_err(|error| self.source.toml_error(&error))?;
        let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        let settings = from_table(&self.source, &table, &known)?;
        Ok(Layer { origin: Origin::User(self.source.path.clone()), settings })
    }

    /// Sets `key` and writes the file. `key` is the name of a setting, or `registries.NAME.FIELD`, which makes a
    /// registry of that name where there is none. Nothing is written when the outcome would not be valid.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), ProjectError> {
        let (name, rest) = key.split_once('.').map_or((key, None), |(name, rest)| (name, Some(rest)));
        let setting = Setting::named(name).ok_or_else(|| unknown(key, SETTINGS.iter().map(|s| s.name)))?;
        let value_error = |reason: String| ProjectError::Value { key: key.into(), reason };
        let mut document: DocumentMut = self
            .source
            .text
            .parse()
            .map_err(|error: toml_edit::TomlError| self.source.error(error.span(), error.message()))?;
        match (setting.name, rest) {
            (_, None) => put(
                document.entry(setting.name).or_insert(Item::None),
                setting.value(text).map_err(value_error)?,
            ),
            ("registries", Some(rest)) => {
                let (registry, field) = rest.split_once('.').ok_or_else(|| {
                    value_error("expected `registries.NAME.FIELD`, such as `registries.acme.url`".into())
                })?;
                if !REGISTRY_FIELDS.contains(&field) {
                    return Err(unknown(
                        key,
                        REGISTRY_FIELDS.iter().map(|field| format!("registries.{registry}.{field}")),
                    ));
                }
                let value =
                    if field == "prefixes" { setting.value(text).map_err(value_error)? } else { text.into() };
                put_registry(&mut document, registry, field, value).ok_or_else(|| {
                    value_error("it is not a list of tables in the file; correct that first".into())
                })?;
            }
            (_, Some(_)) => {
                return Err(value_error("it has no parts; name it without what follows the dot".into()));
            }
        }
        let source = Source { path: self.source.path.clone(), text: document.to_string() };
        let changed = Self { source };
        changed.layer().map_err(|error| match error {
            ProjectError::Invalid { reason, .. } => value_error(reason),
            other => other,
        })?;
        write_atomically(&changed.source.path, &changed.source.text)?;
        *self = changed;
        Ok(())
    }
}

fn unknown(key: &str, known: impl Iterator<Item = impl Into<String>>) -> ProjectError {
    ProjectError::UnknownSetting { key: key.into(), known: known.map(Into::into).collect() }
}

/// Puts `value` in the place of `item`, keeping the spaces and comments around it.
fn put(item: &mut Item, mut value: Value) {
    if let Some(old) = item.as_value() {
        *value.decor_mut() = old.decor().clone();
    }
    *item = Item::Value(value);
}

/// Sets one field of the registry `name`, in either of TOML's two forms of a list of tables. None if it is neither.
fn put_registry(document: &mut DocumentMut, name: &str, field: &str, value: Value) -> Option<()> {
    let named = |table: &dyn toml_edit::TableLike| table.get("name").and_then(Item::as_str) == Some(name);
    let item = document.entry("registries").or_insert_with(|| toml_edit::value(Array::new()));
    match item {
        Item::ArrayOfTables(tables) => {
            let known = tables.iter().position(|table| named(table));
            let at = known.unwrap_or_else(|| {
                tables.push(toml_edit::Table::from_iter([("name", name)]));
                tables.len() - 1
            });
            put(tables.get_mut(at)?.entry(field).or_insert(Item::None), value);
        }
        Item::Value(Value::Array(array)) => {
            let known =
                array.iter().position(|item| item.as_inline_table().is_some_and(|table| named(table)));
            let at = known.unwrap_or_else(|| {
                array.push(InlineTable::from_iter([("name", name)]));
                array.len() - 1
            });
            array.get_mut(at)?.as_inline_table_mut()?.insert(field, value);
        }
        _ => return None,
    }
    Some(())
}
