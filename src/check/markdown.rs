//! A report as the comment that a forge shows under a pull request.
//!
//! Everything in it that a package or a record says is a stranger's, and goes through [`code`].

use indicatif::HumanBytes;

use super::{Broken, CheckedRelease, Moved, Problem, Report};
use crate::publish::Difference;
use crate::publish::markdown::{code, row};

/// Forges refuse longer comments; GitHub has 65,536 characters.
const LONGEST: usize = 60_000;
/// Of one list.
const MOST_LINES: usize = 100;
/// Of the names in one cell.
const MOST_ITEMS: usize = 12;
/// Characters of a name, a version, a requirement.
const SHORT: usize = 80;
/// Characters of a sentence.
const LONG: usize = 600;

/// Markdown of bounded length, made of whole lines.
struct Page {
    text: String,
    is_cut: bool,
}

impl Page {
    /// Adds a heading, what stands above the lines, and the lines.
    fn section(&mut self, heading: &str, head: &str, lines: impl ExactSizeIterator<Item = String>) {
        let count = lines.len();
        if count == 0 {
            return;
        }
        self.push(&format!("\n### {heading}\n\n{head}"));
        lines.take(MOST_LINES).for_each(|line| self.push(&line));
        if let Some(more) = count.checked_sub(MOST_LINES).filter(|more| *more > 0) {
            self.push(&format!("\n… and {more} more\n"));
        }
    }

    fn push(&mut self, text: &str) {
        self.is_cut |= self.text.len() + text.len() > LONGEST;
        if !self.is_cut {
            self.text.push_str(text);
        }
    }
}

impl Report {
    /// The report as Markdown, of less than 65,536 bytes.
    pub fn to_markdown(&self) -> String {
        let verdict = match self.is_sound() {
            true => "This proposal can be sealed",
            false => "This proposal must not be merged",
        };
        let mut page = Page { text: format!("## {verdict}\n\n"), is_cut: false };
        page.push(&format!(
            "Registry {}: records {}, releases {}, failures {}, warnings {}.\n",
            code(&self.registry, SHORT),
            self.records,
            self.releases.len(),
            self.failures.len(),
            self.warnings.len()
        ));
        page.section("Failures", "", self.failures.iter().map(problem));
        page.section("Warnings", "", self.warnings.iter().map(problem));
        let columns = [
            "Release",
            "Size",
            "Files",
            "Hosts",
            "Python",
            "Signed by",
            "Policy",
            "Dependencies",
            "Resolves for",
        ];
        let head = row(&columns) + &row(&columns.map(|_| "---"));
        page.section("Releases", &head, self.releases.iter().map(release));
        let other = self.other_records.iter().map(|text| format!("- {}\n", code(text, LONG)));
        page.section("Other records", "", other);
        let columns = ["Package", "Targets", "Why"];
        let head = row(&columns) + &row(&columns.map(|_| "---"));
        page.section(
            "Packages that do not resolve any more",
            &head,
            self.dependents.broken.iter().map(broken),
        );
        let columns = ["Package", "Targets", "Changes"];
        let head = row(&columns) + &row(&columns.map(|_| "---"));
        page.section("Packages that get other versions", &head, self.dependents.changed.iter().map(moved));
        if page.is_cut {
            page.text.push_str("\n\nThe rest is left out: this would become too long. `rvp registry check` shows all of it.\n");
        }
        page.text
    }
}

fn problem(problem: &Problem) -> String {
    format!("- {} {}\n", code(&problem.about, SHORT), code(&problem.reason, LONG))
}

fn release(release: &CheckedRelease) -> String {
    let difference = &release.difference;
    let title = code(&format!("{} {}", release.name, release.version), SHORT);
    let after = match (&difference.previous, release.is_new) {
        (Some(previous), true) => format!(", after {}", code(previous, SHORT)),
        (None, true) => ", the first one".into(),
        (_, false) => ", more files".into(),
    };
    let was = |before: Option<String>| before.map(|before| format!(" (was {before})")).unwrap_or_default();
    let size = difference.size.before.map(|before| HumanBytes(before).to_string());
    let files: Vec<String> = difference.files.after.iter().cloned().collect();
    let hosts = |hosts: &std::collections::BTreeMap<String, String>| match hosts.is_empty() {
        true => "any".to_owned(),
        false => list(hosts.iter().map(|(host, versions)| format!("{host} {versions}"))),
    };
    let python = |python: &Option<String>| match python {
        Some(python) => code(python, SHORT),
        None => "any".into(),
    };
    let is_other = |is_other: bool, before: Option<String>| before.filter(|_| is_other);
    row(&[
        format!("{title}{after}"),
        format!("{}{}", HumanBytes(difference.size.after), was(size)),
        format!("{} new: {}", release.new_files, list(files.into_iter())),
        hosts(&difference.hosts.after)
            + &was(is_other(difference.hosts.is_other(), difference.hosts.before.as_ref().map(hosts))),
        python(&difference.requires_python.after)
            + &was(is_other(
                difference.requires_python.is_other(),
                difference.requires_python.before.as_ref().map(python),
            )),
        match release.signers.is_empty() {
            true => "nobody".into(),
            false => list(release.signers.iter().cloned()),
        },
        policy(release).into(),
        dependencies(difference),
        targets(release),
    ])
}

