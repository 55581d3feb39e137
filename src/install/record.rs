//! `RECORD`, the list of installed files (binary distribution format; PEP 376, PEP 627).

use serde::{Deserialize, Serialize};

use crate::model::Sha256;

/// A line: a path relative to `site-packages` with `/` between parts, `sha256=` and base64, and the size in bytes.
/// The last two are empty for `RECORD` itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Row {
    pub path: String,
    pub hash: String,
    pub size: String,
}

impl Row {
    pub fn new(path: impl Into<String>, hash: Sha256, size: u64) -> Self {
        let hash = format!("sha256={}", data_encoding::BASE64URL_NOPAD.encode(&hash.0));
        Self { path: path.into(), hash, size: size.to_string() }
    }

    pub fn of_bytes(path: impl Into<String>, bytes: &[u8]) -> Self {
        Self::new(path, Sha256::of(bytes), bytes.len() as u64)
    }

    /// Whether these are the bytes that the row is about. Digests other than SHA-256 are rare, and not compared here.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        let found = Self::of_bytes("", bytes);
        self.size == found.size && (self.hash == found.hash || !self.hash.starts_with("sha256="))
    }

    /// The line of `RECORD` itself.
    pub fn own(path: impl Into<String>) -> Self {
        Self { path: path.into(), hash: String::new(), size: String::new() }
    }
}

/// The text of `rows`, in their order.
pub fn write(rows: &[Row]) -> String {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for row in rows {
        // Three texts into a vector: there is nothing that can fail.
        let _ = writer.write_record([&row.path, &row.hash, &row.size]);
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// The rows of a text that `write` made.
pub fn read(text: &str) -> Vec<Row> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.deserialize().map_while(Result::ok).collect()
}
