//! Composes the tree of a generation out of the artifacts of its packages.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::InstallError;
use super::activate;
use super::arrange::join;
use super::launcher;
use super::layout::Layout;
use super::manifest::Area;
use super::plan::PlannedPackage;
use super::record::{self, Row};
use super::store::Unpacked;
use super::system;
use super::tree::{Folder, Node, Tree};

/// Names at the root of an environment by which rvp manages it.
pub const RESERVED: [&str; 7] = [
    "current",
    "current.new",
    "environment.json",
    "environment.lock",
    "generation.json",
    "generations",
    "pyvenv.cfg",
];

/// What a tree depends on apart from its packages.
pub struct Surroundings<'a> {
    /// The root of the environment, absolute.
    pub root: &'a Path,
    pub layout: &'a Layout,
    /// The interpreter that the environment is based on, where it has one.
    pub interpreter: Option<&'a Path>,
    pub pyvenv_cfg: &'a str,
}

/// The tree of a generation: `packages` in the order of their installation.
pub fn compose<'a>(
    surroundings: &Surroundings<'_>,
    packages: &[(&'a PlannedPackage, &'a Unpacked)],
) -> Result<Tree<'a>, InstallError> {
    let Surroundings { root, layout, interpreter, pyvenv_cfg } = surroundings;
    let mut tree = Tree::new(layout.folds_case);
    let ours = "rvp";
    tree.insert(&layout.site_packages, ours, Node::Folder(Folder::new()));
    tree.insert(layout.scripts, ours, Node::Folder(Folder::new()));
    for (planned, unpacked) in packages {
        add_package(&mut tree, surroundings, planned, unpacked)?;
    }

    let text = |bytes: Vec<u8>, executable: bool| Node::Text { bytes, executable };
    tree.insert("pyvenv.cfg", ours, text(pyvenv_cfg.as_bytes().to_vec(), false));
    for script in activate::scripts(root, layout.windows) {
        tree.insert(&format!("{}/{}", layout.scripts, script.name), ours, text(script.bytes, false));
    }
    if let Some(interpreter) = interpreter {
        for (path, target) in system::interpreter_links(interpreter, layout) {
            tree.insert(&path, ours, Node::Pointer(target));
        }
        let programs = system::interpreter_programs(interpreter)
            .map_err(InstallError::io("make a program that starts", interpreter))?;
        for program in programs {
            tree.insert(&format!("{}/{}", layout.scripts, program.name), ours, text(program.bytes, true));
        }
    }
    Ok(tree)
}

fn add_package<'a>(
    tree: &mut Tree<'a>,
    surroundings: &Surroundings<'_>,
    planned: &'a PlannedPackage,
    unpacked: &'a Unpacked,
) -> Result<(), InstallError> {
    let layout = surroundings.layout;
    let head = &unpacked.manifest.head;
    let owner = planned.name.as_str();
    for top in &head.tops {
        let place = layout.place(top.area, planned.name.as_str());
        let path = if place.is_empty() { top.name.clone() } else { format!("{place}/{}", top.name) };
        let reserved = || RESERVED.iter().chain([&"lib64"]).any(|name| name.eq_ignore_ascii_case(&top.name));
        if top.area == Area::Data && reserved() {
            return Err(InstallError::Reserved { package: planned.name.to_string(), path });
        }
        let stored = format!("{}/{}", top.area.folder(), top.name);
        let node = match top.folder {
            true => Node::StoreFolder(unpacked, stored),
            false => Node::StoreFile(unpacked, stored),
        };
        tree.insert(&path, owner, node);
    }

    let written = written_files(surroundings, planned, unpacked)?;
    if written.is_empty() && head.tops.iter().all(|top| top.area == Area::Lib) {
        // Everything is as the store has it, RECORD included.
        return Ok(());
    }
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for row in unpacked.manifest.rows() {
        let path = layout.in_record(&installed_path(layout, planned.name.as_str(), &row.path));
        rows.insert(path.clone(), Row { path, ..row.clone() });
    }
    for (path, file) in written {
        let recorded = layout.in_record(&path);
        rows.insert(recorded.clone(), Row::of_bytes(recorded, &file.bytes));
        tree.insert(&path, owner, Node::Text { bytes: file.bytes, executable: file.executable });
    }
    let rows: Vec<Row> = rows.into_values().collect();
    let path = format!("{}/{}/RECORD", layout.site_packages, head.dist_info);
    tree.insert(&path, owner, Node::Text { bytes: record::write(&rows).into_bytes(), executable: false });
    Ok(())
}

struct Written {
    bytes: Vec<u8>,
    executable: bool,
}

/// The files of a package that depend on the environment, apart from `RECORD`, by path relative to the environment.
fn written_files(
    surroundings: &Surroundings<'_>,
    planned: &PlannedPackage,
    unpacked: &Unpacked,
) -> Result<BTreeMap<String, Written>, InstallError> {
    let Surroundings { root, layout, interpreter, .. } = surroundings;
    let head = &unpacked.manifest.head;
    let in_scripts = |name: &str| format!("{}/{name}", layout.scripts);
    let program = if layout.windows { "python.exe" } else { "python" };
    let python = interpreter.map(|_| root.join(layout.scripts).join(program));
    let mut files = BTreeMap::new();
    // On Windows `#!python` is left as it is: the `py` launcher reads it as the environment's interpreter.
    for name in head.python_scripts.iter().filter(|_| !layout.windows) {
        let path = join(&unpacked.folder.join(Area::Scripts.folder()), name);
        let script = fs::read(&path).map_err(InstallError::io("read", &path))?;
        let bytes = launcher::with_shebang(&script, python.as_deref());
        files.insert(in_scripts(name), Written { bytes, executable: true });
    }
    for command in &head.commands {
        let scripts = system::launchers(command, layout, python.as_deref())
            .map_err(InstallError::io("make the launcher of a command for", &unpacked.folder))?;
        for script in scripts {
            files.insert(in_scripts(&script.name), Written { bytes: script.bytes, executable: true });
        }
    }
    let in_metadata = |name: &str| format!("{}/{}/{name}", layout.site_packages, head.dist_info);
    if planned.requested {
        files.insert(in_metadata("REQUESTED"), Written { bytes: Vec::new(), executable: false });
    }
    if let Some(text) = &planned.direct_url {
        let bytes = text.clone().into_bytes();
        files.insert(in_metadata("direct_url.json"), Written { bytes, executable: false });
    }
    Ok(files)
}

/// Where the file `stored` of an artifact goes, relative to the environment.
fn installed_path(layout: &Layout, name: &str, stored: &str) -> String {
    let (folder, rest) = stored.split_once('/').unwrap_or(("", stored));
    let area = Area::ALL.into_iter().find(|area| area.folder() == folder).unwrap_or(Area::Lib);
    let place = layout.place(area, name);
    if place.is_empty() { rest.to_owned() } else { format!("{place}/{rest}") }
}
