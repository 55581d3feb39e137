//! The first state of a registry.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Change, Place, Sealed, Writer, by_path};
use crate::files;
use crate::model::{Blake3, Record};
use crate::registry::backend::Backend;
use crate::registry::backend_dir::DirBackend;
use crate::registry::directory::set_readable;
use crate::registry::key_change::file_record;
use crate::registry::{Checkpoint, Config, LogKey, RegistryError, layout};

impl Writer {
    /// Makes a new, sealed registry in `dir`, which must be absent or empty. It appears there whole or not at all.
    pub fn create(
        dir: &Path,
        config: &Config,
        key: LogKey,
        records: Vec<Record>,
        now: jiff::Timestamp,
    ) -> Result<Sealed, RegistryError> {
        if dir.join(layout::CHECKPOINT).exists() {
            return Err(RegistryError::Exists { path: dir.into() });
        }
        if dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(RegistryError::NotEmpty { path: dir.into() });
        }
        let parent = match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(parent).map_err(RegistryError::io("make the folder", parent))?;
        let staging = files::temporary_folder(parent, files::Purpose::NewRegistry)
            .map_err(RegistryError::io("make a folder in", parent))?;
        let backend = Box::new(DirBackend::begin(staging.path())?);
        let sealed = Self::begin(backend, config, key, records, now)?;
        match std::fs::remove_dir(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(RegistryError::io("replace the empty folder", dir)(error));
            }
            _ => {}
        }
        let staged = staging.keep();
        files::rename(&staged, dir).map_err(RegistryError::io("move the new registry to", dir))?;
        set_readable(dir)?;
        Ok(sealed)
    }

    /// As `create`, in any place where there is no registry yet.
    pub fn create_at(
        place: Place,
        config: &Config,
        key: LogKey,
        records: Vec<Record>,
        now: jiff::Timestamp,
    ) -> Result<Sealed, RegistryError> {
        if let Place::Folder(dir) = &place {
            return Self::create(dir, config, key, records, now);
        }
        let backend = place.backend(true)?;
        let exists = |path: String| RegistryError::Exists { path: path.into() };
        let location = backend.location().to_owned();
        if backend.state()?.is_some() {
            return Err(exists(location));
        }
        match Self::begin(backend, config, key, records, now) {
            // Somebody else was first.
            Err(RegistryError::KeyChanged { .. }) => Err(exists(location)),
            begun => begun,
        }
    }

    /// Seals the first state of a registry, where there is none.
    fn begin(
        backend: Box<dyn Backend>,
        config: &Config,
        key: LogKey,
        mut records: Vec<Record>,
        now: jiff::Timestamp,
    ) -> Result<Sealed, RegistryError> {
        let bytes = config.to_bytes();
        records.push(file_record(layout::CONFIG, &bytes));
        let nothing = Checkpoint {
            origin: config.name.clone(),
            size: 0,
            root: tlog_tiles::EMPTY_HASH,
            snapshot: Blake3::of(b""),
            time: jiff::Timestamp::UNIX_EPOCH,
        };
        let mut writer = Self::new(backend, config.clone(), Some(key), nothing)?;
        let files = BTreeMap::from([(layout::CONFIG.to_owned(), bytes)]);
        writer.commit(Change { records: by_path(records)?, files, ..Change::default() }, now)
    }
}
