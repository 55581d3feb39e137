//! `[licenses]`: under which licences packages may be used, as SPDX expressions state them.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Deserializer};
use spdx::{Expression, LicenseReq, ParseMode};
use toml::Spanned;

use super::facts::ReleaseFacts;
use super::origin::quoted;
use super::pattern::{PackagePattern, any_matches};
use super::rule::{Finding, Named, Rule, list};
use crate::model::{Family, matches_pattern};
use crate::project::{FromText, Text};

/// `[licenses]`
///
/// Of alternatives (`MIT OR GPL-3.0-only`) one must be admitted, of what holds together (`MIT AND Zlib`) all.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "LicensesTable")]
pub(super) struct Licenses {
    allow: Option<Spanned<Named<LicensePattern>>>,
    deny: Vec<Spanned<LicensePattern>>,
    except: Vec<PackagePattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [licenses]")]
struct LicensesTable {
    allow: Option<Spanned<Named<LicensePattern>>>,
    #[serde(default)]
    deny: Vec<Spanned<LicensePattern>>,
    #[serde(default)]
    except: Vec<PackagePattern>,
}

impl TryFrom<LicensesTable> for Licenses {
    type Error = &'static str;

    fn try_from(LicensesTable { allow, deny, except }: LicensesTable) -> Result<Self, Self::Error> {
        match (&allow, &deny[..]) {
            (None, []) => Err("[licenses] says nothing: name licences under `allow` or `deny`"),
            _ => Ok(Self { allow, deny, except }),
        }
    }
}

/// Identifiers as in the SPDX list of licences are the common ones; the deprecated `GPL-2.0` and `GPL-2.0+` are still much used.
const MODE: ParseMode =
    ParseMode { allow_deprecated: true, allow_postfix_plus_on_gpl: true, ..ParseMode::STRICT };

/// A licence of the SPDX list, `LicenseRef-…`, either `WITH` an exception; or many, by `*`: `BSD-*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LicensePattern(String);

impl FromText for LicensePattern {
    const EXPECTED: &'static str = "an SPDX licence such as \"MIT\" or \"BSD-*\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let known = match text.contains('*') {
            true => spdx::identifiers::LICENSES.iter().any(|license| matches_pattern(text, license.name)),
            false => {
                let one = Expression::parse_mode(text, MODE).ok();
                one.is_some_and(|one| one.iter().count() == 1)
            }
        };
        match known {
            true => Ok(Self(text.into())),
            false => Err(format!(
                "`{}` is not a licence of the SPDX list: expected one such as `MIT`, or several as `BSD-*`",
                text.escape_debug()
            )),
        }
    }
}

impl<'de> Deserialize<'de> for LicensePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|Text(pattern)| pattern)
    }
}

impl fmt::Display for LicensePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl LicensePattern {
    /// Whether a package under `license` may be used under what is named here.
    fn allows(&self, license: &Stated) -> bool {
        license.usable_as().any(|text| matches_pattern(&self.0, &text))
    }

    /// Whether `license` is what is named here, in any version of its text (`-only`, `-or-later`), and with any exception
    /// where none is named.
    fn denies(&self, license: &Stated) -> bool {
        let (own, own_exception) = self.0.split_once(" WITH ").unzip();
        let own = own.unwrap_or(&self.0);
        let same = matches_pattern(own, &license.id) || matches_pattern(stem(own), stem(&license.id));
        same && own_exception
            .is_none_or(|own| license.exception.as_deref().is_some_and(|one| matches_pattern(own, one)))
    }
}

/// One licence of an expression.
struct Stated {
    id: String,
    exception: Option<String>,
}

impl Stated {
    fn of(license: &LicenseReq) -> Self {
        let text = license.to_string();
        match text.split_once(" WITH ") {
            Some((id, exception)) => Self { id: id.into(), exception: Some(exception.into()) },
            None => Self { id: text, exception: None },
        }
    }

    /// The licence itself, the one version that "or later" begins with, and `GPL-2.0-only` for the deprecated `GPL-2.0`.
    fn usable_as(&self) -> impl Iterator<Item = String> {
        let base = self.id.strip_suffix('+').map(str::to_owned);
        let gnu = spdx::license_id(&self.id).is_some_and(spdx::LicenseId::is_gnu);
        let only = gnu || stem(&self.id) != self.id;
        let only = only.then(|| [format!("{}-only", stem(&self.id)), stem(&self.id).to_owned()]);
        let with = |id: String| match &self.exception {
            Some(exception) => format!("{id} WITH {exception}"),
            None => id,
        };
        [self.id.clone()].into_iter().chain(base).chain(only.into_iter().flatten()).map(with)
    }
}

/// The licence without what is said of its later versions.
fn stem(id: &str) -> &str {
    ["-or-later", "-only", "+"].iter().find_map(|suffix| id.strip_suffix(suffix)).unwrap_or(id)
}

impl Licenses {
    /// What stands against one licence.
    fn against_license(&self, license: &LicenseReq) -> Option<(usize, String)> {
        let stated = Stated::of(license);
        if let Some(denied) = self.deny.iter().find(|one| one.get_ref().denies(&stated)) {
            return Some((denied.span().start, format!("licence {license} is denied")));
        }
        let allow = self.allow.as_ref()?;
        let allowed = allow.get_ref().iter().any(|one| one.allows(&stated));
        (!allowed).then(|| (allow.span().start, format!("licence {license} is not among those allowed")))
    }

