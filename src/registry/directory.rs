//! The files of a registry in a directory as a writer makes them: one writer at a time, readable by all, lasting.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::backend::{IndexFile, cut_index, index_limit};
use super::client::replace_file_after;
use super::snapshot::Entry;
use super::{RegistryError, layout};
use crate::files;
use crate::model::Blake3;

/// Writes a file as a whole, for everybody to read.
pub(crate) fn replace_shared_file(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    replace_file_after(path, bytes, set_readable)
}

/// The same, but the disk has it some time later: after a power cut, a file without its bytes may be there.
pub(crate) fn write_shared_file_unsynced(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(RegistryError::io("make the folder", folder))?;
    let mut file = files::temporary_file(folder).map_err(RegistryError::io("write in", folder))?;
    file.write_all(bytes).map_err(RegistryError::io("write", path))?;
    set_readable(file.path())?;
    files::persist(file, path).map_err(RegistryError::io("replace", path))
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

/// Writes what `from` holds as the blob `path`, unless its length or digest are others: then it says so instead.
/// `source` is for messages.
pub(super) fn put_blob(
    dir: &Path,
    from: &mut dyn Read,
    source: &Path,
    path: &str,
    digest: Blake3,
    size: u64,
) -> Result<Result<(), String>, RegistryError> {
    let path = dir.join(path);
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

/// A node of the snapshot.
pub(super) fn read_node(dir: &Path, digest: Blake3) -> Result<Vec<u8>, RegistryError> {
    let path = dir.join(layout::snapshot_node(digest));
    let bytes = std::fs::read(&path).map_err(RegistryError::io("read", path))?;
    if Blake3::of(&bytes) != digest {
        return Err(RegistryError::SnapshotNode { digest });
    }
    Ok(bytes)
}

/// Files of the log.
pub(super) fn read_log(dir: &Path, paths: &[String]) -> Result<Vec<Vec<u8>>, RegistryError> {
    let read = |path: &String| {
        let path = dir.join(path);
        std::fs::read(&path).map_err(RegistryError::io("read", path))
    };
    paths.iter().map(read).collect()
}

/// The bytes of a file from `from` on, `length` of them or fewer, or none if it is not there.
pub(super) fn read_range(
    dir: &Path,
    path: &str,
    from: u64,
    length: u64,
) -> Result<Option<Vec<u8>>, RegistryError> {
    let full = dir.join(path);
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&full)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(RegistryError::io("read", full)(error)),
    }
}

/// Reads the index file `path`, of which the snapshot says `entry`, and checks its committed bytes.
pub(super) fn index_file(dir: &Path, path: &str, entry: Option<Entry>) -> Result<IndexFile, RegistryError> {
    let bytes = read_range(dir, path, 0, index_limit(entry))?;
    cut_index(&dir.display().to_string(), path, bytes, entry)
}
