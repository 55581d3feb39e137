//! Small wheels, made by the test that needs them.

use std::io::Write;

use rvp::model::Sha256;

/// The file name and the bytes of a wheel with no code, and `requires` in its metadata. `padding` makes it larger.
pub fn wheel(name: &str, version: &str, tags: &str, requires: &[&str], padding: usize) -> (String, Vec<u8>) {
    let dist_info = format!("{name}-{version}.dist-info");
    let files = [
        (format!("{name}/padding"), noise(padding)),
        (format!("{dist_info}/METADATA"), metadata(name, version, requires).into_bytes()),
        (
            format!("{dist_info}/WHEEL"),
            format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tags}\n").into_bytes(),
        ),
    ];
    let mut record = String::new();
    for (path, bytes) in &files {
        let digest = data_encoding::BASE64URL_NOPAD.encode(&Sha256::of(bytes).0);
        record += &format!("{path},sha256={digest},{}\n", bytes.len());
    }
    record += &format!("{dist_info}/RECORD,,\n");

    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (path, content) in files.iter().cloned().chain([(format!("{dist_info}/RECORD"), record.into_bytes())])
    {
        let (mut entry, config) = archive.new_file(&path).start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(&content).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    (format!("{name}-{version}-{tags}.whl"), bytes)
}

/// The METADATA of such a wheel.
pub fn metadata(name: &str, version: &str, requires: &[&str]) -> String {
    let requires: String = requires.iter().map(|text| format!("Requires-Dist: {text}\n")).collect();
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")
}

fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}
