//! Unpacking a wheel, with every byte checked on its way to the disk.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::record::{Algorithm, Hasher, hash_text};
use super::zip::{EntryProblem, Inflater, ZipError};
use super::{PackageError, Wheel};

/// A file that was unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackedFile {
    /// In the archive: relative, `/` between its parts.
    pub path: String,
    /// As RECORD writes it: `sha256=` and URL-safe Base64 without padding. Some wheels have sha384 or sha512.
    pub hash: String,
    /// In bytes.
    pub size: u64,
    pub executable: bool,
}

/// What goes wrong on the way from archive to disk, before the archive's name is added.
enum Failure {
    Zip(ZipError),
    Write(std::io::Error),
}

impl From<ZipError> for Failure {
    fn from(error: ZipError) -> Self {
        Self::Zip(error)
    }
}

impl Wheel {
    /// Unpacks all files into the empty folder `folder`, in parallel. Nothing is synced to the disk.
    ///
    /// Modes are 755 for what the archive marks as executable and 644 for the rest. After an error, what has been
    /// written is not to be used; the caller removes the folder. RECORD is unpacked as it is, and is in the answer.
    pub fn unpack(&self, folder: &Path) -> Result<Vec<UnpackedFile>, PackageError> {
        let mut content = fs::read_dir(folder).map_err(PackageError::io("read the folder", folder))?;
        if content.next().is_some() {
            return Err(PackageError::NotEmpty {
                artifact: self.archive.path().to_owned(),
                folder: folder.to_owned(),
            });
        }
        self.create_folders(folder)?;
        self.each_file(|inflater, index| {
            let entry = &self.entries()[index];
            let target = join(folder, &entry.path);
            let mut file = create(&target, entry.executable).map_err(PackageError::io("create", &target))?;
            self.check_file(inflater, index, |bytes| file.write_all(bytes).map_err(Failure::Write)).map_err(
                |failure| match failure {
                    Failure::Zip(source) => PackageError::zip(self.archive.path())(source),
                    Failure::Write(source) => PackageError::io("write", &target)(source),
                },
            )
        })
    }

    /// Reads all files and checks them as `unpack` does, and writes nothing.
    pub fn verify(&self) -> Result<(), PackageError> {
        self.each_file(|inflater, index| {
            self.check_file(inflater, index, |_| Ok::<_, ZipError>(()))
                .map_err(PackageError::zip(self.archive.path()))
        })
        .map(drop)
    }

    fn each_file(
        &self,
        work: impl Fn(&mut Inflater, usize) -> Result<UnpackedFile, PackageError> + Sync,
    ) -> Result<Vec<UnpackedFile>, PackageError> {
        let files: Vec<usize> =
            (0..self.entries().len()).filter(|&index| !self.entries()[index].folder).collect();
        files.par_iter().map_init(Inflater::new, |inflater, &index| work(inflater, index)).collect()
    }

    /// Every folder once, parents first.
    fn create_folders(&self, folder: &Path) -> Result<(), PackageError> {
        let mut folders = BTreeSet::new();
        for entry in self.entries() {
            folders.extend(entry.path.match_indices('/').map(|(end, _)| &entry.path[..end]));
            if entry.folder {
                folders.insert(&entry.path);
            }
        }
        for path in folders {
            let target = join(folder, path);
            match fs::create_dir(&target) {
                // Two folders whose names differ in letter case are one on Windows and macOS.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                result => result.map_err(PackageError::io("create the folder", &target))?,
            }
        }
        Ok(())
    }

    /// Passes the content of a file to `write`, and checks its size, CRC-32 and digest.
    fn check_file<E: From<ZipError>>(
        &self,
        inflater: &mut Inflater,
        index: usize,
        mut write: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<UnpackedFile, E> {
        let entry = &self.entries()[index];
        let recorded = self.recorded.get(&entry.path);
        let algorithm = recorded.map_or(Algorithm::Sha256, |recorded| recorded.algorithm);
        let mut hasher = Hasher::new(algorithm);
        self.archive.copy(index, inflater, |bytes| {
            hasher.update(bytes);
            write(bytes)
        })?;
        let digest = hasher.finish();
        if recorded.is_some_and(|recorded| recorded.digest != digest) {
            let problem = EntryProblem::Digest { algorithm: algorithm.as_str() };
            return Err(problem.of(&entry.path).into());
        }
        Ok(UnpackedFile {
            path: entry.path.clone(),
            hash: hash_text(algorithm, &digest),
            size: entry.size,
            executable: entry.executable,
        })
    }
}

/// `path` below `folder`, with the separator of this system: long paths on Windows know no other.
fn join(folder: &Path, path: &str) -> PathBuf {
    let mut target = folder.to_path_buf();
    target.extend(path.split('/'));
    target
}

fn create(path: &Path, executable: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if executable { 0o755 } else { 0o644 });
    #[cfg(not(unix))]
    let _ = executable;
    options.open(path)
}
