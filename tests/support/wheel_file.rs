//! Wheels that lie, made byte by byte.

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use rvp::model::Sha256;

use super::archives::{Member, zip};

/// A pure Python wheel of `acme-evil` 1.0, and what a liar makes of it.
pub struct WheelFile {
    /// Each with its plain content, for RECORD.
    members: Vec<(Member, Vec<u8>)>,
}

pub const FILE: &str = "acme_evil-1.0-py3-none-any.whl";
const DIST_INFO: &str = "acme_evil-1.0.dist-info";

impl WheelFile {
    pub fn new() -> Self {
        let tags = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        Self { members: Vec::new() }
            .with_file("acme_evil/__init__.py", b"VERSION = \"1.0\"\n")
            .with_file(
                &format!("{DIST_INFO}/METADATA"),
                b"Metadata-Version: 2.1\nName: acme-evil\nVersion: 1.0\n",
            )
            .with_file(&format!("{DIST_INFO}/WHEEL"), tags.as_bytes())
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
        let member = Member::deflated(&format!("{DIST_INFO}/METADATA"), content);
        self.members[1] = (member, content.to_owned());
        self
    }

    /// The bytes, with a true RECORD.
    pub fn bytes(self) -> Vec<u8> {
        self.bytes_with_record(|record| record)
    }

    /// The bytes, with a true RECORD that `change` then alters.
    pub fn bytes_with_record(self, change: impl FnOnce(String) -> String) -> Vec<u8> {
        let path = format!("{DIST_INFO}/RECORD");
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
}

/// Writes a wheel into a folder of its own.
pub fn write(folder: &Path, bytes: &[u8]) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join(FILE);
    fs::write(&path, bytes).unwrap();
    path
}
