use proptest::prelude::*;

use super::super::test_support::{message, write};
use super::super::{RemoteError, RemoteWheel, Step, read_artifact};
use super::*;
use crate::testing;
use crate::testing::archive::Member;

const WHEEL_NAME: &str = "acme_geometry-1.2.0-py3-none-any.whl";
const METADATA: &str = "Metadata-Version: 2.1\nName: acme-geometry\nVersion: 1.2.0\nRequires-Dist: numpy\n";

/// A good wheel with code, data, a script and a command.
fn good() -> testing::Wheel {
    let data: Vec<u8> =
        (0..300_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let script = "acme_geometry-1.2.0.data/scripts/acme-run";
    let mut member = Member::deflated(script, b"#!python\n");
    member.mode = 0o100_755;
    testing::Wheel::without_code("acme-geometry", "1.2.0")
        .compressed()
        .requires("numpy")
        .file("acme/__init__.py", "def main(): pass\n")
        .file("acme/data.bin", data)
        .member(member, b"#!python\n")
        .file("acme_geometry-1.2.0.dist-info/entry_points.txt", "[console_scripts]\nacme = acme:main\n")
}

/// Why a wheel is refused, with the given files and a true RECORD of them.
#[track_caller]
fn refused(change: impl FnOnce(&mut testing::Wheel), reason: &str) {
    let mut wheel = good();
    change(&mut wheel);
    refused_bytes(WHEEL_NAME, &wheel.bytes(), reason);
}

#[track_caller]
fn refused_record(change: impl FnOnce(String) -> String, reason: &str) {
    let wheel = good();
    refused_bytes(WHEEL_NAME, &wheel.bytes_with_record(&change(wheel.record())), reason);
}

#[track_caller]
fn refused_bytes(name: &str, bytes: &[u8], reason: &str) {
    let (folder, path) = write(name, bytes);
    let error = read_artifact(&path).map(|info| info.version).map_err(|error| message(&folder, &error));
    assert_eq!(error, Err(reason.replace("{}", WHEEL_NAME)));
}

#[test]
fn a_good_wheel_is_read_and_unpacked() {
    let made = good();
    let (folder, path) = write(WHEEL_NAME, &made.bytes());
    let wheel = Wheel::open(&path).unwrap();
    assert_eq!((wheel.name().as_str(), wheel.version().to_string()), ("acme-geometry", "1.2.0".into()));
    assert!(wheel.root_is_purelib);
    assert_eq!(wheel.dist_info, "acme_geometry-1.2.0.dist-info");
    assert_eq!(wheel.entry_points.console[0].name, "acme");

    let target = folder.path().join("target");
    std::fs::create_dir(&target).unwrap();
    let unpacked = wheel.unpack(&target).unwrap();
    assert_eq!(unpacked.len(), made.files.len() + 1);
    let listed = made.record();
    for file in &unpacked {
        let content = std::fs::read(target.join(&file.path)).unwrap();
        assert_eq!(content.len() as u64, file.size);
        assert_eq!(file.executable, file.path.ends_with("acme-run"));
        if !file.path.ends_with("RECORD") {
            assert!(listed.contains(&format!("{},{},{}\n", file.path, file.hash, file.size)));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(target.join(&file.path)).unwrap().permissions().mode();
            assert_eq!(mode & 0o100 != 0, file.executable, "{}", file.path);
        }
    }
    let again = wheel.unpack(&target).map_err(|error| message(&folder, &error));
    assert_eq!(again, Err(format!("cannot unpack {WHEEL_NAME} into target: the folder is not empty")));
}

#[test]
fn a_wheel_that_contradicts_itself_is_refused() {
    refused(
        |wheel| wheel.replace("METADATA", METADATA.replace("1.2.0", "1.3.0")),
        "{} does not hold together: its METADATA is of acme-geometry 1.3.0, and its file name of acme-geometry 1.2.0",
    );
    refused(
        |wheel| wheel.replace("METADATA", METADATA.replace("numpy", "numpy >= x")),
        "acme_geometry-1.2.0.dist-info/METADATA in {}: its line `Requires-Dist: numpy >= x` is not valid: `numpy >= x` is not a PEP 508 requirement: expected version to start with a number, but no leading ASCII digits were found",
    );
    refused(
        |wheel| wheel.replace("WHEEL", "Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"),
        "{} does not hold together: its Wheel-Version is `2.0`, and rvp reads 1.x",
    );
    refused(
        |wheel| wheel.replace("WHEEL", "Wheel-Version: 1.0\n"),
        "{} does not hold together: its Root-Is-Purelib is ``, not `true` or `false`",
    );
    refused(
        |wheel| wheel.files.retain(|file| !file.path.ends_with("METADATA")),
        "{} does not hold together: it has no `acme_geometry-1.2.0.dist-info/METADATA`",
    );
    refused(
        |wheel| *wheel = wheel.clone().file("b-1.dist-info/METADATA", ""),
        "{} does not hold together: it has several .dist-info folders: acme_geometry-1.2.0.dist-info, b-1.dist-info",
    );
    refused(
        |wheel| wheel.replace("entry_points.txt", "[console_scripts]\n../evil = a:b\n"),
        "{} does not hold together: its entry_points.txt: the command `../evil` is not a plain file name",
    );
    refused_bytes(
        "other-1.2.0-py3-none-any.whl",
        &good().bytes(),
        "other-1.2.0-py3-none-any.whl does not hold together: its folder `acme_geometry-1.2.0.dist-info` is not that of other 1.2.0",
    );
    refused_bytes(
        "wheel.whl",
        b"",
        "the file name of wheel.whl is not valid: The wheel filename \"wheel.whl\" is invalid: Must have a version",
    );
    refused_bytes("wheel.egg", b"", "wheel.egg is not a Python artifact that rvp reads");
}

#[test]
fn a_record_that_lies_is_refused() {
    refused_record(
        |record| record.lines().skip(1).map(|line| format!("{line}\n")).collect(),
        "{} does not hold together: RECORD does not list `acme/__init__.py`",
    );
    refused_record(
        |record| record + "acme/more.py,sha256=" + &"A".repeat(43) + ",1\n",
        "{} does not hold together: RECORD lists `acme/more.py`, which is not there",
    );
    refused_record(
        |record| record + "acme/__init__.py,sha256=" + &"A".repeat(43) + ",17\n",
        "{} does not hold together: RECORD lists `acme/__init__.py` twice, and differently",
    );
    refused_record(
        |record| record.replacen(",17\n", ",18\n", 1),
        "{} does not hold together: RECORD gives another size of `acme/__init__.py` than the archive",
    );
    refused_record(
        |record| record.replacen("sha256=", "md5=", 1),
        "{} does not hold together: RECORD lists `acme/__init__.py` with a digest by `md5`; sha256, sha384 and sha512 are read",
    );
    refused_record(
        |record| record.replacen("sha256=", "sha256=A", 1),
        "{} does not hold together: RECORD lists `acme/__init__.py` with a digest that is not 32 bytes of URL-safe Base64",
    );
    refused_record(
        |record| record.replacen("sha256=", "sha512=", 1),
        "{} does not hold together: RECORD lists `acme/__init__.py` with a digest that is not 64 bytes of URL-safe Base64",
    );
    refused_record(
        |_| "acme/__init__.py\n".into(),
        "{} does not hold together: a line of RECORD has 1 fields, not 3: `acme/__init__.py`",
    );
}

#[test]
fn a_file_without_the_digest_of_its_record_line_is_refused() {
    let mut wheel = good();
    let true_record = wheel.record();
    wheel.replace("__init__.py", "def main(): evil\n");
    refused_bytes(
        WHEEL_NAME,
        &wheel.bytes_with_record(&true_record),
        "{} is not a safe archive: the entry `acme/__init__.py` does not have the sha256 digest that RECORD gives",
    );
}

/// Drives the reading of METADATA by ranges: the content, and how many ranges it took.
fn read_remote(name: &str, bytes: &[u8]) -> Result<(Vec<u8>, usize), RemoteError> {
    let (mut remote, mut range) = RemoteWheel::start(name.parse().unwrap(), bytes.len() as u64);
    for count in 1..10 {
        assert!(range.end <= bytes.len() as u64, "only what exists is asked for");
        match remote.feed(bytes[range.start as usize..range.end as usize].to_vec())? {
            Step::Done(metadata) => return Ok((metadata, count)),
            Step::Need(next) => range = next,
        }
    }
    panic!("too many requests");
}

#[test]
fn the_metadata_of_a_remote_wheel_takes_few_ranges() {
    let mut wheel = good();
    assert_eq!(read_remote(WHEEL_NAME, &wheel.bytes()).unwrap(), (METADATA.into(), 1));
    // METADATA first.
    wheel.files.rotate_right(3);
    assert_eq!(read_remote(WHEEL_NAME, &wheel.bytes()).unwrap(), (METADATA.into(), 2));
    let modules = (0..2000).map(|number| format!("acme/some_module_{number}.py"));
    let many = modules.fold(wheel, |wheel, path| wheel.file(&path, ""));
    assert_eq!(read_remote(WHEEL_NAME, &many.bytes()).unwrap(), (METADATA.into(), 3));

    let (mut remote, _) = RemoteWheel::start(WHEEL_NAME.parse().unwrap(), 1000);
    let error = remote.feed(vec![0; 7]).unwrap_err().to_string();
    assert_eq!(error, format!("asked for 1000 bytes of {WHEEL_NAME}, and got 7"));
    let page = b"<!DOCTYPE html><html></html>";
    let error = read_remote(WHEEL_NAME, page).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{WHEEL_NAME} is not a safe archive: it is not a whole zip archive: missing end of central directory"
        )
    );
}

/// Opens and unpacks `bytes` next to a file that must survive.
fn try_unpack(bytes: &[u8]) {
    let (folder, path) = write(WHEEL_NAME, bytes);
    let target = folder.path().join("target");
    std::fs::create_dir(&target).unwrap();
    if let Ok(wheel) = Wheel::open(&path) {
        let _ = wheel.unpack(&target);
    }
    let _ = read_remote(WHEEL_NAME, bytes);
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [WHEEL_NAME, "target"]);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        try_unpack(&bytes);
    }

    #[test]
    fn a_damaged_wheel_does_no_harm(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        shorten in any::<bool>(),
    ) {
        let mut wheel = good();
        wheel.files.retain(|file| !file.path.ends_with("data.bin"));
        let mut bytes = wheel.bytes();
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if shorten {
            bytes.truncate(cut.index(bytes.len()));
        }
        try_unpack(&bytes);
    }
}
