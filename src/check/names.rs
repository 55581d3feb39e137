//! New names that are taken for others: typosquatting.
//!
//! Two names are close if they are one once separators are left out and characters that look alike are one (`0` and
//! `o`; `1`, `l` and `i`), if a slip of the keyboard or two lead from one to the other, or if they differ by a word that
//! says nothing (`python-`, `-py`, a plural).

use std::collections::{BTreeSet, HashMap};

use rayon::prelude::*;

use super::Problem;
use crate::model::PackageName;

/// Shorter names differ by one letter from many others, and mean something else.
const SHORTEST_FOR_ONE_SLIP: usize = 4;
const SHORTEST_FOR_TWO_SLIPS: usize = 9;
/// Words before or behind a name that do not tell two projects apart.
const BEFORE: [&str; 2] = ["python-", "py-"];
const BEHIND: [&str; 4] = ["-python", "-py", "-s", "s"];
/// More than these say nothing more about one name.
const MOST: usize = 3;

/// A new name, and one that it may be taken for.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Similar {
    pub name: PackageName,
    pub known: PackageName,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    LooksAlike,
    Word,
    Slips(usize),
}

impl Similar {
    pub fn warning(&self) -> Problem {
        let how = match self.how {
            How::LooksAlike => "only separators and characters that look alike tell them apart".to_owned(),
            How::Word => "only a word like `python` or a plural tells them apart".to_owned(),
            How::Slips(1) => "a slip of the keyboard leads from one to the other".to_owned(),
            How::Slips(slips) => format!("{slips} slips of the keyboard lead from one to the other"),
        };
        Problem::new(&self.name, format!("is a new name that may be taken for `{}`: {how}", self.known))
    }
}

/// A name as it is compared.
struct Folded<'a> {
    name: &'a PackageName,
    text: String,
    /// One bit for each letter and digit that occurs. One slip changes two of them at most.
    letters: u64,
}

impl<'a> Folded<'a> {
    fn new(name: &'a PackageName) -> Self {
        let text = fold(name.as_str());
        let bit = |byte: u8| match byte {
            b'a'..=b'z' => 1 << (byte - b'a'),
            b'0'..=b'9' => 1 << (26 + byte - b'0'),
            _ => 1 << 36,
        };
        let letters = text.bytes().fold(0_u64, |all, byte| all | bit(byte));
        Self { name, text, letters }
    }

    /// How many slips lead from one to the other, where they are few for names of their length.
    fn slips(&self, other: &Folded) -> Option<usize> {
        let shortest = self.text.len().min(other.text.len());
        let most = match shortest {
            SHORTEST_FOR_TWO_SLIPS.. => 2,
            SHORTEST_FOR_ONE_SLIP.. => 1,
            _ => return None,
        };
        // What is cheap to say keeps nearly all names from being compared.
        if self.text.len().abs_diff(other.text.len()) > most
            || (self.letters ^ other.letters).count_ones() as usize > 2 * most
        {
            return None;
        }
        Some(strsim::osa_distance(&self.text, &other.text)).filter(|slips| (1..=most).contains(slips))
    }
}

/// Names that look alike are one.
fn fold(name: &str) -> String {
    let same = |c: char| match c {
        '-' => None,
        '0' => Some('o'),
        '1' | 'i' => Some('l'),
        other => Some(other),
    };
    name.chars().filter_map(same).collect()
}

