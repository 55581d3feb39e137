//! Values that stand in a TOML file as a text, read so that an error points at the text itself.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::model::{Family, PackageName, Requirement, Version};

/// A value with a textual form.
pub(crate) trait FromText: Sized {
    /// What to write, for the message about a value that is not even a text: `a text such as "…"`.
    const EXPECTED: &'static str;
    fn from_text(text: &str) -> Result<Self, String>;
}

/// Reads a `T` from its textual form. The error arises while the value is visited: this is what gives it a place in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text<T>(pub T);

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(PhantomData)).map(Text)
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<'de, T: FromText> Visitor<'de> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }

    /// A table, or a TOML date, which arrives as one.
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<T, A::Error> {
        Err(de::Error::custom(format!("it is not a text in quotes: expected {}", T::EXPECTED)))
    }
}

/// For `#[serde(deserialize_with)]` on an optional field.
pub(super) fn option<'de, D: Deserializer<'de>, T: FromText>(deserializer: D) -> Result<Option<T>, D::Error> {
    Text::deserialize(deserializer).map(|Text(value)| Some(value))
}

/// For `#[serde(deserialize_with)]` on a list.
pub(super) fn list<'de, D: Deserializer<'de>, T: FromText>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let values = Vec::<Text<T>>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|Text(value)| value).collect())
}

/// For `#[serde(deserialize_with)]` on an optional list.
pub(super) fn optional_list<'de, D: Deserializer<'de>, T: FromText>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    list(deserializer).map(Some)
}

impl FromText for Requirement {
    const EXPECTED: &'static str = "a requirement such as \"numpy>=1.26\"";
    fn from_text(text: &str) -> Result<Self, String> {
        Requirement::parse(Family::Python, text).map_err(|error| error.to_string())
    }
}

impl FromText for PackageName {
    const EXPECTED: &'static str = "a package name such as \"site-tools\"";
    fn from_text(text: &str) -> Result<Self, String> {
        PackageName::python(text).map_err(|error| error.to_string())
    }
}

impl FromText for Version {
    const EXPECTED: &'static str = "a version such as \"1.2.0\"";
    fn from_text(text: &str) -> Result<Self, String> {
        Version::parse(Family::Python, text).map_err(|error| error.to_string())
    }
}

impl FromText for uv_pep440::VersionSpecifiers {
    const EXPECTED: &'static str = "version specifiers such as \">=3.11\"";
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: uv_pep440::VersionSpecifiersParseError| {
            // On the lines after the first, the parser draws the place.
            let reason = error.to_string();
            let reason = reason.lines().next().unwrap_or_default().trim_end_matches(':');
            let reason = reason.trim_start_matches("Failed to parse version: ");
            format!("`{text}` is not a version specifier: {reason}")
        })
    }
}
