//! Turns an unpacked wheel into the form of the store: one folder for each place that its files go to.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::InstallError;
use super::launcher;
use super::manifest::{Area, Command, Manifest, Top};
use super::record::{self, Row};
use super::system;
use crate::package::{EntryPoint, UnpackedFile, Wheel};

/// The content of `INSTALLER` (PEP 376).
const INSTALLER: &[u8] = b"rvp\n";

/// Files of the metadata folder that an installer writes: what the wheel has under these names is dropped.
const WRITTEN_BY_INSTALLERS: [&str; 4] = ["INSTALLER", "RECORD", "REQUESTED", "direct_url.json"];

/// Unpacks `wheel` into the empty folder `folder`: `lib/`, `scripts/`, `headers/`, `data/`. Files become read-only.
pub fn unpack(wheel: &Wheel, folder: &Path) -> Result<Manifest, InstallError> {
    let lib = folder.join(Area::Lib.folder());
    fs::create_dir(&lib).map_err(InstallError::io("create the folder", &lib))?;
    let files = wheel.unpack(&lib)?;
    let stem = wheel.dist_info.strip_suffix(".dist-info").unwrap_or(&wheel.dist_info);
    let broken = |reason: String| InstallError::Layout { wheel: stem.to_owned(), reason };

    let dropped = |path: &str| {
        path.strip_prefix(&wheel.dist_info)
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|name| WRITTEN_BY_INSTALLERS.contains(&name))
    };
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut executable = HashSet::new();
    for file in &files {
        if dropped(&file.path) {
            let path = join(&lib, &file.path);
            fs::remove_file(&path).map_err(InstallError::io("remove", &path))?;
            continue;
        }
        let path = place(&file.path, &format!("{stem}.data")).map_err(&broken)?;
        if file.executable || path.starts_with("scripts/") {
            executable.insert(path.clone());
        }
        if rows.insert(path.clone(), row(path.clone(), file)).is_some() {
            return Err(broken(format!("two of its files are installed as {path}")));
        }
    }
    spread(folder, &lib.join(format!("{stem}.data")), &files, stem)?;

    let dist_info = format!("{}/{}", Area::Lib.folder(), wheel.dist_info);
    let installer = format!("{dist_info}/INSTALLER");
    write(&join(folder, &installer), INSTALLER)?;
    rows.insert(installer.clone(), Row::of_bytes(installer, INSTALLER));
    let own = format!("{dist_info}/RECORD");
    rows.insert(own.clone(), Row::own(own.clone()));
    let rows: Vec<Row> = rows.into_values().collect();
    write(&join(folder, &own), record::write(&lib_rows(&rows)).as_bytes())?;

    rows.par_iter().try_for_each(|row| {
        let path = join(folder, &row.path);
        system::make_read_only(&path, executable.contains(&row.path))
            .map_err(InstallError::io("make read-only", &path))
    })?;
    let python_scripts = python_scripts(folder, &rows)?;
    Ok(Manifest::new(wheel.dist_info.clone(), tops(&rows), commands(wheel), python_scripts, &rows))
}

/// The rows of what goes to `site-packages`, relative to it, in the order of their paths.
pub fn lib_rows(rows: &[Row]) -> Vec<Row> {
    rows.iter()
        .filter_map(|row| {
            row.path.strip_prefix("lib/").map(|path| Row { path: path.to_owned(), ..row.clone() })
        })
        .collect()
}

/// A path relative to `folder`, with `/` between its parts, as a path of this system.
pub fn join(folder: &Path, path: &str) -> PathBuf {
    let mut joined = folder.to_owned();
    joined.extend(path.split('/'));
    joined
}

fn row(path: String, file: &UnpackedFile) -> Row {
    Row { path, hash: file.hash.clone(), size: file.size.to_string() }
}

/// Where the file `path` of a wheel stands in the store. An error is a sentence.
fn place(path: &str, data: &str) -> Result<String, String> {
    let Some(rest) = path.strip_prefix(data).and_then(|rest| rest.strip_prefix('/')) else {
        return Ok(format!("lib/{path}"));
    };
    match rest.split_once('/') {
        Some(("purelib" | "platlib", rest)) => Ok(format!("lib/{rest}")),
        Some(("scripts" | "headers" | "data", _)) => Ok(rest.to_owned()),
        _ => Err(format!(
            "its file {path} belongs to none of purelib, platlib, scripts, headers and data, which are all that the binary distribution format knows"
        )),
    }
}

/// Moves the content of the `.data` folder to where it belongs.
fn spread(folder: &Path, data: &Path, files: &[UnpackedFile], stem: &str) -> Result<(), InstallError> {
    if !data.is_dir() {
        return Ok(());
    }
    for area in [Area::Scripts, Area::Headers, Area::Data] {
        let from = data.join(area.folder());
        if from.is_dir() {
            fs::rename(&from, folder.join(area.folder())).map_err(InstallError::io("move", &from))?;
        }
    }
    for file in files {
        let rest = file.path.strip_prefix(stem).and_then(|rest| rest.strip_prefix(".data/"));
        let Some(path) =
            rest.and_then(|rest| rest.strip_prefix("purelib/").or(rest.strip_prefix("platlib/")))
        else {
            continue;
        };
        let to = join(&folder.join(Area::Lib.folder()), path);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(InstallError::io("create the folder", parent))?;
        }
        let from = join(&folder.join(Area::Lib.folder()), &file.path);
        fs::rename(&from, &to).map_err(InstallError::io("move", &from))?;
    }
    fs::remove_dir_all(data).map_err(InstallError::io("remove the folder", data))
}

fn tops(rows: &[Row]) -> Vec<Top> {
    let mut tops: Vec<Top> = Vec::new();
    for row in rows {
        for area in Area::ALL {
            let Some(path) = row.path.strip_prefix(area.folder()).and_then(|path| path.strip_prefix('/'))
            else {
                continue;
            };
            let (name, folder) = match path.split_once('/') {
                Some((name, _)) => (name, true),
                None => (path, false),
            };
            // Paths with a common folder follow one another in the order of paths.
            if tops.last().is_none_or(|last| (last.area, last.name.as_str()) != (area, name)) {
                tops.push(Top { area, name: name.to_owned(), folder });
            }
        }
    }
    tops
}

fn commands(wheel: &Wheel) -> Vec<Command> {
    let command = |gui: bool| {
        move |point: &EntryPoint| Command {
            name: point.name.clone(),
            module: point.module.clone(),
            function: point.attribute.clone(),
            gui,
        }
    };
    let console = wheel.entry_points.console.iter().map(command(false));
    console.chain(wheel.entry_points.gui.iter().map(command(true))).collect()
}

/// The scripts whose first line is `#!python` or `#!pythonw`.
fn python_scripts(folder: &Path, rows: &[Row]) -> Result<Vec<String>, InstallError> {
    let mut scripts = Vec::new();
    for row in rows {
        let Some(name) = row.path.strip_prefix("scripts/") else { continue };
        let path = join(folder, &row.path);
        let mut start = Vec::new();
        fs::File::open(&path)
            .and_then(|file| file.take(launcher::PYTHON_MARK.len() as u64).read_to_end(&mut start))
            .map_err(InstallError::io("read", &path))?;
        if start == launcher::PYTHON_MARK {
            scripts.push(name.to_owned());
        }
    }
    Ok(scripts)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), InstallError> {
    fs::write(path, bytes).map_err(InstallError::io("write", path))
}
