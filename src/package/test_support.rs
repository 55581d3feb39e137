//! Archives made byte by byte, so that tests can tell any lie in them.

use std::io::Write as _;
use std::path::PathBuf;

use data_encoding::BASE64URL_NOPAD;
use sha2::Digest as _;

/// What a header says of an entry, in the local header or in the central directory.
#[derive(Clone)]
pub struct Header {
    pub name: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub crc32: u32,
    pub compressed: u32,
    pub size: u32,
    pub extra: Vec<u8>,
}

#[derive(Clone)]
pub struct Member {
    pub local: Header,
    pub central: Header,
    pub mode: u32,
    /// What stands between the local header and the next entry.
    pub data: Vec<u8>,
    /// Of the local header, when the central directory shall point elsewhere.
    pub offset: Option<u32>,
}

impl Member {
    pub fn stored(name: &str, content: &[u8]) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let header = Header {
            name: name.into(),
            flags: 0,
            method: 0,
            crc32: crc.sum(),
            compressed: content.len() as u32,
            size: content.len() as u32,
            extra: Vec::new(),
        };
        Self { local: header.clone(), central: header, mode: 0o100_644, data: content.into(), offset: None }
    }

    pub fn deflated(name: &str, content: &[u8]) -> Self {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        let data = encoder.finish().unwrap();
        let mut member = Self::stored(name, content);
        member.both(|header| (header.method, header.compressed) = (8, data.len() as u32));
        member.data = data;
        member
    }

    pub fn folder(name: &str) -> Self {
        let mut member = Self::stored(name, b"");
        member.mode = 0o040_755;
        member
    }

    /// Changes both headers alike.
    pub fn both(&mut self, change: impl Fn(&mut Header)) {
        change(&mut self.local);
        change(&mut self.central);
    }
}

pub fn zip(members: &[Member]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for member in members {
        let offset = member.offset.unwrap_or(bytes.len() as u32);
        bytes.extend_from_slice(b"PK\x03\x04\x14\0");
        fields(&mut bytes, &member.local);
        bytes.extend_from_slice(&member.local.name);
        bytes.extend_from_slice(&member.local.extra);
        bytes.extend_from_slice(&member.data);

        directory.extend_from_slice(b"PK\x01\x02\x14\x03\x14\0");
        fields(&mut directory, &member.central);
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&(member.mode << 16).to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(&member.central.name);
        directory.extend_from_slice(&member.central.extra);
    }
    let (start, count) = (bytes.len() as u32, members.len() as u16);
    bytes.extend_from_slice(&directory);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&start.to_le_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes
}

/// From the flags to the two lengths: the same in both headers.
fn fields(bytes: &mut Vec<u8>, header: &Header) {
    bytes.extend_from_slice(&header.flags.to_le_bytes());
    bytes.extend_from_slice(&header.method.to_le_bytes());
    bytes.extend_from_slice(&[0, 0, 0x21, 0x50]);
    for value in [header.crc32, header.compressed, header.size] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(&(header.name.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&(header.extra.len() as u16).to_le_bytes());
}

pub const WHEEL_NAME: &str = "acme_geometry-1.2.0-py3-none-any.whl";
pub const DIST_INFO: &str = "acme_geometry-1.2.0.dist-info";
pub const WHEEL: &str = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
pub const METADATA: &str =
    "Metadata-Version: 2.1\nName: acme-geometry\nVersion: 1.2.0\nRequires-Dist: numpy\n";

/// The files of a good wheel, without RECORD.
pub fn wheel_files() -> Vec<(String, Vec<u8>)> {
    vec![
        ("acme/__init__.py".into(), b"def main(): pass\n".to_vec()),
        (
            "acme/data.bin".into(),
            (0..300_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect(),
        ),
        ("acme_geometry-1.2.0.data/scripts/acme-run".into(), b"#!python\n".to_vec()),
        (format!("{DIST_INFO}/WHEEL"), WHEEL.into()),
        (format!("{DIST_INFO}/METADATA"), METADATA.into()),
        (format!("{DIST_INFO}/entry_points.txt"), b"[console_scripts]\nacme = acme:main\n".to_vec()),
    ]
}

/// A true RECORD for `files`.
pub fn record(files: &[(String, Vec<u8>)]) -> String {
    let mut record = String::new();
    for (path, content) in files {
        let digest = BASE64URL_NOPAD.encode(&sha2::Sha256::digest(content));
        record.push_str(&format!("{path},sha256={digest},{}\n", content.len()));
    }
    record + &format!("{DIST_INFO}/RECORD,,\n")
}

pub fn wheel(files: &[(String, Vec<u8>)], record: &str) -> Vec<u8> {
    let mut members: Vec<Member> =
        files.iter().map(|(path, content)| Member::deflated(path, content)).collect();
    if let Some(script) = members.iter_mut().find(|member| member.local.name.ends_with(b"acme-run")) {
        script.mode = 0o100_755;
    }
    members.push(Member::deflated(&format!("{DIST_INFO}/RECORD"), record.as_bytes()));
    zip(&members)
}

/// A file in a folder of its own, which goes when the first half is dropped.
pub fn write(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// An error's text without the folder of the test and without the hint.
pub fn message(folder: &tempfile::TempDir, error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let text = text.split("\n  hint: ").next().unwrap_or_default();
    let folder = folder.path().join("").display().to_string();
    text.replace(&folder, "")
}
