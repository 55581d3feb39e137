//! Wheels and source distributions.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use arbitrary::{Arbitrary, Unstructured};
use flate2::{Compression, Crc, write::GzEncoder};
use rvp::package::{RemoteWheel, Step, Wheel, read_artifact};

use super::folder;

const WHEEL: &str = "acme_walls-1.0-py3-none-any.whl";
const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: acme-walls\nVersion: 1.0\n";
const DIST_INFO: &str = "acme_walls-1.0.dist-info";
/// What an input of some kilobytes may unpack to: deflate makes 1032 bytes of one at most.
const MAX_RATIO: u64 = 1032;

/// The bytes of a file under the name of a wheel.
pub fn wheel(data: &[u8]) {
    check_wheel(data);
}

/// Reads, verifies and unpacks; the two ways to the metadata agree, and nothing is written outside of the folder.
fn check_wheel(bytes: &[u8]) -> bool {
    let home = folder();
    let path = home.path().join(WHEEL);
    fs::write(&path, bytes).expect("the wheel is written");
    let remote = remote_metadata(bytes);
    let Ok(wheel) = Wheel::open(&path) else { return false };

    let bound = bytes.len() as u64 * MAX_RATIO;
    let target = home.path().join("unpacked");
    fs::create_dir(&target).expect("a folder is made");
    let verified = wheel.verify();
    let unpacked = wheel.unpack(&target);
    let mut top: Vec<_> = fs::read_dir(home.path())
        .expect("the folder is read")
        .map(|entry| entry.expect("an entry is read").file_name())
        .collect();
    top.sort();
    assert_eq!(top, [WHEEL, "unpacked"], "nothing is written outside of the folder");
    let (count, size) = content(&target);
    assert!(size <= bound, "{size} bytes are unpacked from {}", bytes.len());

    assert_eq!(verified.is_ok(), unpacked.is_ok(), "{:?} {:?}", verified.err(), unpacked.as_ref().err());
    let Ok(files) = unpacked else { return false };
    assert_eq!(count, files.len(), "every file is told");
    for file in &files {
        let metadata = fs::symlink_metadata(target.join(&file.path)).expect("what is told is there");
        assert!(metadata.is_file(), "nothing but files is unpacked");
        assert_eq!(metadata.len(), file.size);
    }
    let local = fs::read(target.join(&wheel.dist_info).join("METADATA")).expect("METADATA is unpacked");
    assert_eq!(remote, Some(local), "both readers find the same METADATA");
    for point in wheel.entry_points.console.iter().chain(&wheel.entry_points.gui) {
        assert_eq!(Path::new(&point.name).file_name(), Some(point.name.as_ref()), "a plain file name");
        let code = format!("{}{}", point.module, point.attribute);
        assert!(code.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.'), "no code: {code}");
    }
    true
}

/// METADATA as a client reads it that asks for ranges. It must end after three of them.
fn remote_metadata(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut wheel, mut range) =
        RemoteWheel::start(WHEEL.parse().expect("a wheel's name"), bytes.len() as u64);
    for _ in 0..3 {
        let part = bytes.get(range.start as usize..range.end as usize).expect("a range of the file");
        match wheel.feed(part.to_owned()).ok()? {
            Step::Done(metadata) => return Some(metadata),
            Step::Need(next) => range = next,
        }
    }
    panic!("it asks for a fourth range");
}

/// How many files are below a folder, and their bytes.
fn content(folder: &Path) -> (usize, u64) {
    let (mut count, mut size) = (0, 0);
    for entry in fs::read_dir(folder).expect("the folder is read") {
        let entry = entry.expect("an entry is read");
        let metadata = entry.metadata().expect("an entry has metadata");
        let (files, bytes) = if metadata.is_dir() { content(&entry.path()) } else { (1, metadata.len()) };
        count += files;
        size += bytes;
    }
    (count, size)
}

#[derive(Arbitrary, Debug)]
struct Member {
    name: String,
    content: Vec<u8>,
    folder: bool,
    mode: u16,
}

/// A wheel whose archive and RECORD are right, with files of any names and modes in it.
pub fn wheel_files(data: &[u8]) {
    let Ok(members) = Vec::<Member>::arbitrary(&mut Unstructured::new(data)) else { return };
    let mut files: Vec<File> = members
        .into_iter()
        .map(|member| File {
            name: if member.folder { format!("{}/", member.name) } else { member.name },
            content: if member.folder { Vec::new() } else { member.content },
            mode: member.mode,
        })
        .collect();
    let record: String = files
        .iter()
        .filter(|file| !file.name.ends_with('/'))
        .map(|file| format!("\"{}\",{},\n", file.name.replace('"', "\"\""), hash(&file.content)))
        .collect();
    files.extend(dist_info(&record, None));
    check_wheel(&zip(&files));
}

