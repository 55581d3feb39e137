//! The lines of an index file, each with the place in the log that its seal line gives it.

use super::{IndexError, Record};

/// A record of an index file, and where it stands.
#[derive(Clone, Debug)]
pub struct SealedLine<'a> {
    /// Its number in the file, counted from 1.
    pub number: usize,
    /// The entry of the log, without its line feed.
    pub line: &'a str,
    pub record: Record,
    /// Its number in the log.
    pub entry: u64,
    pub sealed: jiff::Timestamp,
}

/// Reads the committed bytes of the index file `path`. Every record lies under a seal line; those are left out.
pub fn sealed_lines<'a>(path: &str, bytes: &'a [u8]) -> Result<Vec<SealedLine<'a>>, IndexError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| IndexError::Encoding { path: path.to_owned(), at: error.valid_up_to() })?;
    let mut lines: Vec<SealedLine> = Vec::new();
    // Those from here on are under no seal line yet.
    let mut open = 0;
    let (mut last, mut next) = (jiff::Timestamp::MIN, 0);
    for (number, line) in (1..).zip(text.split_terminator('\n')) {
        let order = |reason: String| IndexError::Order { path: path.to_owned(), line: number, reason };
        let record = Record::parse(line).map_err(|source| IndexError::Record {
            path: path.to_owned(),
            line: number,
            source,
        })?;
        let Record::Seal(seal) = record else {
            lines.push(SealedLine { number, line, record, entry: 0, sealed: last });
            continue;
        };
        let count = (lines.len() - open) as u64;
        if seal.path != path {
            return Err(order(format!("the seal is of another file, {}", seal.path)));
        }
        if seal.count != count {
            return Err(order(format!("the seal counts {} records and ends {count}", seal.count)));
        }
        if seal.time < last {
            return Err(order(format!("it was sealed at {}, before the lines above it", seal.time)));
        }
        // Whose owners a record is judged by hangs on its number: it cannot be put before what stands above it.
        let after = seal.first.checked_add(count).and_then(|own| own.checked_add(1));
        let (true, Some(after)) = (seal.first >= next, after) else {
            return Err(order(format!("the seal begins at entry {}, before the lines above it", seal.first)));
        };
        (last, next) = (seal.time, after);
        for (line, entry) in lines[open..].iter_mut().zip(seal.first..) {
            (line.entry, line.sealed) = (entry, seal.time);
        }
        open = lines.len();
    }
    match lines.get(open) {
        Some(line) => Err(IndexError::Order {
            path: path.to_owned(),
            line: line.number,
            reason: "no seal line follows".into(),
        }),
        None => Ok(lines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YANK: &str = r#"{"kind":"x"}"#;

    fn seal(first: u64, count: u64) -> String {
        format!(
            r#"{{"kind":"seal","path":"p","first":{first},"count":{count},"time":"2026-01-01T00:00:00Z"}}"#
        )
    }

    #[test]
    fn lines_get_the_numbers_of_their_seal() {
        let text = format!("{YANK}\n{YANK}\n{}\n{YANK}\n{}\n", seal(4, 2), seal(9, 1));
        let lines = sealed_lines("p", text.as_bytes()).unwrap();
        assert_eq!(
            lines.iter().map(|line| (line.number, line.entry)).collect::<Vec<_>>(),
            [(1, 4), (2, 5), (4, 9)]
        );
    }

    #[test]
    fn a_seal_cannot_put_lines_before_those_above_them() {
        for (first, message) in [(6, "begins at entry 6"), (u64::MAX, "begins at entry 18446744073709551615")]
        {
            let text = format!("{YANK}\n{YANK}\n{}\n{YANK}\n{}\n", seal(4, 2), seal(first, 1));
            let error = sealed_lines("p", text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        let error = sealed_lines("p", format!("{}\n{YANK}\n", seal(0, 0)).as_bytes()).unwrap_err();
        assert!(error.to_string().contains("no seal line follows"), "{error}");
    }
}
