//! `[age]`: how long releases must have been there.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use toml::Spanned;

use super::facts::ReleaseFacts;
use super::pattern::{PackagePattern, any_matches};
use super::rule::{Count, Finding, Rule, days, list};
use crate::model::Family;

/// `[age]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table: [age]")]
pub(super) struct Age {
    /// Since the seal of the last record that brought files to the release.
    min_days: Spanned<Count>,
    #[serde(default)]
    except: Vec<PackagePattern>,
}

impl Age {
    fn days(&self) -> u32 {
        self.min_days.get_ref().0
    }
}

impl Rule for Age {
    fn describe(&self) -> (usize, String) {
        let except = match &self.except[..] {
            [] => String::new(),
            except => format!(", but not {}", list(except)),
        };
        (
            self.min_days.span().start,
            format!("every package{except}: sealed at least {} ago", days(self.days())),
        )
    }

    fn passes(&self) -> bool {
        true
    }

    fn against(&self, release: &ReleaseFacts, now: Timestamp) -> Option<Finding> {
        if release.name.family() == Family::Host || any_matches(&self.except, release) {
            return None;
        }
        let least = SignedDuration::from_hours(24 * i64::from(self.days()));
        // A sum beyond the calendar is a release that is never old enough.
        let until = release.sealed.checked_add(least).ok();
        let young = until.is_none_or(|until| now < until);
        young.then(|| Finding {
            at: self.min_days.span().start,
            reason: format!("sealed less than {} ago, at {}", days(self.days()), release.sealed),
            mend: match until {
                Some(until) => format!("choose an older release, or wait until {until}"),
                None => "choose an older release".into(),
            },
        })
    }
}
