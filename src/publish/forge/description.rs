//! Title and body of a request: what its reviewers need to know of the releases in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use indicatif::HumanBytes;

use crate::model::{PackageName, Signer};
use crate::publish::markdown::{code, row};
use crate::publish::{Change, Difference};

/// A release that is proposed: a new one, or one that gets more files.
#[derive(Clone, Debug)]
pub struct ProposedRelease {
    pub name: PackageName,
    /// As the release spells it.
    pub version: String,
    /// Against the last release below it.
    pub difference: Difference,
    /// The files that are new, with their lengths in bytes.
    pub files: Vec<(String, u64)>,
    /// Who has signed it. None: nobody but the log's key will vouch for it.
    pub signers: Vec<Signer>,
    /// Whether its signer becomes the owner of the name.
    pub claims: bool,
    pub policy: PolicyResult,
}

/// What the policies that hold for the publisher say of a release.
#[derive(Clone, Debug)]
pub enum PolicyResult {
    /// There are none.
    NoPolicy,
    Admitted,
    /// The rules that are against it, each as a sentence.
    Refused(Vec<String>),
}

/// The most characters of a text by somebody else.
const MOST: usize = 300;
/// How many releases are described; the rest are named.
const DESCRIBED: usize = 40;
/// How many dependencies or files of one release are listed.
const LISTED: usize = 60;

/// `acme-walls 1.2, acme-units 2.0 and 3 more`
pub fn title(releases: &[ProposedRelease]) -> String {
    let named = releases.iter().take(3).map(|one| format!("{} {}", one.name, cut(&one.version)));
    let named = named.collect::<Vec<_>>().join(", ");
    match releases.len() {
        0..=3 => format!("Publish {named}"),
        all => format!("Publish {named} and {} more", all - 3),
    }
}

/// Markdown. Whatever a package says of itself is shown as code, where forges see no mention, link or heading.
pub fn body(releases: &[ProposedRelease]) -> String {
    let mut body = String::from("Proposed with `rvp publish`.\n");
    for release in releases.iter().take(DESCRIBED) {
        body.push_str(&described(release));
    }
    if let Some(rest) = releases.get(DESCRIBED..).filter(|rest| !rest.is_empty()) {
        body.push_str("\n### And also\n\n");
        for ProposedRelease { name, version, .. } in rest {
            body.push_str(&format!("- {}\n", code(&format!("{name} {version}"), MOST)));
        }
    }
    body
}

fn described(proposed: &ProposedRelease) -> String {
    let ProposedRelease { name, version, difference, files, signers, claims, policy } = proposed;
    let mut text = format!("\n### {}\n\n", code(&format!("{name} {version}"), MOST));
    let mut rows = vec![(
        "Follows",
        difference.previous.as_deref().map_or("nothing: it is the first release".into(), shown),
    )];
    let signed = match signers.as_slice() {
        [] => "nobody: only the registry's own key will vouch for it".to_owned(),
        signers => listed(signers.iter().map(|signer| shown(&signer.to_string()))),
    };
    rows.push(("Signed by", signed));
    if *claims {
        rows.push(("Ownership", "its signer becomes the owner of the name".to_owned()));
    }
    rows.push(("Policy", policy_text(policy)));
    rows.push(("Runs in", changed(&difference.hosts, host_text)));
    rows.push((
        "Python",
        changed(&difference.requires_python, |range| range.as_deref().map_or("any".to_owned(), shown)),
    ));
    rows.push((
        "Licence",
        changed(&difference.license, |license| license.as_deref().map_or("not said".to_owned(), shown)),
    ));
    let tags = |files: &BTreeSet<String>| listed(files.iter().map(|tags| shown(tags)));
    rows.push(("Built for", changed(&difference.files, tags)));
    rows.push(("Size", changed(&difference.size, |size| HumanBytes(*size).to_string())));
    text.push_str("| | |\n|---|---|\n");
    for (what, value) in rows {
        text.push_str(&row(&[what.to_owned(), value]));
    }
    let dependencies = &difference.dependencies;
    let first = difference.previous.is_none();
    let added = dependencies.added.iter().map(|one| shown(one)).collect();
    list(&mut text, if first { "Dependencies" } else { "Dependencies added" }, added);
    list(&mut text, "Dependencies removed", dependencies.removed.iter().map(|one| shown(one)).collect());
    let other = dependencies.changed.iter().map(|one| {
        let side = |texts: &[String]| listed(texts.iter().map(|one| shown(one)));
        format!("{}, before {}", side(&one.after), side(&one.before))
    });
    list(&mut text, "Dependencies changed", other.collect());
    if dependencies.is_empty() {
        text.push_str(if first {
            "\nNo dependencies.\n"
        } else {
            "\nThe dependencies are those of the last release.\n"
        });
    }
    let files = files.iter().map(|(file, size)| format!("{}, {}", shown(file), HumanBytes(*size)));
    list(&mut text, "New files", files.collect());
    text
}

