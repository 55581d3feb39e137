//! Small wheels, and the interpreters of this machine, for tests.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::python::{self, Interpreter, PythonRequest};
use super::record::{self, Row};
use super::{InstallError, Plan, PlannedPackage, Store, Unpacked};
use crate::model::{Blake3, PackageName};

/// Some interpreter of this machine.
pub fn any_python(cache: &Path) -> Interpreter {
    all_pythons(cache).into_iter().next().expect("the tests need a Python 3.8 or later")
}

/// One interpreter of each minor version of this machine, the newest first.
pub fn all_pythons(cache: &Path) -> Vec<Interpreter> {
    let request = |minor| PythonRequest { major: 3, minor, patch: None };
    (8..=14).rev().filter_map(|minor| python::find(request(minor), None, cache).ok()).collect()
}

/// Writes the wheel `name`-`version` with `files`, its metadata and RECORD added, into `folder`.
pub fn make_wheel(folder: &Path, name: &str, version: &str, files: &[(&str, &str)]) -> PathBuf {
    let stem = format!("{name}-{version}");
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    let mut all: Vec<(String, String)> =
        files.iter().map(|(path, text)| (path.replace("{stem}", &stem), (*text).to_owned())).collect();
    all.push((format!("{stem}.dist-info/METADATA"), metadata));
    all.push((
        format!("{stem}.dist-info/WHEEL"),
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_owned(),
    ));
    let own = format!("{stem}.dist-info/RECORD");
    let mut rows: Vec<Row> =
        all.iter().map(|(path, text)| Row::of_bytes(path.clone(), text.as_bytes())).collect();
    rows.push(Row::own(own.clone()));
    all.push((own, record::write(&rows)));
    let path = folder.join(format!("{stem}-py3-none-any.whl"));
    write_zip(&path, &all);
    path
}

/// A zip of stored files, in the order given.
fn write_zip(path: &Path, files: &[(String, String)]) {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let mut crc = flate2::Crc::new();
        crc.update(text.as_bytes());
        let size = u32::try_from(text.len()).unwrap().to_le_bytes();
        let mut common = vec![20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc.sum().to_le_bytes());
        common.extend([size, size].concat());
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend(u32::try_from(out.len()).unwrap().to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(text.as_bytes());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let (start, length) = (u32::try_from(out.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].concat());
    out.extend([length.to_le_bytes(), start.to_le_bytes()].concat());
    out.extend([0, 0]);
    std::fs::File::create(path).unwrap().write_all(&out).unwrap();
}

pub fn digest_of(path: &Path) -> Blake3 {
    Blake3::of(&std::fs::read(path).unwrap())
}

/// The plan to install `wheels` in their order, and what it needs from `store`. Those in `requested` are marked so.
pub fn plan_of(store: &Store, wheels: &[PathBuf], requested: &[&str]) -> (Plan, Vec<Unpacked>) {
    let mut plan = Plan::default();
    let mut unpacked = Vec::new();
    for wheel in wheels {
        let artifact = digest_of(wheel);
        let file = wheel.file_name().unwrap().to_str().unwrap();
        unpacked.push(store.ensure(artifact, file, || Ok::<_, InstallError>(wheel.clone())).unwrap());
        let mut parts = file.split('-');
        let name = PackageName::python(parts.next().unwrap()).unwrap();
        let requested = requested.contains(&name.as_str());
        let version = parts.next().unwrap().to_owned();
        let dependencies = Vec::new();
        plan.packages.push(PlannedPackage {
            name,
            version,
            artifact,
            requested,
            dependencies,
            direct_url: None,
        });
    }
    (plan, unpacked)
}
