//! Zip archives made byte by byte, so that tests can tell any lie in them.

use std::io::Write as _;

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
