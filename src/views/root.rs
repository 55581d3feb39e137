//! The list of all projects, in both forms. It changes only when a project is new, and then by what that adds: to write it anew would cost
//! more than all the rest of a seal, once there are many.
//!
//! Each project has a line of its own. New ones come last; sorted are those that were there when the list was made.

use std::collections::BTreeSet;

use super::ViewsError;
use super::files::{Files, replace_if_changed};
use super::page::{API_VERSION, document};

const HTML: &str = "simple/index.html";
const JSON: &str = "simple/index.json";

/// How much of the end of a list is looked at, beside what is added, in bytes.
const NEAR_THE_END: u64 = 1 << 16;

/// What stands before the projects and behind them in the JSON form (PEP 691).
fn around() -> (String, &'static str) {
    (format!("{{\"meta\":{{\"api-version\":\"{API_VERSION}\"}},\"projects\":[\n"), "\n]}\n")
}

fn link(name: &str) -> String {
    format!("<a href=\"{name}/\">{name}</a><br>")
}

fn object(name: &str) -> String {
    format!("{{\"name\":\"{name}\"}}")
}

/// Adds projects to the list; returns how many files changed, or none if there is no list that can be added to. It lasts when this returns.
///
/// Whatever a writer that was killed has added of them stands at the end, so that is all that is read.
pub(super) fn add(files: &dyn Files, names: &[&str]) -> Result<Option<usize>, ViewsError> {
    let near = NEAR_THE_END + names.iter().map(|name| link(name).len() as u64 + 1).sum::<u64>();
    let end = |path: &str| -> Result<Option<(usize, String)>, ViewsError> {
        let Some(length) = files.length(path)? else { return Ok(None) };
        let from = length.saturating_sub(near);
        let bytes = files.read_range(path, from, near)?.unwrap_or_default();
        // The first line may be half of one.
        let whole = match from {
            0 => 0,
            _ => bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1),
        };
        let text = String::from_utf8(bytes[whole..].to_vec()).ok();
        Ok(text.map(|text| (usize::try_from(from).unwrap_or(usize::MAX) + whole, text)))
    };
    let (Some((html_from, html)), Some((json_from, json))) = (end(HTML)?, end(JSON)?) else {
        return Ok(None);
    };
    let (before, behind) = around();
    let objects = match json_from {
        0 => json.strip_prefix(&before),
        _ => Some(json.as_str()),
    };
    let Some(objects) = objects.and_then(|rest| rest.strip_suffix(behind)) else { return Ok(None) };
    let json_end = json_from + json.len() - behind.len();
    // The last one may have been added by half.
    let whole = html.rfind('\n').map_or(0, |end| end + 1);
    let more_html = missing(&html[..whole], names, link);
    let more_json = missing(objects, names, object);
    if !more_html.is_empty() || whole < html.len() {
        let more: String = more_html.iter().map(|line| format!("{line}\n")).collect();
        files.append(HTML, html_from + whole, more.as_bytes())?;
    }
    if !more_json.is_empty() {
        let comma = if objects.is_empty() { "" } else { ",\n" };
        files.append(JSON, json_end, format!("{comma}{}{behind}", more_json.join(",\n")).as_bytes())?;
    }
    files.sync()?;
    Ok(Some(usize::from(!more_html.is_empty()) + usize::from(!more_json.is_empty())))
}

/// The lines of those of `names` that `text` has none of.
fn missing(text: &str, names: &[&str], line: fn(&str) -> String) -> Vec<String> {
    let mut missing: BTreeSet<String> = names.iter().map(|name| line(name)).collect();
    for line in text.lines() {
        // Behind objects of JSON are commas.
        missing.remove(line.strip_suffix(',').unwrap_or(line));
    }
    missing.into_iter().collect()
}