/// The names of `known` that each of `new` may be taken for, the closest first.
pub(super) fn similar(new: &BTreeSet<&PackageName>, known: &[&PackageName]) -> Vec<Similar> {
    if new.is_empty() {
        return Vec::new();
    }
    let known: Vec<Folded> = known.par_iter().map(|name| Folded::new(name)).collect();
    let mut by_text: HashMap<&str, Vec<&Folded>> = HashMap::new();
    for folded in &known {
        by_text.entry(&folded.text).or_default().push(folded);
    }
    let new: Vec<&PackageName> = new.iter().copied().collect();
    let close = |name: &&PackageName| {
        let folded = Folded::new(name);
        let of_text = |text: &str| by_text.get(text).into_iter().flatten().copied().collect::<Vec<_>>();
        let alike = of_text(&folded.text).into_iter().map(|known| (How::LooksAlike, known));
        let other_words = with_other_words(name.as_str());
        let words = other_words.iter().flat_map(|text| of_text(&fold(text))).map(|known| (How::Word, known));
        let slips = known.iter().filter_map(|known| Some((How::Slips(folded.slips(known)?), known)));
        let mut found: Vec<Similar> = alike
            .chain(words)
            .chain(slips)
            .filter(|(_, known)| known.name.family() == name.family() && known.name != *name)
            .map(|(how, known)| Similar { name: (*name).clone(), known: known.name.clone(), how })
            .collect();
        found.sort_by(|one, other| (&one.known, one.how).cmp(&(&other.known, other.how)));
        found.dedup_by(|one, other| one.known == other.known);
        found.sort_by_key(|similar| similar.how);
        found.truncate(MOST);
        found
    };
    new.par_iter().flat_map_iter(close).collect()
}

/// A name with and without each of the words that say nothing.
fn with_other_words(name: &str) -> Vec<String> {
    let before = BEFORE.iter().flat_map(|word| {
        [Some(format!("{word}{name}")), name.strip_prefix(word).map(str::to_owned)].into_iter().flatten()
    });
    let behind = BEHIND.iter().flat_map(|word| {
        [Some(format!("{name}{word}")), name.strip_suffix(word).map(str::to_owned)].into_iter().flatten()
    });
    before.chain(behind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(new: &str, known: &[&str]) -> Vec<(String, How)> {
        let new = PackageName::python(new).unwrap();
        let known: Vec<PackageName> = known.iter().map(|name| name.parse().unwrap()).collect();
        let found = similar(&BTreeSet::from([&new]), &known.iter().collect::<Vec<_>>());
        found.into_iter().map(|one| (one.known.to_string(), one.how)).collect()
    }

    #[test]
    fn names_that_may_be_taken_for_each_other_are_found() {
        for (new, known, how) in [
            ("num-py", "numpy", How::LooksAlike),
            ("revlt-g0ometry", "revit-gOometry", How::LooksAlike),
            ("scipi", "sclpl", How::LooksAlike),
            ("python-numpy", "numpy", How::Word),
            ("numpy", "python-numpy", How::Word),
            ("numpy-py", "numpy", How::Word),
            ("wall", "walls", How::Word),
            ("qt", "qts", How::Word),
            ("nunpy", "numpy", How::Slips(1)),
            ("nmupy", "numpy", How::Slips(1)),
            ("numpyy", "numpy", How::Slips(1)),
            ("matplotlip", "matplotlib", How::Slips(1)),
            ("mathplotlip", "matplotlib", How::Slips(2)),
        ] {
            let known_name: PackageName = known.parse().unwrap();
            assert_eq!(found(new, &[known]), [(known_name.to_string(), how)], "{new}");
        }
        for (new, known) in [
            ("six", "sip"),
            ("numpy", "scipy"),
            ("numpy", "numpy"),
            ("walls", "host:walls"),
            ("acme-walls", "acme-doors"),
        ] {
            assert_eq!(found(new, &[known]), [], "{new}");
        }
    }

    #[test]
    fn of_many_the_closest_are_named() {
        let all = ["numpy2", "numpy3", "numpyx", "num-py", "nunpy"];
        let (names, hows): (Vec<_>, Vec<_>) = found("numpy", &all).into_iter().unzip();
        assert_eq!(names, ["num-py", "numpy2", "numpy3"]);
        assert_eq!(hows, [How::LooksAlike, How::Slips(1), How::Slips(1)]);
    }
}