fn list(text: &mut String, title: &str, items: Vec<String>) {
    if items.is_empty() {
        return;
    }
    // Writing into a `String` does not fail.
    let _ = write!(text, "\n**{title}**\n\n");
    for item in items.iter().take(LISTED) {
        let _ = writeln!(text, "- {item}");
    }
    if let Some(more) = items.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(text, "- and {more} more");
    }
}

fn policy_text(policy: &PolicyResult) -> String {
    match policy {
        PolicyResult::NoPolicy => "none holds for the publisher".to_owned(),
        PolicyResult::Admitted => "nothing against it".to_owned(),
        PolicyResult::Refused(rules) => {
            format!("**against it:** {}", listed(rules.iter().map(|rule| shown(rule))))
        }
    }
}

fn host_text(hosts: &BTreeMap<String, String>) -> String {
    if hosts.is_empty() {
        return "any host".to_owned();
    }
    listed(hosts.iter().map(|(host, range)| shown(&format!("{host} {range}"))))
}

/// A value, and the one before where that was another.
fn changed<T: PartialEq>(change: &Change<T>, text: impl Fn(&T) -> String) -> String {
    match &change.before {
        Some(before) if change.is_other() => format!("{}, before {}", text(&change.after), text(before)),
        _ => text(&change.after),
    }
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    match items.len().checked_sub(LISTED).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", items[..LISTED].join(", ")),
        None => items.join(", "),
    }
}

fn shown(text: &str) -> String {
    code(text, MOST)
}

