//! The files of a registry in a directory as a writer makes them: one writer at a time, readable by all, lasting.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::client::replace_file_after;
use super::snapshot::Entry;
use super::{RegistryError, layout, seal};
use crate::files;
use crate::model::{Artifact, Blake3, BundleFile, FileRecord};

/// Writes a file as a whole, for everybody to read.
pub(crate) fn replace_shared_file(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    replace_file_after(path, bytes, set_readable)
}

/// Writes the checkpoint, with a time of modification in a later second than that of the one before: static hosts make
/// their ETag of time and size, and two seals within a second would look the same to a reader.
pub(super) fn replace_checkpoint(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    let before = path.metadata().and_then(|metadata| metadata.modified()).ok();
    let next = before.map(|before| before + Duration::from_secs(1)).filter(|next| *next > SystemTime::now());
    replace_file_after(path, bytes, |file| {
        if let Some(next) = next {
            let set = File::options().write(true).open(file).and_then(|file| file.set_modified(next));
            set.map_err(RegistryError::io("set the time of", path))?;
        }
        set_readable(file)
    })
}

pub(super) fn lock(dir: &Path) -> Result<File, RegistryError> {
    let path = dir.join(layout::LOCK);
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(RegistryError::io("open the lock", &path))?;
    file.lock().map_err(RegistryError::io("take the lock", &path))?;
    Ok(file)
}

/// Temporary files and folders are private to their maker; a registry is there to be read by others.
#[cfg(unix)]
pub(super) fn set_readable(path: &Path) -> Result<(), RegistryError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if path.is_dir() { 0o755 } else { 0o644 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(RegistryError::io("set the permissions of", path))
}

#[cfg(not(unix))]
pub(super) fn set_readable(_: &Path) -> Result<(), RegistryError> {
    Ok(())
}

/// Makes a rename in a folder last through a power cut, where the system has a way to ask for that.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> Result<(), RegistryError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(RegistryError::io("write", folder))
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> Result<(), RegistryError> {
    Ok(())
}

/// Writes what `from` holds as the blob `file`, unless its length or digest are others: then it says so instead.
/// `source` is for messages.
pub(super) fn put_blob(
    dir: &Path,
    from: &mut dyn Read,
    source: &Path,
    file: &str,
    digest: Blake3,
    size: u64,
) -> Result<Result<(), String>, RegistryError> {
    let path = dir.join(layout::blob_of(digest, file));
    let folder = path.parent().unwrap_or(dir);
    std::fs::create_dir_all(folder).map_err(RegistryError::io("make the folder", folder))?;
    let mut to = files::temporary_file(folder).map_err(RegistryError::io("write in", folder))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 17];
    // One byte more than there should be tells a longer file from a whole one.
    let mut from = from.take(size.saturating_add(1));
    loop {
        let length = from.read(&mut buffer).map_err(RegistryError::io("read", source))?;
        if length == 0 {
            break;
        }
        hasher.update(&buffer[..length]);
        to.write_all(&buffer[..length]).map_err(RegistryError::io("write", &path))?;
    }
    let found = Blake3(*hasher.finalize().as_bytes());
    if hasher.count() != size || found != digest {
        let longer = if hasher.count() > size { "more than " } else { "" };
        let length = hasher.count().min(size);
        return Ok(Err(format!("it has {longer}{length} bytes of {size}, and the digest {found}")));
    }
    to.as_file().sync_data().map_err(RegistryError::io("write", &path))?;
    set_readable(to.path())?;
    files::persist(to, &path).map_err(RegistryError::io("write", &path))?;
    Ok(Ok(()))
}

/// A node of the snapshot, unchecked.
pub(super) fn read_node(dir: &Path, digest: Blake3) -> Result<Vec<u8>, RegistryError> {
    let path = dir.join(layout::snapshot_node(digest));
    std::fs::read(&path).map_err(RegistryError::io("read", path))
}

/// Files of the log.
pub(super) fn read_log(dir: &Path, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
    let read = |path: &String| {
        let path = dir.join(path);
        std::fs::read(&path).map_err(RegistryError::io("read", path))
    };
    paths.iter().map(read).collect()
}

/// An index file, cut where the snapshot says that its committed bytes end.
pub(super) struct IndexFile {
    pub committed: Vec<u8>,
    pub behind: Vec<u8>,
}

/// Reads the index file `path`, of which the snapshot says `entry`, and checks its committed bytes.
pub(super) fn index_file(dir: &Path, path: &str, entry: Option<Entry>) -> Result<IndexFile, RegistryError> {
    let full = dir.join(path);
    let altered = |reason: String| RegistryError::Altered {
        location: dir.display().to_string(),
        path: path.into(),
        reason,
    };
    // What cannot be sealed in one go, because no index file may become that long, is not read either.
    let limit = entry.map_or(0, |entry| entry.length).saturating_add(layout::MAX_INDEX);
    let mut committed = Vec::new();
    match File::open(&full).and_then(|file| file.take(limit).read_to_end(&mut committed)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(RegistryError::io("read", full)(error));
        }
        _ => {}
    }
    let Some(entry) = entry else {
        return Ok(IndexFile { behind: committed, committed: Vec::new() });
    };
    let end = usize::try_from(entry.length).unwrap_or(usize::MAX);
    if end > committed.len() {
        return Err(altered(format!("it has {} bytes, and should have {end}", committed.len())));
    }
    let behind = committed.split_off(end);
    if Blake3::of(&committed) != entry.digest {
        return Err(altered("its digest differs".into()));
    }
    Ok(IndexFile { committed, behind })
}

/// What a seal looks up in the directory that it seals.
pub(super) struct InDirectory<'a> {
    pub dir: &'a Path,
    pub need_blobs: bool,
    /// Listed files that this seal gives other bytes.
    pub replaced: &'a BTreeMap<String, Vec<u8>>,
}

impl seal::Present for InDirectory<'_> {
    fn blob(&self, artifact: &Artifact) -> bool {
        !self.need_blobs
            || self.dir.join(layout::blob(artifact)).metadata().is_ok_and(|blob| blob.len() == artifact.size)
    }

    fn bundle(&self, file: &BundleFile) -> Result<Vec<u8>, String> {
        let path = layout::bundle(file);
        if file.size > layout::MAX_BUNDLE {
            return Err(format!(
                "its bundle {path} would have {} bytes, and may have {}",
                file.size,
                layout::MAX_BUNDLE
            ));
        }
        let mut bytes = Vec::new();
        let read = File::open(self.dir.join(&path))
            .and_then(|bundle| bundle.take(file.size + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(format!("its bundle {path} is not in the registry"))
            }
            Err(error) => Err(format!("its bundle {path} cannot be read: {error}")),
            Ok(_) if bytes.len() as u64 != file.size || Blake3::of(&bytes) != file.blake3 => {
                Err(format!("its bundle {path} is not the file that it names, by size or digest"))
            }
            Ok(_) => Ok(bytes),
        }
    }

    fn file(&self, record: &FileRecord) -> bool {
        if let Some(bytes) = self.replaced.get(&record.path) {
            return bytes.len() as u64 == record.length && Blake3::of(bytes) == record.blake3;
        }
        let path = self.dir.join(&record.path);
        let fits = path.metadata().is_ok_and(|file| file.is_file() && file.len() == record.length);
        fits && record.length <= layout::MAX_INDEX
            && std::fs::read(&path).is_ok_and(|bytes| Blake3::of(&bytes) == record.blake3)
    }
}
