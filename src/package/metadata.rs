//! Core metadata: the `METADATA` of a wheel and the `PKG-INFO` of a source distribution.

use crate::model::{Family, PackageName, Requirement, RequirementError, Version, ranges_of_specifiers_text};

/// What rvp uses of the core metadata specification, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    pub metadata_version: String,
    /// As written; [`Metadata::package_name`] is normalised.
    pub name: String,
    /// As written; [`Metadata::package_version`] is parsed.
    pub version: String,
    /// Requirements as written, each valid PEP 508. One that names a URL is kept too: a registry cannot serve it.
    pub requires_dist: Vec<String>,
    /// PEP 440 specifiers.
    pub requires_python: Option<String>,
    /// Normalised (PEP 685), in their order.
    pub provides_extra: Vec<String>,
    /// `License-Expression`, else `License` where that is short, else the licence classifiers.
    pub license: Option<String>,
    pub summary: Option<String>,
    pub requires_external: Vec<String>,
    /// Fields that a build may still change (PEP 643); of weight in a source distribution only.
    pub dynamic: Vec<String>,
    package_name: PackageName,
    package_version: Version,
}

/// Core metadata that is not valid.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    #[error("it is {0} bytes long, and rvp reads at most {MAX_METADATA}")]
    TooLong(usize),
    #[error("it is not UTF-8 from byte {0} on")]
    Encoding(usize),
    #[error("it is not a list of `Name: value` lines: {0}")]
    Form(String),
    #[error("its metadata version `{0}` is not known; update rvp")]
    MetadataVersion(String),
    #[error("it has no `{0}`")]
    Missing(&'static str),
    #[error("it has `{0}` more than once")]
    Twice(&'static str),
    #[error("its line `{field}: {value}` is not valid: {reason}")]
    Field { field: &'static str, value: String, reason: String },
}

/// The largest known are below 1 MiB.
pub(super) const MAX_METADATA: usize = 16 << 20;

/// A licence text is longer than the name of a licence.
const MAX_LICENSE_NAME: usize = 100;

impl Metadata {
    /// Reads the headers of `bytes`; the description after them is passed over.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        if bytes.len() > MAX_METADATA {
            return Err(MetadataError::TooLong(bytes.len()));
        }
        std::str::from_utf8(bytes).map_err(|error| MetadataError::Encoding(error.valid_up_to()))?;
        let (headers, _) =
            mailparse::parse_headers(bytes).map_err(|error| MetadataError::Form(error.to_string()))?;
        let fields = Fields(
            headers
                .iter()
                .map(|header| {
                    // They end up on terminals and on pages.
                    let value = header.get_value().replace(char::is_control, " ");
                    (header.get_key_ref().trim().to_ascii_lowercase(), value)
                })
                .collect(),
        );

        let metadata_version = fields.required("Metadata-Version")?;
        if !matches!(metadata_version.split_once('.'), Some(("1" | "2", minor)) if minor.parse::<u8>().is_ok())
        {
            return Err(MetadataError::MetadataVersion(metadata_version));
        }
        let name = fields.required("Name")?;
        let package_name = PackageName::python(&name).map_err(|error| invalid("Name", &name, &error))?;
        let version = fields.required("Version")?;
        let package_version =
            Version::parse(Family::Python, &version).map_err(|error| invalid("Version", &version, &error))?;

        let requires_dist = fields.all("Requires-Dist");
        for text in &requires_dist {
            match Requirement::parse(Family::Python, text) {
                Ok(_) | Err(RequirementError::Url(_)) => {}
                Err(error) => return Err(invalid("Requires-Dist", text, &error)),
            }
        }
        let requires_python = fields.one("Requires-Python")?;
        if let Some(text) = &requires_python {
            ranges_of_specifiers_text(text).map_err(|error| invalid("Requires-Python", text, &error))?;
        }
        let provides_extra = fields
            .all("Provides-Extra")
            .iter()
            .map(|text| {
                text.parse::<uv_normalize::ExtraName>()
                    .map(|extra| extra.to_string())
                    .map_err(|error| invalid("Provides-Extra", text, &error))
            })
            .collect::<Result<_, _>>()?;

        Ok(Self {
            license: fields.license(),
            summary: fields.first("Summary"),
            requires_external: fields.all("Requires-External"),
            dynamic: fields.all("Dynamic"),
            metadata_version,
            name,
            version,
            requires_dist,
            requires_python,
            provides_extra,
            package_name,
            package_version,
        })
    }

    pub fn package_name(&self) -> &PackageName {
        &self.package_name
    }

    pub fn package_version(&self) -> &Version {
        &self.package_version
    }
}

fn invalid(field: &'static str, value: &str, error: &impl std::fmt::Display) -> MetadataError {
    let value = value.chars().take(200).collect();
    MetadataError::Field { field, value, reason: error.to_string() }
}

/// Header names in lower case, with their values.
struct Fields(Vec<(String, String)>);

