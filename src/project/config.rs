//! The user's `config.toml`.

use std::path::Path;

use toml::de::DeTable;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Value};

use super::error::Source;
use super::layers::{Layer, Origin, from_table};
use super::list::newline_of;
use super::write::write_atomically;
use super::{ProjectError, SETTINGS, Setting};

/// `config.toml`, with its comments. A file that does not exist is an empty one.
#[derive(Clone, Debug)]
pub struct UserConfig {
    source: Source,
}

const REGISTRY_FIELDS: [&str; 9] =
    ["forge", "forge-api", "key", "mirrors", "name", "prefixes", "quorum", "url", "witnesses"];

impl UserConfig {
    pub fn read(path: &Path) -> Result<Self, ProjectError> {
        match Source::read(path) {
            Err(ProjectError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { source: Source { path: path.into(), text: String::new() } })
            }
            read => Ok(Self { source: read? }),
        }
    }

    pub fn path(&self) -> &Path {
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
        let mut document = self.document()?;
        set_in(&mut document, key, text)?;
        self.write(&document, |reason| ProjectError::Value { key: key.into(), reason })
    }

    /// Adds a registry, or gives one of this name these fields, in one write.
    pub fn set_registry(&mut self, name: &str, fields: &[(&str, &str)]) -> Result<(), ProjectError> {
        let mut document = self.document()?;
        for (field, text) in fields {
            set_in(&mut document, &format!("registries.{name}.{field}"), text)?;
        }
        self.write(&document, |reason| ProjectError::Value { key: format!("registries.{name}"), reason })
    }

    /// Removes the registry `name`; whether there was one.
    pub fn remove_registry(&mut self, name: &str) -> Result<bool, ProjectError> {
        let mut document = self.document()?;
        let named = |table: &dyn toml_edit::TableLike| table.get("name").and_then(Item::as_str) == Some(name);
        let removed = match document.get_mut("registries") {
            Some(Item::ArrayOfTables(tables)) => {
                let before = tables.len();
                tables.retain(|table| !named(table));
                tables.len() < before
            }
            Some(Item::Value(Value::Array(array))) => {
                let before = array.len();
                array.retain(|item| !item.as_inline_table().is_some_and(|table| named(table)));
                array.len() < before
            }
            _ => false,
        };
        if removed {
            self.write(&document, |reason| ProjectError::Value {
                key: format!("registries.{name}"),
                reason,
            })?;
        }
        Ok(removed)
    }

    fn document(&self) -> Result<DocumentMut, ProjectError> {
        self.source
            .text
            .parse()
            .map_err(|error: toml_edit::TomlError| self.source.error(error.span(), error.message()))
    }

    /// Writes the changed file, if it is valid.
    fn write(
        &mut self,
        document: &DocumentMut,
        invalid: impl FnOnce(String) -> ProjectError,
    ) -> Result<(), ProjectError> {
        // `toml_edit` ends most lines with `\n`, whatever they ended with before.
        let text = document.to_string().replace("\r\n", "\n").replace('\n', newline_of(&self.source.text));
        let source = Source { path: self.source.path.clone(), text };
        let changed = Self { source };
        changed.layer().map_err(|error| match error {
            ProjectError::Invalid { reason, .. } => invalid(reason),
            other => other,
        })?;
        write_atomically(&changed.source.path, &changed.source.text)?;
        *self = changed;
        Ok(())
    }
}