/// RECORD is what is read; the archive is right. Where all is right, changing RECORD's last digit is noticed.
pub fn record(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let files = [File { name: "acme/__init__.py".into(), content: b"pass\n".to_vec(), mode: 0o100_644 }];
    let files: Vec<File> = files.into_iter().chain(dist_info_with(text)).collect();
    check_wheel(&zip(&files));
}

/// `entry_points.txt` is what is read.
pub fn entry_points(data: &[u8]) {
    let files = dist_info("", Some(data));
    check_wheel(&zip(&files));
}

/// The three files that every wheel has, and perhaps `entry_points.txt`, with their lines after `record`.
fn dist_info(record: &str, entry_points: Option<&[u8]>) -> Vec<File> {
    let file = |name: &str, content: &[u8]| File {
        name: format!("{DIST_INFO}/{name}"),
        content: content.to_owned(),
        mode: 0o100_644,
    };
    let mut files = vec![
        file("WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        file("METADATA", METADATA),
    ];
    files.extend(entry_points.map(|content| file("entry_points.txt", content)));
    let lines: String =
        files.iter().map(|file| format!("{},{},\n", file.name, hash(&file.content))).collect();
    files.push(file("RECORD", format!("{record}{lines}{DIST_INFO}/RECORD,,\n").as_bytes()));
    files
}

/// The same with a RECORD that is `record` and nothing else.
fn dist_info_with(record: &str) -> Vec<File> {
    let mut files = dist_info("", None);
    if let Some(last) = files.last_mut() {
        last.content = record.as_bytes().to_owned();
    }
    files
}

/// As RECORD writes it.
fn hash(content: &[u8]) -> String {
    let digest = rvp::model::Sha256::of(content).to_string();
    let bytes = (0..digest.len()).step_by(2).map(|at| u8::from_str_radix(&digest[at..at + 2], 16));
    let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().expect("hexadecimal digits");
    format!("sha256={}", data_encoding::BASE64URL_NOPAD.encode(&bytes))
}

struct File {
    /// Ends with `/` where it is a folder.
    name: String,
    content: Vec<u8>,
    mode: u16,
}

/// A zip archive of stored entries.
fn zip(files: &[File]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        let offset = bytes.len() as u32;
        let name = &file.name.as_bytes()[..file.name.len().min(usize::from(u16::MAX))];
        let mut crc = Crc::new();
        crc.update(&file.content);
        // The version, flags (names are UTF-8), method and time, then CRC-32 and the sizes.
        let mut fields = vec![20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0x50];
        for value in [crc.sum(), file.content.len() as u32, file.content.len() as u32] {
            fields.extend(value.to_le_bytes());
        }
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0; 2]);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&fields);
        bytes.extend(name);
        bytes.extend(&file.content);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&fields);
        directory.extend([0; 6]);
        directory.extend((u32::from(file.mode) << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(name);
    }
    let (start, length, count) = (bytes.len() as u32, directory.len() as u32, files.len() as u16);
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

/// The first byte says what the rest is: a `.tar.gz`, a tar to be compressed, or a `.zip`.
pub fn sdist(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let (name, bytes) = match kind {
        b'g' => ("acme_walls-1.0.tar.gz", rest.to_owned()),
        b'z' => ("acme_walls-1.0.zip", rest.to_owned()),
        _ => ("acme_walls-1.0.tar.gz", gzip(&with_checksums(rest))),
    };
    let home = folder();
    let path = home.path().join(name);
    fs::write(&path, &bytes).expect("the archive is written");
    if let Ok(info) = read_artifact(&path) {
        assert_eq!((info.name.as_str(), info.version.to_string().as_str()), ("acme-walls", "1.0"));
        assert_eq!(info.metadata.package_name(), &info.name);
    }
    assert_eq!(fs::read_dir(home.path()).expect("the folder is read").count(), 1, "nothing is unpacked");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes).expect("memory is written");
    encoder.finish().expect("memory is written")
}

/// A tar whose header checksums are right, so that what lies behind them is reached.
fn with_checksums(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_owned();
    for block in tar.chunks_exact_mut(512) {
        if block[257..262] != *b"ustar" {
            continue;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}
