//! Where a rule stands, and what it has against a release.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The place of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub file: Arc<Path>,
    /// Counted from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file.display(), self.line)
    }
}

/// A rule that a release breaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub origin: Origin,
    /// The end of the sentence "acme-walls 2.0 is forbidden by FILE, line 3: …".
    pub reason: String,
    /// What would mend it.
    pub mend: String,
    /// It passes without another release: with time, or once reviewers have approved this one.
    pub passes: bool,
}

impl fmt::Display for Violation {
    /// Without what would mend it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.reason)
    }
}

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            file: String,
            line: usize,
            reason: &'a str,
            mend: &'a str,
        }
        let Self { origin, reason, mend, passes: _ } = self;
        Shown { file: origin.file.display().to_string(), line: origin.line, reason, mend }
            .serialize(serializer)
    }
}

/// A text of others as a message may show it: on one line, without control characters, and not long.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut shown: String = plain(text).chars().take(LONGEST).collect();
    if text.chars().count() > LONGEST {
        shown.push('…');
    }
    shown
}

/// A text without control characters.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
