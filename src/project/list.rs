//! The text of one TOML array of strings inside a file, changed item by item without touching any other byte.
//!
//! TOML editors keep comments by tying each to the item after it, so that the comment at the end of an item's line
//! moves with its neighbour. Here the places of the items are taken from the parser, and text is cut and put between them.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

/// A TOML array and where it stands in `text`.
pub(super) struct List<'t> {
    text: &'t str,
    /// From `[` to after `]`.
    span: Range<usize>,
    items: Vec<Item>,
}

pub(super) struct Item {
    span: Range<usize>,
    /// None for what is not a string.
    pub value: Option<String>,
}

/// A piece of text to put in the place of a range.
struct Splice(Range<usize>, String);

impl<'t> List<'t> {
    /// The list at `value` of the TOML file `text`; none if that is not an array.
    pub fn new(text: &'t str, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        let item = |item: &Spanned<DeValue<'_>>| Item {
            span: item.span(),
            value: item.get_ref().as_str().map(str::to_owned),
        };
        let items = value.get_ref().as_array()?.iter().map(item).collect();
        Some(Self { text, span: value.span(), items })
    }

    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The file with `value` as a new item before the item `at`, or as the last.
    pub fn insert(&self, at: usize, value: &str) -> String {
        let newline = newline_of(self.text);
        let all_literal = !self.items.is_empty() && self.items.iter().all(|item| self.is_literal(item));
        let value = quoted(value, all_literal);
        if self.items.is_empty() {
            return self.splice([self.insert_first(&value, newline)]);
        }
        let Some(before) = at.checked_sub(1).and_then(|before| self.items.get(before)) else {
            let next = &self.items[0].span;
            let Some(indent) = self.indent(next.start) else {
                return self.splice([Splice(next.start..next.start, format!("{value}, "))]);
            };
            let line = self.next_line(self.span.start);
            return self.splice([Splice(line..line, format!("{indent}{value},{newline}"))]);
        };
        let end = before.span.end;
        let comma = self.comma(at - 1);
        let line_end = self.line_end(end);
        match self.indent(before.span.start) {
            Some(indent)
                if self.gap(at - 1).contains(&line_end) && comma.is_none_or(|comma| comma < line_end) =>
            {
                let line = self.next_line(end);
                let inserted = |comma: &str| Splice(line..line, format!("{indent}{value}{comma}{newline}"));
                match comma {
                    Some(_) => self.splice([inserted(",")]),
                    None => self.splice([Splice(end..end, ",".into()), inserted("")]),
                }
            }
            _ => self.splice([Splice(end..end, format!(", {value}"))]),
        }
    }

    /// The file with `value` in the place of the item `at`.
    pub fn replace(&self, at: usize, value: &str) -> String {
        self.splice([Splice(self.items[at].span.clone(), quoted(value, self.is_literal(&self.items[at])))])
    }

    /// The file without the item `at`, and without its line where it has one to itself.
    pub fn remove(&self, at: usize) -> String {
        let item = &self.items[at].span;
        let blank = |range: &Range<usize>| self.text[range.clone()].trim_matches([' ', '\t']).is_empty();
        let end = match self.comma(at) {
            Some(comma) if blank(&(item.end..comma)) => comma + 1,
            // A comment or a line break stands between the two.
            Some(comma) => {
                let pieces = [item.clone(), comma..comma + 1];
                return self.splice(pieces.map(|range| Splice(range, String::new())));
            }
            None => item.end,
        };
        let rest = self.text[end..self.line_end(end)].trim_start();
        let own_line = self.indent(item.start).is_some() && (rest.is_empty() || rest.starts_with('#'));
        let before = at.checked_sub(1).and_then(|before| Some(self.comma(before)?..item.start));
        let range = match (before, self.items.get(at + 1)) {
            _ if own_line => self.line_start(item.start)..self.next_line(end),
            (_, Some(next)) if blank(&(end..next.span.start)) => item.start..next.span.start,
            (Some(before), None) if blank(&(before.start + 1..before.end)) => before.start..item.end,
            _ => item.start..end,
        };
        self.splice([Splice(range, String::new())])
    }

    fn insert_first(&self, value: &str, newline: &str) -> Splice {
        let inside = self.span.start + 1..self.span.end - 1;
        if self.text[inside.clone()].trim().is_empty() {
            return Splice(inside, format!("{newline}    {value},{newline}"));
        }
        // Only comments, the last of which ends its line.
        let line = self.line_start(inside.end);
        Splice(line..line, format!("    {value},{newline}"))
    }

    /// Between the item `at` and the next one, or the closing bracket.
    fn gap(&self, at: usize) -> Range<usize> {
        let next = self.items.get(at + 1).map_or(self.span.end - 1, |next| next.span.start);
        self.items[at].span.end..next
    }

    /// The comma after the item `at`. Comments may hold commas, too.
    fn comma(&self, at: usize) -> Option<usize> {
        let gap = self.gap(at);
        let mut comment = false;
        for (offset, byte) in self.text[gap.clone()].bytes().enumerate() {
            match byte {
                b'#' => comment = true,
                b'\n' => comment = false,
                b',' if !comment => return Some(gap.start + offset),
                _ => {}
            }
        }
        None
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The `\n` at the end of the line of `at`, or the end of the text.
    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline)
    }

    fn next_line(&self, at: usize) -> usize {
        self.text.len().min(self.line_end(at) + 1)
    }

    /// The white space before `at`, if nothing else stands before it in its line.
    fn indent(&self, at: usize) -> Option<&'t str> {
        let before = &self.text[self.line_start(at)..at];
        before.trim().is_empty().then_some(before)
    }

    fn is_literal(&self, item: &Item) -> bool {
        self.text[item.span.clone()].starts_with('\'')
    }

    /// The text with the splices, which are in rising order, done.
    fn splice<const N: usize>(&self, splices: [Splice; N]) -> String {
        let mut text = self.text.to_owned();
        for Splice(range, replacement) in splices.into_iter().rev() {
            text.replace_range(range, &replacement);
        }
        text
    }
}

/// `value` as a TOML string, between `'` if `literal` and possible.
pub(super) fn quoted(value: &str, literal: bool) -> String {
    match literal && !value.contains('\'') {
        true => format!("'{value}'"),
        false => toml_edit::Value::from(value).to_string(),
    }
}

/// How `text` ends its lines, judged by the first.
pub(super) fn newline_of(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((line, _)) if line.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}