impl Fields {
    /// The values of `field` that say something: old tools wrote `UNKNOWN` for nothing.
    fn values<'a>(&'a self, field: &str) -> impl Iterator<Item = &'a str> {
        let field = field.to_ascii_lowercase();
        self.0
            .iter()
            .filter(move |(name, _)| *name == field)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty() && *value != "UNKNOWN")
    }

    fn all(&self, field: &str) -> Vec<String> {
        self.values(field).map(str::to_owned).collect()
    }

    fn first(&self, field: &str) -> Option<String> {
        self.values(field).next().map(str::to_owned)
    }

    /// For fields whose meaning two values would leave open.
    fn one(&self, field: &'static str) -> Result<Option<String>, MetadataError> {
        let mut values = self.values(field);
        let value = values.next().map(str::to_owned);
        if values.next().is_some() { Err(MetadataError::Twice(field)) } else { Ok(value) }
    }

    fn required(&self, field: &'static str) -> Result<String, MetadataError> {
        self.one(field)?.ok_or(MetadataError::Missing(field))
    }

    fn license(&self) -> Option<String> {
        let short = |text: &String| text.len() <= MAX_LICENSE_NAME;
        self.first("License-Expression").or_else(|| self.first("License").filter(short)).or_else(|| {
            let names: Vec<&str> = self
                .values("Classifier")
                .filter_map(|classifier| classifier.strip_prefix("License :: "))
                .map(|license| license.strip_prefix("OSI Approved :: ").unwrap_or(license).trim())
                .collect();
            (!names.is_empty()).then(|| names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Metadata, String> {
        Metadata::parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_fields_that_resolution_needs_are_read() {
        let metadata = parse(concat!(
            "Metadata-Version: 2.1\nName: Acme_Geometry\nVersion: 1.2.0\nSummary: Lines, and\n        planes\n",
            "Requires-Python: >=3.8\nProvides-Extra: Fast_Math\nRequires-External: libfoo\nDynamic: License\n",
            "Requires-Dist: numpy (>=1.20,<3)\nRequires-Dist: numba>=0.5; extra == 'fast-math'\n",
            "Requires-Dist: tool @ https://example.org/tool.zip\nLicense: UNKNOWN\n",
            "Classifier: License :: OSI Approved :: MIT License\n\nRequires-Dist: not-a-header\n",
        ))
        .unwrap();
        assert_eq!(metadata.package_name().as_str(), "acme-geometry");
        assert_eq!(metadata.package_version().to_string(), "1.2.0");
        assert_eq!(
            metadata.requires_dist,
            ["numpy (>=1.20,<3)", "numba>=0.5; extra == 'fast-math'", "tool @ https://example.org/tool.zip"]
        );
        assert_eq!(metadata.requires_python.as_deref(), Some(">=3.8"));
        assert_eq!(metadata.provides_extra, ["fast-math"]);
        assert_eq!(metadata.license.as_deref(), Some("MIT License"));
        assert_eq!(metadata.summary.as_deref(), Some("Lines, and planes"));
        assert_eq!(
            (metadata.requires_external, metadata.dynamic),
            (vec!["libfoo".into()], vec!["License".into()])
        );
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        let metadata =
            parse("Metadata-Version: 2.1\nName: a\nVersion: 1\nSummary: red \u{1b}[31m\n").unwrap();
        assert_eq!(metadata.summary.as_deref(), Some("red  [31m"));
    }

    #[test]
    fn a_licence_is_an_expression_or_a_short_name_or_classifiers() {
        let license = |text: &str| {
            parse(&format!("Metadata-Version: 2.4\nName: a\nVersion: 1\n{text}")).unwrap().license
        };
        assert_eq!(license("License: MIT\nLicense-Expression: Apache-2.0\n").as_deref(), Some("Apache-2.0"));
        assert_eq!(license("License: BSD 3-Clause\n").as_deref(), Some("BSD 3-Clause"));
        assert_eq!(license(&format!("License: {}\n", "text ".repeat(50))), None);
        assert_eq!(license("Classifier: License ::  Public Domain\n").as_deref(), Some("Public Domain"));
        assert_eq!(license("Classifier: License :: Public Domain\n").as_deref(), Some("Public Domain"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let head = "Metadata-Version: 2.1\nName: a\nVersion: 1\n";
        let error = |text: &str| parse(text).unwrap_err();
        assert_eq!(
            error(&format!("{head}Requires-Dist: b >= x\n")),
            "its line `Requires-Dist: b >= x` is not valid: `b >= x` is not a PEP 508 requirement: expected version to start with a number, but no leading ASCII digits were found"
        );
        assert_eq!(
            error(&format!("{head}Requires-Python: 3.8\n")),
            "its line `Requires-Python: 3.8` is not valid: `3.8` is not a PEP 440 version specifier: Failed to parse version: Unexpected end of version specifier, expected operator. Did you mean `==3.8`?:"
        );
        assert_eq!(
            error(&format!("{head}Provides-Extra: a b\n")),
            "its line `Provides-Extra: a b` is not valid: Not a valid package or extra name: \"a b\". Names must start and end with a letter or digit and may only contain -, _, ., and alphanumeric characters."
        );
        assert_eq!(error(&format!("{head}Version: 2\n")), "it has `Version` more than once");
        assert_eq!(error("Metadata-Version: 2.1\nVersion: 1\n"), "it has no `Name`");
        assert_eq!(
            error("Metadata-Version: 3.0\nName: a\nVersion: 1\n"),
            "its metadata version `3.0` is not known; update rvp"
        );
        assert_eq!(
            error("Metadata-Version: 2.1\nName: ../a\nVersion: 1\n"),
            "its line `Name: ../a` is not valid: `../a` is not a Python package name: use ASCII letters, digits, `.`, `_` and `-`, beginning and ending with a letter or digit"
        );
        assert_eq!(
            error("Metadata-Version: 2.1\nName: a\nVersion: one\n"),
            "its line `Version: one` is not valid: `one` is not a PEP 440 version: expected version to start with a number, but no leading ASCII digits were found"
        );
        assert_eq!(error("<!DOCTYPE html>\n<html></html>\n"), "it has no `Metadata-Version`");
        let error = Metadata::parse(b"Metadata-Version: 2.1\nName: caf\xe9\nVersion: 1\n").unwrap_err();
        assert_eq!(error.to_string(), "it is not UTF-8 from byte 31 on");
    }
}
