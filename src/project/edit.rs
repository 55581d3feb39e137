//! Adding and removing dependencies in place.

use std::path::Path;

use uv_normalize::ExtraName;

use super::dependency_table::DependencyTable;
use super::error::Source;
use super::list::{Item, List};
use super::text::FromText;
use super::write::write_atomically;
use super::{ProjectError, PyProject};
use crate::model::{PackageName, Requirement};

/// Adds `requirement` to a list of the file at `path`, in the place of one with the same name, extras and marker.
/// A sorted list stays sorted, and every other line of the file stays as it is.
pub fn add_dependency(
    path: &Path,
    table: &DependencyTable,
    requirement: &Requirement,
) -> Result<(), ProjectError> {
    edit(path, table, |source| Ok(add(&source.text, table, requirement)))
}

/// Removes every requirement on `name` from a list of the file at `path`; an error if there is none.
pub fn remove_dependency(
    path: &Path,
    table: &DependencyTable,
    name: &PackageName,
) -> Result<(), ProjectError> {
    edit(path, table, |source| {
        remove(&source.text, table, name).ok_or_else(|| ProjectError::NoDependency {
            name: name.to_string(),
            table: table.clone(),
            path: path.into(),
            known: names(&source.text, table),
            elsewhere: tables_with(source, name),
        })
    })
}

fn edit(
    path: &Path,
    table: &DependencyTable,
    change: impl Fn(&Source) -> Result<String, ProjectError>,
) -> Result<(), ProjectError> {
    let source = Source::read(path)?;
    PyProject::parse(&source)?;
    let changed = Source { path: path.into(), text: change(&source)? };
    // The table may be written in a form that a line of text does not extend, such as an inline table.
    PyProject::parse(&changed).map_err(|_| ProjectError::Edit {
        path: path.into(),
        list: table.to_string(),
        header: table.header(),
        key: table.key().to_owned(),
    })?;
    write_atomically(path, &changed.text)
}

fn add(text: &str, table: &DependencyTable, requirement: &Requirement) -> String {
    let new = requirement.text.trim();
    let Some(list) = table.list(text) else { return table.create(text, new) };
    let same = positions(&list, |item| {
        item.name == requirement.name
            && item.marker == requirement.marker
            && sorted(&item.extras) == sorted(&requirement.extras)
    });
    match same[..] {
        [] => list.insert(insertion(&list, requirement), new),
        [at] => list.replace(at, new),
        [.., last] => add(&list.remove(last), table, requirement),
    }
}

fn remove(text: &str, table: &DependencyTable, name: &PackageName) -> Option<String> {
    let list = table.list(text)?;
    let last = *positions(&list, |item| item.name == *name).last()?;
    let removed = list.remove(last);
    Some(remove(&removed, table, name).unwrap_or(removed))
}

fn names(text: &str, table: &DependencyTable) -> Vec<String> {
    let list = table.list(text);
    let requirements = list.iter().flat_map(List::items).filter_map(requirement_of);
    requirements.map(|requirement| requirement.name.to_string()).collect()
}

/// The tables that have a requirement on `name`.
fn tables_with(source: &Source, name: &PackageName) -> Vec<DependencyTable> {
    let Ok(project) = PyProject::parse(source) else { return Vec::new() };
    let extras = project.project.optional_dependencies.into_keys().map(DependencyTable::Optional);
    let groups = project.groups.into_keys().map(DependencyTable::Group);
    let tables = [DependencyTable::Project].into_iter().chain(extras).chain(groups);
    tables.filter(|table| remove(&source.text, table, name).is_some()).collect()
}

fn requirement_of(item: &Item) -> Option<Requirement> {
    Requirement::from_text(item.value.as_deref()?).ok()
}

fn positions(list: &List<'_>, matches: impl Fn(&Requirement) -> bool) -> Vec<usize> {
    let items = list.items().iter().enumerate();
    items
        .filter(|(_, item)| requirement_of(item).is_some_and(|item| matches(&item)))
        .map(|(at, _)| at)
        .collect()
}

