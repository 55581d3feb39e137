//! The manifest of an unpacked artifact: the one file that installing it reads.
//!
//! Its first line is JSON, small, and all that a plain install needs. The lines after it are the table of files in
//! the form of a wheel's `RECORD`, which are read only when folders of two packages meet or a `RECORD` is written.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::record::{self, Row};

/// Raised when the form of an unpacked artifact changes: older ones are then unpacked again.
const FORMAT: u32 = 1;

/// The folders of an unpacked artifact, by where their content goes in an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// The root of the wheel with `.data/purelib` and `.data/platlib`: `site-packages`.
    Lib,
    /// `.data/scripts`: `bin` or `Scripts`.
    Scripts,
    /// `.data/headers`.
    Headers,
    /// `.data/data`: the root of the environment.
    Data,
}

impl Area {
    pub const ALL: [Area; 4] = [Area::Lib, Area::Scripts, Area::Headers, Area::Data];

    /// The name of the folder, which is also the name in a wheel's `.data` for all but `Lib`.
    pub fn folder(self) -> &'static str {
        match self {
            Area::Lib => "lib",
            Area::Scripts => "scripts",
            Area::Headers => "headers",
            Area::Data => "data",
        }
    }
}

/// A file or folder at the top of an area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Top {
    pub area: Area,
    pub name: String,
    pub folder: bool,
}

/// A command that a package brings: `name = module:function` (entry points specification).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub name: String,
    pub module: String,
    /// Dotted where it is an attribute of an attribute.
    pub function: String,
    pub gui: bool,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    format: u32,
    /// The name of the metadata folder: `numpy-2.4.6.dist-info`.
    pub dist_info: String,
    pub tops: Vec<Top>,
    pub commands: Vec<Command>,
    /// Scripts that begin with `#!python`, relative to their area; their first line is rewritten for each environment.
    pub python_scripts: Vec<String>,
}

#[derive(Debug)]
pub struct Manifest {
    pub head: Head,
    table: String,
    rows: OnceLock<Vec<Row>>,
}

impl Manifest {
    /// `rows` have paths relative to the artifact's folder, `lib/numpy/__init__.py`, in ascending order.
    pub fn new(
        dist_info: String,
        tops: Vec<Top>,
        commands: Vec<Command>,
        python_scripts: Vec<String>,
        rows: &[Row],
    ) -> Self {
        let head = Head { format: FORMAT, dist_info, tops, commands, python_scripts };
        Self { head, table: record::write(rows), rows: OnceLock::new() }
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let (head, table) = text.split_once('\n').ok_or("it is cut short")?;
        let head: Head = serde_json::from_str(head).map_err(|error| error.to_string())?;
        if head.format != FORMAT {
            return Err(format!("it has format {}, and this version of rvp reads {FORMAT}", head.format));
        }
        // The last line is the end mark; without it the file was cut short by a power failure.
        let table = table.strip_suffix(END).ok_or("it is cut short")?;
        Ok(Self { head, table: table.to_owned(), rows: OnceLock::new() })
    }

    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        Ok(format!("{}\n{}{END}", serde_json::to_string(&self.head)?, self.table))
    }

    /// All files, by path relative to the artifact's folder, in ascending order.
    pub fn rows(&self) -> &[Row] {
        self.rows.get_or_init(|| record::read(&self.table))
    }

    /// The files below `folder`, which is relative to the artifact's folder and has no slash at its end.
    pub fn below<'a>(&'a self, folder: &str) -> &'a [Row] {
        let prefix = format!("{folder}/");
        let rows = self.rows();
        let start = rows.partition_point(|row| row.path.as_str() < prefix.as_str());
        let length = rows[start..].partition_point(|row| row.path.starts_with(&prefix));
        &rows[start..start + length]
    }

    pub fn row(&self, path: &str) -> Option<&Row> {
        let rows = self.rows();
        rows.binary_search_by(|row| row.path.as_str().cmp(path)).ok().map(|at| &rows[at])
    }
}

const END: &str = "end\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str) -> Row {
        Row { path: path.into(), hash: "sha256=x".into(), size: "1".into() }
    }

    #[test]
    fn a_manifest_is_read_as_it_is_written_and_never_when_cut_short() {
        let rows = [row("lib/a,b/c.py"), row("lib/a-b.py"), row("lib/a/b.py"), row("lib/a/c/d.py")];
        let top = Top { area: Area::Lib, name: "a".into(), folder: true };
        let text = Manifest::new("a-1.dist-info".into(), vec![top], vec![], vec![], &rows).to_text().unwrap();
        let manifest = Manifest::parse(&text).unwrap();
        assert_eq!(manifest.rows(), rows);
        assert_eq!(
            manifest.below("lib/a").iter().map(|row| &*row.path).collect::<Vec<_>>(),
            ["lib/a/b.py", "lib/a/c/d.py"]
        );
        assert!(manifest.row("lib/a-b.py").is_some());
        for length in 0..text.len() {
            assert!(Manifest::parse(&text[..length]).is_err(), "{length}");
        }
    }
}