/// Writes the list; returns how many files changed.
pub(super) fn write(files: &dyn Files, mut names: Vec<&str>) -> Result<usize, ViewsError> {
    names.sort_unstable();
    names.dedup();
    let links: String = names.iter().map(|name| link(name) + "\n").collect();
    let page = document("Simple index", &links);
    // What HTML lets be left out at the end is: so lines can be appended, and whoever reads meanwhile has a whole page.
    let page = page.strip_suffix("</body>\n</html>\n").unwrap_or(&page);
    let html = replace_if_changed(files, HTML, page.as_bytes())?;
    let (before, behind) = around();
    let objects: Vec<String> = names.into_iter().map(object).collect();
    let json = before + &objects.join(",\n") + behind;
    Ok(html + replace_if_changed(files, JSON, json.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::super::Views;
    use super::*;
    use std::path::Path;

    fn read(folder: &Path, file: &str) -> String {
        std::fs::read_to_string(folder.join(file)).unwrap()
    }

    /// The names in both forms, each once.
    #[track_caller]
    fn names(folder: &Path) -> Vec<String> {
        let html = read(folder, HTML);
        let json: serde_json::Value = serde_json::from_str(&read(folder, JSON)).unwrap();
        assert_eq!(json["meta"]["api-version"], API_VERSION);
        let listed = json["projects"].as_array().unwrap().iter();
        let mut listed: Vec<String> = listed.map(|one| one["name"].as_str().unwrap().into()).collect();
        let mut linked: Vec<String> = html
            .split("<a href=\"")
            .skip(1)
            .map(|link| link.split("/\"").next().unwrap().to_owned())
            .collect();
        linked.sort();
        listed.sort();
        assert_eq!(linked, listed);
        listed
    }

    #[test]
    fn a_list_is_added_to_and_mended() {
        let folder = tempfile::tempdir().unwrap();
        let views = Views::create(folder.path()).unwrap();
        let (files, folder) = (&*views.files, folder.path());
        assert_eq!(add(files, &["walls"]).unwrap(), None);
        assert_eq!(write(files, vec![]).unwrap(), 2);
        assert_eq!(names(folder), [""; 0]);
        assert_eq!(add(files, &["walls", "doors"]).unwrap(), Some(2));
        assert_eq!(add(files, &["walls", "bricks"]).unwrap(), Some(2));
        assert_eq!(names(folder), ["bricks", "doors", "walls"]);
        let html = read(folder, HTML);
        assert_eq!(add(files, &["walls", "bricks"]).unwrap(), Some(0));

        // A line by half, and one more than in the other form.
        std::fs::write(folder.join(HTML), format!("{html}<a href=\"roofs")).unwrap();
        assert_eq!(add(files, &["roofs"]).unwrap(), Some(2));
        assert_eq!(names(folder), ["bricks", "doors", "roofs", "walls"]);
        std::fs::write(folder.join(HTML), read(folder, HTML) + &link("tiles") + "\n").unwrap();
        assert_eq!(add(files, &["tiles"]).unwrap(), Some(1));
        assert_eq!(names(folder), ["bricks", "doors", "roofs", "tiles", "walls"]);

        // What is not a list is made anew.
        for damaged in ["", "{}", "[\n]}\n"] {
            std::fs::write(folder.join(JSON), damaged).unwrap();
            assert_eq!(add(files, &["units"]).unwrap(), None, "{damaged}");
        }
        assert_eq!(write(files, vec!["walls", "doors"]).unwrap(), 2);
        assert_eq!(names(folder), ["doors", "walls"]);
    }
    #[test]
    fn a_long_list_is_added_to_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let views = Views::create(folder.path()).unwrap();
        let many: Vec<String> = (0..10_000).map(|number| format!("part{number:05}")).collect();
        write(&*views.files, many.iter().map(String::as_str).collect()).unwrap();
        assert!(read(folder.path(), JSON).len() as u64 > 2 * NEAR_THE_END);
        assert_eq!(add(&*views.files, &["walls", "doors"]).unwrap(), Some(2));
        assert_eq!(add(&*views.files, &["doors", "roofs"]).unwrap(), Some(2));
        let all = names(folder.path());
        assert_eq!(all.len(), 10_003);
        assert_eq!([&*all[0], &*all[10_001], &*all[10_002]], ["doors", "roofs", "walls"]);
    }
}
