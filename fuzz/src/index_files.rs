//! Records, the index files made of them, and the configuration of a registry.

use rvp::model::{Family, Package, PackageName, Record, RecordError};
use rvp::registry::Config;

/// A line that is read is written, and read back as the same record.
pub fn index_line(data: &[u8]) {
    let Ok(line) = std::str::from_utf8(data) else { return };
    let Ok(record) = Record::parse(line) else { return };
    serde_json::from_str::<serde_json::Value>(line).expect("a record is JSON");
    if matches!(record, Record::Unknown { .. }) {
        return;
    }
    match record.to_line() {
        Ok(written) => {
            assert_eq!(Record::parse(&written).expect("a written record is read"), record);
            assert!(!written.contains('\n'));
        }
        // A number or a time may be written longer than it was read.
        Err(RecordError::TooLong(_)) => {}
        Err(error) => panic!("a record that was read is not written: {error}"),
    }
}

/// A file that is read was read at each of its earlier states too, and entries rise.
pub fn index_file(data: &[u8]) {
    for (family, name) in
        [(Family::Python, "acme-walls"), (Family::Host, "revit"), (Family::Vitte, "roussov/con")]
    {
        let name = PackageName::new(family, name).expect("a valid name");
        let Ok(package) = Package::parse(&name, data) else { continue };
        let last_byte_ends_a_line = data.last().is_none_or(|byte| *byte == b'\n');
        if last_byte_ends_a_line && !data.is_empty() {
            assert!(Package::parse_speculatively(&name, data).is_some(), "both readers read it");
        }
        for (version, entry) in &package.releases {
            assert_eq!(entry.release.parsed_version().expect("a version"), *version);
            assert!(entry.entries.is_sorted_by(|first, second| first < second), "entries rise");
        }
        assert!(package.owners.is_sorted_by(|first, second| first.entry < second.entry), "owners rise");
        let mut end = 0;
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            end += line.len();
            let text = std::str::from_utf8(line).expect("the file is UTF-8");
            if matches!(Record::parse(text.trim_end_matches(['\r', '\n'])), Ok(Record::Seal(_))) {
                let earlier = Package::parse(&name, &data[..end]).expect("an earlier state is read");
                assert!(earlier.releases.keys().all(|version| package.releases.contains_key(version)));
            }
        }
    }
}

/// A configuration that is read is written, and read back the same.
pub fn registry_config(data: &[u8]) {
    let Ok(config) = Config::parse("config.json", data) else { return };
    assert_eq!(Config::parse("config.json", &config.to_bytes()).expect("it is read back"), config);
}