fn policy(release: &CheckedRelease) -> &'static str {
    match &release.policy[..] {
        [] => "admits it",
        all if all.iter().all(|violation| violation.passes) => "lets it wait",
        _ => "forbids it",
    }
}

fn dependencies(difference: &Difference) -> String {
    let all = &difference.dependencies;
    if all.is_empty() {
        return if difference.previous.is_some() { "as before".into() } else { "none".into() };
    }
    let changed =
        all.changed.iter().map(|one| format!("{} → {}", one.before.join(", "), one.after.join(", ")));
    let parts = [
        ("added: ", list(all.added.iter().cloned())),
        ("removed: ", list(all.removed.iter().cloned())),
        ("changed: ", list(changed)),
    ];
    let parts = parts.into_iter().filter(|(_, texts)| !texts.is_empty());
    parts.map(|(what, texts)| what.to_owned() + &texts).collect::<Vec<_>>().join("; ")
}

fn targets(release: &CheckedRelease) -> String {
    let (fine, bad): (Vec<_>, Vec<_>) =
        release.targets.iter().partition(|target| target.explanation.is_empty());
    let names = |targets: Vec<&super::OnTarget>| list(targets.into_iter().map(|one| one.target.clone()));
    match (fine.is_empty(), bad.is_empty()) {
        (true, true) => "not tried".into(),
        (false, true) => names(fine),
        (true, false) => format!("not for {}", names(bad)),
        (false, false) => format!("{}; not for {}", names(fine), names(bad)),
    }
}

fn broken(broken: &Broken) -> String {
    let title = format!("{} {}", broken.name, broken.version);
    row(&[
        code(&title, SHORT),
        list(broken.targets.iter().cloned()),
        code(&broken.explanation.join("; "), LONG),
    ])
}

fn moved(moved: &Moved) -> String {
    let title = format!("{} {}", moved.name, moved.version);
    let change = |one: &super::VersionChange| one.to_string();
    row(&[code(&title, SHORT), list(moved.targets.iter().cloned()), list(moved.changes.iter().map(change))])
}

/// The first of some texts, each as code.
fn list(texts: impl Iterator<Item = String>) -> String {
    let mut shown: Vec<String> = texts.map(|text| code(&text, SHORT)).collect();
    if let Some(more) = shown.len().checked_sub(MOST_ITEMS).filter(|more| *more > 0) {
        shown.truncate(MOST_ITEMS);
        shown.push(format!("… and {more} more"));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Dependents;

    #[test]
    fn a_comment_is_never_too_long_and_ends_with_a_whole_line() {
        let hostile = "|`@<".repeat(1000);
        let problems = |count| (0..count).map(|n| Problem::new(format!("{n}{hostile}"), &hostile)).collect();
        let report = Report {
            registry: hostile.clone(),
            records: 1,
            releases: Vec::new(),
            other_records: vec![hostile.clone(); 500],
            failures: problems(500),
            warnings: problems(3),
            dependents: Dependents::default(),
        };
        let text = report.to_markdown();
        assert!(text.len() < 65_536, "{}", text.len());
        assert!(text.ends_with("shows all of it.\n"));
        let items = text.lines().filter(|line| line.starts_with("- "));
        assert!(items.clone().count() > 10 && items.clone().all(|line| line.ends_with("</code>")));
        assert!(!text.contains('@') && !text.contains("|`"));
    }

    #[test]
    fn long_lists_say_how_much_more_there_is() {
        let report = Report {
            registry: "acme".into(),
            records: 0,
            releases: Vec::new(),
            other_records: vec!["yanks".into(); MOST_LINES + 7],
            failures: Vec::new(),
            warnings: Vec::new(),
            dependents: Dependents::default(),
        };
        assert!(report.to_markdown().ends_with("\n… and 7 more\n"));
        assert!(list((0..14).map(|n| n.to_string())).ends_with(", … and 2 more"));
    }
}
