//! `[[deny]]`: packages and versions that nobody may use.

use serde::Deserialize;
use toml::Spanned;

use super::facts::ReleaseFacts;
use super::origin::quoted;
use super::pattern::PackagePattern;
use super::rule::{Finding, Named, Rule};

/// `[[deny]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [[deny]]")]
pub(super) struct Deny {
    packages: Named<Spanned<PackagePattern>>,
    /// For those who meet it.
    reason: Option<String>,
}

impl Deny {
    fn because(&self) -> String {
        self.reason.as_ref().map(|reason| format!(": {}", quoted(reason))).unwrap_or_default()
    }
}

impl Rule for Deny {
    fn describe(&self) -> (usize, String) {
        let at = self.packages.first().map_or(0, |first| first.span().start);
        let packages: Vec<String> = self.packages.iter().map(|one| one.get_ref().to_string()).collect();
        (at, format!("{}: denied{}", packages.join(", "), self.because()))
    }

    fn against(&self, release: &ReleaseFacts, _: jiff::Timestamp) -> Option<Finding> {
        let denied = self.packages.iter().find(|one| one.get_ref().matches(release.name, release.version))?;
        Some(Finding {
            at: denied.span().start,
            reason: format!("`{}` is denied{}", denied.get_ref(), self.because()),
            mend: match denied.get_ref().has_versions() {
                true => format!("choose a version other than `{}`", denied.get_ref()),
                false => "do without it".into(),
            },
        })
    }
}
