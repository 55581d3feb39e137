//! Wheels for tests, good ones and hostile ones.

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use rvp::model::Sha256;

pub use super::super::archives::Member;
use super::super::archives::zip;

/// A pure Python wheel that can be taken apart before it is written.
pub struct WheelFile {
    pub file: String,
    pub dist_info: String,
    /// Each with its plain content, for RECORD.
    members: Vec<(Member, Vec<u8>)>,
}

impl WheelFile {
    /// `name` as in file names, with `_`.
    pub fn new(name: &str, version: &str, requires: &[&str]) -> Self {
        let dist_info = format!("{name}-{version}.dist-info");
        let requires: String = requires.iter().map(|text| format!("Requires-Dist: {text}\n")).collect();
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}");
        let tags = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        let module = format!("VERSION = \"{version}\"\n");
        Self { file: format!("{name}-{version}-py3-none-any.whl"), dist_info, members: Vec::new() }
            .with_file(&format!("{name}/__init__.py"), module.as_bytes())
            .with_file(&format!("{name}-{version}.dist-info/METADATA"), metadata.as_bytes())
            .with_file(&format!("{name}-{version}.dist-info/WHEEL"), tags.as_bytes())
    }

    pub fn with_file(self, path: &str, content: &[u8]) -> Self {
        self.with(Member::deflated(path, content), content)
    }

    /// Adds an entry that may lie; RECORD speaks of `content`.
    pub fn with(mut self, member: Member, content: &[u8]) -> Self {
        self.members.push((member, content.to_owned()));
        self
    }

    /// Replaces the content of `METADATA`.
    pub fn with_metadata(mut self, content: &[u8]) -> Self {
        let member = Member::deflated(&format!("{}/METADATA", self.dist_info), content);
        self.members[1] = (member, content.to_owned());
        self
    }

    /// The bytes, with a true RECORD that `change` then alters.
    pub fn bytes(self, change: impl Fn(String) -> String) -> Vec<u8> {
        let path = format!("{}/RECORD", self.dist_info);
        let mut record = String::new();
        for (member, content) in &self.members {
            let name = String::from_utf8_lossy(&member.central.name);
            let digest = BASE64URL_NOPAD.encode(&Sha256::of(content).0);
            record.push_str(&format!("{name},sha256={digest},{}\n", content.len()));
        }
        record.push_str(&format!("{path},,\n"));
        let mut members: Vec<Member> = self.members.into_iter().map(|(member, _)| member).collect();
        members.push(Member::deflated(&path, change(record).as_bytes()));
        zip(&members)
    }

    /// Writes it into `folder`, with a true RECORD.
    pub fn write(self, folder: &Path) -> PathBuf {
        let file = self.file.clone();
        write(folder, &file, &self.bytes(|record| record))
    }
}

pub fn write(folder: &Path, file: &str, bytes: &[u8]) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join(file);
    fs::write(&path, bytes).unwrap();
    path
}
