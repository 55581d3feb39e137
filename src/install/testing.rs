//! Plans of small wheels, and the interpreters of this machine, for tests.

use std::path::{Path, PathBuf};

use super::python::{self, Interpreter, PythonRequest};
use super::{InstallError, Plan, PlannedPackage, Store, Unpacked};
use crate::model::{Blake3, PackageName};
use crate::testing::Wheel;

/// Some interpreter of this machine.
pub fn any_python(cache: &Path) -> Interpreter {
    all_pythons(cache).into_iter().next().expect("the tests need a Python 3.8 or later")
}

/// One interpreter of each minor version of this machine, the newest first.
pub fn all_pythons(cache: &Path) -> Vec<Interpreter> {
    let request = |minor| PythonRequest { major: 3, minor, patch: None };
    (8..=14).rev().filter_map(|minor| python::find(request(minor), None, cache).ok()).collect()
}

/// Writes the wheel `name`-`version` with `files` into `folder`.
pub fn make_wheel(folder: &Path, name: &str, version: &str, files: &[(&str, &str)]) -> PathBuf {
    let wheel = Wheel::without_code(name, version);
    files.iter().fold(wheel, |wheel, (path, text)| wheel.file(path, text)).write(folder)
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