/// For a title, which is not Markdown.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::publish::{Changed, Dependencies};

    fn release(name: &str, text: &str) -> ProposedRelease {
        let same = |text: &str| Change { before: Some(Some(text.to_owned())), after: Some(text.to_owned()) };
        let hosts = |range: &str| BTreeMap::from([("revit".to_owned(), range.to_owned())]);
        ProposedRelease {
            name: PackageName::python(name).unwrap(),
            version: "1.2".to_owned(),
            difference: Difference {
                previous: Some("1.1".to_owned()),
                dependencies: Dependencies {
                    added: vec![text.to_owned()],
                    removed: vec!["six".to_owned()],
                    changed: vec![Changed {
                        before: vec!["numpy>=1".to_owned()],
                        after: vec![text.to_owned()],
                    }],
                },
                requires_python: same(text),
                hosts: Change { before: Some(hosts(">=2021")), after: hosts(">=2022,<2028") },
                license: same("MIT"),
                size: Change { before: Some(9_000), after: 12_345_678 },
                files: Change { before: None, after: BTreeSet::from(["py3-none-any".to_owned()]) },
            },
            files: vec![(text.to_owned(), 12_345_678)],
            signers: vec![Signer::Identity {
                identity: "https://github.com/acme/walls/.github/workflows/release.yml@refs/tags/v1.2"
                    .to_owned(),
                issuer: text.to_owned(),
            }],
            claims: false,
            policy: PolicyResult::Refused(vec![text.to_owned()]),
        }
    }

    #[test]
    fn a_reviewer_sees_what_a_release_changes() {
        let mut first = release("acme-units", "numpy>=2");
        first.difference.previous = None;
        first.difference.dependencies = Dependencies::default();
        first.difference.size.before = None;
        first.difference.hosts = Change { before: None, after: BTreeMap::new() };
        first.difference.license = Change { before: None, after: None };
        first.difference.requires_python = Change { before: None, after: None };
        first.signers.clear();
        first.claims = true;
        first.policy = PolicyResult::NoPolicy;
        let releases = [release("acme-walls", "requests>=2; python_version < '3.12'"), first];
        insta::assert_snapshot!(title(&releases), @"Publish acme-walls 1.2, acme-units 1.2");
        insta::assert_snapshot!(body(&releases), @r"
        Proposed with `rvp publish`.

        ### <code>acme-walls 1.2</code>

        | | |
        |---|---|
        | Follows | <code>1.1</code> |
        | Signed by | <code>https&#58;//github.com/acme/walls/.github/workflows/release.yml&#64;refs/tags/v1.2 (of requests&#62;=2; python&#95;version &#60; '3.12')</code> |
        | Policy | **against it:** <code>requests&#62;=2; python&#95;version &#60; '3.12'</code> |
        | Runs in | <code>revit &#62;=2022,&#60;2028</code>, before <code>revit &#62;=2021</code> |
        | Python | <code>requests&#62;=2; python&#95;version &#60; '3.12'</code> |
        | Licence | <code>MIT</code> |
        | Built for | <code>py3-none-any</code> |
        | Size | 11.77 MiB, before 8.79 KiB |

        **Dependencies added**

        - <code>requests&#62;=2; python&#95;version &#60; '3.12'</code>

        **Dependencies removed**

        - <code>six</code>

        **Dependencies changed**

        - <code>requests&#62;=2; python&#95;version &#60; '3.12'</code>, before <code>numpy&#62;=1</code>

        **New files**

        - <code>requests&#62;=2; python&#95;version &#60; '3.12'</code>, 11.77 MiB

        ### <code>acme-units 1.2</code>

        | | |
        |---|---|
        | Follows | nothing: it is the first release |
        | Signed by | nobody: only the registry's own key will vouch for it |
        | Ownership | its signer becomes the owner of the name |
        | Policy | none holds for the publisher |
        | Runs in | any host |
        | Python | any |
        | Licence | not said |
        | Built for | <code>py3-none-any</code> |
        | Size | 11.77 MiB |

        No dependencies.

        **New files**

        - <code>numpy&#62;=2</code>, 11.77 MiB
        ");
    }

    #[test]
    fn many_releases_are_named() {
        let releases: Vec<_> = (0..60).map(|at| release(&format!("acme-{at}"), "x")).collect();
        insta::assert_snapshot!(title(&releases), @"Publish acme-0 1.2, acme-1 1.2, acme-2 1.2 and 57 more");
        let body = body(&releases);
        assert!(body.contains("- <code>acme-59 1.2</code>\n"), "{body}");
    }

    proptest! {
        #[test]
        fn strangers_write_no_markdown(text in any::<String>()) {
            // What is left of a body without the strangers' texts is the same whatever they say.
            let frame = |text: &str| {
                let body = body(&[release("acme-walls", text)]);
                let mut rest = String::new();
                for (at, part) in body.split("<code>").enumerate() {
                    match part.split_once("</code>") {
                        Some((inner, after)) if at > 0 => {
                            assert!(!inner.contains(['<', '>', '`', '@', '#', '[', '|', '\n', '\\']) || inner.contains("&#"), "{inner}");
                            rest.push('_');
                            rest.push_str(after);
                        }
                        _ => rest.push_str(part),
                    }
                }
                rest
            };
            prop_assert_eq!(frame(&text), frame("x"));
        }
    }
}
