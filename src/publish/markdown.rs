//! The texts of strangers inside of Markdown: names, versions and messages that a forge shows to reviewers.
//!
//! Whatever they say, they are shown as code: forges look there for no mention (`@team`), no reference (`#1`) and no link.

use std::fmt::Write as _;

/// Characters that need no reference, besides letters and digits: none of them means anything inside of a line of text.
const PLAIN: &str = " -.,+=();/'\"";

/// A text as code within a line, a table or a heading: the text itself, up to `most` characters of it. All of Markdown
/// and HTML in it becomes character references (CommonMark, 2.5), which never are structure.
pub fn code(text: &str, most: usize) -> String {
    let mut shown = String::from("<code>");
    let mut last = ' ';
    for c in cut(text, most) {
        // What begins with `www.` is a link where a forge makes links of plain addresses.
        let link = c == '.' && matches!(last, 'w' | 'W');
        if c.is_ascii() && !c.is_ascii_alphanumeric() && (link || !PLAIN.contains(c)) {
            // Writing into a `String` does not fail.
            let _ = write!(shown, "&#{};", u32::from(c));
        } else {
            shown.push(c);
        }
        last = c;
    }
    shown.push_str("</code>");
    shown
}

/// A row of a table. The cells are Markdown already, on one line, with no `|` in them.
pub fn row<C: AsRef<str>>(cells: &[C]) -> String {
    let mut row = String::from("|");
    for cell in cells {
        row.push(' ');
        row.push_str(cell.as_ref());
        row.push_str(" |");
    }
    row.push('\n');
    row
}

/// The beginning of a text, without characters that are not seen or that turn what follows around: who reads it must see what a
/// program would read.
fn cut(text: &str, most: usize) -> impl Iterator<Item = char> {
    let visible = |c: char| match c {
        '\n' | '\t' => ' ',
        c if c.is_control() || is_invisible(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    let more = text.chars().nth(most).map(|_| '…');
    text.chars().take(most).map(visible).chain(more)
}

/// The marks of direction, joiners and other characters of no width, and those of line breaks that are not in ASCII.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_in_a_text_means_anything() {
        for (text, expected) in [
            ("numpy 1.26.4", "<code>numpy 1.26.4</code>"),
            ("a|b\\|c", "<code>a&#124;b&#92;&#124;c</code>"),
            ("</code><img src=x>", "<code>&#60;/code&#62;&#60;img src=x&#62;</code>"),
            ("@acme/all, see #1", "<code>&#64;acme/all, see &#35;1</code>"),
            ("``[x](y)`` *a* _b_", "<code>&#96;&#96;&#91;x&#93;(y)&#96;&#96; &#42;a&#42; &#95;b&#95;</code>"),
            ("www.example.org", "<code>www&#46;example.org</code>"),
            ("one\r\n\n# two", "<code>one\u{fffd}  &#35; two</code>"),
            ("a\u{202e}b\u{1b}[1m", "<code>a\u{fffd}b\u{fffd}&#91;1m</code>"),
            ("&amp;", "<code>&#38;amp;</code>"),
            ("", "<code></code>"),
        ] {
            assert_eq!(code(text, 100), expected);
        }
        assert_eq!(code("12345", 4), "<code>1234…</code>");
        assert_eq!(code("1234", 4), "<code>1234</code>");
    }

    proptest! {
        #[test]
        fn any_text_stays_one_cell_of_one_row(text in any::<String>(), most in 0_usize..300) {
            let row = row(&[code(&text, most)]);
            prop_assert_eq!(row.matches('|').count(), 2);
            prop_assert_eq!(row.lines().count(), 1);
            let inner = row.trim_start_matches("| <code>").trim_end_matches("</code> |\n").replace("&#", "");
            prop_assert!(!inner.contains(['<', '>', '`', '@', '#', '[', ']', '*', '_', '&', ':', '\\']));
        }
    }
}
