//! Texts that must not be longer than a forge takes.

const REST: &str = "\n\n*The rest is left out here: it is longer than this place takes.*";

/// `text`, or as many of its lines as fit in `most` bytes, with a word on the rest.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let kept: usize = text
        .split_inclusive('\n')
        .scan(0, |length, line| {
            *length += line.len();
            Some(*length)
        })
        .take_while(|length| length + REST.len() <= most)
        .last()
        .unwrap_or(0);
    format!("{}{REST}", text[..kept].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_are_kept() {
        assert_eq!(shortened("a\nb\n", 4), "a\nb\n");
        let lines = "ä-line\n".repeat(40);
        let short = shortened(&lines, 100);
        assert!(
            short.len() <= 100
                && short
                    .ends_with("ä-line\n\n*The rest is left out here: it is longer than this place takes.*"),
            "{short}"
        );
        assert_eq!(shortened(&"x".repeat(200), 100), REST);
    }
}
