//! Small wheels. Whatever is not asked to lie is true: names, tags, RECORD.

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use sha2::Digest as _;

use super::archive::{Member, zip};

/// A wheel under construction: its files in their order, without RECORD.
#[derive(Clone)]
pub struct Wheel {
    name: String,
    version: String,
    tag: String,
    compressed: bool,
    pub files: Vec<File>,
}

#[derive(Clone)]
pub struct File {
    pub path: String,
    /// What RECORD speaks of.
    pub content: Vec<u8>,
    /// What the archive has instead of an honest entry.
    member: Option<Member>,
}

impl Wheel {
    /// A wheel with a module of its own name that says its version.
    pub fn new(name: &str, version: &str) -> Self {
        let wheel = Self::without_code(name, version);
        let module = format!("{}/__init__.py", wheel.module());
        wheel.file(
            &module,
            format!(
                "VERSION = \"{version}\"\n\n\ndef main():\n    print(\"{name}\", VERSION, \"speaking\")\n"
            ),
        )
    }

    /// A wheel with nothing but its metadata.
    pub fn without_code(name: &str, version: &str) -> Self {
        let (name, version) = (name.to_owned(), version.to_owned());
        let wheel = Self { name, version, tag: String::new(), compressed: false, files: Vec::new() };
        let (metadata, tags) = (wheel.in_dist_info("METADATA"), wheel.in_dist_info("WHEEL"));
        let text = format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", wheel.name, wheel.version);
        wheel.file(&metadata, text).file(&tags, "").tag("py3-none-any")
    }

    /// For one platform tag: `cp311-cp311-win_amd64`.
    pub fn tag(mut self, tag: &str) -> Self {
        self.tag = tag.to_owned();
        let text = format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n");
        self.replace("WHEEL", text);
        self
    }

    /// Compresses the files, as in most wheels. Without it they are stored, since the length of compressed bytes depends on
    /// the machine, and snapshots show lengths.
    pub fn compressed(mut self) -> Self {
        self.compressed = true;
        self
    }

    pub fn requires(mut self, requirement: &str) -> Self {
        self.add_to_metadata(&format!("Requires-Dist: {requirement}\n"));
        self
    }

    pub fn requires_python(mut self, specifiers: &str) -> Self {
        self.add_to_metadata(&format!("Requires-Python: {specifiers}\n"));
        self
    }

    /// States a licence as PEP 639 does, whether the text is an SPDX expression or not.
    pub fn license(mut self, license: &str) -> Self {
        self.add_to_metadata(&format!("License-Expression: {license}\n"));
        self
    }

    /// Offers an extra, and what it requires.
    pub fn extra(mut self, extra: &str, requirement: &str) -> Self {
        self.add_to_metadata(&format!("Provides-Extra: {extra}\n"));
        self.requires(&format!("{requirement}; extra == '{extra}'"))
    }

    /// A console script that calls `main` of the module.
    pub fn script(self, script: &str) -> Self {
        let text = format!("[console_scripts]\n{script} = {}:main\n", self.module());
        let path = self.in_dist_info("entry_points.txt");
        self.file(&path, text)
    }

    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.add(File { path: path.to_owned(), content: content.as_ref().to_vec(), member: None });
        self
    }

    /// Adds an entry that may lie, while RECORD speaks of `content`.
    pub fn member(mut self, member: Member, content: &[u8]) -> Self {
        let path = String::from_utf8_lossy(&member.central.name).into_owned();
        self.add(File { path, content: content.to_owned(), member: Some(member) });
        self
    }

    /// Replaces the content of the file whose path ends so.
    pub fn replace(&mut self, path: &str, content: impl AsRef<[u8]>) {
        self.find(path).content = content.as_ref().to_vec();
    }

    /// The same with other bytes as METADATA.
    pub fn with_metadata(mut self, content: impl AsRef<[u8]>) -> Self {
        self.replace("METADATA", content);
        self
    }

    pub fn metadata(&self) -> &[u8] {
        let found = self.files.iter().find(|file| file.path == self.in_dist_info("METADATA"));
        &found.expect("a wheel has METADATA").content
    }

    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.whl", self.module(), self.version, self.tag)
    }

    /// A true RECORD.
    pub fn record(&self) -> String {
        let row = |file: &File| {
            let digest = BASE64URL_NOPAD.encode(&sha2::Sha256::digest(&file.content));
            let path = if file.path.contains(',') { format!("\"{}\"", file.path) } else { file.path.clone() };
            format!("{path},sha256={digest},{}\n", file.content.len())
        };
        self.files.iter().map(row).collect::<String>() + &format!("{},,\n", self.in_dist_info("RECORD"))
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_with_record(&self.record())
    }

    /// The wheel with a RECORD that may lie.
    pub fn bytes_with_record(&self, record: &str) -> Vec<u8> {
        let honest = if self.compressed { Member::deflated } else { Member::stored };
        let member = |file: &File| file.member.clone().unwrap_or_else(|| honest(&file.path, &file.content));
        let mut members: Vec<Member> = self.files.iter().map(member).collect();
        members.push(honest(&self.in_dist_info("RECORD"), record.as_bytes()));
        zip(&members)
    }

    /// Writes the wheel into `folder`, which is made where it is missing.
    pub fn write(&self, folder: &Path) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(self.file_name());
        fs::write(&path, self.bytes()).unwrap();
        path
    }

    /// The metadata stands last, as the specification recommends.
    fn add(&mut self, file: File) {
        let dist_info = self.in_dist_info("");
        let first = self.files.iter().position(|file| file.path.starts_with(&dist_info));
        let at = first.filter(|_| !file.path.starts_with(&dist_info)).unwrap_or(self.files.len());
        self.files.insert(at, file);
    }

    fn add_to_metadata(&mut self, line: &str) {
        self.find("METADATA").content.extend_from_slice(line.as_bytes());
    }

    fn find(&mut self, path: &str) -> &mut File {
        self.files.iter_mut().find(|file| file.path.ends_with(path)).expect("the wheel has such a file")
    }

    fn module(&self) -> String {
        self.name.replace('-', "_")
    }

    fn in_dist_info(&self, file: &str) -> String {
        format!("{}-{}.dist-info/{file}", self.module(), self.version)
    }
}
