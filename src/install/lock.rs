//! Changing an environment: one process at a time, and one step that decides.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::Path;

use super::InstallError;
use super::compose::{RESERVED, Surroundings, compose};
use super::environment::{CURRENT, Environment, GENERATIONS};
use super::generation::{Applied, Generation};
use super::link::write_tree;
use super::plan::Plan;
use super::store::{Store, Unpacked};
use super::system;
use crate::files;
use crate::model::Blake3;

/// An environment that this process alone may change, for as long as this lives.
pub struct LockedEnvironment<'a> {
    environment: &'a Environment,
    /// The lock ends when it is closed.
    _file: File,
}

impl Environment {
    /// Waits until no other process changes this environment. `waiting` gets a sentence when there is something to wait for.
    pub fn lock(&self, waiting: impl FnOnce(&str)) -> Result<LockedEnvironment<'_>, InstallError> {
        let path = self.root.join("environment.lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(InstallError::io("open the lock file", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting(&format!("waiting for another rvp that is changing {}", self.root.display()));
                file.lock().map_err(InstallError::io("lock", &path))?;
            }
            Err(TryLockError::Error(source)) => {
                return Err(InstallError::Io { action: "lock", path, source });
            }
        }
        Ok(LockedEnvironment { environment: self, _file: file })
    }
}

impl LockedEnvironment<'_> {
    /// Makes the environment as `plan` wants it. `unpacked` has the artifacts of its packages, in any order.
    ///
    /// Until the last step the environment is as it was, whatever happens; then it is the new one.
    pub fn apply(&self, plan: &Plan, store: &Store, unpacked: &[Unpacked]) -> Result<Applied, InstallError> {
        let environment = self.environment;
        if environment.is_current(plan, store) {
            return Ok(Applied::Unchanged);
        }
        let by_digest: HashMap<Blake3, &Unpacked> = unpacked.iter().map(|one| (one.artifact, one)).collect();
        let mut packages = Vec::with_capacity(plan.packages.len());
        for package in &plan.packages {
            let found = by_digest.get(&package.artifact).ok_or_else(|| InstallError::NotUnpacked {
                package: package.name.to_string(),
                artifact: package.artifact,
            })?;
            packages.push((package, *found));
        }
        let pyvenv_cfg = environment.state.pyvenv_cfg();
        let surroundings = Surroundings {
            root: &environment.root,
            layout: &environment.layout,
            interpreter: environment.state.interpreter.as_deref(),
            pyvenv_cfg: &pyvenv_cfg,
        };
        let tree = compose(&surroundings, &packages)?;

        let numbers = environment.numbers()?;
        let number = numbers.last().copied().unwrap_or(0) + 1;
        let stage = environment.root.join(GENERATIONS).join("staging");
        // What a killed process left: nobody else can be at it, since we hold the lock.
        let _ = fs::remove_dir_all(&stage);
        let fingerprint = environment.fingerprint(plan, store);
        let generation =
            Generation { number, fingerprint, conflicts: tree.conflicts.clone(), plan: plan.clone() };
        write_tree(&tree.root, &stage, environment.state.link_mode)
            .and_then(|()| generation.write(&stage))
            .inspect_err(|_| {
            // A full disk is not to stay full of it.
            let _ = fs::remove_dir_all(&stage);
        })?;
        let folder = environment.generation_path(number);
        files::rename(&stage, &folder).map_err(InstallError::io("rename a folder to", &folder))?;

        let names: Vec<OsString> = tree.root.values().map(|entry| OsString::from(&entry.name)).collect();
        self.switch(number, &names)?;
        self.remove_old(&numbers, number);
        Ok(Applied::Changed { generation: number, conflicts: tree.conflicts })
    }

    /// Goes back to the generation before the current one, and returns its number.
    pub fn rollback(&self) -> Result<u64, InstallError> {
        let numbers = self.environment.numbers()?;
        let current = self.environment.current().map(|current| current.number);
        match numbers.iter().rev().find(|&&number| current.is_some_and(|current| number < current)) {
            Some(&number) => self.switch_to(number).map(|()| number),
            None => {
                Err(InstallError::NothingBefore { path: self.environment.root.clone(), available: numbers })
            }
        }
    }

    /// Makes the generation `number` the current one. It may be an earlier or a later one.
    pub fn switch_to(&self, number: u64) -> Result<(), InstallError> {
        let folder = self.environment.generation_path(number);
        if Generation::read(&folder).is_none() {
            return Err(InstallError::NoGeneration {
                path: self.environment.root.clone(),
                number,
                available: self.environment.numbers()?,
            });
        }
        let entries = fs::read_dir(&folder).map_err(InstallError::io("list the folder", &folder))?;
        let names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
        self.switch(number, &names)
    }

    /// Switches to a complete generation, whose top-level entries are `names`.
    fn switch(&self, number: u64, names: &[OsString]) -> Result<(), InstallError> {
        let root = &self.environment.root;
        let folder = self.environment.generation_path(number);
        let visible: Vec<&OsString> = names
            .iter()
            .filter(|name| !RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)))
            .collect();
        for name in &visible {
            let path = root.join(name);
            if fs::symlink_metadata(&path).is_ok() && !system::leads_through_current(&path) {
                return Err(InstallError::InTheWay {
                    path,
                    reason: "a package of the environment needs this name",
                    hint: "move it away and run the command again",
                });
            }
            system::link_through_current(root, &folder, name)
                .map_err(InstallError::io("make the link", &path))?;
        }
        let current = root.join(CURRENT);
        let target = Path::new(GENERATIONS).join(number.to_string());
        system::switch(&current, &target, &root.join("current.new"))
            .map_err(InstallError::io("switch the environment by", &current))?;

        // Links to what only an earlier generation had. They hurt nobody.
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| !visible.contains(&&entry.file_name())) {
            if system::leads_through_current(&entry.path()) {
                let _ = system::remove_link(&entry.path());
            }
        }
        Ok(())
    }

    /// Removes all but the newest generations. Best effort: what a program holds open goes another time.
    fn remove_old(&self, before: &[u64], current: u64) {
        let keep = self.environment.state.keep;
        let generations = self.environment.root.join(GENERATIONS);
        let removed = generations.join("removed");
        let _ = fs::remove_dir_all(&removed);
        let surplus = (before.len() + 1).saturating_sub(keep);
        for number in before.iter().take(surplus).filter(|&&number| number != current) {
            // In one step, so that no half of a generation can be gone back to.
            if fs::rename(self.environment.generation_path(*number), &removed).is_ok() {
                let _ = fs::remove_dir_all(&removed);
            }
        }
    }
}
