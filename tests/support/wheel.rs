//! Small real wheels, built in the test.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use sha2::Digest as _;

/// A wheel with a module of its own name that says its version.
pub struct Wheel {
    name: String,
    version: String,
    tag: String,
    metadata: String,
    entry_points: String,
    files: Vec<(String, String)>,
}

impl Wheel {
    pub fn new(name: &str, version: &str) -> Self {
        let module = name.replace('-', "_");
        let code = format!(
            "VERSION = \"{version}\"\n\n\ndef main():\n    print(\"{name}\", VERSION, \"speaking\")\n"
        );
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            tag: "py3-none-any".to_owned(),
            metadata: format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"),
            entry_points: String::new(),
            files: vec![(format!("{module}/__init__.py"), code)],
        }
    }

    pub fn requires(mut self, requirement: &str) -> Self {
        self.metadata.push_str(&format!("Requires-Dist: {requirement}\n"));
        self
    }

    pub fn requires_python(mut self, specifiers: &str) -> Self {
        self.metadata.push_str(&format!("Requires-Python: {specifiers}\n"));
        self
    }

    /// Offers an extra, and what it requires.
    pub fn extra(mut self, extra: &str, requirement: &str) -> Self {
        self.metadata.push_str(&format!("Provides-Extra: {extra}\n"));
        self.requires(&format!("{requirement}; extra == '{extra}'"))
    }

    /// A console script that calls `main` of the module.
    pub fn script(mut self, script: &str) -> Self {
        let module = self.module();
        self.entry_points = format!("[console_scripts]\n{script} = {module}:main\n");
        self
    }

    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    pub fn tag(mut self, tag: &str) -> Self {
        self.tag = tag.to_owned();
        self
    }

    fn module(&self) -> String {
        self.name.replace('-', "_")
    }

    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.whl", self.module(), self.version, self.tag)
    }

    /// Writes the wheel into `folder`, with its metadata and RECORD.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let dist_info = format!("{}-{}.dist-info", self.module(), self.version);
        let mut files = self.files.clone();
        files.push((format!("{dist_info}/METADATA"), self.metadata.clone()));
        let wheel =
            format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {}\n", self.tag);
        files.push((format!("{dist_info}/WHEEL"), wheel));
        if !self.entry_points.is_empty() {
            files.push((format!("{dist_info}/entry_points.txt"), self.entry_points.clone()));
        }
        let row = |(path, text): &(String, String)| {
            let digest = BASE64URL_NOPAD.encode(&sha2::Sha256::digest(text));
            format!("{path},sha256={digest},{}\n", text.len())
        };
        let own = format!("{dist_info}/RECORD");
        let record = files.iter().map(row).collect::<String>() + &format!("{own},,\n");
        files.push((own, record));
        let path = folder.join(self.file_name());
        fs::create_dir_all(folder).unwrap();
        fs::write(&path, zip(&files)).unwrap();
        path
    }
}

fn zip(files: &[(String, String)]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (path, text) in files {
        let (mut entry, config) = archive.new_file(path.as_str()).start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(text.as_bytes()).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}