    fn at(&self) -> usize {
        let denied = self.deny.first().map(Spanned::span);
        self.allow.as_ref().map(Spanned::span).or(denied).map_or(0, |span| span.start)
    }
}

impl Rule for Licenses {
    fn describe(&self) -> (usize, String) {
        let allow = self.allow.iter().map(|allow| format!("under {}", list(allow.get_ref())));
        let deny: Vec<String> = self.deny.iter().map(|one| one.get_ref().to_string()).collect();
        let deny = (!deny.is_empty()).then(|| format!("not under {}", deny.join(", ")));
        let text: Vec<String> = allow.chain(deny).collect();
        let except = match &self.except[..] {
            [] => String::new(),
            except => format!(", but not {}", list(except)),
        };
        (self.at(), format!("every package{except}: {}", text.join(", and ")))
    }

    fn fault(&self) -> Option<(Range<usize>, String)> {
        let allow = self.allow.as_ref()?;
        let denied = |allowed: &&LicensePattern| {
            let exact = Expression::parse_mode(&allowed.0, MODE).ok();
            let stated = exact.as_ref().and_then(|one| Some(Stated::of(&one.requirements().next()?.req)));
            self.deny.iter().any(|deny| {
                deny.get_ref() == *allowed
                    || stated.as_ref().is_some_and(|stated| deny.get_ref().denies(stated))
            })
        };
        let both = allow.get_ref().iter().find(denied)?;
        Some((allow.span(), format!("`{both}` is allowed here, and `deny` denies it")))
    }

    fn against(&self, release: &ReleaseFacts, _: jiff::Timestamp) -> Option<Finding> {
        if release.name.family() == Family::Host || any_matches(&self.except, release) {
            return None;
        }
        let finding = |at: usize, reason: String, mend: &str| Some(Finding { at, reason, mend: mend.into() });
        let exempt = "see what its licence is; whoever keeps the policy can name the package under `except`";
        let Some(text) = release.license else {
            return finding(self.at(), "no licence is stated".into(), exempt);
        };
        let Ok(expression) = Expression::parse_mode(text, MODE) else {
            let reason =
                format!("its licence `{}` is not an SPDX expression, and so cannot be judged", quoted(text));
            return finding(self.at(), reason, exempt);
        };
        if expression.evaluate(|license| self.against_license(license).is_none()) {
            return None;
        }
        let (at, reason) = expression.requirements().find_map(|one| self.against_license(&one.req))?;
        let whole = match expression.iter().count() {
            1 => String::new(),
            _ => format!(" (of `{}`)", quoted(text)),
        };
        finding(
            at,
            reason + &whole,
            "choose a release or a package under another licence; whoever keeps the policy can name the package under `except`",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(rule: &str, license: &str) -> String {
        let rule: Licenses = toml::from_str(rule).unwrap();
        let registry =
            super::super::RegistryFacts { name: "acme".into(), key: "k".into(), location: "/acme".into() };
        let version = crate::model::Version::parse(Family::Python, "1.0").unwrap();
        let name = crate::model::PackageName::python("acme-walls").unwrap();
        let sealed = jiff::Timestamp::UNIX_EPOCH;
        let license = (!license.is_empty()).then_some(license);
        let release = ReleaseFacts { registry: &registry, name: &name, version: &version, license, sealed };
        rule.against(&release, sealed).map_or("ok".into(), |finding| finding.reason)
    }

    #[test]
    fn expressions_are_judged_as_wholes() {
        let mut said = String::new();
        for rule in [
            "allow = ['MIT', 'BSD-*', 'Apache-2.0', 'LGPL-2.1-only', 'GPL-2.0-only WITH Classpath-exception-2.0']",
            "deny = ['GPL-3.0-only', 'AGPL-*']",
            "allow = ['MIT']\ndeny = ['BSD-*']",
        ] {
            said.push_str(&format!("{rule}\n"));
            for license in [
                "MIT",
                "mit",
                "BSD-3-Clause",
                "MIT OR GPL-3.0-only",
                "MIT AND GPL-3.0-only",
                "(MIT OR AGPL-3.0-or-later) AND BSD-2-Clause",
                "Apache-2.0+",
                "LGPL-2.1-or-later",
                "LGPL-2.1+",
                "LGPL-2.1",
                "LGPL-3.0-only",
                "GPL-3.0-or-later",
                "GPL-3.0",
                "GPL-3.0+",
                "GPL-2.0-only WITH Classpath-exception-2.0",
                "GPL-2.0-or-later WITH Classpath-exception-2.0",
                "GPL-2.0-only",
                "GPL-3.0-only WITH GCC-exception-3.1",
                "LicenseRef-Proprietary",
                "MIT License",
                "MIT/Apache-2.0",
                "MIT AND",
                "(((((",
                "\u{1b}[2J\n",
                "",
            ] {
                said.push_str(&format!("  {license:?}: {}\n", judged(rule, license)));
            }
        }
        insta::assert_snapshot!(said);
    }
}