/// Sets one key.
fn set_in(document: &mut DocumentMut, key: &str, text: &str) -> Result<(), ProjectError> {
    let (name, rest) = key.split_once('.').map_or((key, None), |(name, rest)| (name, Some(rest)));
    let setting = Setting::named(name).ok_or_else(|| unknown(key, SETTINGS.iter().map(|s| s.name)))?;
    let value_error = |reason: String| ProjectError::Value { key: key.into(), reason };
    match (setting.name, rest) {
        (_, None) => {
            put(
                document.entry(setting.name).or_insert(Item::None),
                setting.value(text).map_err(value_error)?,
            );
        }
        ("registries", Some(rest)) => {
            let (registry, field) = rest.split_once('.').ok_or_else(|| {
                value_error("expected `registries.NAME.FIELD`, such as `registries.acme.url`".into())
            })?;
            let value = match field {
                "mirrors" | "prefixes" | "witnesses" => setting.value(text).map_err(value_error)?,
                "quorum" => text
                    .parse::<i64>()
                    .map(Value::from)
                    .map_err(|_| value_error(format!("`{text}` is not a number")))?,
                field if REGISTRY_FIELDS.contains(&field) => text.into(),
                _ => {
                    let known = REGISTRY_FIELDS.iter().map(|field| format!("registries.{registry}.{field}"));
                    return Err(unknown(key, known));
                }
            };
            put_registry(document, registry, field, value).ok_or_else(|| {
                value_error("it is not a list of tables in the file; correct that first".into())
            })?;
        }
        (_, Some(_)) => {
            return Err(value_error("it has no parts; name it without what follows the dot".into()));
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "# For all of the office\nresolution = \"highest\"  # the newest\n\n[[registries]]\nname = \"acme\"\nurl = \"/acme\"  # the share\n";

    fn config(text: &str) -> (tempfile::TempDir, UserConfig) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let config = UserConfig::read(&path).unwrap();
        (folder, config)
    }

    fn after(text: &str, settings: &[(&str, &str)]) -> String {
        let (_folder, mut config) = config(text);
        for (key, value) in settings {
            config.set(key, value).unwrap();
        }
        let written = std::fs::read_to_string(config.path()).unwrap();
        assert_eq!(written, config.source.text);
        written
    }

    #[test]
    fn what_is_set_leaves_the_rest_as_it_was() {
        insta::assert_snapshot!(after(CONFIG, &[
            ("resolution", "lowest"),
            ("concurrent-downloads", "8"),
            ("targets", "revit==2025.4"),
            ("registries.acme.prefixes", "acme-"),
            ("registries.lab.url", r"\\server\lab"),
            ("registries.lab.prefixes", "['lab-', 'test-']"),
        ]), @r#"
        # For all of the office
        resolution = "lowest"  # the newest
        concurrent-downloads = 8
        targets = ["revit==2025.4"]

        [[registries]]
        name = "acme"
        url = "/acme"  # the share
        prefixes = ["acme-"]

        [[registries]]
        name = "lab"
        url = '\\server\lab'
        prefixes = ['lab-', 'test-']
        "#);
    }

    #[test]
    fn a_file_is_made_where_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/config.toml");
        let mut config = UserConfig::read(&path).unwrap();
        config.set("registries.acme.url", "../acme").unwrap();
        config.set("cache-dir", "cache").unwrap();
        insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap(), @r#"
        registries = [{ name = "acme", url = "../acme" }]
        cache-dir = "cache"
        "#);
        let settings = config.layer().unwrap().settings;
        assert_eq!(settings.cache_dir.unwrap(), folder.path().join("new/cache"));
    }

    #[test]
    fn lines_of_windows_stay_lines_of_windows() {
        let text = format!("targets = [ # two\n  'revit==2025',\n  'revit==2026',\n]\n{CONFIG}")
            .replace('\n', "\r\n");
        let written = after(&text, &[("resolution", "lowest"), ("no-build", "true")]);
        assert!(!written.contains("\r\r"), "{written:?}");
        assert_eq!(written.matches('\n').count(), written.matches("\r\n").count(), "{written:?}");
        assert!(written.contains("resolution = \"lowest\"  # the newest\r\n"), "{written:?}");
    }

    #[test]
    fn what_cannot_be_is_refused_and_nothing_written() {
        let (_folder, mut config) = config(CONFIG);
        let mut messages = String::new();
        for (key, value) in [
            ("resolutoin", "lowest"),
            ("hosts", "revit"),
            ("resolution", "newest"),
            ("resolution.x", "lowest"),
            ("no-build", "on"),
            ("concurrent-downloads", "-1"),
            ("targets", "revit"),
            ("targets", "['revit==2025'"),
            ("registries.acme", "/acme"),
            ("registries.acme.ulr", "/acme"),
            ("registries.acme.url", "ftp://example.org"),
            ("registries.new.prefixes", "new-"),
        ] {
            messages.push_str(&format!("{}\n", config.set(key, value).unwrap_err()));
        }
        assert_eq!(std::fs::read_to_string(config.path()).unwrap(), CONFIG);
        insta::assert_snapshot!(messages, @r#"
        `resolutoin` is not a setting
          hint: did you mean `resolution`?
        `hosts` is not a setting
          hint: known: cache-dir, concurrent-downloads, constraint-dependencies, environments-dir, exclude-newer, http-timeout, link-mode, no-binary, no-build, override-dependencies, prerelease, registries, resolution, sign-key, store-dir, targets, trusted-root
        the setting `resolution`: `newest` is not one of highest, lowest, lowest-direct
        the setting `resolution.x`: it has no parts; name it without what follows the dot
        the setting `no-build`: `on` is neither `true` nor `false`
        the setting `concurrent-downloads`: `-1` is not a number of at least 1
        the setting `targets`: `revit` does not name a host release; write it as `revit==2025.4`
        the setting `targets`: `['revit==2025'` is not a TOML array
        the setting `registries.acme`: expected `registries.NAME.FIELD`, such as `registries.acme.url`
        `registries.acme.ulr` is not a setting
          hint: did you mean `registries.acme.url`?
        the setting `registries.acme.url`: `ftp://` is not a way to read a registry: expected a folder, or a URL of `https://`, `s3://`, `gs://`, `az://`, `git+https://`, `git+ssh://` or `file://`
        the setting `registries.new.prefixes`: missing field `url`
        "#);
    }
}
