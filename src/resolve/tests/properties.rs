//! Random small universes, against a search of every possible answer.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::locks::lock_of;
use super::universe::{Project, Universe};
use crate::resolve::Resolution;

const PACKAGES: usize = 5;
const VERSIONS: usize = 3;

/// A requirement: package, specifiers, whether it asks for the extra, whether it belongs to the extra.
type Asked = (usize, &'static str, bool, bool);

/// What each release of each package requires.
type Releases = Vec<Vec<Vec<Asked>>>;

fn asked() -> impl Strategy<Value = Asked> {
    let specifiers = prop::sample::select(vec!["", ">=2", "<2", "==1", "==2", "!=2", "<=2", ">=3", ">3"]);
    (0..PACKAGES, specifiers, prop::bool::weighted(0.2), prop::bool::weighted(0.2))
}

fn releases() -> impl Strategy<Value = Releases> {
    let requirements = prop::collection::vec(asked(), 0..3);
    prop::collection::vec(prop::collection::vec(requirements, 0..=VERSIONS), PACKAGES)
}

fn text(&(package, specifiers, with_extra, _): &Asked) -> String {
    format!("p{package}{}{specifiers}", if with_extra { "[x]" } else { "" })
}

fn universe_of(releases: &Releases) -> Universe {
    let mut universe = Universe::default();
    for (package, versions) in releases.iter().enumerate() {
        for (version, requirements) in versions.iter().enumerate() {
            let requires: Vec<String> = requirements
                .iter()
                .map(|asked| text(asked) + if asked.3 { "; extra == 'x'" } else { "" })
                .collect();
            let requires: Vec<&str> = requires.iter().map(String::as_str).collect();
            universe.release(&format!("p{package}"), &(version + 1).to_string(), &requires);
        }
    }
    universe
}

fn admits(specifiers: &str, version: usize) -> bool {
    match specifiers {
        "" => true,
        ">=2" => version >= 2,
        "<2" => version < 2,
        "==1" => version == 1,
        "==2" => version == 2,
        "!=2" => version != 2,
        "<=2" => version <= 2,
        ">=3" => version >= 3,
        ">3" => version > 3,
        other => unreachable!("{other}"),
    }
}

/// The packages that `roots` need when each package is at the version that `at` gives it, or none if that does not satisfy.
fn closure(releases: &Releases, roots: &[Asked], at: &BTreeMap<usize, usize>) -> Option<BTreeSet<usize>> {
    let mut open: Vec<Asked> = roots.to_vec();
    let mut reached: BTreeSet<(usize, bool)> = BTreeSet::new();
    while let Some(asked) = open.pop() {
        let (package, _, with_extra, _) = asked;
        let version = *at.get(&package)?;
        if !admits(asked.1, version) {
            return None;
        }
        let requirements = releases[package].get(version - 1)?;
        for extra in if with_extra { vec![false, true] } else { vec![false] } {
            if reached.insert((package, extra)) {
                open.extend(requirements.iter().filter(|asked| asked.3 == extra));
            }
        }
    }
    Some(reached.into_iter().map(|(package, _)| package).collect())
}

fn exists(releases: &Releases, roots: &[Asked]) -> bool {
    (0..(VERSIONS + 1).pow(PACKAGES as u32)).any(|mut number| {
        let mut at = BTreeMap::new();
        for package in 0..PACKAGES {
            if number % (VERSIONS + 1) > 0 {
                at.insert(package, number % (VERSIONS + 1));
            }
            number /= VERSIONS + 1;
        }
        closure(releases, roots, &at).is_some()
    })
}

fn assignment(resolution: &Resolution) -> BTreeMap<usize, usize> {
    let number = |text: String| text.trim_start_matches('p').parse::<usize>().unwrap();
    resolution
        .packages
        .iter()
        .map(|package| (number(package.name.to_string()), number(package.version.to_string())))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_solution_is_found_exactly_where_there_is_one(
        releases in releases(),
        roots in prop::collection::vec(asked(), 1..4),
    ) {
        let roots: Vec<Asked> = roots.into_iter().map(|(p, s, x, _)| (p, s, x, false)).collect();
        let texts: Vec<String> = roots.iter().map(text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        match universe_of(&releases).solve(&texts) {
            Ok(resolution) => {
                let at = assignment(&resolution);
                let needed = closure(&releases, &roots, &at);
                prop_assert_eq!(needed, Some(at.keys().copied().collect()), "all that is needed, and no more");
            }
            Err(error) => {
                prop_assert!(!exists(&releases, &roots), "{error}");
                prop_assert!(error.to_string().lines().count() > 1, "an explanation has facts: {error}");
            }
        }
    }

    #[test]
    fn the_order_of_requirements_does_not_change_the_lock(
        releases in releases(),
        roots in prop::collection::vec(asked(), 1..4),
        turn in 0..4_usize,
    ) {
        let universe = universe_of(&releases);
        let mut texts: Vec<String> = roots.iter().map(text).collect();
        let lock = |texts: &[String]| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            lock_of(&Project::new(&texts), &universe).map(|lock| lock.to_toml().unwrap())
        };
        let before = lock(&texts);
        let middle = turn % texts.len();
        texts.rotate_left(middle);
        prop_assert_eq!(before, lock(&texts));
    }
}