/// Before which item `requirement` belongs: in order where the list is sorted by name or by text, and at the end of any other.
fn insertion(list: &List<'_>, requirement: &Requirement) -> usize {
    let Some(known) = list.items().iter().map(requirement_of).collect::<Option<Vec<_>>>() else {
        return list.items().len();
    };
    let by_name = |requirement: &Requirement| requirement.name.to_string();
    let by_text = |requirement: &Requirement| requirement.text.to_lowercase();
    for key in [&by_name as &dyn Fn(&Requirement) -> String, &by_text] {
        if known.is_sorted_by_key(key) {
            return known.partition_point(|item| key(item) <= key(requirement));
        }
    }
    known.len()
}

fn sorted(extras: &[ExtraName]) -> Vec<&ExtraName> {
    let mut extras: Vec<&ExtraName> = extras.iter().collect();
    extras.sort();
    extras
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Family;

    const SITE_TOOLS: &str = r#"# Tools for the site team.
[project]
name = "site-tools"   # published as it is
version = "0.1.0"
dependencies = [
    "numpy>=1.24",  # rooms, walls
    # reads the exports of the surveyors
    'openpyxl',
    "revitpy-geometry>=1.2",
]
scripts.site = "site_tools:main"

[project.optional-dependencies]
Plot = ["matplotlib"]

[dependency-groups]
dev = [ "pytest>=8", {include-group = "lint"} ]
lint = []

[tool.rvp]
targets = ["revit==2025.4"]
"#;

    fn requirement(text: &str) -> Requirement {
        Requirement::parse(Family::Python, text).unwrap()
    }

    fn group(name: &str) -> DependencyTable {
        DependencyTable::Group(name.parse().unwrap())
    }

    /// What changed, line by line; the common lines before and after are left out.
    fn change(before: &str, after: &str) -> String {
        PyProject::parse(&Source { path: "pyproject.toml".into(), text: after.into() }).unwrap();
        let (mut old, mut new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
        while !old.is_empty() && old.first() == new.first() {
            old.remove(0);
            new.remove(0);
        }
        while !old.is_empty() && old.last() == new.last() {
            old.pop();
            new.pop();
        }
        let old = old.iter().map(|line| format!("-{line}\n"));
        old.chain(new.iter().map(|line| format!("+{line}\n"))).collect()
    }

    fn added(text: &str, table: &DependencyTable, new: &str) -> String {
        change(text, &add(text, table, &requirement(new)))
    }

    fn removed(text: &str, table: &DependencyTable, name: &str) -> String {
        change(text, &remove(text, table, &PackageName::python(name).unwrap()).unwrap())
    }

    #[test]
    fn a_new_requirement_takes_its_place_in_a_sorted_list() {
        let add = |new| added(SITE_TOOLS, &DependencyTable::Project, new);
        assert_eq!(add("attrs"), "+    \"attrs\",\n");
        assert_eq!(add("pandas>=2"), "+    \"pandas>=2\",\n");
        assert_eq!(add("shapely"), "+    \"shapely\",\n");
        let shapely = add_to_project("shapely");
        assert!(shapely.contains("\"revitpy-geometry>=1.2\",\n    \"shapely\",\n]\n"));
        let numba = add_to_project("numba");
        assert!(numba.contains("dependencies = [\n    \"numba\",\n    \"numpy>=1.24\",  # rooms, walls\n"));
        let numpydoc = add_to_project("numpydoc");
        assert!(numpydoc.contains("# rooms, walls\n    \"numpydoc\",\n    # reads the exports"));
    }

    fn add_to_project(new: &str) -> String {
        add(SITE_TOOLS, &DependencyTable::Project, &requirement(new))
    }

    #[test]
    fn an_entry_of_the_same_name_extras_and_marker_is_replaced() {
        let add = |new| added(SITE_TOOLS, &DependencyTable::Project, new);
        assert_eq!(
            add("NumPy >=1.26"),
            "-    \"numpy>=1.24\",  # rooms, walls\n+    \"NumPy >=1.26\",  # rooms, walls\n"
        );
        assert_eq!(add("openpyxl<4"), "-    'openpyxl',\n+    'openpyxl<4',\n");
        assert_eq!(add("numpy<2 ; python_version < '3.9'"), "+    \"numpy<2 ; python_version < '3.9'\",\n");
        let twice = SITE_TOOLS.replace("    'openpyxl',\n", "    \"Numpy<3\",\n    'openpyxl',\n");
        assert_eq!(
            added(&twice, &DependencyTable::Project, "numpy==2.0"),
            "-    \"numpy>=1.24\",  # rooms, walls\n-    # reads the exports of the surveyors\n-    \"Numpy<3\",\n\
             +    \"numpy==2.0\",  # rooms, walls\n+    # reads the exports of the surveyors\n"
        );
    }

    #[test]
    fn a_list_keeps_its_style() {
        assert_eq!(
            added(SITE_TOOLS, &DependencyTable::Optional("plot".parse().unwrap()), "seaborn"),
            "-Plot = [\"matplotlib\"]\n+Plot = [\"matplotlib\", \"seaborn\"]\n"
        );
        assert_eq!(
            added(SITE_TOOLS, &group("dev"), "mypy"),
            "-dev = [ \"pytest>=8\", {include-group = \"lint\"} ]\n\
             +dev = [ \"pytest>=8\", {include-group = \"lint\"}, \"mypy\" ]\n"
        );
        assert_eq!(added(SITE_TOOLS, &group("lint"), "ruff"), "-lint = []\n+lint = [\n+    \"ruff\",\n+]\n");
        let open = "[project]\nname = \"a\"\ndependencies = [\n  \"b\",\n  \"c\"  # last\n]\n";
        assert_eq!(
            added(open, &DependencyTable::Project, "d"),
            "-  \"c\"  # last\n+  \"c\",  # last\n+  \"d\"\n"
        );
        let commented = "[project]\nname = \"a\"\ndependencies = [\n  # none, yet\n]\n";
        assert_eq!(added(commented, &DependencyTable::Project, "d"), "+    \"d\",\n");
    }

    #[test]
    fn a_list_that_is_not_there_is_made() {
        let project =
            "[build-system]\nrequires = []\n\n[project]\nname = \"a\"\nurls.home = \"x\"\n\n[tool.x]\n";
        assert_eq!(added(project, &DependencyTable::Project, "b"), "+dependencies = [\n+    \"b\",\n+]\n");
        assert!(
            add(project, &DependencyTable::Project, &requirement("b"))
                .contains("urls.home = \"x\"\ndependencies")
        );
        assert_eq!(
            added(project, &group("dev"), "b"),
            "+\n+[dependency-groups]\n+dev = [\n+    \"b\",\n+]\n"
        );
        let authors =
            "[project]\nname = \"a\"\n[[project.authors]]\nname = \"b\"\n[project.urls]\nhome = \"c\"\n";
        let with = add(authors, &DependencyTable::Project, &requirement("b"));
        assert!(
            with.starts_with("[project]\nname = \"a\"\ndependencies = [\n    \"b\",\n]\n[[project"),
            "{with}"
        );
        assert_eq!(added(SITE_TOOLS, &group("docs"), "b"), "+docs = [\n+    \"b\",\n+]\n");
        assert_eq!(
            added("[project]\nname = \"a\"", &DependencyTable::Optional("Cli".parse().unwrap()), "b"),
            "+\n+[project.optional-dependencies]\n+cli = [\n+    \"b\",\n+]\n"
        );
    }

    #[test]
    fn an_item_goes_with_its_line_and_nothing_else() {
        let project = |name| removed(SITE_TOOLS, &DependencyTable::Project, name);
        assert_eq!(project("numpy"), "-    \"numpy>=1.24\",  # rooms, walls\n");
        assert_eq!(project("OpenPyXL"), "-    'openpyxl',\n");
        assert_eq!(project("revitpy.geometry"), "-    \"revitpy-geometry>=1.2\",\n");
        assert_eq!(
            removed(SITE_TOOLS, &group("dev"), "pytest"),
            "-dev = [ \"pytest>=8\", {include-group = \"lint\"} ]\n+dev = [ {include-group = \"lint\"} ]\n"
        );
        let line = "[project]\nname = \"a\"\ndependencies = [\"b\", \"c\", \"d\"]\n";
        let remove = |name| removed(line, &DependencyTable::Project, name).lines().last().unwrap().to_owned();
        assert_eq!(remove("b"), "+dependencies = [\"c\", \"d\"]");
        assert_eq!(remove("c"), "+dependencies = [\"b\", \"d\"]");
        assert_eq!(remove("d"), "+dependencies = [\"b\", \"c\"]");
    }

    #[test]
    fn a_file_on_disk_is_replaced_only_by_a_valid_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pyproject.toml");
        let text = "project = { name = \"a\" }\n";
        std::fs::write(&path, text).unwrap();
        let error = add_dependency(&path, &DependencyTable::Project, &requirement("b")).unwrap_err();
        let shown = error.to_string().replace(&path.display().to_string(), "pyproject.toml");
        insta::assert_snapshot!(shown, @r#"
        pyproject.toml: the dependencies are written in a form of TOML that rvp does not edit
          hint: the file is unchanged; write `dependencies = ["…"]` under `[project]` by hand
        "#);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

        // As Notepad saves it.
        let of_windows = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
        std::fs::write(&path, of_windows(SITE_TOOLS)).unwrap();
        add_dependency(&path, &DependencyTable::Project, &requirement("pandas")).unwrap();
        let expected = of_windows(&add_to_project("pandas"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        let error =
            remove_dependency(&path, &group("dev"), &PackageName::python("pytes").unwrap()).unwrap_err();
        let shown = error.to_string().replace(&path.display().to_string(), "pyproject.toml");
        insta::assert_snapshot!(shown, @"
        `pytes` is not in the dependency group `dev` of pyproject.toml
          hint: did you mean `pytest`?
        ");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    proptest! {
        /// Whatever the layout of the list: an added requirement is there once, the others are what they were, the
        /// text around the list is untouched, and removing it again leaves what was there before, but for commas and an empty line.
        #[test]
        fn adding_and_removing_change_one_item(
            names in prop::collection::vec("[a-c][a-z]{0,3}[0-9]", 0..5),
            gaps in prop::collection::vec(prop::sample::select(vec!["", " ", "\n  ", "  # a, \"b\"\n    ", "\r\n\t", "\n# c\n\n"]), 12),
            trailing in any::<bool>(),
            new in "[a-c][a-z]{0,3}",
        ) {
            let mut list = String::from("[");
            for (at, name) in names.iter().enumerate() {
                let comma = if at + 1 < names.len() || trailing { "," } else { "" };
                list.push_str(&format!("{}\"{name}\"{}{comma}", gaps[2 * at], gaps[2 * at + 1]));
            }
            list.push_str(gaps[11]);
            let (head, tail) = ("[project]\nname = \"x\"\nversion = \"1\"\ndependencies = ", "]  # end\nreadme = 'r'\n");
            let text = format!("{head}{list}{tail}");
            let parse = |text: &str| {
                let source = Source { path: "pyproject.toml".into(), text: text.into() };
                let read = PyProject::parse(&source).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
                Ok::<_, TestCaseError>(read.project.dependencies.iter().map(|one| one.text.to_string()).collect::<Vec<_>>())
            };
            let with = add(&text, &DependencyTable::Project, &requirement(&new));
            prop_assert!(with.starts_with(head) && with.ends_with(tail));
            let mut found = parse(&with)?;
            prop_assert_eq!(found.iter().filter(|one| **one == new).count(), 1);
            if names.is_sorted() {
                prop_assert!(found.is_sorted());
            }
            found.retain(|one| *one != new);
            prop_assert_eq!(&found, &names);
            let without = remove(&with, &DependencyTable::Project, &PackageName::python(&new).unwrap()).unwrap();
            prop_assert!(without.starts_with(head) && without.ends_with(tail));
            prop_assert_eq!(parse(&without)?, names);
            for comment in ["# a, \"b\"", "# c"] {
                prop_assert_eq!(without.matches(comment).count(), text.matches(comment).count());
            }
        }
    }
}
