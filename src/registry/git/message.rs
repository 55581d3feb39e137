//! What a commit of a registry says that it does.

use crate::model::Record;
use crate::registry::backend::Lines;

/// The most characters of a text by somebody else.
const MOST: usize = 100;
/// How many changes are listed.
const LISTED: usize = 50;

/// The message for a commit that seals these lines.
pub(super) fn of_seal(lines: &[Lines]) -> String {
    message(lines.iter().map(|lines| &lines.text[..]))
}

/// The message for a commit that proposes these lines, beside those that wait there already.
pub(super) fn of_proposal(lines: &[Lines]) -> String {
    message(lines.iter().map(|lines| lines.text.strip_prefix(&lines.behind[..]).unwrap_or(&lines.text)))
}

fn message<'a>(texts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut changes = Vec::new();
    for text in texts {
        let text = String::from_utf8_lossy(text);
        let records = text.lines().filter_map(|line| Record::parse(line).ok());
        changes.extend(records.filter_map(|record| change(&record)));
    }
    changes.dedup();
    match changes.as_slice() {
        [] => "Seal the registry\n".to_owned(),
        [one] => format!("Publish {one}\n"),
        all => {
            let mut text = format!("Publish {} and {} more\n\n", all[0], all.len() - 1);
            all.iter().take(LISTED).for_each(|one| text.push_str(&format!("- {one}\n")));
            if let Some(more) = all.len().checked_sub(LISTED).filter(|more| *more > 0) {
                text.push_str(&format!("- and {more} more\n"));
            }
            text
        }
    }
}

fn change(record: &Record) -> Option<String> {
    let text = match record {
        Record::Release(release) => format!("{} {}", release.name, release.version),
        Record::Add(add) => format!("{} {}", add.name, add.version),
        Record::Yank(yank) if yank.yanked => format!("the yank of {} {}", yank.name, yank.version),
        Record::Yank(yank) => format!("the return of {} {}", yank.name, yank.version),
        Record::Owners(owners) => format!("the owners of {}", owners.name),
        Record::Prefix(owners) => format!("the owners of {}*", owners.prefix),
        Record::Approve(approve) => format!("the approval of {} {}", approve.name, approve.version),
        Record::File(file) => file.path.clone(),
        Record::Key(_) => "another log key".to_owned(),
        Record::Seal(_) | Record::Unknown { .. } => return None,
    };
    Some(text.chars().filter(|c| !c.is_control()).take(MOST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(behind: &str, text: &str) -> Lines {
        let (behind, text) = (behind.as_bytes().to_owned(), text.as_bytes().to_owned());
        Lines { path: "index/python/ac/me/acme".to_owned(), committed: 7, behind, text }
    }

    #[test]
    fn a_message_says_what_is_new() {
        let release = |version: &str| {
            format!(
                "{{\"kind\":\"release\",\"family\":\"python\",\"name\":\"acme\",\"version\":\"{version}\"}}\n"
            )
        };
        let seal = "{\"kind\":\"seal\",\"path\":\"index/python/ac/me/acme\",\"first\":0,\"count\":1,\"time\":\"2026-01-01T00:00:00Z\"}\n";
        let one = lines("", &(release("1.0") + seal));
        insta::assert_snapshot!(of_seal(&[one]), @"Publish acme 1.0");
        let proposed = lines(&release("1.0"), &(release("1.0") + &release("2.0") + &release("3.0")));
        insta::assert_snapshot!(of_proposal(&[proposed]), @r"
        Publish acme 2.0 and 1 more

        - acme 2.0
        - acme 3.0
        ");
        insta::assert_snapshot!(of_seal(&[]), @"Seal the registry");
    }
}
